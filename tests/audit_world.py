"""Claims files, and synthetic records that decide them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from records import make_record

from bench.cases import CASES
from fitting_room.analysis.audit import Finding, audit
from fitting_room.record import Record
from fitting_room.store.claims import read_published
from fitting_room.store.records import Speed

DENSE, CNN, WIDE = (f"fashion_mnist-{name}" for name in ("dense_128", "cnn_64", "cnn_32"))
SOURCE = 'source = "book"'
SCATTER = (-0.002, -0.001, 0.0, 0.001, 0.002, 0.0)


def judged(
    folder: Path, claims: str, *records: Record, speeds: Sequence[Speed] = ()
) -> list[Finding]:
    """Return the findings on the claims of a file."""
    return audit(read_published(written(folder, claims), cases=CASES), records, speeds)


def written(folder: Path, claims: str) -> Path:
    """Write a file of claims by one book, and return it."""
    path = folder / "claims.toml"
    path.write_text(f'[sources]\nbook = "A. Author, Book, 1999"\n{claims}', encoding="utf-8")
    return path


def seeds(case: str, mean: float, **known: object) -> list[Record]:
    """Return six records that scatter about a mean."""
    return [
        make_record(case=case, seed=n, test_accuracy=mean + off, **known)  # type: ignore[arg-type]
        for n, off in enumerate(SCATTER)
    ]


def plain(case: str, *seconds: float, images: int = 15_000, **known: object) -> Speed:
    """Return the times of a plain fit, one a pair, each twice as long as the bench's own."""
    made = make_record(case=case, **known)  # type: ignore[arg-type]
    assert made.machine
    return Speed(
        spec=made.spec,
        started=made.started,
        provenance=made.provenance,
        machine=made.machine,
        images=images,
        ours=tuple(each / 2 for each in seconds),
        plain=seconds,
    )


def figure(printed: str, value: float, metric: str = "test_accuracy", more: str = "") -> str:
    """Return a claim on the dense baseline."""
    return f'[{DENSE}.{metric}]\npublished = "{printed}"\nvalue = {value}\n{SOURCE}\n{more}\n'


def further(printed: str, value: float, metric: str = "test_accuracy") -> str:
    """Return another figure of the dense baseline, which stands in the text beside the table."""
    told = f'said = "baseline"\ncase = "{DENSE}"\nmetric = "{metric}"\n{SOURCE}\n'
    return f'[claims.text]\nkind = "figure"\n{told}published = "{printed}"\nvalue = {value}\n'


def statement(kind: str, metric: str, body: str) -> str:
    """Return a statement."""
    return f'[claims.it]\nkind = "{kind}"\nsaid = "it"\nmetric = "{metric}"\n{SOURCE}\n{body}\n'


def curves(*shape: float) -> list[Record]:
    """Return six seeds of the baseline whose training accuracy has that shape."""
    return [
        make_record(seed=n, training_accuracy=[x + off / 10 for x in shape])
        for n, off in enumerate(SCATTER)
    ]
