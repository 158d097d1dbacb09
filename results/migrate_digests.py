"""Give committed records the digests that go by content: run once, kept with its commit.

Before this commit the names of modules were in a digest, so that moving a function retired every
record it had made. For each case this program computes the old and the new digest of the very same
sources. A file with any other digest was made by other code: it is refused and left as it is.
In all others the hexadecimal digits of digests and keys are replaced, and nothing else: every other
value is compared before and after. ``python results/migrate_digests.py``, from the root.
"""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from bench.cases import CASES
from bench.commands import noise
from bench.exercises import EXERCISE_CASES
from bench.harness import data
from bench.harness.lab.options import Options
from bench.harness.lab.plan import specify
from bench.harness.record import Record
from bench.harness.store import key as new
from bench.variants import CRIPPLED

BEFORE = "HEAD"  # of the commit that this program came with: its parent
ROOT = Path.cwd()
DIGESTS = ("architecture_digest", "training_digest")


def old_module(name: str, file: str, *edits: tuple[str, str]) -> Any:
    """Return a module as it was before, with its import of another old one edited."""
    command = ["git", "show", f"{BEFORE}:{file}"]
    source = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    for edit in edits:
        source = source.replace(*edit)
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, file, "exec"), module.__dict__)
    return module


STORE = "bench/harness/store"
old_module("digest_by_place", f"{STORE}/digest.py")
old = old_module(
    "key_by_place", f"{STORE}/key.py", ("bench.harness.store.digest", "digest_by_place")
)


def digests() -> dict[str, str]:
    """Return old digest → new digest, of every architecture and every training path."""
    found: dict[str, str] = {}
    for case in (*CASES.values(), *EXERCISE_CASES.values(), *(v.case for v in CRIPPLED.values())):
        for names in ([case.builder], new.training_path(case)):
            before = old.code_digest(names, root=ROOT)
            found[before] = new.code_digest(names, root=ROOT)
    return found


def noise_keys(file: Path) -> dict[str, str]:
    """Return old key → new key of the trials of a crossed design, which have no records."""
    found: dict[str, str] = {}
    document = json.loads(file.read_bytes())
    if "samples" in document:
        case = CASES[document["case"]]
        epochs = document["epochs"] if document["epochs"] != case.recipe.epochs else None
        base = specify(case, 0, Options(epochs=epochs), data.find(case.task, offline=True))
        for spec, _ in noise._wanted(base, document["levels"]):
            before = old.quality_key(spec, old.provenance(spec, root=ROOT))
            found[before] = new.quality_key(spec, new.provenance(spec, root=ROOT))
    return found


def record_key(document: Any, known: dict[str, str]) -> dict[str, str]:
    """Return old key → new key of a record; refuse one whose key is not that of its content."""
    record = msgspec.convert(document, Record)
    origin = record.provenance
    if old.quality_key(record.spec, origin) != record.key:
        raise LookupError("its key is not that of its content")
    changed = {name: known[getattr(origin, name)] for name in DIGESTS}
    return {record.key: new.quality_key(record.spec, replace(origin, **changed))}


def values(document: Any, forget: dict[str, str]) -> Any:
    """Return a document without the strings that are replaced."""
    text = json.dumps(document, sort_keys=True)
    for digits in {*forget, *forget.values()}:
        text = text.replace(digits, "")
    return text


def migrate(file: Path, known: dict[str, str]) -> str:
    """Replace digests and keys of one file; return what became of it."""
    text = file.read_text(encoding="utf-8")
    document = json.loads(text)
    origins = [document.get("provenance"), document.get("origin", {}).get("provenance")]
    present = {origin[name] for origin in origins if origin for name in DIGESTS}
    if not present:
        return "has no digest"
    if not present <= {*known}:
        return "REFUSED: made by other code than this"
    changes = {digest: known[digest] for digest in present}
    try:
        if "outcome" in document:
            changes |= record_key(document, known)
    except LookupError as error:
        return f"REFUSED: {error}"
    if file.parent.name == "noise":
        changes |= noise_keys(file)
    for before, after in changes.items():
        text = text.replace(before, after)
    if values(json.loads(text), changes) != values(document, changes):
        raise SystemExit(f"{file}: more than digits would change")
    file.write_text(text, encoding="utf-8")
    if "outcome" in document:
        (key, moved), *_ = [(k, v) for k, v in changes.items() if k == document["key"]]
        file.rename(file.with_name(file.name.replace(key[:16], moved[:16])))
    return "migrated"


def main() -> None:
    """Migrate every JSON document under results/, and say what became of them."""
    known = digests()
    done = Counter[str]()
    for file in sorted(Path("results").rglob("*.json")):
        became = migrate(file, known)
        done[f"{file.parts[1]}: {became}"] += 1
        if became.startswith("REFUSED"):
            print(file, became)
    for line, count in sorted(done.items()):
        print(f"{count:4d}  {line}")


if __name__ == "__main__":
    main()
