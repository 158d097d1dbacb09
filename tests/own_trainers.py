"""Trainers for tests, which run in the process of a trial."""

# ruff: noqa: ARG001  every trainer is called with all three

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def nothing() -> None:
    """Build nothing: these trainers have no model."""


def even(images: Any) -> np.ndarray:
    """Return the same probability for every class."""
    return np.full((len(images), 10), 0.1, np.float32)


def load_model(file: Path) -> Any:
    """Return what ``honest`` saved."""
    return {"even": even}[file.read_text()]


def honest(job: Any, data: Any, report: Any) -> None:
    """Tell every epoch and metrics, without any learning."""
    report.parameters(7, frozen=2)
    report.metric("loads_keras", "keras" in sys.modules)
    report.metric("pixels", data.images[0].size)
    for number in range(1, job.epochs + 1):
        scores = {"predictions": even, "metrics": {"margin": number / 4}}
        report.epoch(number, loss=1 / number, accuracy=0.5, **scores)
    report.predictions(even, save=lambda file: file.write_text("even"))


def brief(job: Any, data: Any, report: Any) -> None:
    """Hand over probabilities, and no function."""
    report.epoch(1, loss=1.0)
    report.predictions(even(data.test_images))


def unruly(job: Any, data: Any, report: Any) -> None:
    """Print megabytes, leave a process behind, and fork into two that both go on."""
    for _ in range(80):
        print("x" * 65_536)
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(job.case.arguments["file"]).write_text(str(left.pid))
    if os.fork() == 0:
        return
    honest(job, data, report)


def hanging(job: Any, data: Any, report: Any) -> None:
    """Never end."""
    report.epoch(1, loss=1.0)
    while True:
        time.sleep(0.1)


def diverging(job: Any, data: Any, report: Any) -> None:
    """Tell a loss that is no number, and go on if nothing stops it."""
    try:
        report.epoch(1, loss=float("nan"))
    except Exception:
        report.predictions(even)


def deaf(job: Any, data: Any, report: Any) -> None:
    """Tell a loss that is no number, and go on whatever happens."""
    for loss in (float("nan"), 1.0):
        try:
            report.epoch(len(report._measured.epochs) + 1, loss=loss)
            report.predictions(even)
        except BaseException:
            continue


def leaving(job: Any, data: Any, report: Any) -> None:
    """End the process with a status that says success."""
    sys.exit(0)


def enormous(job: Any, data: Any, report: Any) -> None:
    """Tell a loss that is finite, and larger than any float32."""
    report.epoch(1, loss=1e300)


def vanishing(job: Any, data: Any, report: Any) -> None:
    """End the process at once, as if all were well."""
    os._exit(0)


def scribbling(job: Any, data: Any, report: Any) -> None:
    """Write where only the trial answers."""
    os.write(int(sys.argv[-1]), b"all is well\n")
    time.sleep(600)


def stubborn(job: Any, data: Any, report: Any) -> None:
    """Never end, whatever it is asked."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    time.sleep(600)


def orphaning(job: Any, data: Any, report: Any) -> None:
    """Fork, and be killed, as by a machine that is out of memory."""
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)
