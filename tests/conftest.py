"""What tests with real training share: one process that holds Keras, and one cache."""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

KERAS = pytest.StashKey[ProcessPoolExecutor]()


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker of tests that import Keras."""
    config.addinivalue_line(
        "markers", "keras: the test's body runs in a child process, for it imports Keras"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a test marked ``keras`` in the process that holds Keras; pytest's own never does."""
    if not pyfuncitem.get_closest_marker("keras"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    pool = pyfuncitem.config.stash.get(KERAS, None)
    if pool is None:  # loading Keras takes seconds: only where a test wants it, and once
        pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _without_gpu)
        pyfuncitem.config.stash[KERAS] = pool
    name = pyfuncitem.originalname
    pool.submit(_call, pyfuncitem.module.__name__, name, arguments).result()
    return True


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the process that holds Keras."""
    if pool := config.stash.get(KERAS, None):
        pool.shutdown()


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Let the data and the machine's lock be in a folder of this session."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def _without_gpu() -> None:
    os.environ |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}


def _call(module: str, name: str, arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(import_module(module), name)(**arguments)
