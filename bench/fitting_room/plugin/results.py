"""The end of a run: gather the verdicts of its tests, print them, write them, annotate them."""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fitting_room.analysis.audit import claims_in
from fitting_room.data import held
from fitting_room.errors import UserError, unwritten
from fitting_room.metrics import UNTRAINED
from fitting_room.plugin.options import log_folder, option, platform, project_of, results_folder
from fitting_room.record import now
from fitting_room.report.progress import Screen
from fitting_room.report.summary import (
    TALLY,
    Judged,
    Summary,
    append_summary,
    from_properties,
    in_order,
    parted,
    shown,
    verdict_lines,
    workflow_commands,
    write_summary,
)
from fitting_room.store.bounds import line_of, smoke_line, table_of
from fitting_room.store.records import Store
from fitting_room.studies import write_document
from fitting_room.studies.speed import TIMELINE, Timeline

UNREPORTED = 6
"""Exit status of a run whose tests passed and whose report is lost; pytest's own end at 5."""


class Results:
    """Collects the report of every test, also from xdist's workers, in the process that prints."""

    def __init__(self, config: pytest.Config, fresh: str | None) -> None:
        """Start empty; ``fresh`` is the id of the run if only its own records count."""
        self._config = config
        self._fresh = fresh
        self._reports: dict[str, tuple[bool, dict[str, object]]] = {}
        """Test → whether it failed, and its properties; if it ran several times, the last ones."""
        self._unreported = False
        self._began = now()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep a test's properties, before the writer of JUnit XML sees them."""
        if report.when == "setup":
            self._reports.pop(report.nodeid, None)
        if report.when == "call":
            self._reports[report.nodeid] = (report.failed, dict(report.user_properties))
        if self._strict_report():
            _, report.user_properties = parted(report.user_properties)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Add the verdicts to the suite in JUnit XML, before it is written.

        A green run gets an exit status of its own if its report was lost.
        """
        if xml := self._strict_report():
            for test, (_, properties) in self._reports.items():
                for name, value in parted([*properties.items()])[0]:
                    xml.add_global_property(f"{test.rpartition('::')[2]}.{name}", value)
        yield
        if lost := unwritten():
            print(f"fitting room: {lost}", file=sys.stderr)
        if (lost or self._unreported) and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = UNREPORTED

    def _strict_report(self) -> Any:
        """Return pytest's writer of JUnit XML, if there is one and it must obey the schema."""
        plugins = self._config.pluginmanager.get_plugins()
        strict = (each for each in plugins if getattr(each, "family", "") == "xunit2")
        return next((each for each in strict if hasattr(each, "add_global_property")), None)

    def _found(self) -> tuple[list[Judged], int]:
        """Return what tests said of cases, and how many failed without a verdict."""
        told = self._config.getoption("tbstyle") != "no"
        found = [(failed, from_properties(each.items())) for failed, each in self._reports.values()]
        judged = [replace(one, explained=failed and told) for failed, one in found if one]
        return judged, sum(failed and not (one and one.verdict) for failed, one in found)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print verdicts and tables, and write them under the results folder."""
        config, writer, reporting = self._config, self._config.get_terminal_writer(), now()
        verbosity = config.get_verbosity()
        screen = Screen(width=writer.fullwidth, mark=writer.markup, verbosity=verbosity)
        for _, said in self._reports.values():
            if TALLY in said and verbosity > -2:
                terminalreporter.write_line(screen.folded(str(said[TALLY])))
        judged, unjudged = self._found()
        if not judged:
            return
        try:
            summary = self._write(judged)
            lines = [shown(summary, screen, unjudged=unjudged)] if verbosity > -2 else []
            if lines and (log := log_folder(config)):
                lines.append(f"Logs: tensorboard --logdir {log}")
            annotations = self._write_github(summary)
        except Exception as error:
            self._unreported = True
            ordered = in_order(judged)
            by_case = {one.case: [e for e in ordered if e.case == one.case] for one in ordered}
            lines = [*verdict_lines(by_case, screen, unjudged=unjudged), *_without_report(error)]
            annotations = []
        if lines:
            terminalreporter.section("fitting room")
        for line in [*lines, *annotations]:
            terminalreporter.write_line(line)
        if not self._unreported:
            self._keep_timeline(reporting)

    def _keep_timeline(self, reporting: str) -> None:
        tier, folder = option(self._config, "tier"), results_folder(self._config)
        told = Timeline(tier=tier, began=self._began, reporting=reporting, ended=now())
        with suppress(UserError):  # a disk that is full by now costs no verdict
            write_document(folder / TIMELINE, told)

    def _write(self, judged: list[Judged]) -> Summary:
        from fitting_room.report.page import write_page  # only now it waits for Jinja

        config, project = self._config, project_of(self._config)
        folder = results_folder(config)
        store = Store((log_folder(config) or folder) / "trials", self._fresh)
        claims = claims_in(project.claims, project).figures
        summary = write_summary(judged, project.cases, claims, store, folder / "latest")
        page = write_page(
            folder / "latest" / "report.html",
            summary.rows,
            summary.records,
            run=f"A run of the {option(config, 'tier')} tier",
            test_sets=held(record.spec.dataset for record in summary.records),
            inspected=folder / "inspect",
        )
        return replace(summary, page=page)

    def _write_github(self, summary: Summary) -> list[str]:
        """Write the job summary, and return the annotations; nothing outside GitHub Actions."""
        if os.environ.get("GITHUB_ACTIONS") != "true":
            return []
        if target := os.environ.get("GITHUB_STEP_SUMMARY"):
            append_summary(Path(target), summary.paths[0].read_text("utf-8"))
        bounds = project_of(self._config).bounds
        on_sample = option(self._config, "tier") == "smoke"

        def line(case: str, metric: str) -> int:
            if on_sample and metric not in UNTRAINED:
                return smoke_line(bounds, case, metric)
            return line_of(bounds, table_of(case, platform(self._config), metric), metric)

        checkout = os.environ.get("GITHUB_WORKSPACE", self._config.rootpath)
        judged = [one for each in summary.judged.values() for one in each]
        return workflow_commands(judged, os.path.relpath(bounds, checkout), line)


def _without_report(error: Exception) -> list[str]:
    """Say why there is no report, and what to do."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    found = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return [
        f"The report could not be written: {error if isinstance(error, UserError) else found}",
        f"The verdicts above stand. Exit status {UNREPORTED} says this where all tests passed; "
        "run the same again for the report: nothing is trained twice.",
    ]


BENCHMARK_NAME, BENCHMARK_COLUMN = 55, 23
"""Columns of a terminal that pytest-benchmark's tables take: name and rounds, each statistic."""

COLUMNS = ["min", "median", "max", "iqr", "rounds"]
"""The statistics that this project's settings name; a choice of the user is left alone."""

MOST_TELLING = ("median", "min", "max", "iqr")


def fit_benchmark_tables(config: Any) -> None:
    """Leave out statistics that a narrow terminal would fold."""
    if getattr(config.option, "benchmark_columns", None) != COLUMNS:
        return
    width = shutil.get_terminal_size().columns  # pytest's own writer is not there yet
    room = (width - BENCHMARK_NAME) // BENCHMARK_COLUMN
    kept = MOST_TELLING[: max(1, room)]
    config.option.benchmark_columns = [
        name for name in COLUMNS if name in kept or name not in MOST_TELLING
    ]


class DotLine:
    """Writes beside pytest's terminal reporter without confusing its count of columns."""

    def __init__(self, reporter: Any, writer: Any) -> None:
        self._reporter = reporter
        self._writer = writer
        self._begun: Any = None

    @property
    def fullwidth(self) -> int:
        """Columns of the terminal."""
        return int(self._writer.fullwidth)

    def write(self, msg: str, *, flush: bool = False) -> None:
        """Write text as it is; pytest's capture must be suspended."""
        print(msg, end="", flush=flush)

    def leave(self) -> None:
        """End the reporter's line, if it has begun one."""
        sys.stdout.flush()
        self._begun = self._reporter.currentfspath
        self._reporter.ensure_newline()
        if self._writer.width_of_current_line:  # with -q it writes dots without a file's name
            self._writer.line()

    def resume(self) -> None:
        """Begin that line again: with the file, or with the test if pytest is verbose."""
        if isinstance(self._begun, Path):
            name = os.path.relpath(self._begun, self._reporter.startpath)
            self._writer.write(f"{name} ", flush=True)
        elif isinstance(self._begun, str):
            self._writer.write(self._begun, flush=True)
        else:
            return
        self._reporter.currentfspath = self._begun
