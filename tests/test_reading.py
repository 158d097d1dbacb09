"""Damaged, hostile and mistaken files: refused with a UserError, whatever reads them."""

from __future__ import annotations

import base64
import json
import os
import random
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from records import PROJECT, make_record

from bench.cases import CASES
from fitting_room.errors import UserError
from fitting_room.metrics import METRICS
from fitting_room.project import FILE, read_project
from fitting_room.reading import DEEPEST, below, read_bytes, read_toml
from fitting_room.record import Confidence, Mistake
from fitting_room.store.bounds import line_of, read_bounds, smoke_line
from fitting_room.store.claims import read_published
from fitting_room.store.records import Models, Store, encoded, read_record, read_speeds
from fitting_room.studies import read_document
from fitting_room.studies.gate import Variants
from fitting_room.studies.gate_page import COST, SECONDS, VARIANTS, Costs, Seconds
from fitting_room.studies.gate_simulation import SIMULATION, Simulation
from fitting_room.studies.noise import Crossed, Times
from fitting_room.studies.search import read_log, read_study

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
SURE = Confidence(
    images=(0, 4),
    right=(0, 3),
    mean=(0.0, 0.75),
    first=((0.1,) * 10,),
    mistakes=(Mistake(image=1, predicted=3, probability=0.9),),
)
RECORD = replace(make_record(), confidence=SURE)
BOMB = base64.b64encode(zlib.compress(bytes(2**26), 9)).decode()


def changed(value: object, *keys: str | int) -> bytes:
    """Return the file of a record with the value of one key changed."""
    content: Any = msgspec.json.decode(encoded(RECORD))
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return json.dumps(content).encode()


WRONG = {
    "not UTF-8": (b'{"schema": 1, "key": "\xe9\xff"}', "not UTF-8"),
    "deep": (b'{"schema": 1, "machine": ' + b"[" * 100_000, "record: "),
    "byte-order mark": (b"\xef\xbb\xbf" + encoded(RECORD), ":1: .* byte-order mark. Save it"),
    "cut off": (encoded(RECORD)[:900], "truncated"),
    "malformed": (b'{"schema": 1,\n"key": }', r"malformed: invalid character \(line 2\)"),
    "digits": (changed(1, "seconds", "total").replace(b"1}", b"9" * 401 + b"}"), "out of range"),
    "name upwards": (changed("../../x", "spec", "case", "architecture"), "of letters, digits"),
    "task upwards": (changed("..", "spec", "case", "task"), r"at `\$.spec.case.task`"),
    "variant upwards": (changed("a/b", "spec", "case", "variant"), "of letters, digits"),
    "key upwards": (changed("../x", "key"), "of letters, digits"),
    "key with a line": (changed("x\n", "key"), "of letters, digits"),
    "data set upwards": (changed("../x", "spec", "dataset", "name"), "of letters, digits"),
    "unknown task": (changed("mnits", "spec", "case", "task"), "Did you mean 'mnist'"),
    "no date": (changed("2026-02-30T00:00:00+00:00", "started"), "date of ISO 8601"),
    "negative seconds": (changed(-1.0, "seconds", "total"), ">= 0.0"),
    "no seconds": (changed(0.0, "epochs", 0, "seconds"), "> 0.0"),
    "endless loss": (changed(1e308, "test_loss"), "<= 3.5e[+]38|<= 35000"),
    "per cent": (changed(87.5, "test_accuracy"), "<= 1.0"),
    "negative seed": (changed(-1, "spec", "seed"), ">= 0"),
    "many epochs": (changed(10**12, "spec", "epochs"), "<= 1000000"),
    "epochs out of order": (changed(7, "epochs", 0, "number"), "numbered from 1"),
    "unequal bins": (
        changed([1], "confidence", "right"),
        "images, right and mean must have one element a bin",
    ),
    "more right": (changed([0, 5], "confidence", "right"), "more images classified rightly"),
    "no images": (changed([0, 0], "confidence", "images"), "in one bin at least"),
    "few classes": (changed([[0.5]], "confidence", "first"), "not of the 10 classes"),
    "no base64": (changed("ä?", "predictions"), "do not decode"),
    "no deflate": (changed("AAAA", "predictions"), "do not decode"),
    "bomb": (changed(BOMB, "predictions"), "more than 16777216 images"),
    "class 200": (
        changed(base64.b64encode(zlib.compress(b"\xc8")).decode(), "predictions"),
        "more than the 10 classes",
    ),
}


@pytest.mark.parametrize(("content", "message"), WRONG.values(), ids=WRONG)
def test_a_record_that_no_trial_gave_is_refused(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """The message has the file, what was expected and what to do, and it is read no further."""
    path = tmp_path / "seed-000.json"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"(?s)seed-000.json.*{message}"):
        read_record(path)


def test_what_cannot_be_read_is_told_once_and_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A flipped bit costs its own record, however often the folder is read."""
    store = Store(tmp_path)
    store.put(RECORD)
    path = store.put(make_record(seed=1))
    path.write_bytes(path.read_bytes().replace(b"fashion", b"f\xe1shion"))
    assert store.readable() == store.readable() == [RECORD]
    assert capsys.readouterr().err.count("left out") == 1


def test_no_more_of_a_file_is_read_than_may_be(tmp_path: Path) -> None:
    """A size is no promise: a device has none, and never ends."""
    with pytest.raises(UserError, match="more than the 16 MiB"):
        read_bytes(Path("/dev/zero"), mend="Name a file.")
    with pytest.raises(UserError, match=r"Is a directory\. Name a file"):
        read_bytes(tmp_path, mend="Name a file.")


def test_paths_stay_under_their_root(tmp_path: Path) -> None:
    """Neither a name that leads upwards nor a link gets a file written elsewhere."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / RECORD.spec.case.name).symlink_to(tmp_path)
    upwards = replace(RECORD.spec.case, architecture="../../../x")
    store, models = Store(tmp_path / "store"), Models(tmp_path / "store", lambda *_: "")
    for record in (RECORD, replace(RECORD, spec=replace(RECORD.spec, case=upwards))):
        with pytest.raises(UserError, match="lies outside"):
            store.put(record)
        with pytest.raises(UserError, match="lies outside"):
            models.file(record.spec)
    assert below(tmp_path, "a", "b") == tmp_path / "a" / "b"
    assert not list(tmp_path.glob("*.json"))


MISTAKEN = {
    "byte-order mark": (b"\xef\xbb\xbfx = 1", ":1: it begins with a byte-order mark"),
    "not UTF-8": (b"x = '\xe9'", "not UTF-8"),
    "digits": (b"[a.b]\nx = { y = " + b"9" * 401 + b" }", r":2: \[a.b.x\] y: expected a whole num"),
    "all digits": (b"x = " + b"9" * 5000, "not valid TOML"),
    "brackets": (b"x = " + b"[" * 3000, "not valid TOML: its values lie too deep"),
    "list in list": (b"x = " + b"[" * 99 + b"]" * 99, f":1: x: tables and lists .* {DEEPEST} deep"),
    "dots": (b"x = 1\na." + b"a." * 3000 + b"a = 1", rf":2: \[a\] a: tables .* {DEEPEST} deep"),
    "nan": (b"[a]\n\nx = nan", r":3: \[a\] x: expected a finite number, and found nan"),
    "infinite": (b"x = [1, -inf]", ":1: x: expected a finite number, and found -inf"),
    "twice": (b"[a]\n[a]", ":2: this is not valid TOML"),
}


@pytest.mark.parametrize(("content", "message"), MISTAKEN.values(), ids=MISTAKEN)
def test_toml_that_cannot_be_meant_is_refused_at_its_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    """File, line and key, and what was expected there."""
    path = tmp_path / "some.toml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"some.toml.*{message}"):
        read_toml(path, mend="It holds something.")
    path.write_text("x = inf")
    assert read_toml(path, mend="", infinite=True).document == {"x": float("inf")}


STUDY = "[defaults]\nbuilder = 'models.minimal:minimal'\nrecipe = { epochs = 1 }\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base = {}\n[candidates.a]", "study.toml:1: base: expected text .* found a table of 0"),
        ("title = 3\n[candidates.a]", "study.toml:1: title: expected text in quotes, and found 3"),
        (
            "[candidates.a]\nrecipe = { learning_rate = nan }",
            r"study.toml:5: \[candidates.a.recipe\] learning_rate: expected a finite number",
        ),
        ("[candidates.'a..b']", r"study.toml:4: \[candidates.a..b\]: .*without two dots in a row"),
        (
            "[candidates.a]\nvary = { " + ", ".join(f"a{i} = [1,2,3,4]" for i in range(20)) + " }",
            "study.toml:4: .* a study may have 10,000 candidates",
        ),
    ],
)
def test_a_study_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """Before anything is trained, or any combination is made."""
    lines = text.split("[candidates", 1)
    path = tmp_path / "study.toml"
    path.write_text(f"{lines[0]}{STUDY}[candidates{lines[1]}")
    with pytest.raises(UserError, match=message):
        read_study(path, "mnist")


def test_no_reference_has_endless_seeds(tmp_path: Path) -> None:
    """A test would make room for each of them."""
    path = tmp_path / "bounds.toml"
    path.write_text("[smoke]\ntest_loss = { at_most = 1, sd = 1, mean = 0.5, reason = 'r', "
                    "seeds = 1000000000000 }")  # fmt: skip
    with pytest.raises(UserError, match=r"bounds.toml:2: .* seeds = .* int <= 100000"):
        read_bounds(path, cases=CASES, metrics=METRICS)


def _bounds(path: Path) -> None:
    read_bounds(path, cases=CASES, metrics=METRICS)


def _lines(path: Path) -> None:
    line_of(path, "smoke", "test_loss")
    smoke_line(path, next(iter(CASES)), "test_loss")


def _document(kind: type[Any]) -> Callable[[Path], object]:
    return lambda path: read_document(path, kind)


def _store(path: Path) -> None:
    Store(path.parent.parent).readable()
    Store(path.parent.parent).find(path.parent.name, RECORD.key)


def _put(path: Path) -> None:
    Store(path.parent / "elsewhere").put(read_record(path))


def _model(path: Path) -> None:
    Models(path.parent / "models", lambda *_: "").file(read_record(path).spec)


def _settings(path: Path) -> None:
    (path.parent / FILE).write_bytes(path.read_bytes())
    read_project.__wrapped__(path.parent)


READERS: dict[str, tuple[Callable[[Path], object], Path | bytes]] = {
    "record": (read_record, encoded(RECORD)),
    "record kept": (_put, encoded(RECORD)),
    "record of a model": (_model, encoded(RECORD)),
    "store": (_store, encoded(RECORD)),
    "speed": (lambda path: read_speeds(path.parent), next((RESULTS / "speed").glob("*.json"))),
    "simulation": (_document(Simulation), RESULTS / SIMULATION),
    "variants": (_document(Variants), RESULTS / VARIANTS),
    "cost": (_document(Costs), RESULTS / COST),
    "seconds": (_document(Seconds), RESULTS / SECONDS),
    "crossed": (_document(Crossed), RESULTS / "noise" / "fashion_mnist-dense_128.json"),
    "times": (_document(Times), next((RESULTS / "noise").glob("*-times.json"))),
    "bounds": (_bounds, ROOT / "bench" / "bounds.toml"),
    "lines of bounds": (_lines, ROOT / "bench" / "bounds.toml"),
    "claims": (
        lambda path: read_published(path, cases=CASES, others=PROJECT.exercise_cases),
        ROOT / "bench" / "claims.toml",
    ),
    "study": (
        lambda path: read_study(path, "fashion_mnist"),
        next((RESULTS / "search").rglob("*.toml")),
    ),
    "settings": (_settings, ROOT / FILE),
    "pins": (lambda path: replace(PROJECT, pins=path).tasks, PROJECT.pins),
    "log": (read_log, RESULTS / "search" / "mnist.jsonl"),
}
"""Reader of a file → the reader, and a file that it reads or what is in one."""

HOSTILE = (
    b"\xff", b"\x00", b"\xef\xbb\xbf", b"[" * 2000, b"{" * 50, b'"', b"\n", b"../", b"null", b"nan",
    b"inf", b"-1", b"1e308", b"1e999", b"9" * 401, b"9" * 5000, b"true", b"[]", b"{}", b"=", b"a.b",
    b"1979-05-27T07:32:00Z", b"\\ud800", b"'''", b"#", b'""', b"0", b",", b"]", b"}", b"[[", b"0x1",
)  # fmt: skip
MOST_BYTES = 4_000
"""The size of a file to mutate: time is better spent on many files than on long ones."""


def shortened(content: bytes, name: str) -> bytes:
    """Return the first lines of a long log or TOML file; JSON stays whole."""
    if name in ("crossed", "simulation") or len(content) <= MOST_BYTES or content[:1] == b"{":
        lines = content.splitlines(keepends=True) if name == "log" else [content]
        return b"".join(lines[:3])
    return content[: content.rfind(b"\n[", 0, MOST_BYTES) + 1]


def mutated(content: bytes, draw: random.Random) -> bytes:
    """Return a file after one to three accidents: bits, cuts, doubled parts, hostile values."""
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(content) + 1)
        end = min(len(content), at + draw.choice((1, 4, 30, 400)))
        token = draw.choice(HOSTILE)
        match draw.randrange(6):
            case 0 if at < len(content):
                flipped = bytes([content[at] ^ 1 << draw.randrange(8)])
                content = content[:at] + flipped + content[at + 1 :]
            case 1:
                content = content[:at] + token + content[end:]
            case 2:
                content = content[:at] + token + content[at:]
            case 3:
                content = content[:end] + content[at:]
            case 4:
                content = content[:at] + content[end:]
            case _:
                content = another_value(content, token, draw)
    return content


def another_value(content: bytes, token: bytes, draw: random.Random) -> bytes:
    """Return a file with the value after one of its keys replaced."""
    sign = b"=" if content.find(b'": ') < 0 else b":"
    at = content.find(sign, draw.randrange(len(content) + 1))
    ends = [end for end in (content.find(each, at) for each in (b",", b"\n", b"}")) if end > 0]
    return content[: at + 1] + token + content[min(ends) :] if at >= 0 and ends else content


def fuzz(name: str, folder: Path, times: int, seed: int = 0) -> None:
    """Read a file that often mutated; anything but a UserError leaves with its seed and content."""
    reader, source = READERS[name]
    whole = source.read_bytes() if isinstance(source, Path) else source
    content = shortened(whole, name)
    path = folder / RECORD.spec.case.name / f"seed-000-{RECORD.key[:16]}-machine0.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    for number in range(times):
        draw = random.Random(f"{name} {seed} {number}")
        damaged = mutated(content, draw)
        path.write_bytes(damaged)
        try:
            reader(path)
        except UserError:
            pass
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}, number {number}: {damaged!r}") from error


@pytest.mark.parametrize("name", READERS)
def test_no_damage_to_a_file_ends_in_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Whatever a file holds, its reader returns or raises a UserError."""
    fuzz(name, tmp_path, int(os.environ.get("FUZZ_TIMES", "700")))
    capsys.readouterr()  # what was left out of a log or a store is told
