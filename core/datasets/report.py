"""What became of each file of an upload: the bad ones by name, as many as somebody may want to read."""

import threading

from core.datasets.names import shown as readable
from core.errors import FieldProblem, InvalidRequest
from ganymede.schemas.models import BadFile, ImportReport

NAMED = 200  # bad files
NAMED_IN_A_REFUSAL = 20
SHOWN_NAME, NOTE = 200, 400  # characters
NOTES = 20
SOUNDS = "sounds"  # a kind of upload


class Report:
    """Filled by several threads while an upload is read."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.ignored = self.enlarged = self.taken = 0
        self._bad: dict[str, str] = {}
        self._unnamed = 0
        self._notes: list[str] = []
        self._lock = threading.Lock()

    def refuse(self, name: str, reason: str) -> None:
        shown = readable(name)
        if len(shown) > SHOWN_NAME:
            shown = f"{shown[: SHOWN_NAME // 2]}...{shown[-SHOWN_NAME // 2 :]}"
        with self._lock:
            if len(self._bad) < NAMED and shown not in self._bad:
                self._bad[shown] = reason
            else:
                self._unnamed += 1

    def note(self, text: str) -> None:
        """Note a decision that a sender might not expect."""
        self._notes.append(readable(text)[:NOTE])

    @property
    def bad(self) -> int:
        return len(self._bad) + self._unnamed

    def check_taken(self) -> None:
        """Raise InvalidRequest, with reasons, if nothing was taken."""
        if self.taken:
            return
        problems = [FieldProblem("/file", f"{n}: {why}") for n, why in list(self._bad.items())[:NAMED_IN_A_REFUSAL]]
        text = f"; {self.bad} files cannot be taken, the first: {problems[0].detail}" if problems else ""
        what = "sound" if self.kind == SOUNDS else "picture"
        raise InvalidRequest(f"/file: there is no {what} in it{text}", problems or [FieldProblem("/file", "is empty")])

    def to_body(self) -> ImportReport:
        return ImportReport(
            kind=self.kind,
            files=self.taken + self.bad + self.ignored,
            taken=self.taken,
            bad=self.bad,
            bad_files=[BadFile(name=name, reason=reason) for name, reason in self._bad.items()],
            ignored=self.ignored,
            enlarged=self.enlarged,
            notes=self._notes[:NOTES],
        )
