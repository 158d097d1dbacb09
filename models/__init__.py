"""The players: every architecture that the bench tries on, with its recipes.

One line an architecture. Importing this reads no Keras: builders are named and imported where
they are built.
"""

from __future__ import annotations

from dataclasses import replace

from fitting_room.spec import Recipe
from models.architecture import Architecture

DENSE = "models.dense:dense"
CONVOLUTIONAL = "models.convolutional:convolutional"

# Published settings: Adam and batch size as Keras has them, 5 epochs on Fashion MNIST, and on
# MNIST up to 10, stopping at 99.5 % training accuracy. XLA for the dense ones alone: it slows
# convolutions down.
FASHION = Recipe(epochs=5)
FASHION_DENSE = Recipe(epochs=5, jit_compile=True)
DIGITS = Recipe(epochs=10, stop_at_accuracy=0.995)
DIGITS_DENSE = Recipe(epochs=10, stop_at_accuracy=0.995, jit_compile=True)

# Found by searches that saw no test image: results/search.md.
DIGITS_MINIMAL = Recipe(
    epochs=9,
    batch_size=128,
    optimizer="fitting_room.training.muon:KernelMuon",
    learning_rate=0.05,
    adam_lr_ratio=0.2,
    schedule="linear_to_zero",
    warm_up=0.2,
    label_smoothing=0.1,
    rotate_degrees=8.0,
    shift_pixels=1.0,
)
FASHION_COMPACT = Recipe(
    epochs=10,
    batch_size=128,
    precision="mixed_bfloat16",
    optimizer="fitting_room.training.muon:KernelMuon",
    learning_rate=0.1,
    adam_lr_ratio=0.2,
    schedule="linear_to_zero",
    warm_up=0.2,
    label_smoothing=0.1,
    shift_pixels=1.0,
    flip="random",
)
# A processor without instructions for bfloat16 emulates it, at a tenth of the speed of float32.
FASHION_COMPACT_FLOAT32 = replace(FASHION_COMPACT, precision="float32")

# Of the quickest that those searches found at a test accuracy: results/speed.md, "Records".
SPRINT = Recipe(
    epochs=2,
    batch_size=256,
    steps_per_execution=235,
    optimizer="fitting_room.training.muon:KernelMuon",
    learning_rate=0.1,
    schedule="linear_to_zero",
    warm_up=0.2,
    label_smoothing=0.1,
)
SPRINTER: dict[str, float | str] = {"pooling": "learned", "activation": "relu", "momentum": 0.9}

MODELS: dict[str, Architecture] = {
    "dense_128": Architecture(
        builder=DENSE,
        arguments={"units": 128},
        recipes={"fashion_mnist": FASHION_DENSE, "mnist": DIGITS_DENSE},
    ),
    "cnn_64": Architecture(
        builder=CONVOLUTIONAL, arguments={"filters": 64}, recipes={"fashion_mnist": FASHION}
    ),
    "cnn_32": Architecture(
        builder=CONVOLUTIONAL, arguments={"filters": 32}, recipes={"fashion_mnist": FASHION}
    ),
    "single_conv": Architecture(
        builder=CONVOLUTIONAL,
        arguments={"filters": 64, "blocks": 1},
        recipes={"fashion_mnist": FASHION},
    ),
    "single_conv_32": Architecture(
        builder=CONVOLUTIONAL,
        arguments={"filters": 32, "blocks": 1},
        recipes={"mnist": DIGITS},
    ),
    "triple_conv": Architecture(
        builder=CONVOLUTIONAL,
        arguments={"filters": 64, "blocks": 3},
        recipes={"fashion_mnist": FASHION},
    ),
    "minimal": Architecture(
        builder="models.minimal:minimal",
        arguments={
            "body": "10v 10v p 14v 14v 14v 13v",
            "pooling": "learned",
            "activation": "silu",
            "momentum": 0.98,
        },
        recipes={"mnist": DIGITS_MINIMAL},
    ),
    "compact": Architecture(
        builder="models.compact:compact",
        arguments={"body": "16 b32 p b64 p b96", "activation": "silu"},
        recipes={"fashion_mnist": FASHION_COMPACT},
        tier="full",
        instead="compact_float32",
    ),
    "compact_float32": Architecture(
        builder="models.compact:compact",
        arguments={"body": "16 b32 p b64 p b96", "activation": "silu"},
        recipes={"fashion_mnist": FASHION_COMPACT_FLOAT32},
        tier="full",
    ),
    "sprint_12": Architecture(
        builder="models.minimal:minimal",
        arguments={"body": "12k5s p 32v 32v", **SPRINTER},
        recipes={"mnist": SPRINT},
    ),
    "sprint_24": Architecture(
        builder="models.minimal:minimal",
        arguments={"body": "24k5s p 48 64v", **SPRINTER},
        recipes={"fashion_mnist": replace(SPRINT, epochs=4)},
    ),
    "sprint_32": Architecture(
        builder="models.minimal:minimal",
        arguments={"body": "32k5s p 64v 96v", **SPRINTER},
        recipes={"mnist": replace(SPRINT, epochs=6, rotate_degrees=8.0, shift_pixels=1.0)},
    ),
}
"""Name → architecture, in the order of the tables."""
