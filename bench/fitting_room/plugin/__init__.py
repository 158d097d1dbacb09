"""The pytest plugin: it acts only where a selected test uses the ``evaluator`` fixture."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, nullcontext
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from fitting_room import data
from fitting_room.errors import UserError, ending, prepare_streams, signals_heard
from fitting_room.lab.estimate import Remaining
from fitting_room.lab.evaluator import Evaluator, loss_limits, outline
from fitting_room.lab.plan import Need, Options, plan
from fitting_room.lab.probe import check_backend
from fitting_room.lab.scheduler import open_scheduler
from fitting_room.metrics import METRICS, TIMED, UNTRAINED
from fitting_room.plugin.options import (
    add_options,
    option,
    platform,
    project_of,
    read_options,
    undecided_fails,
)
from fitting_room.plugin.results import DotLine, Results, fit_benchmark_tables
from fitting_room.record import Record
from fitting_room.report.model import card
from fitting_room.report.progress import Progress
from fitting_room.report.summary import Judged, parted, to_properties
from fitting_room.spec import Case, Dataset
from fitting_room.store.bounds import read_bounds, reference_folder
from fitting_room.store.records import Store

RUN = pytest.StashKey[str]()
EVALUATOR = pytest.StashKey[Evaluator]()
SIGNALS = pytest.StashKey[ExitStack]()
SHOW_ONLY = ("collectonly", "setupplan", "showfixtures", "show_fixtures_per_test")
"""Options of pytest that show tests and run none."""

WITHOUT_ASSERTS = (
    "Python runs without assertions, so a test that asserts would pass whatever was measured. "
    "Run without -O, and unset PYTHONOPTIMIZE."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the group "fitting room"."""
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, and give the run an id that xdist's workers share."""
    if sys.stdout is None:
        config.add_cleanup(partial(_reopen, config))
    prepare_streams()  # before pytest's own reporter takes standard output
    config.addinivalue_line(
        "markers",
        "needs(cases=None, trained=True, timed=False, enough=None): the trials that a test needs, "
        "of these cases or by default its own: trained or only built, timed or not, and of at "
        "most enough seeds",
    )
    config.stash[RUN] = getattr(config, "workerinput", {}).get("fitting_room_run", uuid4().hex)
    if not hasattr(config, "workerinput"):
        fresh = config.stash[RUN] if option(config, "fresh") else None
        config.pluginmanager.register(Results(config, fresh))
        fit_benchmark_tables(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist the id of the run, so that ``--fresh`` trains once for all."""
    node.workerinput["fitting_room_run"] = node.config.stash[RUN]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes ``case`` for every case; with ``metric`` too, for every bound.

    Tests that parametrize ``case`` themselves, or do not use the bench, are left alone.
    """
    names = set(metafunc.fixturenames)
    if not {"case", "evaluator"} <= names or _parametrizes_case(metafunc):
        return
    try:
        project = project_of(metafunc.config)
        cases = project.cases
        if "metric" not in names:
            metafunc.parametrize("case", cases.values(), ids=list(cases))
            return
        usual = read_bounds(project.bounds, cases=cases, metrics=METRICS)
    except UserError as error:
        raise pytest.Collector.CollectError(str(error)) from error
    here = usual.on(platform(metafunc.config))
    pairs = [
        (case, metric)
        for name, case in cases.items()
        # A case without bounds has one test, which fails and says how to get them. A case without
        # a reference on this platform has the tests of the usual one, which are skipped.
        for metric in (usual if here.no_reference(name) else here).metrics(name) or ("parameters",)
    ]
    counted, timed = [pytest.mark.needs(trained=False)], [pytest.mark.needs(timed=True)]
    params = [
        pytest.param(
            case,
            metric,
            id=f"{case.name}-{metric}",
            marks=counted * (metric in UNTRAINED) + timed * (metric in TIMED),
        )
        for case, metric in pairs
    ]
    metafunc.parametrize(("case", "metric"), params)


def _parametrizes_case(metafunc: pytest.Metafunc) -> bool:
    if "case" in metafunc._arg2fixturedefs:  # by a fixture of that name
        return True
    marks = metafunc.definition.iter_markers("parametrize")
    return any("case" in str(name) for mark in marks for name in (*mark.args, *mark.kwargs)[:1])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Plan the trials that the selected tests need; refuse what cannot be trained here."""
    needs = [need for item in session.items if _uses_bench(item) for need in _needs(item)]
    if not needs or any(session.config.getoption(name, False) for name in SHOW_ONLY):
        return
    if not __debug__:
        raise pytest.UsageError(WITHOUT_ASSERTS)
    try:
        run = session.config.stash[RUN]
        session.config.stash[EVALUATOR] = assemble(session.config, needs, run=run)
    except UserError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Print device, versions, data, tier, number of trials and the time they will take."""
    evaluator = config.stash.get(EVALUATOR, None)
    quiet = config.get_verbosity() < 0  # as pytest's own header
    return outline(evaluator) if evaluator and not quiet else []


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Request every missing trial; a worker of xdist requests only those of its own tests."""
    evaluator = session.config.stash.get(EVALUATOR, None)
    if evaluator and not hasattr(session.config, "workerinput"):
        session.config.stash[SIGNALS] = ExitStack()
        session.config.stash[SIGNALS].enter_context(signals_heard())
        if session.config.getoption("setuponly"):  # runs fixtures, and no test that would wait
            return
        for wanted in evaluator.missing:
            evaluator.scheduler.request(wanted.spec, timed=wanted.timed)


def assemble(config: pytest.Config, needs: Sequence[Need], *, run: str) -> Evaluator:
    """Return the evaluator of a run, whose id is ``run``.

    Raises:
        UserError: Data, backend, bounds or the results folder cannot be used.
    """
    options = read_options(config, run=run)
    project = project_of(config)
    bounds = read_bounds(project.bounds, cases=project.cases, metrics=METRICS).on(options.platform)
    here = "cpu" if options.engine else options.device  # an engine's workers see for themselves
    keras = any(need.case.trainer is None for need in needs)
    accelerator = check_backend(options.backend, here) if keras else None
    datasets = {task: _dataset(task, options) for task in {need.case.task for need in needs}}
    progress = _progress(config)
    scheduler = open_scheduler(
        options, card, listen=progress.listen, root=project.root, accelerator=accelerator
    )
    scheduler.store.check_writable()
    planned = plan(
        needs,
        options,
        datasets,
        stored=lambda wanted: scheduler.stored(wanted.spec, timed=wanted.timed) is not None,
        limits=lambda case: loss_limits(case, bounds, options),
    )
    evaluator = Evaluator(
        scheduler=scheduler,
        bounds=bounds,
        options=options,
        planned=planned,
        wait=_uncaptured(config, progress.wait),
    )
    missing = [trial.spec for trial in evaluator.missing]
    progress.total = len(missing)
    if missing:
        committed = Store(reference_folder(options.results, options.platform))
        evaluator.known = [*scheduler.store.readable(), *committed.readable()]
        progress.left_after = Remaining(missing, evaluator.known).after
    return evaluator


def _dataset(task: str, options: Options) -> Dataset:
    if options.tier == "smoke":
        return data.sample(task)
    return data.find(task, data_dir=options.data_dir, offline=options.offline)


def _progress(config: pytest.Config) -> Progress:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:
        return Progress(verbosity=-2)
    writer = config.get_terminal_writer()
    line = DotLine(reporter, writer)
    return Progress(
        line,
        live=reporter.isatty and writer.hasmarkup,
        verbosity=config.get_verbosity(),
        leave=line.leave,
        resume=line.resume,
    )


def _uncaptured(
    config: pytest.Config, wait: Callable[[Future[Record]], Record]
) -> Callable[[Future[Record]], Record]:
    """Return ``wait`` with pytest's capture suspended, so that its progress is seen."""
    capture = config.pluginmanager.get_plugin("capturemanager")

    def uncaptured(future: Future[Record]) -> Record:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            return wait(future)

    return uncaptured


@pytest.fixture
def evaluator(request: pytest.FixtureRequest) -> Evaluator:
    """Get records and verdicts; ``@pytest.mark.needs`` says which trials a test needs."""
    _, request.node.user_properties = parted(request.node.user_properties)  # a rerun adds its own
    return request.config.stash[EVALUATOR]


@pytest.fixture
def hold(evaluator: Evaluator, request: pytest.FixtureRequest) -> Callable[[Case, str], None]:
    """Hold a case to its bound: ``hold(case, metric)`` passes, fails, xfails or skips the test."""

    def hold(case: Case, metric: str) -> None:
        __tracebackhide__ = True
        try:
            verdict = evaluator.verdict(case, metric)
        except UserError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        judged = Judged(case=case.name, records=verdict.records, verdict=verdict)
        request.node.user_properties += to_properties(judged)
        message = f"{case.name} {metric}: {verdict.outcome}: {verdict.reason}"
        if verdict.outcome == "not comparable":
            pytest.skip(message)
        if verdict.outcome == "undecided" and not undecided_fails(request.config):
            pytest.xfail(message)
        if not verdict.passed:
            pytest.fail(message.replace("; ", "\n  "), pytrace=False)

    return hold


@pytest.fixture
def times(evaluator: Evaluator, request: pytest.FixtureRequest) -> Callable[[Case], list[Record]]:
    """Get the records of a case, trained or built alone on this machine."""

    def times(case: Case) -> list[Record]:
        __tracebackhide__ = True
        if evaluator.options.log or (evaluator.options.jobs or 1) > 1:
            option = "--tensorboard" if evaluator.options.log else "--jobs"
            pytest.skip(f"{case.name}: with {option} nothing is timed")
        if evaluator.options.stop_after:
            pytest.skip(f"{case.name}: nothing is timed in the quick tier")
        try:
            records = evaluator.records(case, timed=True)
        except UserError as error:
            raise pytest.fail.Exception(str(error), pytrace=False) from None
        judged = Judged(case=case.name, records=tuple(record.key for record in records))
        request.node.user_properties += to_properties(judged)
        return records

    return times


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the cost of seeds that were requested ahead, and what an engine lost."""
    evaluator = config.stash.get(EVALUATOR, None)
    if evaluator is None or config.get_verbosity() < -1:
        return
    engine = evaluator.scheduler.engine
    for line in filter(None, (evaluator.speculation, engine.words if engine else "")):
        terminalreporter.write_line(line)


def pytest_keyboard_interrupt() -> None:
    """Note the first Ctrl-C: a second one kills the trials that have not ended by then."""
    ending.set()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the trials that still run; each leaves its record."""
    if evaluator := config.stash.get(EVALUATOR, None):
        evaluator.scheduler.close()
    if signals := config.stash.get(SIGNALS, None):
        signals.close()


def _reopen(config: pytest.Config) -> None:
    """Open closed streams again: pytest's capture closes them, and its end flushes one."""
    if capture := config.pluginmanager.get_plugin("capturemanager"):
        capture.stop_global_capturing()
    prepare_streams()


def _uses_bench(item: Any) -> bool:
    """Return whether an item uses the evaluator and is not marked as skipped."""
    return "evaluator" in getattr(item, "fixturenames", ()) and not item.get_closest_marker("skip")


def _needs(item: Any) -> list[Need]:
    mark = item.get_closest_marker("needs")
    known = dict(mark.kwargs) if mark else {}
    cases = known.pop("cases", None) or [item.callspec.params["case"]]
    return [Need(case=case, **known) for case in cases]
