"""The audit log on a disk that is full: nothing half-written, nothing unsaid, and it goes on when there is room."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.conftest import ROOT
from tests.disks import can_mount

# Fills a disk of 64 kB with entries, makes room, goes on; says what was told in the log and what the files hold.
DEEDS = """
import json, logging, sys
from pathlib import Path
from core.keys.audit import AuditLog, Deed

said = []
handler = logging.Handler()
handler.emit = lambda record: said.append(record.getMessage())
logging.getLogger("core.keys.audit").addHandler(handler)
disk, max_bytes = Path(sys.argv[1]), int(sys.argv[2])
ballast = disk / "ballast"
ballast.write_bytes(bytes(16384))
audit = AuditLog(disk / "home" / "audit.jsonl", max_bytes=max_bytes, files_kept=50)
number = 0
while audit.trouble is None or number < 400:
    audit.note(Deed(what=f"deed {number}"))
    number += 1
trouble = audit.trouble
ballast.unlink()
for number in range(number, number + 20):
    audit.note(Deed(what=f"deed {number}"))
kept = [line for path in sorted(audit.path.parent.glob("audit.jsonl*")) for line in path.read_text().splitlines()]
print(json.dumps({"count": number + 1, "trouble": trouble, "after": audit.trouble, "said": said, "kept": kept}))
"""


@pytest.mark.skipif(not can_mount(), reason="no disk of its own can be mounted here")
@pytest.mark.parametrize("max_bytes", [10**7, 3000])
def test_on_a_full_disk_every_deed_is_in_the_audit_log_or_in_the_log_of_the_service(
    tmp_path: Path, max_bytes: int
) -> None:
    mount = f"mount -t tmpfs -o size=64k tmpfs {tmp_path}"
    script = f'{mount} && exec "$@"'
    run = [sys.executable, "-c", DEEDS, str(tmp_path), str(max_bytes)]

    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", script, "bash", *run], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "No space left on device" in told["trouble"]
    assert told["after"] is None
    written = [json.loads(line)["what"] for line in told["kept"]]  # each line is whole
    unwritten = [json.loads(line.partition("the entry was: ")[2])["what"] for line in told["said"]]
    assert len(unwritten) > 0
    assert sorted(written + unwritten) == sorted(f"deed {number}" for number in range(told["count"]))
