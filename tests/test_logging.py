"""A run with logs for TensorBoard: what it trains, where it keeps it, and what it does not time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bench_runs import PATIENCE_S
from lab_world import CASE, DATASET, SPEC, pretend
from records import make_record

from bench.__main__ import main
from bench.harness.assignment import run_name
from bench.harness.lab.lab import Lab
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.store.records import Store

DENSE = "fashion_mnist-dense_128"


def folders(logs: Path) -> list[str]:
    """Return the folders that hold event files, below the one they were written into."""
    return sorted({str(path.parent.relative_to(logs)) for path in logs.rglob("*tfevents*")})


@pytest.mark.parametrize(("log", "alone"), [(None, True), (Path("logs"), False)])
def test_logged_trial_is_not_timed(log: Path | None, alone: bool) -> None:
    """Whatever is written meanwhile, no clock of a reference runs beside it."""
    spec = specify(CASE, 0, Options(log=log, results=Path("results")), DATASET)
    assert spec.alone is alone


def test_records_of_a_logged_run_are_with_its_logs() -> None:
    """So none replaces a timed one, and one without logs never serves where logs are wanted."""
    assert Options(results=Path("results")).trials == Path("results/trials")
    assert Options(log=Path("logs"), results=Path("results")).trials == Path("logs/trials")


def test_each_trained_trial_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told to the child; one that is only built has nothing to log."""
    trials = pretend(monkeypatch)
    lab = Lab(store=Store(tmp_path), executor=ThreadPoolExecutor(1), log=tmp_path / "logs")
    trained, built = SPEC, specify(CASE, 0, Options(), DATASET, trained=False)
    for spec in (trained, built):
        lab.request(spec, timed=False).result(timeout=PATIENCE_S)
    lab.close()
    first, second = trials.ran
    assert first.log == str(tmp_path / "logs" / run_name(first.spec, first.key))
    assert second.log is None


def test_command_writes_what_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Records of both folders, all or of one case, and the line that shows them."""
    records = [make_record(seed=0), make_record(case="mnist-dense_128")]
    for record, name in zip(records, ("reference", "trials"), strict=True):
        Store(tmp_path / name).put(record)
    logs = tmp_path / "logs"
    call = ["tensorboard", "--results", str(tmp_path), "--logdir"]
    assert main([*call, str(logs), DENSE]) == 0
    name = run_name(records[0].spec, records[0].key)
    assert folders(logs) == [".", name, f"{name}/test", f"{name}/train"]
    assert main([*call, str(logs)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.split(".")[0] for line in told] == ["1 trial of 1 case", "2 trials of 2 cases"]
    assert told[0].endswith(f"tensorboard --logdir {logs}")
    assert len(folders(logs)) == 7


def test_command_refuses_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No records, and no such case, are mistakes with a word on what to do."""
    call = ["tensorboard", "--results", str(tmp_path), "--logdir", str(tmp_path / "logs")]
    assert main(call) == 2
    assert "`pytest bench/` makes them" in capsys.readouterr().err
    assert main([*call, "mnist-dense_12"]) == 2
    assert "mnist-dense_128" in capsys.readouterr().err
    assert not (tmp_path / "logs").exists()
