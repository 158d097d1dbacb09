"""Which metrics a ``fit`` will report, told before its first step where that can be known."""

from __future__ import annotations

import sys
from typing import Any

import keras

COMPILED = "compile_metrics"
"""What Keras calls the one metric that holds those given to ``compile``."""


def reported(model: Any) -> set[str] | None:
    """Return the names of the metrics that each training epoch of ``model`` reports.

    None where only the first step can tell: the model has a ``train_step`` of its own, or several
    outputs, or is built by its first batch.
    """
    if type(model).train_step is not keras.Model.train_step or "train_step" in vars(model):
        return None
    metrics = {metric.name: metric for metric in model.metrics}
    compiled = metrics.pop(COMPILED, None)
    if compiled is None:
        return {"loss", *metrics}
    if compiled.built:  # by an earlier fit or, on JAX and torch, by this one
        return {"loss", *model.get_metrics_result()}
    asked = _asked(model)
    return None if asked is None else {"loss", *metrics, *asked}


def validates() -> bool | None:
    """Return whether the ``fit`` that calls has validation data; None outside of Keras' own.

    Keras tells a callback its number of epochs and steps, and not this: it is a variable of the
    running ``fit``, under the same name on every backend.
    """
    frame = sys._getframe(1)
    while frame := frame.f_back:  # type: ignore[assignment]
        if frame.f_code.co_name == "fit" and "validation_data" in frame.f_locals:
            return frame.f_locals["validation_data"] is not None
    return None


def _asked(model: Any) -> set[str] | None:
    """Names of what was given to ``compile``, of which TensorFlow's first step makes metrics."""
    if not model.built or len(getattr(model, "outputs", ())) != 1:
        return None
    config = model.get_compile_config()
    plain, weighted = _names(config.get("metrics")), _names(config.get("weighted_metrics"))
    if plain is None or weighted is None:
        return None
    return plain | weighted | {f"weighted_{name}" for name in plain & weighted}


def _names(given: Any) -> set[str] | None:
    """Names of a list of metrics as Keras serialises them: by name, as an object or a function."""
    found: set[str] = set()
    for metric in given or []:
        if isinstance(metric, dict) and "config" in metric:
            config = metric["config"]
            metric = config.get("name") if isinstance(config, dict) else config
        if not isinstance(metric, str):
            return None  # nested, or by output: the first step names them
        found.add(metric)
    return found
