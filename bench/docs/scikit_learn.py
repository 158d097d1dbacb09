"""A classifier of scikit-learn as the trainer of a case: see ``pytorch_loop.py`` for the case.

It learns from all images at once, so it tells one epoch.
"""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss


def classifier(**settings: Any) -> LogisticRegression:
    """Return the model, untrained."""
    return LogisticRegression(**settings)


def train(job: Any, data: Any, report: Any) -> None:
    """Fit it to the images as rows of pixels."""
    rows = data.images.reshape(len(data.images), -1)
    model = classifier(random_state=job.seed, **job.case.arguments).fit(rows, data.labels)
    report.parameters(model.coef_.size + model.intercept_.size)
    report.metric("iterations", model.n_iter_.max())
    loss = log_loss(data.labels, model.predict_proba(rows))
    report.epoch(1, loss=loss, accuracy=model.score(rows, data.labels))
    report.predictions(lambda images: model.predict_proba(images.reshape(len(images), -1)))
