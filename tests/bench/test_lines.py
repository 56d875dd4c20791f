"""Files of JSON lines, as a benchmark reads them."""

from pathlib import Path

from bench.lines import read_json_lines


def test_lines_that_are_no_objects_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b'\n[1]\nnull\n\xff\xfe\n{"n": 1}\n{"n"\n' + b"[" * 100_000 + b'\n{"n": 2}')

    assert list(read_json_lines(path)) == [{"n": 1}, {"n": 2}]
    assert list(read_json_lines(tmp_path / "missing.jsonl")) == []
