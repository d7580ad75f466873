import multiprocessing
import resource
import signal
from pathlib import Path

import pytest

from curation.errors import DamagedError
from curation.storage import json_lines


def test_a_last_line_that_was_cut_off_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    json_lines.append(path, {"epoch": 1})
    json_lines.append(path, {"epoch": 2})
    with path.open("a") as file:
        file.write('{"epoch": 3, "lo')
    assert [row["epoch"] for row in json_lines.read(path)] == [1, 2]


def test_half_a_line_is_taken_off_before_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"epoch": 1}\n{"epoch": 2, "no' + "t" * 9000)
    json_lines.append(path, {"epoch": 2})
    assert json_lines.read(path) == [{"epoch": 1}, {"epoch": 2}]
    path.write_text("half")
    json_lines.append(path, {"epoch": 1})
    assert json_lines.read(path) == [{"epoch": 1}]


def test_a_line_that_does_not_fit_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    json_lines.append(path, {"epoch": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
    try:
        for _ in range(2):
            with pytest.raises(OSError):
                json_lines.append(path, {"epoch": 2, "loss": 0.25})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == '{"epoch": 1}\n'


def test_a_broken_line_in_the_middle_is_damage_and_raises(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"epoch": 1}\n{"epo\n{"epoch": 3}\n')
    with pytest.raises(DamagedError, match=r"log\.jsonl cannot be read: .*remove its line 2"):
        json_lines.read(path)


def _append_many(path: Path) -> None:
    for number in range(200):
        json_lines.append(path, {"number": number, "text": "x" * 50})


def test_lines_of_two_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(json_lines.read(path)) == 400
