"""What the registry holds of an architecture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fitting_room.spec import Recipe


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A builder, the arguments that make it this architecture, and a recipe for each task.

    The builder is named, not imported: listing the architectures must not load Keras and its
    backend, which takes seconds.
    """

    builder: str
    """``module:function``; called with ``arguments`` it returns an untrained ``keras.Model``."""
    recipes: Mapping[str, Recipe]
    """The recipe of each task, by its name, such as ``mnist``."""
    arguments: Mapping[str, int | float | str] = field(default_factory=dict)
    tier: str = "accept"
    """The lowest tier that trains it on all images: ``full`` where a trial takes many minutes."""
    instead: str | None = None
    """The architecture that a machine trains which emulates this one's precision; None for none."""
