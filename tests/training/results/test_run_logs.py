import json
from pathlib import Path

import numpy as np
import pytest

from curation.errors import StudyError
from curation.storage import json_lines
from training.results.run_logs import RunLogs
from training.studies.runs import Run


def _run(folder: Path, number: int = 0) -> Run:
    return Run(f"finetune_A_seed{number}_fold1", "finetune", "A", number, 1, folder / str(number))


def _write(run: Run, *epochs: int, **values: float) -> None:
    run.folder.mkdir(parents=True, exist_ok=True)
    for epoch in epochs:
        json_lines.append(
            run.metrics_path, {"epoch": epoch, "step": 10 * epoch, "loss": 1 / epoch} | values
        )


def test_lines_become_rows_with_their_run(tmp_path) -> None:
    first, second = _run(tmp_path), _run(tmp_path, 1)
    _write(first, 1, 2, age_mae_years=7.5)
    _write(second, 1)
    table = RunLogs().read([first, second])
    assert table["run_id"].tolist() == [first.id, first.id, second.id]
    assert table["epoch"].tolist() == [1, 2, 1]
    assert table["step"].tolist() == [10, 20, 10]
    assert table["age_mae_years"].tolist()[:2] == [7.5, 7.5]
    assert np.isnan(table["age_mae_years"][2])
    assert table["fold"].tolist() == [1, 1, 1]


def test_a_file_that_grew_is_read_from_where_it_was_left(tmp_path, monkeypatch) -> None:
    run, logs, parsed = _run(tmp_path), RunLogs(), []
    _write(run, 1, 2)
    logs.read([run])
    from training.results import run_logs

    parse = run_logs._parse
    monkeypatch.setattr(run_logs, "_parse", lambda texts: parsed.extend(texts) or parse(texts))
    assert logs.read([run])["epoch"].tolist() == [1, 2]
    assert parsed == []
    _write(run, 3)
    assert logs.read([run])["epoch"].tolist() == [1, 2, 3]
    assert [json.loads(text)["epoch"] for _, text in parsed] == [3]


def test_a_line_that_is_half_written_waits_for_its_other_half(tmp_path) -> None:
    run, logs = _run(tmp_path), RunLogs()
    _write(run, 1)
    with run.metrics_path.open("a") as file:
        file.write('{"epoch": 2, "lo')
    assert logs.read([run])["epoch"].tolist() == [1]
    with run.metrics_path.open("a") as file:
        file.write('ss": 0.5}\n')
    assert logs.read([run])["loss"].tolist() == [1.0, 0.5]


def test_a_repeated_epoch_counts_once_the_last_time_also_across_readings(tmp_path) -> None:
    run, logs = _run(tmp_path), RunLogs()
    _write(run, 1, 2, 3, age_mae_years=9.0)
    logs.read([run])
    _write(run, 2, 3, 4, age_mae_years=7.0)
    for reader in (logs, RunLogs()):
        table = reader.read([run])
        assert table["epoch"].tolist() == [1, 2, 3, 4]
        assert table["age_mae_years"].tolist() == [9.0, 7.0, 7.0, 7.0]


def test_a_run_that_was_begun_anew_is_read_anew(tmp_path) -> None:
    run, logs = _run(tmp_path), RunLogs()
    _write(run, 1, 2, 3, age_mae_years=9.0)
    logs.read([run])
    run.metrics_path.unlink()
    assert logs.read([run]).empty
    _write(run, 1, 2, 3, 4, age_mae_years=5.0)
    assert logs.read([run])["age_mae_years"].tolist() == [5.0] * 4
    run.metrics_path.unlink()
    _write(run, 1, age_mae_years=4.0)
    assert logs.read([run])["age_mae_years"].tolist() == [4.0]


def test_numbers_that_json_has_no_word_for_are_not_lost(tmp_path) -> None:
    run = _run(tmp_path)
    run.folder.mkdir()
    run.metrics_path.write_text('{"epoch": 1, "loss": NaN}\n{"epoch": 2, "loss": 0.5}\n')
    table = RunLogs().read([run])
    assert np.isnan(table["loss"][0]) and table["loss"][1] == 0.5


def test_damage_is_said(tmp_path) -> None:
    run = _run(tmp_path)
    run.folder.mkdir()
    run.metrics_path.write_text('{"epoch": 1, "lo\n{"epoch": 2, "loss": 0.5}\n')
    with pytest.raises(StudyError, match="is damaged"):
        RunLogs().read([run])


def test_no_run_and_no_file_are_no_rows(tmp_path) -> None:
    assert RunLogs().read([]).empty
    assert RunLogs().read([_run(tmp_path)]).empty


def test_damage_does_not_stay_in_mind_and_mended_files_are_read(tmp_path) -> None:
    run, logs = _run(tmp_path), RunLogs()
    run.folder.mkdir()
    run.metrics_path.write_text("nonsense\n")
    with pytest.raises(StudyError, match="is damaged"):
        logs.read([run])
    run.metrics_path.write_text('{"epoch": 1, "loss": 0.5}\n')
    assert logs.read([run])["epoch"].tolist() == [1]
