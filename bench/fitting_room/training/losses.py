"""Losses beyond those of Keras."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("fitting_room")
class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy with smoothed labels, for labels that are class numbers.

    Keras smooths only labels that are vectors. Szegedy et al., "Rethinking the Inception
    Architecture for Computer Vision", CVPR 2016, section 7.

    Args:
        smoothing: Share of the truth that is spread evenly over all classes.
        name: Of the loss.
        reduction: As Keras has it.
    """

    def __init__(
        self,
        smoothing: float,
        name: str = "smoothed_crossentropy",
        reduction: str = "sum_over_batch_size",
    ) -> None:
        super().__init__(name=name, reduction=reduction)
        self.smoothing = smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return nats per image, (batch,), of labels (batch,) and probabilities (batch, n)."""
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        truth = ops.one_hot(labels, y_pred.shape[-1], dtype=y_pred.dtype)
        return keras.losses.categorical_crossentropy(truth, y_pred, label_smoothing=self.smoothing)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"smoothing": self.smoothing, "name": self.name, "reduction": self.reduction}
