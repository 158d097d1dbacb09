"""The charts of a case: curves, how sure it is, and how long its epochs took."""

from __future__ import annotations

from collections.abc import Sequence

from bench.harness.disturbed import LIMIT, Chunk, chunks
from bench.harness.record import Record
from bench.harness.report.calibration import FEWEST, bins
from bench.harness.report.page.charts import Axis, Chart, Dot, Line, over


def graphs(records: Sequence[Record]) -> list[Chart]:
    """Return what can be drawn of the trained records of a case, one for each seed."""
    if not records:
        return []
    return [
        _curves(records, "accuracy", "accuracy (%)", 100),
        _curves(records, "loss", "loss (nats)", 1),
        _seconds(records),
        *([_reliability(records)] if any(record.confidence for record in records) else []),
    ]


def _curves(records: Sequence[Record], measure: str, label: str, scale: float) -> Chart:
    lines = [
        Line(kind=images, points=_points(record, f"{images}_{measure}"))
        for images in ("training", "test")
        for record in records
    ]
    dots = [
        Dot(
            kind=line.kind,
            x=x,
            y=y,
            told=f"seed {record.spec.seed}, epoch {x}: {line.kind} {measure} {scale * y:.4g}",
        )
        for line, record in zip(lines, [*records, *records], strict=True)
        for x, y in line.points
    ]
    return Chart(
        title=f"{measure.capitalize()} per epoch, one line a seed",
        x=over([dot.x for dot in dots], "epoch", whole=True),
        y=over([dot.y for dot in dots], label, scale=scale),
        lines=lines,
        dots=dots,
        key=[("test", "test, after the epoch"), ("training", "training, mean over the epoch")],
    )


def _points(record: Record, metric: str) -> list[tuple[int, float]]:
    pairs = ((epoch.number, getattr(epoch, metric)) for epoch in record.epochs)
    return [(number, value) for number, value in pairs if value is not None]


def _seconds(records: Sequence[Record]) -> Chart:
    found = chunks(records)
    dots = [
        Dot(kind=_kind(chunk), x=place, y=chunk.epoch.seconds, told=_told(chunk))
        for place, chunk in enumerate(found, start=1)
    ]
    return Chart(
        title="Seconds per epoch over the run, seed after seed",
        x=over([dot.x for dot in dots], "epochs of all seeds in order", whole=True),
        y=over([dot.y for dot in dots], "seconds", zero=True),
        dots=dots,
        key=[
            ("dot", "one epoch"),
            ("disturbed", f"disturbed: over {LIMIT} × the least wall / CPU time"),
            ("tracing", "first of a seed, with tracing"),
        ],
    )


def _kind(chunk: Chunk) -> str:
    return "tracing" if chunk.tracing else "disturbed" if chunk.disturbed else "dot"


def _told(chunk: Chunk) -> str:
    epoch = chunk.epoch
    return (
        f"seed {chunk.seed}, epoch {epoch.number}: {epoch.seconds:.3g} s, "
        f"{epoch.cpu_seconds:.3g} s of CPU time"
    )


def _reliability(records: Sequence[Record]) -> Chart:
    dots = [
        Dot(
            kind="dot",
            x=each.sure,
            y=each.right,
            told=f"seed {record.spec.seed}: of {each.images} images at {100 * each.sure:.1f} % "
            f"{100 * each.right:.1f} % right",
        )
        for record in records
        if record.confidence
        for each in bins(record.confidence)
    ]
    whole = {"low": 0.0, "high": 1.0, "scale": 100.0}
    return Chart(
        title="As sure as right? One dot for each seed and bin",
        x=Axis(label="probability given to the class predicted (%)", **whole),  # type: ignore[arg-type]
        y=Axis(label="classified rightly (%)", **whole),  # type: ignore[arg-type]
        lines=[Line(kind="ideal", points=[(0, 0), (1, 1)])],
        dots=dots,
        key=[("dot", f"a bin of {FEWEST} images or more"), ("ideal", "as sure as right")],
    )
