"""Mistakes and mishaps: each is told in a sentence, and costs nothing that was done."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path

import pytest
from bench_runs import Run, finish, read_until, start
from data_world import know, tiny, write_idx
from scheduler_world import FakeTrials

from conftest import Bench
from fitting_room.store.records import Store

ONE = ("-k", "test_accuracy and mnist-dense_128 and not fashion")
TWO = ("-k", "test_accuracy and dense_128")


def refused(run: Bench, *arguments: str | Path, **settings: str | Path) -> str:
    """Run what is a mistake; return what is said of it, which must be no traceback."""
    done = run(*arguments, **settings)
    said = "\n".join([*done.outlines, *done.errlines])
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "Traceback" not in said
    return said


def test_an_option_that_cannot_be_meant_is_one_line(run: Bench) -> None:
    """The line names the option, what was given and what was expected; others are alike."""
    said = "argument --seeds: expected a whole number from 1, not '0'"
    assert said in refused(run, "--seeds", "0")


def test_a_missing_gpu_is_told_before_anything_is_trained(
    run: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking for a GPU where there is none ends the run with the option that works."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    said = refused(run, *ONE, "--device", "gpu")
    assert "--device gpu: tensorflow sees no GPU here. Use --device cpu." in said
    assert "trials:" not in said


def test_a_missing_backend_is_told_with_the_line_that_installs_it(
    run: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that is not there ends the run with a command to paste."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    said = refused(run, *ONE, "--backend", "jax")
    assert "pip install 'fitting-room[jax]'" in said


def test_a_results_folder_that_cannot_be_written_is_told_before_training(
    run: Bench, tmp_path: Path
) -> None:
    """A folder below a file can be made by nobody, be they root: the path and a cure are told."""
    (tmp_path / "file").touch()
    said = refused(run, *ONE, results=tmp_path / "file" / "results")
    assert f"Cannot write {tmp_path / 'file' / 'results'}" in said
    assert "--results" in said


@pytest.mark.usefixtures("empty_cache")
def test_without_data_and_network_every_source_is_named(run: Bench) -> None:
    """With nothing there and ``--offline`` the run ends with what was not tried, and what to do."""
    said = refused(run, *ONE, "--offline", tier="accept")
    assert "MNIST cannot be had. Tried, in this order:" in said
    assert "it is not there yet" in said
    assert said.count("not tried, because offline was asked for") == 2
    assert "--data-dir" in said


@pytest.mark.usefixtures("empty_cache")
def test_one_data_set_never_stands_in_for_another(
    run: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A folder with Fashion MNIST, named as that of MNIST, is refused by its content."""
    know(monkeypatch, "mnist")
    write_idx(tiny("fashion_mnist"), tmp_path / "data" / "mnist")
    said = refused(run, *ONE, f"--data-dir={tmp_path / 'data'}", tier="accept")
    assert "MNIST is not in the folder that was named" in said
    assert str(tmp_path / "data") in said


def test_a_case_without_bounds_fails_with_the_lines_to_add(
    run: Bench, stored: Path, tmp_path: Path
) -> None:
    """The test of its count fails, and shows a table to paste with the count of this case."""
    (tmp_path / "bounds.toml").write_text("", "utf-8")
    wanted = "mnist-cnn_64 and (parameters or loss)"
    done = run("-k", wanted, results=stored, bounds=tmp_path / "bounds.toml")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    next_step = "*has no bounds. `fitting-room calibrate fashion_mnist-cnn_64 --apply` *"
    done.stdout.fnmatch_lines([next_step, "?fashion_mnist-cnn_64?"])
    done.stdout.no_fnmatch_line("*During handling of the above exception*")
    done.stdout.fnmatch_lines(["parameters = { exactly = 243_786, reason = *"])


@pytest.mark.usefixtures("empty_cache")
def test_a_damaged_cache_is_repaired(run: Bench, stored: Path, tmp_path: Path) -> None:
    """Images that lost a byte are written anew, and the stored records still serve."""
    run(*ONE, results=stored)
    (images,) = (tmp_path / "cache").rglob("sample-mnist-*/train_images.npy")
    whole = images.read_bytes()
    images.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    run(*ONE, results=stored).stdout.fnmatch_lines(["trials: 1, 1 stored already, nothing to*"])
    assert images.read_bytes() == whole


def test_a_damaged_record_is_told_and_trained_anew(
    run: Bench, trials: FakeTrials, tmp_path: Path
) -> None:
    """Half a record is moved aside with a word, and its trial runs again."""
    run(*ONE, results=tmp_path)
    (path,) = tmp_path.glob("trials/mnist-dense_128/seed-*.json")
    path.write_bytes(path.read_bytes()[:1000])
    done = run(*ONE, results=tmp_path)
    assert len(trials.ran) == 2
    assert "is no readable record" in done.stderr.str()
    assert path.exists()
    assert path.with_suffix(".json.unreadable").stat().st_size == 1000


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Press Ctrl-C while two trials load their framework."""
    results = tmp_path_factory.mktemp("stopped")
    run = start(*TWO, results=results)
    read = read_until(run, "loading tensorflow", 2)
    run.send_signal(signal.SIGINT)
    return finish(run, results, read)


def test_ctrl_c_leaves_whole_records(stopped: Run) -> None:
    """Both trials end at once with a record that says so, and pytest with its own code for it."""
    assert stopped.status == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in stopped.output
    records = list(Store(stopped.results / "trials").all())
    assert {record.outcome for record in records} == {"interrupted"}
    assert sorted(record.spec.case.name for record in records) == [
        "fashion_mnist-dense_128",
        "mnist-dense_128",
    ]


def test_two_runs_at_once_go_on_from_there_and_share_the_work(stopped: Run) -> None:
    """Two runs on one folder after Ctrl-C train each trial once, and both end well."""
    running = [start(*TWO, results=stopped.results) for _ in range(2)]
    done = [finish(run, stopped.results) for run in running]
    assert [run.status for run in done] == [0, 0]
    trained = [case for run in done for case in run.completed]
    assert sorted(trained) == ["fashion_mnist-dense_128", "mnist-dense_128"]
    records = list(Store(stopped.results / "trials").all())
    assert sorted(record.outcome for record in records) == ["completed"] * 2 + ["interrupted"] * 2
