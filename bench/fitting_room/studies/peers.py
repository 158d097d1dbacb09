"""This bench's training beside other ways to train the same: kept, checked, tabulated, advised on.

Nobody is fast by doing less: each way has a trial. Its test accuracy must lie where that of a new
seed of the case's references would after as many epochs. One outside is told, and not ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from fitting_room.analysis.evidence import Evidence
from fitting_room.analysis.trials import quartiles
from fitting_room.format import MISSING, around, count, counted, percent, spanned
from fitting_room.judge.interval import of_new_seed
from fitting_room.judge.timing import P_VALUE, slowdown
from fitting_room.lab.timing import FIT, OURS, ways
from fitting_room.project import Project
from fitting_room.record import Count, Machine, Record, Taken
from fitting_room.report.columns import provenance
from fitting_room.report.table import Table
from fitting_room.spec import Case
from fitting_room.store.key import why_stale
from fitting_room.store.records import Speed, read_speeds
from fitting_room.studies import QUIET, SCHEMA, read_document

FOLDER = Path("peers")
"""The folder within the results."""

OUTSIDE = 0.01
"""Chance that any way of a case is called outside though it trains alike."""

HEADINGS = ("case", "trained by", "s", "of this bench", "of plain fit", "rounds", "test accuracy %")


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to train a case."""

    trial: Record
    """Says what it learns; one that did not complete says why it was not timed."""
    seconds: tuple[Taken, ...] = ()
    """Wall seconds of its training steps, one value a round."""


@dataclass(frozen=True, kw_only=True)
class Peers:
    """All ways to train a case, timed in one run: each round has a chunk of every way."""

    schema: int = SCHEMA
    case: str
    started: str
    """UTC, ISO 8601."""
    machine: Machine
    images: Count
    """Trained in each chunk."""
    sides: Mapping[str, Side]

    def __post_init__(self) -> None:
        """Refuse rounds that lack a side."""
        if OURS not in self.sides or len({len(each.seconds) for each in self.able.values()}) > 1:
            raise ValueError(f"sides must have {OURS!r}, and all that trained a time each round")

    @property
    def able(self) -> dict[str, Side]:
        """The ways that could train here."""
        return {name: side for name, side in self.sides.items() if side.trial.completed}

    @property
    def rounds(self) -> int:
        """Rounds that are timed."""
        return len(self.sides[OURS].seconds)

    @property
    def epochs(self) -> int:
        """Epochs of the trials."""
        return self.sides[OURS].trial.spec.epochs

    @property
    def records(self) -> list[Record]:
        """What is known of each side as a record: its code, this machine, the date."""
        trials = (side.trial for side in self.able.values())
        return [replace(each, machine=self.machine, started=self.started) for each in trials]

    def resumes(self, before: Peers | None) -> bool:
        """Whether times from before are of the same code, on the same machine."""
        if before is None or self.machine != before.machine:
            return False
        ours, theirs = ({n: s.trial.key for n, s in of.able.items()} for of in (self, before))
        return ours == theirs

    def with_round(self, seconds: Sequence[float]) -> Peers:
        """Return them with a round more, of seconds in the order of ``able``."""
        more = {
            name: replace(side, seconds=(*side.seconds, taken))
            for (name, side), taken in zip(self.able.items(), seconds, strict=True)
        }
        return replace(self, sides={**self.sides, **more})

    def ratios(self, name: str, other: str) -> tuple[float, ...]:
        """Return the time of one way over that of another, round by round."""
        pairs = zip(self.sides[name].seconds, self.sides[other].seconds, strict=True)
        return tuple(mine / its for mine, its in pairs)

    def outside(self, references: Sequence[Record]) -> dict[str, str]:
        """Return way → what is wrong with its test accuracy, by the case's references."""
        values = Evidence(references).values(self.case, "test_accuracy", epoch=self.epochs)
        if not values:
            return {}
        expected = of_new_seed(values, level=1 - OUTSIDE / len(self.able))
        found = {name: side.trial.test_accuracy or 0.0 for name, side in self.able.items()}
        return {
            name: f"{percent(accuracy)} %, and new seeds of its {len(values)} references lie in "
            f"{percent(expected.low)}–{percent(expected.high)} %"
            for name, accuracy in found.items()
            if not expected.low <= accuracy <= expected.high
        }


def advice(peers: Peers, ranked: Sequence[str]) -> str:
    """Return which of the ways a user should pick, as the end of a sentence."""
    if len(ranked) < 2 or not peers.rounds:
        return f"for {peers.case} there is nothing to choose from"
    first, second, *_ = sorted(ranked, key=lambda name: median(peers.ratios(name, OURS)))
    second = OURS if first != OURS and OURS in ranked else second
    times = slowdown(peers.sides[first].seconds, peers.sides[second].seconds)
    told = _ratio(peers.ratios(second, first))
    slower = f"{second} takes {told} times as long"
    if times.p_value >= P_VALUE:
        proof = f"which {counted(peers.rounds, 'round')} cannot prove"
        return f"for {peers.case} {first} or {second}: {slower}, {proof}"
    wins = ", a peer that wins" if first != OURS else ""
    return f"for {peers.case} {first}{wins}: {slower}"


def _ratio(values: Sequence[float]) -> str:
    return f"{median(values):.2f} ({min(values):.2f}–{max(values):.2f})"


def _seconds(values: Sequence[float]) -> str:
    found = quartiles(values)
    return around(found.median, found.lower, found.upper) if found else MISSING


def peers_table(
    found: Sequence[Peers], records: Sequence[Record], *, stale: Mapping[str, str]
) -> str:
    """Return what to pick, by references of any cases, and the table that it follows from.

    ``stale`` has name of a trial's case → why its times are not those of the present code.
    """
    picks, rows, notes = [], list[list[str]](), []
    for peers in found:
        outside = peers.outside(records)
        ranked = [name for name in peers.able if name not in outside]
        picks.append(advice(peers, ranked))
        rows += [_row(peers, name, ranked, stale) for name in peers.able]
        notes += [f"{peers.case}, {name}: not ranked, {why}." for name, why in outside.items()]
        notes += [
            f"{peers.case}, {name}: skipped, {side.trial.reason}."
            for name, side in peers.sides.items()
            if name not in peers.able
        ]
    used = [record for peers in found for record in peers.records]
    old = sorted({each.spec.case.name for each in used} & {*stale})
    notes += [f"{name} is stale: {stale[name]}." for name in old]
    table = Table(HEADINGS, rows, [*notes, *_legend(found, used)], align="llr").markdown()
    return f"Pick, where speed decides: {'; '.join(picks)}.\n\n{table}"


def _row(peers: Peers, name: str, ranked: Sequence[str], stale: Mapping[str, str]) -> list[str]:
    side = peers.sides[name]
    cells = [_seconds(side.seconds)]
    for other in (OURS, FIT):
        known = side.seconds and {name, other} <= {*ranked}
        cells.append(_ratio(peers.ratios(name, other)) if known else MISSING)
    cells += [str(len(side.seconds)), percent(side.trial.test_accuracy)]
    old = side.trial.spec.case.name in stale
    return [peers.case, name, *(f"{cell} (stale)" if old else cell for cell in cells)]


def _legend(found: Sequence[Peers], used: Sequence[Record]) -> list[str]:
    images = "; ".join(f"{peers.case} {count(peers.images)}" for peers in found)
    n = " or ".join(map(str, sorted({peers.rounds for peers in found})))
    return [
        f"Seconds per chunk of training images ({images}), median (quartiles); each way in a "
        "process of its own, in turn, A B C C B A. Ratios: median (least–most) of the rounds; "
        "below 1 it is faster than this bench, or than the plain fit, which is Keras' `fit` on "
        f"TensorFlow with one step per call and without XLA. Test accuracy: of one seed after "
        f"{counted(max(peers.epochs for peers in found), 'epoch')}.",
        provenance(used, n=f"{n} rounds"),
    ]


def peers_block(project: Project, results: Path, records: Sequence[Record]) -> str:
    """Return what stands in the page, from what is committed."""
    paths = [results / FOLDER / f"{name}.json" for name in project.cases]
    found = [peers for path in paths if (peers := read_document(path, Peers))]
    if not found:
        return QUIET.format("speed --peers --json")
    cases = {
        case.name: case
        for peers in found
        for case, _ in ways(project.case(peers.case), project.peers.get(peers.case, {})).values()
    }
    used = [record for peers in found for record in peers.records]
    return peers_table(found, records, stale=why_stale(used, cases, root=project.root))


SPEED_HEADINGS = ("case", "s, this bench", "util. %", "s, plain fit", "ratio", "min–max", "pairs")
ABSENT = "no reference yet"


def plain_cases(project: Project) -> dict[str, Case]:
    """Return the cases that a plain ``fit`` can train as well."""
    cases = project.cases.items()
    return {name: case for name, case in cases if not (case.recipe.tuned or case.trainer)}


def speed_block(project: Project, results: Path) -> str:
    """Return the training path of each case against a plain ``fit``."""
    speeds = read_speeds(results / "speed")
    stale = why_stale([each.record for each in speeds], project.cases, root=project.root)
    return speed_table(speeds, [*plain_cases(project)], stale=stale)


def speed_table(speeds: Sequence[Speed], cases: Sequence[str], *, stale: Mapping[str, str]) -> str:
    """Return the table of these cases, with what must be known below it; some were never timed.

    ``stale`` has case → why its times are not those of the present code.
    """
    by_case = {speed.spec.case.name: speed for speed in speeds}
    rows = [_speed_row(case, by_case.get(case), old=case in stale) for case in cases]
    used = [by_case[case] for case in cases if case in by_case]
    below = [f"{case} is stale: {stale[case]}." for case in cases if case in stale]
    return Table(SPEED_HEADINGS, rows, [*below, *_speed_notes(used)]).markdown()


def _speed_row(case: str, speed: Speed | None, *, old: bool) -> list[str]:
    if speed is None:
        return [case, *[ABSENT] * (len(SPEED_HEADINGS) - 1)]
    ratios = [ours / plain for ours, plain in zip(speed.ours, speed.plain, strict=True)]
    ours, plain = map(_seconds, (speed.ours, speed.plain))
    spread = f"{min(ratios):.2f}–{max(ratios):.2f}"
    cells = [ours, _utilisation(speed), plain, f"{median(ratios):.2f}", spread, str(len(ratios))]
    return [case, *(f"{cell} (stale)" if old and cell != MISSING else cell for cell in cells)]


def _utilisation(speed: Speed) -> str:
    """Return the rate of the recipe's path, in per cent of that of matrix products."""
    if not speed.flops_per_image or not speed.flops_per_second:
        return MISSING
    rate = speed.flops_per_image * speed.images / median(speed.ours)
    return f"{100 * rate / speed.flops_per_second:.1f}"


def _speed_notes(used: Sequence[Speed]) -> list[str]:
    if not used:
        return ["Nothing is timed yet: `fitting-room speed --json` on a quiet machine."]
    images = " or ".join(count(images) for images in sorted({speed.images for speed in used}))
    older = any(speed.flops_per_second is None for speed in used)
    anew = f" {MISSING}: not measured yet; `fitting-room speed --json` times it." * older
    return [
        f"Seconds per {images} training images, median (quartiles): the recipe's training path "
        "and Keras' `fit` with one step per call and without XLA, interleaved A B B A in one "
        "process. Ratio: median of the pairs; below 1 the bench is faster.",
        "Util.: utilisation, this bench's operations of training a second over those of the "
        "quickest matrix product in the same process and precision. Counted are two a multiply-add "
        "of dense and convolution layers: forward, for the gradient of the weights, and for that "
        f"of the input, which the first layer does not need.{anew}",
        provenance(
            [speed.record for speed in used], n=f"{spanned(len(s.ours) for s in used)} pairs"
        ),
    ]
