"""What tests with real training share: one process that holds Keras, and one cache."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import scipy.stats  # noqa: F401 - a run within this process would unload it afterwards
from bench_runs import Run, bench
from data_world import FakeSource, know, tiny
from imports import ROOT
from keras_process import call, prepare

from fitting_room.metrics import declare
from fitting_room.plugin import options
from fitting_room.project import current

KERAS = pytest.StashKey[ProcessPoolExecutor]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that import Keras, and let children hear Ctrl-C."""
    # A job that a shell runs in the background ignores it, and so would all that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which ``nohup`` ignores
    current(ROOT).use()  # for fixtures of a whole module, too
    # What the runs within the tests find is none of the job's that runs the tests.
    # A run within a test is no worker's either: pytest-benchmark would switch itself off there.
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "PYTEST_XDIST_WORKER"):
        os.environ.pop(name, None)
    config.addinivalue_line(
        "markers", "keras: the test's body runs in a child process, for it imports Keras"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let one worker of xdist have each file, and one have all that share the run of the bench.

    That run takes longest, so what shares it comes first: the other worker does the rest meanwhile.
    """
    if not config.pluginmanager.hasplugin("xdist"):
        return
    sharing = {item.path for item in items if "smoke" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in sharing)
    for item in items:
        name = "smoke" if item.path in sharing else item.path.stem
        item.add_marker(pytest.mark.xdist_group(name))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a test marked ``keras`` in the process that holds Keras; pytest's own never does."""
    if not pyfuncitem.get_closest_marker("keras"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pool = pyfuncitem.config.stash.get(KERAS, None)
    if pool is None:  # loading Keras takes seconds: only where a test wants it, and once
        pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), prepare)
        pyfuncitem.config.stash[KERAS] = pool
    name = pyfuncitem.originalname
    pool.submit(call, pyfuncitem.path, name, arguments).result()
    return True


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process that holds Keras."""
    if pool := config.stash.get(KERAS, None):
        pool.shutdown()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the data and the machine's lock be in a folder of this session.

    A test that trains would else wait for the timed trials of whoever runs the tests.
    """
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let one test have a folder of data of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def own_tasks() -> Iterator[None]:
    """Let tasks and metrics be this project's, whatever a test before used or declared."""
    current(ROOT).use()
    yield
    declare([])
    current(ROOT).use()


@pytest.fixture
def mnist(monkeypatch: pytest.MonkeyPatch) -> FakeSource:
    """Let the sample be all of MNIST, to be had from one source; return that."""
    source = FakeSource(tiny("mnist"))
    know(monkeypatch, "mnist", source)
    return source


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let trials be made up, and return those that ran."""
    from scheduler_world import pretend

    return pretend(monkeypatch)


@pytest.fixture
def plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git have no settings but its own, and no repository but that of the folder."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the whole bench on the sample once, with everything that it can write."""
    results = tmp_path_factory.mktemp("smoke")
    files = (f"--junitxml={results / 'junit.xml'}", f"--benchmark-json={results / 'times.json'}")
    return bench(*files, results=results)


@pytest.fixture
def stored(smoke: Run, tmp_path: Path) -> Path:
    """Return a results folder of one's own that holds every trial of the sample.

    Its plots are there too, so that no test draws them again.
    """
    shutil.copytree(smoke.results / "trials", tmp_path / "results" / "trials")
    plots = Path("latest", "plots")
    shutil.copytree(smoke.results / plots, tmp_path / "results" / plots)
    return tmp_path / "results"


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let plots be empty pictures; return those that were wanted, for they take seconds."""
    from fitting_room.report import plots as theme  # loads Matplotlib

    wanted: list[object] = []

    def draw(each: list[object]) -> list[bytes]:
        wanted.extend(each)
        return [b"<svg/>"] * len(each)

    monkeypatch.setattr(theme, "side_by_side", draw)
    return wanted


Bench = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester) -> Bench:
    """Run the bench on the sample within this process, where nothing is to be trained.

    Paths given by name stand in the place of those of the project, such as ``bounds``.
    """
    where = ("-c", ROOT / "pyproject.toml", f"--rootdir={ROOT}", ROOT / "bench")

    def run(
        *arguments: str | Path, tier: str = "smoke", results: Path = pytester.path, **own: Path
    ) -> pytest.RunResult:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(options, "current", lambda *_: replace(current(ROOT), **own))
            return pytester.runpytest_inprocess(
                *where,
                "-p",
                "no:cacheprovider",
                f"--tier={tier}",
                f"--results={results}",
                *arguments,
            )

    return run
