"""Trainers for tests, which run in the process of a trial."""

# ruff: noqa: ARG001  every trainer is called with all three

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def nothing() -> None:
    """Build nothing: these trainers have no model."""


def even(data: Any) -> np.ndarray:
    """Return the same probability for every class."""
    return np.full((len(data.test_images), data.classes), 1 / data.classes, np.float32)


def honest(job: Any, data: Any, report: Any) -> None:
    """Tell every epoch and metrics, without any learning."""
    report.parameters(7, frozen=2)
    report.metric("loads_keras", "keras" in sys.modules)
    report.metric("pixels", data.images[0].size)
    for number in range(1, job.epochs + 1):
        scores = {"predictions": lambda: even(data), "metrics": {"margin": number / 4}}
        report.epoch(number, loss=1 / number, accuracy=0.5, **scores)
    report.predictions(even(data))


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
        report.predictions(even(data))


def leaving(job: Any, data: Any, report: Any) -> None:
    """End the process with a status that says success."""
    sys.exit(0)


def unscaled(job: Any, data: Any, report: Any) -> None:
    """Hand over logits."""
    report.epoch(1, loss=1.0)
    report.predictions(even(data) * 30)
