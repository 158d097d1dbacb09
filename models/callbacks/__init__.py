"""Callbacks for anybody's ``fit``: stop at a threshold, time the epochs, log the metrics.

They need Keras and nothing else of this project, whatever its backend and its steps per execution,
and go into one list with Keras' own::

    from models.callbacks import EpochClock, MetricsLog, StopAtThreshold

    clock = EpochClock()  # first, so that nothing of the others is on it
    stop = StopAtThreshold("accuracy", 0.995)
    model.fit(x, y, epochs=10, callbacks=[clock, stop, MetricsLog("metrics.csv", clock=clock)])

They are among the models, not in the bench: like a recipe they are part of how a model is trained,
and this is the room that knows Keras and nothing of the bench.
"""

from __future__ import annotations

from models.callbacks.clock import EpochClock
from models.callbacks.log import MetricsLog
from models.callbacks.stop import StopAtThreshold

__all__ = ["EpochClock", "MetricsLog", "StopAtThreshold"]
