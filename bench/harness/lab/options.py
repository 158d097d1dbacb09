"""What a run of the bench was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.harness.errors import UserError

TIERS = ("smoke", "accept", "full")
DEVICES = ("cpu", "gpu")
BACKENDS = ("tensorflow", "jax", "torch")

SEEDS = {"smoke": 1, "accept": 1, "full": 10}
"""Seeds that each case starts with; in ``accept`` more are added while a verdict is open."""

MOST_SEEDS = 6
"""Seeds at which the sequential test decides, be it by a hair; with fewer it may stay open."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the group "fitting room", checked."""

    tier: str = "accept"
    seeds: int | None = None
    """Exactly so many; None lets the tier decide."""
    epochs: int | None = None
    """Instead of each recipe's; such figures are marked and never published."""
    backend: str = "tensorflow"
    device: str = "cpu"
    data_dir: Path | None = None
    offline: bool = False
    fresh: str | None = None
    """Id of this run: no records but its own count; None lets all count."""
    time_limit_s: float | None = None
    stop_early: bool = False
    """End the first seed of a case where its training loss alone fails the case."""
    keep_models: bool = False
    """Keep trained models under ``results``; what is stored without its model is trained again."""
    log: Path | None = None
    """TensorBoard's folder, which has the records of such a run too: logging disturbs its times."""
    results: Path = Path("results")

    def __post_init__(self) -> None:
        """Refuse what would say nothing.

        Raises:
            UserError: A first seed is to fail its case alone, and more are to be judged with it.
        """
        if self.stop_early and self.least_seeds > 1:
            raise UserError(
                "--stop-early ends a case whose first seed fails alone, and of the "
                f"{self.least_seeds} seeds asked for none is judged alone. Leave it out, or add "
                "--seeds 1."
            )

    @property
    def trials(self) -> Path:
        """Folder of the records of this run."""
        return (self.log or self.results) / "trials"

    @property
    def least_seeds(self) -> int:
        """Seeds that each case is judged on at least."""
        return self.seeds or SEEDS[self.tier]

    @property
    def most_seeds(self) -> int:
        """Seeds that an open verdict may ask for."""
        fixed = self.seeds or self.tier != "accept"
        return self.least_seeds if fixed else MOST_SEEDS

    @property
    def for_publication(self) -> bool:
        """Whether the figures may be compared with bounds and claims."""
        return self.tier != "smoke" and self.epochs is None
