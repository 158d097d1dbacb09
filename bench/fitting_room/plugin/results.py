"""What the tests of a run said, gathered where it ends: shown, written, annotated."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fitting_room.analysis.audit import claims_in
from fitting_room.data.finding import held
from fitting_room.errors import UserError
from fitting_room.metrics import UNTRAINED
from fitting_room.plugin.options import (
    log_folder,
    option,
    project_of,
    records_folder,
    results_folder,
)
from fitting_room.record import Record
from fitting_room.report.ci import (
    TALLY,
    Judged,
    Properties,
    append_summary,
    from_properties,
    parted,
    strict_report,
    to_suite,
    workflow_commands,
)
from fitting_room.report.files import Summary, shown, write_summary
from fitting_room.report.progress import Screen
from fitting_room.report.verdicts import in_order, verdict_lines
from fitting_room.store.bounds import line_of, smoke_line
from fitting_room.store.records import Store
from fitting_room.surroundings import unwritten

UNREPORTED = 6
"""Exit status of a run whose tests passed and whose report is lost; pytest's own end at 5."""


class Results:
    """Hears every test's report in the process that prints, be it of a worker of xdist."""

    def __init__(self, config: pytest.Config, fresh: str | None) -> None:
        """Begin with nothing said; ``fresh`` is the id of the run where its own records count."""
        self._config = config
        self._fresh = fresh
        self._judged: dict[str, Judged] = {}
        self._unjudged: set[str] = set()
        self._tallies: dict[str, str] = {}
        self._properties: dict[str, Properties] = {}
        """All four by the id of the test, of which the last of several runs counts."""
        self._unreported = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a test said, before the writer of JUnit XML sees its properties."""
        if report.when == "setup":
            self._forget(report.nodeid)
        if report.when == "call":
            self._hear(report)
        if self._strict_report():
            ours, report.user_properties = parted(report.user_properties)
            self._properties[report.nodeid] = list(dict(ours).items())

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Give the suite in JUnit XML what its tests said, before it is written.

        Afterwards a run that was green, and whose report is lost, gets an exit status of its own.
        """
        if xml := self._strict_report():
            for test, properties in self._properties.items():
                to_suite(xml, test.rpartition("::")[2], properties)
        yield
        if lost := unwritten():
            print(f"fitting room: {lost}", file=sys.stderr)
        if (lost or self._unreported) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = UNREPORTED

    def _strict_report(self) -> Any:
        return strict_report(self._config.pluginmanager.get_plugins())

    def _forget(self, test: str) -> None:
        """Drop what a test said before, as where one that failed is run again."""
        self._judged.pop(test, None)
        self._tallies.pop(test, None)
        self._unjudged.discard(test)

    def _hear(self, report: pytest.TestReport) -> None:
        said = dict(report.user_properties)
        found = from_properties(said.items())
        if found:
            told = report.failed and self._config.getoption("tbstyle") != "no"
            self._judged[report.nodeid] = replace(found, explained=told)
        if report.failed and not (found and found.verdict):
            self._unjudged.add(report.nodeid)
        if TALLY in said:
            self._tallies[report.nodeid] = str(said[TALLY])

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print verdicts and tables, and write them under the results folder."""
        self._show_tallies(terminalreporter)
        if not self._judged:
            return
        try:
            self._report(terminalreporter)
        except Exception as error:
            self._unreported = True
            self._say_verdicts(terminalreporter, error)

    def _say_verdicts(self, terminalreporter: Any, error: Exception) -> None:
        """Print what was found, and in a line of its own why there is no report of it."""
        ordered = in_order(list(self._judged.values()))
        by_case = {one.case: [each for each in ordered if each.case == one.case] for one in ordered}
        screen = Screen(width=self._config.get_terminal_writer().fullwidth)
        terminalreporter.section("fitting room")
        for line in verdict_lines(by_case, screen, unjudged=len(self._unjudged)):
            terminalreporter.write_line(line)
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        said = str(error) if isinstance(error, UserError) else found
        terminalreporter.write_line(f"The report could not be written: {said}")
        terminalreporter.write_line(
            f"The verdicts above stand. Exit status {UNREPORTED} says this where all tests passed; "
            "run the same again for the report: nothing is trained twice."
        )

    def _report(self, terminalreporter: Any) -> None:
        summary = self._write()
        config, writer = self._config, self._config.get_terminal_writer()
        if config.get_verbosity() > -2:
            screen = Screen(
                width=writer.fullwidth, mark=writer.markup, verbosity=config.get_verbosity()
            )
            terminalreporter.section("fitting room")
            terminalreporter.write_line(shown(summary, screen, unjudged=len(self._unjudged)))
            if log := log_folder(config):
                terminalreporter.write_line(f"Logs: tensorboard --logdir {log}")
        if os.environ.get("GITHUB_ACTIONS") == "true":
            for line in self._tell_github(summary):
                terminalreporter.write_line(line)

    def _show_tallies(self, terminalreporter: Any) -> None:
        if self._config.get_verbosity() > -2:
            screen = Screen(width=self._config.get_terminal_writer().fullwidth)
            for text in self._tallies.values():
                terminalreporter.write_line(screen.folded(text))

    def _write(self) -> Summary:
        config = self._config
        project = project_of(config)
        cases, claims = project.cases, claims_in(project.claims, project).figures
        store = Store(records_folder(config), self._fresh)
        folder = results_folder(config) / "latest"
        return _with_page(
            write_summary(list(self._judged.values()), cases, claims, store, folder), folder
        )

    def _tell_github(self, summary: Summary) -> list[str]:
        """Write the job summary, and return the annotations."""
        if target := os.environ.get("GITHUB_STEP_SUMMARY"):
            append_summary(Path(target), summary.paths[0].read_text("utf-8"))
        bounds = project_of(self._config).bounds
        on_sample = option(self._config, "tier") == "smoke"

        def line(case: str, metric: str) -> int:
            if on_sample and metric not in UNTRAINED:
                return smoke_line(bounds, case, metric)
            return line_of(bounds, case, metric)

        checkout = os.environ.get("GITHUB_WORKSPACE", self._config.rootpath)
        judged = [one for each in summary.judged.values() for one in each]
        return workflow_commands(judged, os.path.relpath(bounds, checkout), line)


def _with_page(summary: Summary, folder: Path) -> Summary:
    """Write the report page beside the other files of a summary."""
    from fitting_room.report.page.writing import write_page  # only a run that ends waits for Jinja

    test_sets = held(record.spec.dataset for record in summary.records)
    page = write_page(
        folder / "report.html",
        summary.rows,
        summary.records,
        test_sets=test_sets,
        inspected=folder.parent / "inspect",
    )
    return replace(summary, page=page)


def extra_info(records: Sequence[Record]) -> dict[str, object]:
    """Return what else is known of timed records, in plain types, averaged over seeds."""
    size = records[0].size
    found: dict[str, object] = {"seeds": len(records), "records": [r.key for r in records]}
    if size:
        found |= {"parameters": size.parameters, "flops_per_image": size.flops_per_image}
    for name in ("test_accuracy", "test_loss", "peak_memory_bytes"):
        values = [value for r in records if (value := getattr(r, name)) is not None]
        if values:
            found[name] = sum(values) / len(values)
    return found


class ReplayClock:
    """A timer that advances by recorded durations instead of by time.

    Give it to a test as ``@pytest.mark.benchmark(timer=clock)``.
    """

    def __init__(self) -> None:
        self._now = 0.0

    def __call__(self) -> float:
        """Return the replayed time, in seconds."""
        return self._now

    def replay(self, benchmark: Any, seconds: Sequence[float], extra: Mapping[str, object]) -> None:
        """Record each of ``seconds`` as one round of ``benchmark``, and ``extra`` beside them."""
        remaining = iter(seconds)

        def advance() -> None:
            self._now += next(remaining)

        benchmark.pedantic(advance, rounds=len(seconds), iterations=1)
        benchmark.extra_info.update(extra)
