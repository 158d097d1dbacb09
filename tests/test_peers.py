"""Other ways to train the same: what they are, what is kept of them, and which one to pick."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import call
from records import MACHINE, make_failed_record, make_record
from trials import small

from bench.cases import CASES
from bench.peers import LOOPS, PEERS
from fitting_room.cli import noise as speed
from fitting_room.lab.process import run_trial
from fitting_room.lab.scheduler import job_of
from fitting_room.lab.timing import FIT, OURS, in_turn, peer_specs, time_peers, ways
from fitting_room.spec import TrialSpec
from fitting_room.studies import read_document, write_document
from fitting_room.studies.peers import Peers, Side, peers_table
from fitting_room.trial import trainer
from fitting_room.trial.timing import Chunk, Command, pace

DENSE = "fashion_mnist-dense_128"
CNN = "fashion_mnist-cnn_64"
TORCH, JAX = "PyTorch loop", "Keras fit on JAX"
REFERENCES = [make_record(seed=seed, test_accuracy=0.87 + seed / 1000) for seed in range(5)]


def measured(seconds: Mapping[str, float], *, rounds: int = 10, accuracy: float = 0.872) -> Peers:
    """Return ways that take so many seconds each round, and Keras on JAX, which is missing."""
    cases = {name: case for name, (case, _) in ways(CASES[DENSE], LOOPS).items()}
    sides = {
        name: Side(
            trial=make_record(case=cases[name], epochs=1, test_accuracy=accuracy),
            seconds=tuple(each * (1 + number / 100) for number in range(rounds)),
        )
        for name, each in seconds.items()
    }
    absent = make_failed_record(case=cases[JAX])
    sides[JAX] = Side(trial=replace(absent, reason="ModuleNotFoundError: No module named 'jax'"))
    return Peers(
        case=DENSE, started="2026-03-01T12:00:00+00:00", machine=MACHINE, images=9600, sides=sides
    )


def told(peers: Peers, stale: Mapping[str, str] | None = None) -> str:
    """Return the page's block with single spaces."""
    return " ".join(peers_table([peers], REFERENCES, stale=stale or {}).split())


def test_a_peer_that_wins_is_the_one_to_pick() -> None:
    """Ratios are of the same round, with least and most; the advice follows from them."""
    text = told(measured({OURS: 1.0, FIT: 4.0, TORCH: 0.8}))
    assert f"for {DENSE} {TORCH}, a peer that wins: {OURS} takes 1.25 (1.25–1.25) times" in text
    assert (
        f"| {TORCH} | 0.84 (0.82–0.85) | 0.80 (0.80–0.80) | 0.20 (0.20–0.20) | 10 | 87.20" in text
    )
    assert f"{DENSE}, {JAX}: skipped, ModuleNotFoundError: No module named 'jax'." in text


def test_this_bench_is_the_one_to_pick_where_no_peer_wins() -> None:
    """The next one is named with its ratio."""
    text = told(measured({OURS: 1.0, FIT: 4.0, TORCH: 2.0}))
    assert f"for {DENSE} {OURS}: {TORCH} takes 2.00 (2.00–2.00) times as long." in text


def test_few_rounds_tell_nothing_apart() -> None:
    """Three rounds in which one is faster happen by chance once in eight times."""
    text = told(measured({OURS: 1.0, FIT: 4.0, TORCH: 0.8}, rounds=3))
    assert (
        f"for {DENSE} {TORCH} or {OURS}: {OURS} takes 1.25 (1.25–1.25) times as long, which" in text
    )


def test_who_learns_something_else_is_told_and_not_ranked() -> None:
    """Half of the images right is beyond the seeds of the references, however fast that was."""
    fair = measured({OURS: 1.0, FIT: 4.0, TORCH: 0.1})
    sloppy = replace(fair.sides[TORCH], trial=replace(fair.sides[TORCH].trial, test_accuracy=0.5))
    text = told(replace(fair, sides={**fair.sides, TORCH: sloppy}))
    assert f"for {DENSE} {OURS}: {FIT} takes 4.00" in text
    assert f"{DENSE}, {TORCH}: not ranked, 50.00 %, and new seeds of its 5 references lie" in text
    assert f"{TORCH} | 0.10 (0.10–0.11) | — | — | 10 | 50.00 |" in text


def test_stale_times_of_peers_say_so() -> None:
    """In their cells, and below why."""
    text = told(measured({OURS: 1.0, FIT: 4.0}), stale={f"{DENSE}~fit": "the recipe changed since"})
    assert "4.00 (4.00–4.00) (stale)" in text
    assert f"{DENSE}~fit is stale: the recipe changed since." in text


def test_peers_are_read_as_they_were_written(tmp_path: Path) -> None:
    """A side that lacks a round is refused."""
    peers = measured({OURS: 1.0, FIT: 4.0})
    write_document(tmp_path / "a.json", peers)
    assert read_document(tmp_path / "a.json", Peers) == peers
    with pytest.raises(ValueError, match="a time each round"):
        replace(peers, sides={**peers.sides, FIT: replace(peers.sides[FIT], seconds=(1.0,))})


def test_the_last_side_begins_every_other_round() -> None:
    """A B C, C B A, and the chunks come in the order of the sides."""
    asked: list[float] = []

    def side(wall: float) -> Callable[[int], Chunk]:
        return lambda images: asked.append(wall) or Chunk(wall, images)

    found = [*in_turn([side(1), side(2), side(3)], 10, range(2))]
    assert asked == [1, 2, 3, 3, 2, 1]
    assert found == [(Chunk(1, 10), Chunk(2, 10), Chunk(3, 10))] * 2


@pytest.mark.usefixtures("own_cache")
def test_an_own_trainer_trains_an_epoch_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the images that the first command asks for, until there are no more commands."""
    told: list[tuple[int, int]] = []

    def train(job: Any, given: Any, report: Any) -> None:
        for number in range(1, job.epochs + 1):
            told.append((number, len(given.images)))
            report.epoch(number, loss=1.0)

    monkeypatch.setattr(trainer, "trainer_of", lambda _: train)
    spec, said = small(), list[Chunk]()
    spec = replace(spec, case=replace(spec.case, trainer="some:loop"))
    pace(spec, iter([Command("recipe", 64)] * 3), said.append)
    assert told == [(1, 64), (2, 64), (3, 64)]
    assert len(said) == 3 and all(chunk.wall > 0 for chunk in said)


@pytest.mark.usefixtures("own_cache")
def test_loops_and_keras_are_timed_side_by_side() -> None:
    """Each in a process of its own, which waits for its turn; Keras is not needed for a loop."""
    spec = small()
    honest = replace(spec.case, builder="tests.own_trainers:nothing")
    honest = replace(honest, trainer="tests.own_trainers:honest")
    specs = {OURS: spec, "a loop": replace(spec, case=honest)}
    found = list(time_peers(specs, images=64, rounds=range(2)))
    assert [len(each) for each in found] == [2, 2]
    assert all(loop < keras for keras, loop in found)


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(("name", "parameters"), [(DENSE, 101_770), (CNN, 27_682)])
@pytest.mark.parametrize("loop", LOOPS)
def test_loops_of_this_project_train_what_the_case_trains(
    loop: str, name: str, parameters: int
) -> None:
    """They have the published number of parameters, or 80 + 584 + 25,728 + 1,290, and learn."""
    package = loop.split()[0].lower().removeprefix("py")
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    spec = small(name, epochs=3, **({"arguments": {"filters": 8}} if name == CNN else {}))
    record = run_trial(job_of(replace(spec, case=ways(spec.case, PEERS[name])[loop][0])))
    assert (record.outcome, len(record.epochs)) == ("completed", 3), record.reason
    assert record.size and record.size.parameters == parameters
    assert (record.test_accuracy or 0) > 0.5


def test_every_way_is_another_training() -> None:
    """No two of the seven answer for each other in the store."""
    specs = peer_specs(CASES[DENSE], LOOPS, small(DENSE).dataset)
    assert len({job_of(spec).key for spec in specs.values()}) == len(specs) == 7
    assert {spec.backend for spec in specs.values()} == {"tensorflow", "jax", "torch"}


def test_an_ended_run_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rounds that were timed count; a finished run leaves what is to be committed."""
    begun: list[range] = []

    def timer(
        specs: Mapping[str, TrialSpec], *, rounds: range, **_: object
    ) -> Iterator[list[float]]:
        begun.append(rounds)
        for number in rounds:
            if number == 2 and len(begun) == 1:
                raise KeyboardInterrupt
            yield [1.0] * len(specs)

    def trials(specs: Mapping[str, TrialSpec], *_: Any) -> dict[str, Any]:
        return {name: make_record(case=spec.case) for name, spec in specs.items()}

    monkeypatch.setattr(speed, "time_peers", timer)
    monkeypatch.setattr(speed, "_trials", trials)
    monkeypatch.setattr(speed, "dataset", lambda task: small(f"{task}-dense_128").dataset)
    monkeypatch.setattr(speed, "this_machine", lambda: MACHINE)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    run(tmp_path)
    assert begun == [range(4), range(2, 4)]
    found = read_document(tmp_path / "peers" / f"{DENSE}.json", Peers)
    assert found and found.rounds == 4 and len(found.able) == 7
    run(tmp_path)
    assert begun[-1] == range(4)


def run(results: Path) -> None:
    """Run the command on one case."""
    call("speed", DENSE, "--peers", "--json", "--pairs", "4", "--results", results)
