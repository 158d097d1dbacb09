"""The options of the bench: declared to pytest, read back as a checked value."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fitting_room.data import chosen_data_dir
from fitting_room.errors import in_ci, positive, seconds
from fitting_room.lab.plan import (
    PLACE,
    SEEDS,
    SOURCE,
    TIERS,
    Arguments,
    Options,
    argument,
    flag,
    path,
)
from fitting_room.machine import Platform
from fitting_room.project import Project, current

UNDECIDED = ("fail", "xfail")

NUMBER: dict[str, Any] = {"type": positive, "metavar": "N"}

_BY_TIER = ", ".join(f"{tier} {n}" for tier, n in SEEDS.items())

OPTIONS: Arguments = {
    "--tier": argument(
        "how much work: smoke (a shipped sample, about a minute), quick (the whole data, the first "
        "epochs), accept (the whole data, the default) or full (every seed)",
        choices=TIERS,
        default="accept",
    ),
    "--seeds": argument(f"exactly N seeds a case (else {_BY_TIER})", **NUMBER),
    "--epochs": argument(
        "N epochs instead of each recipe's; figures are marked and not judged", **NUMBER
    ),
    **PLACE,
    "--jobs": argument(
        "N trials side by side on this machine; more than one are not timed", **NUMBER
    ),
    "--per-gpu": argument(
        "N trials side by side on each GPU; more than one are not timed", default=1, **NUMBER
    ),
    **SOURCE,
    "--keep-models": flag(
        "keep each trained model in results/models, with a card; a trial that is stored without "
        "its model is trained again"
    ),
    "--tensorboard": path(
        "train with logs for TensorBoard: curves, weights, graph and hyperparameters; the records "
        "of such a run are in DIR too, without times",
        metavar="DIR",
    ),
    "--time-limit": argument("end a trial that takes longer", type=seconds, metavar="SECONDS"),
    "--stop-early": flag(
        "end the first seed of a case once its training loss alone fails the case"
    ),
    "--undecided": argument(
        "what an open verdict does to its test: fail, the default where CI is set, or xfail, the "
        "default elsewhere",
        choices=UNDECIDED,
    ),
    "--results": argument(
        "the folder of records and reports (default: results, in the root folder)", metavar="DIR"
    ),
}
"""Name of an option → its arguments for ``add_option``."""


def add_options(parser: pytest.Parser) -> None:
    """Add the group "fitting room"; a name that is taken becomes ``--fitting-room-…``."""
    group, taken = parser.getgroup("fitting room"), _taken(parser)
    for name, settings in OPTIONS.items():
        other = f" ({name} is another plugin's here)" if name in taken else ""
        told = settings | {"help": f"{settings['help']}{other}"}
        called = f"--fitting-room{name[1:]}" if other else name
        group.addoption(called, dest=_dest(name), **told)


def _taken(parser: pytest.Parser) -> set[str]:
    """Return the names of options that another plugin or a conftest has added already."""

    def free(*names: str) -> bool:
        try:
            _, unknown = parser.parse_known_and_unknown_args(names)
        except (pytest.UsageError, SystemExit):  # it is known, and needs a value
            return False
        return set(names) <= set(unknown)

    return set() if free(*OPTIONS) else {name for name in OPTIONS if not free(name)}


def _dest(name: str) -> str:
    return f"fitting_room_{name.lstrip('-').replace('-', '_')}"


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option of the bench; its name has no dashes at its start."""
    return config.getoption(_dest(name))


def project_of(config: pytest.Config) -> Project:
    """Return the project that pytest's root folder lies in; the run has its tasks.

    Raises:
        UserError: There is none, or its table has a mistake.
    """
    project = current(config.rootpath)
    project.use()
    return project


def read_options(config: pytest.Config, *, run: str) -> Options:
    """Return the options of a run, whose id is ``run``."""
    get = partial(option, config)
    as_given = "tier seeds epochs backend device engine ship jobs per_gpu offline stop_early"
    return Options(
        **{name: get(name) for name in as_given.split()},
        keep_models=get("keep_models"),
        data_dir=chosen_data_dir(get("data-dir"), os.environ),
        fresh=run if get("fresh") else None,
        time_limit_s=get("time-limit"),
        log=log_folder(config),
        results=results_folder(config),
    )


def platform(config: pytest.Config) -> Platform:
    """Return what the run trains on."""
    return Platform(option(config, "backend"), option(config, "device"))


def undecided_fails(config: pytest.Config) -> bool:
    """Return whether an open verdict fails its test: by ``--undecided``, else where CI is set."""
    chosen: str | None = option(config, "undecided")
    return chosen == "fail" if chosen else in_ci(os.environ)


def results_folder(config: pytest.Config) -> Path:
    """Return the folder of records and reports; a relative one lies in the root folder."""
    asked: str | None = option(config, "results")
    return config.rootpath / asked if asked else project_of(config).results


def log_folder(config: pytest.Config) -> Path | None:
    """Return the folder for TensorBoard; a relative one lies where pytest was called."""
    asked: Path | None = option(config, "tensorboard")
    return asked and config.invocation_params.dir / asked
