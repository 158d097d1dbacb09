"""``compare --update-reference``: head's records become the reference, in plain sight."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.commands.calibrate import published
from bench.harness.errors import UserError
from bench.harness.record import Record
from bench.harness.report.comparison.side import Facts
from bench.harness.report.comparison.verdicts import Comparison
from bench.harness.report.readme import difference
from bench.harness.report.trials import publishable
from bench.harness.store.records import Store

FEWEST = 2
"""Seeds of a reference: one tells nothing of the scatter."""


def update_reference(found: Comparison, folder: Path) -> None:
    """Make head's records the reference of their cases; print what changes.

    New files are written before old ones go, so that an interruption loses nothing.

    Raises:
        UserError: Head has no records, or some that may be no reference; nothing is changed then.
    """
    store = Store(folder)
    compared = {head.case for _, head in found.pairs.pairs} | set(found.pairs.appeared)
    missing = {case for case, _ in found.pairs.missing}
    chosen = [f for f in found.head.facts.values() if f.case in compared | missing]
    _check(chosen, found)
    before = _listing(list(store.all()))
    for facts in chosen:
        _replace(facts, store)
    print(difference(before, _listing(list(store.all())), file=str(folder)) or "Nothing to update.")
    print("Review this with `git diff` before you commit it: bounds and tables rest on it.")


def _check(chosen: Sequence[Facts], found: Comparison) -> None:
    if not any(facts.records for facts in chosen):
        raise UserError(
            f"{found.head.told} has no records to be a reference. Name a commit or a folder."
        )
    for facts in chosen:
        if len(facts.records) < FEWEST:
            raise UserError(
                f"{facts.case} has {len(facts.records)} seed; a reference needs {FEWEST} at least. "
                "Add --train, or choose others with --case."
            )
        if not all(publishable(record) for record in facts.records):
            raise UserError(
                f"{facts.case} was trained on the sample or with other epochs than its recipe's: "
                "that is no reference. Choose others with --case."
            )


def _replace(facts: Facts, store: Store) -> None:
    kept = {store.put(published(record, alone=True)) for record in facts.records}
    for path in (store.root / facts.case).glob("seed-*.json"):
        if path not in kept:
            path.unlink()


def _listing(records: Sequence[Record]) -> str:
    """Return one line a record, as a person reviews them."""
    return "\n".join(
        f"{record.spec.case.name} seed {record.spec.seed}: {_figures(record)}, "
        f"{record.outcome}, key {record.key[:12]}"
        for record in records
    )


def _figures(record: Record) -> str:
    accuracy, loss = record.test_accuracy, record.test_loss
    if accuracy is None or loss is None:
        return "no score"
    return f"test accuracy {100 * accuracy:.2f} %, test loss {loss:.4f}"
