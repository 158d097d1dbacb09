"""Settings and provenance of a case, as pairs of a name and what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from bench.harness.disturbed import disturbance
from bench.harness.durations import in_words
from bench.harness.record import Record
from bench.harness.report import origin
from bench.harness.report.origin import SHORT, commits, machines, versions

Facts = list[tuple[str, str]]


def settings(records: Sequence[Record]) -> Facts:
    """Return what was asked for, of the last record; the others of a case were asked the same."""
    if not records:
        return []
    spec, size, resolved = records[-1].spec, records[-1].size, records[-1].resolved
    arguments = ", ".join(f"{name}={value}" for name, value in spec.case.arguments.items())
    recipe = spec.case.recipe
    return [
        ("architecture", f"{spec.case.builder}({arguments})"),
        *((_words(f.name), _told(getattr(recipe, f.name))) for f in dataclasses.fields(recipe)),
        ("backend", f"{spec.backend} on {spec.device}"),
        *(
            [
                ("precision as run", resolved.precision),
                ("XLA as run", _told(resolved.jit_compile)),
                ("threads", str(resolved.threads)),
                ("steps per epoch", f"{resolved.steps_per_epoch:,}"),
            ]
            if resolved
            else []
        ),
        *([("parameters", f"{size.parameters:,}")] if size else []),
        *([("FLOPs per image, forward", f"{size.flops_per_image:,}")] if size else []),
    ]


def provenance(records: Sequence[Record]) -> Facts:
    """Return where the records come from: every different answer once."""
    found = {
        "machine": [machines(records)],
        "versions": [versions(records)],
        "environment": [origin.settings(records) or "no setting that can change a result"],
        "commit": commits(records),
        "code of the architecture": [r.provenance.architecture_digest[:SHORT] for r in records],
        "code of the training path": [r.provenance.training_digest[:SHORT] for r in records],
        "data": [_data(record) for record in records],
        "begun": [record.started[:10] for record in records],
    }
    return [(name, "; ".join(sorted(set(told)))) for name, told in found.items()]


def trials(records: Iterable[Record]) -> list[tuple[str, ...]]:
    """Return one line for each record, whatever became of it: seed, outcome, figures, key."""
    return [
        (
            str(record.spec.seed),
            f"{record.outcome}: {record.reason}",
            "—" if record.test_accuracy is None else f"{100 * record.test_accuracy:.2f}",
            in_words(record.seconds["total"]) if "total" in record.seconds else "—",
            _company(record),
            record.key[:SHORT],
        )
        for record in sorted(records, key=lambda record: (record.spec.seed, record.started))
    ]


def _company(record: Record) -> str:
    if not record.spec.alone:
        return "with others"
    return disturbance(record) or "alone"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _told(value: object) -> str:
    if value is None:
        return "—"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _data(record: Record) -> str:
    dataset = record.spec.dataset
    return f"{dataset.name} {dataset.checksum[:SHORT]} from {dataset.source}"
