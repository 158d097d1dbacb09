"""The arrows between the rooms, limits of size, and what no committed file may mention."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from imports import ROOT, Import, imports_of, module_of, sources

ENGINE = "fitting_room."
FRAMEWORKS = {"keras", "tensorflow", "jax", "torch"}

VALUES = {"errors", "format", "machine", "metrics", "project", "reading", "record", "spec"}
"""Single files that every room above them may speak in."""

STORED = {"store", "judge"}
PARENT = STORED | {"analysis", "report", "lab", "data"}

ROOMS: dict[str, set[str]] = {
    **dict.fromkeys(VALUES, VALUES),
    "judge": VALUES,
    "training": VALUES,
    "data": VALUES,
    "store": VALUES | {"judge", "training"},
    "trial": VALUES | {"data", "training", "store.digest"},
    "lab": VALUES | STORED | {"data", "trial"},
    "analysis": VALUES | STORED,
    "report": VALUES | STORED | {"analysis"},
    "studies": VALUES | STORED | {"analysis", "report", "lab", "data"},
    "cli": VALUES | PARENT | {"studies"},
    "plugin": VALUES | PARENT | {"studies"},
    "entry": {"errors", "project"},
    "suites": VALUES | {"plugin"},
    "__main__": {"cli"},
}
"""Room → rooms, or single modules of rooms, that it may import besides itself."""


def room_of(module: str) -> str:
    """Return the room that a module of the engine belongs to, or ``""`` outside it."""
    return module.removeprefix(ENGINE).split(".")[0] if module.startswith(ENGINE) else ""


def within(module: str, allowed: set[str]) -> bool:
    """Whether the module is one of the allowed, or inside one."""
    name = module.removeprefix(ENGINE)
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def is_ours(module: str) -> bool:
    """Whether the module is part of this project; a relative import counts as such."""
    return module.split(".")[0] in {"", "bench", "fitting_room", "models"}


def shown(path: Path, found: Import) -> str:
    """Name an import as an editor finds it."""
    return f"{path.relative_to(ROOT)}:{found.line} imports {found.module}"


def third_party(found: Import) -> str:
    """Return the top-level package of an import, or ``""`` if it is standard or ours."""
    top = found.module.split(".")[0]
    return "" if is_ours(found.module) or top in sys.stdlib_module_names else top


def test_every_room_has_its_place_in_the_table() -> None:
    """A file of the engine belongs to a room whose arrows are written down."""
    rooms = {room_of(module_of(path)) for path in sources("bench/fitting_room")} - {""}
    assert rooms - set(ROOMS) == set()


def test_rooms_import_only_what_their_arrows_allow() -> None:
    """No file of the engine imports a part of this project that its room may not know."""
    wrong = [
        shown(path, found)
        for path in sources("bench/fitting_room")
        if (room := room_of(module_of(path)))
        for found in imports_of(path)
        if is_ours(found.module)
        and room_of(found.module) != room
        and not within(found.module, ROOMS.get(room, set()))
    ]
    assert wrong == [], "\n".join(wrong)


def test_commands_do_without_pytest() -> None:
    """``python -m bench`` imports neither the plugin nor pytest."""
    wrong = [
        shown(path, found)
        for path in [ROOT / "bench" / "__main__.py", *sources("bench/fitting_room/cli")]
        for found in imports_of(path)
        if room_of(found.module) == "plugin" or third_party(found) == "pytest"
    ]
    assert wrong == [], "\n".join(wrong)


def test_models_know_keras_and_nothing_else() -> None:
    """A file of ``models`` imports Keras, ``Recipe``, the standard library and ``models``."""
    wrong = [
        shown(path, found)
        for path in sources("models")
        for found in imports_of(path)
        if third_party(found) not in {"", "keras"}
        or room_of(found.module) not in {"", "spec", "training"}
    ]
    assert wrong == [], "\n".join(wrong)


def test_the_judge_computes_and_does_nothing_else() -> None:
    """The judge imports no package but NumPy and SciPy, whose slow parts load when first used."""
    wrong = [
        shown(path, found)
        for path in sources("bench/fitting_room/judge")
        for found in imports_of(path)
        if third_party(found) not in {"", "numpy", "scipy"} or found.module.startswith("scipy.")
    ]
    assert wrong == [], "\n".join(wrong)


def test_only_the_child_process_names_a_framework() -> None:
    """Keras and its backends are imported in ``trial``, ``training`` and what a child loads."""
    wrong = [
        shown(path, found)
        for path in sources("bench")
        if room_of(module_of(path)) not in {"trial", "training"} and not is_of_child(path)
        for found in imports_of(path)
        if third_party(found) in FRAMEWORKS
    ]
    assert wrong == [], "\n".join(wrong)


def is_of_child(path: Path) -> bool:
    """Whether a file holds what the child alone runs: trainers, and builders of variants."""
    of_child = {ROOT / "bench" / name for name in ("variants.py", "peers.py")}
    return path.parent == ROOT / "bench" / "docs" or path in of_child


def learners() -> set[str]:
    """Return the modules that load a framework when imported."""
    loads = {
        module_of(path): {found.module for found in imports_of(path) if found.on_load}
        for path in sources("bench/fitting_room", "models")
    }
    found: set[str] = set()
    while True:
        more = {name for name, wants in loads.items() if wants & (FRAMEWORKS | found)}
        if more == found:
            return found
        found = more


def test_importing_anything_else_loads_no_framework_and_opens_no_data() -> None:
    """Whatever does not train does without Keras, its backends, Dask, and files of images."""
    guides = ROOT / "bench" / "docs"
    files = [path for path in sources("bench", "models") if path.parent != guides]
    modules = {module_of(path) for path in files} - learners()
    assert modules >= {"bench.tasks", *(f"{ENGINE}{name}" for name in ("data", "lab.cluster"))}
    program = (
        "import importlib, sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: event == 'open' and opened.append(str(args[0])))\n"
        "for name in sys.argv[1:]: importlib.import_module(name)\n"
        "print([path for path in opened if '/samples/' in path or path.endswith('.npy')])\n"
        f"print(sorted({FRAMEWORKS | {'dask', 'distributed'}!r} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program, *sorted(modules)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n[]\n", "")


def test_the_engine_has_one_name() -> None:
    """Nothing imports it as a part of ``bench``: its classes would be there twice."""
    wrong = [
        shown(path, found)
        for path in sources("bench", "models", "tests")
        for found in imports_of(path)
        if found.module.startswith("bench.fitting_room")
    ]
    assert wrong == [], "\n".join(wrong)


MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40


def committed_texts() -> dict[str, str]:
    """Return name → text of every file that git holds and that is text."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    contents = {
        name: (ROOT / name).read_bytes()
        for name in listed.stdout.split("\0")
        if (ROOT / name).is_file()
    }
    return {name: data.decode() for name, data in contents.items() if b"\0" not in data}


def test_files_are_short() -> None:
    """No source file is longer than a reader holds in mind."""
    lengths = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n")
        for path in sources("bench", "models", "tests")
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_functions_are_short() -> None:
    """No function of the bench or its models is longer than a screen."""
    lengths = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in sources("bench", "models")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_no_committed_file_mentions_a_place_of_one_machine() -> None:
    """Neither this checkout's folder nor anybody's home stands in a committed file."""
    homes = r"/(?:home|Users)/\w+|/root"
    place = re.compile(rf"(?<![\w.:/-])(?:{re.escape(str(ROOT))}|{homes})(?=/)")
    wrong = {name for name, text in committed_texts().items() if place.search(text)}
    assert wrong == set()
