"""Muon for convolutions."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

STEPS = 3
"""Newton–Schulz iterations: enough for kernels as small as these, and Keras' 5 cost more."""


@keras.saving.register_keras_serializable("fitting_room")
class KernelMuon(keras.optimizers.Muon):
    """Muon for kernels of convolutions, Adam for everything else.

    Keras' Muon takes matrices alone, so it would leave every convolution to Adam and take the head,
    which is the one matrix that its authors leave to Adam. Here a kernel is the matrix of what
    makes each output channel, (height · width · input channels, output channels).

    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024; the rate of a
    kernel is scaled as there, by sqrt(max(1, columns / rows)).

    Args:
        learning_rate: Of kernels, a number or a schedule.
        adam_lr_ratio: Rate of everything else, over that.
        momentum: Of kernels.
        nesterov: Whether it looks ahead.
        beta_1: Decay of Adam's first moment.
        beta_2: Decay of Adam's second moment.
        weight_decay: Of kernels, decoupled; nothing else decays.
        **kwargs: As any optimizer of Keras has them.
    """

    def __init__(
        self,
        learning_rate: Any = 0.05,
        adam_lr_ratio: float = 0.4,
        momentum: float = 0.9,
        nesterov: bool = True,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        weight_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            adam_lr_ratio=adam_lr_ratio,
            momentum=momentum,
            nesterov=nesterov,
            adam_beta_1=beta_1,
            adam_beta_2=beta_2,
            weight_decay=weight_decay,
            adam_weight_decay=None,
            ns_steps=STEPS,
            **kwargs,
        )

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) != 4

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:
        self.assign(m, ops.add(gradient, ops.multiply(m, self.momentum)))
        ahead = ops.add(gradient, ops.multiply(m, self.momentum)) if self.nesterov else m
        matrix = ops.reshape(ahead, (-1, variable.shape[-1]))
        rows, columns = matrix.shape
        update = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        rate = ops.cast(lr, variable.dtype) * max(1.0, columns / rows) ** 0.5
        self.assign_sub(variable, rate * ops.reshape(update, variable.shape))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        for name in ("adam_weight_decay", "ns_steps"):
            config.pop(name)
        for name in ("beta_1", "beta_2"):
            config[name] = config.pop(f"adam_{name}")
        return dict(config)
