"""Digests of code: what changes them, and what does not."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from checkouts import write_files

from fitting_room.store.digest import Sources

NET = """
    import keras
    from models.blocks import block
    from models import widths

    DEPTH, WIDTH = 2, 32

    class Plan:
        filters = 3

    def net(*, units=128):
        body = [block(WIDTH) for _ in range(DEPTH)]
        return keras.Sequential([*body, units, Plan.filters, widths.HEAD])

    def other():
        return 1
"""
BLOCKS = "def block(width):\n    return keras.layers.Dense(width)\n"
FILES = {"models/net.py": NET, "models/blocks.py": BLOCKS, "models/widths.py": "HEAD = 10\n"}


def digest(root: Path, files: dict[str, str], *names: str) -> str:
    """Write the files below ``root`` and return the digest of what ``names`` name."""
    write_files(root, {name: textwrap.dedent(text) for name, text in files.items()})
    return Sources(root).digest(names or ["models.net:net"])


def changed(root: Path, file: str, old: str, new: str) -> bool:
    """Return whether the digest of ``net`` changes with ``old`` to ``new`` in one file."""
    assert FILES[file].count(old) == 1
    before = digest(root, FILES)
    return digest(root, {**FILES, file: FILES[file].replace(old, new)}) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/net.py", "units=128", "units=64"),
        ("models/net.py", "DEPTH, WIDTH = 2, 32", "DEPTH, WIDTH = 3, 32"),
        ("models/net.py", "filters = 3", "filters = 4"),
        ("models/net.py", "    def net", "    @cached\n    def net"),
        ("models/blocks.py", "Dense(width)", "Dense(width + 1)"),
        ("models/widths.py", "HEAD = 10", "HEAD = 11"),
    ],
)
def test_code_that_runs_counts(tmp_path: Path, file: str, old: str, new: str) -> None:
    """A default, a constant, a class attribute, a decorator, a callee of another file all do."""
    assert changed(tmp_path, file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/net.py", "    class Plan:", "    # a remark\n\n\n    class Plan:"),
        ("models/net.py", "        filters = 3", '        """A plan."""\n\n        filters = 3'),
        ("models/net.py", "units=128):", 'units=128):\n        """Build."""'),
        ("models/net.py", "units=128):", "units: int = 128) -> Missing:"),
        ("models/net.py", "range(DEPTH)]", "range(\n            DEPTH\n        )]"),
        ("models/net.py", "for _ in", "for i in"),
        ("models/net.py", "import keras", "import os\n    import keras"),
        ("models/net.py", "return 1", "return 2"),
        ("models/net.py", "def other", "def another():\n        return 3\n\n    def other"),
        ("models/blocks.py", "def block", "HEIGHT = 5\n\n\ndef block"),
    ],
)
def test_what_does_not_run_counts_for_nothing(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    """Comments, docstrings, annotations, layout and neighbours leave the digest alone."""
    assert not changed(tmp_path, file, old, new)


@pytest.mark.parametrize(
    "line",
    [
        "from models.blocks import block",
        "from models.blocks import block as made\nblock = made",
        "from .blocks import block",
        "from . import blocks\nblock = blocks.block",
        "import models.blocks\nblock = models.blocks.block",
        "import models.blocks as them\nblock = them.block",
        "from models.blocks import *",
        "try:\n    from models.blocks import block\nexcept ImportError:\n    raise",
        "from models.family import block",
    ],
)
def test_callee_is_followed_however_it_is_imported(tmp_path: Path, line: str) -> None:
    """No way to import a function hides a change of it, a package that hands it on included."""
    net = f"{line}\n\n\ndef net():\n    return block(3)\n"
    family = "from models.blocks import block\n"
    files = {**FILES, "models/net.py": net, "models/family/__init__.py": family}
    before = digest(tmp_path, files)
    assert (
        digest(tmp_path, {"models/blocks.py": BLOCKS.replace("(width)\n", "(2 * width)\n")})
        != before
    )


@pytest.mark.parametrize(
    "constant",
    [
        "WIDTH: int = {}",
        "WIDTH = 0\nWIDTH += {}",
        "[*_, WIDTH] = [0, {}]",
        "if True:\n    WIDTH = {}",
    ],
)
def test_constant_counts_however_it_is_bound(tmp_path: Path, constant: str) -> None:
    """An annotated, augmented, unpacked or conditional constant is found."""
    net = constant + "\n\n\ndef net():\n    return WIDTH\n"
    before = digest(tmp_path, {"models/net.py": net.format(32)})
    assert digest(tmp_path, {"models/net.py": net.format(33)}) != before


def test_variable_of_a_comprehension_is_no_constant(tmp_path: Path) -> None:
    """A name that only lives inside a comprehension is not taken for one of the module."""
    net = "TABLE = [units for units in range({})]\n\n\ndef net(units):\n    return units\n"
    before = digest(tmp_path, {"models/net.py": net.format(32)})
    assert digest(tmp_path, {"models/net.py": net.format(33)}) == before


def test_same_code_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    """Neither the folder, nor a second reading, nor the order of the names matters."""
    names = ("models.net:net", "models.net:other")
    first = digest(tmp_path / "a", FILES, *names)
    assert digest(tmp_path / "a", {}, *names) == first
    assert digest(tmp_path / "b", FILES, *reversed(names)) == first


MOVED = {
    "models/net.py": """
        import keras as k
        import models.widths as sizes
        from models.parts.stacking import CONV_WIDTH, DEPTH, Widths, stacked

        def network(*, units=128):
            "Build it."
            layers = [stacked(CONV_WIDTH) for number in range(DEPTH)]
            return k.Sequential([*layers, units, Widths.filters, sizes.HEAD])  # as ever
    """,
    "models/parts/stacking.py": """
        import keras

        DEPTH, CONV_WIDTH = 2, 32

        class Widths:
            filters = 3

        def stacked(width):
            return keras.layers.Dense(width)
    """,
    "models/widths.py": "HEAD = 10\n",
}


def test_what_is_moved_and_renamed_keeps_its_digest(tmp_path: Path) -> None:
    """Modules, functions, classes, constants, local variables and aliases have no say in it."""
    net = NET.replace("DEPTH, WIDTH = 2, 32", "")
    net = net.replace("import keras", "import keras\n    from models.sizes import DEPTH, WIDTH")
    plain = {
        "models/net.py": net,
        "models/sizes.py": "DEPTH, WIDTH = 2, 32\n",
        "models/blocks.py": f"import keras\n\n\n{BLOCKS}",
        "models/widths.py": "HEAD = 10\n",
    }
    assert digest(tmp_path / "a", plain) == digest(tmp_path / "b", MOVED, "models.net:network")


def test_variable_that_hides_a_constant_does_not_hide_its_change(tmp_path: Path) -> None:
    """A method that binds the name of a constant leaves its neighbour's use of it in the digest."""
    net = """
        WIDTH = {}

        class net:
            def one(self):
                WIDTH = 1
                return WIDTH

            def other(self):
                return WIDTH
    """
    before = digest(tmp_path, {"models/net.py": net.format(32)})
    assert digest(tmp_path, {"models/net.py": net.format(33)}) != before


def test_other_function_of_another_library_counts(tmp_path: Path) -> None:
    """The same name from elsewhere is another thing."""
    net = "from {} import relu\n\n\ndef net():\n    return relu\n"
    before = digest(tmp_path, {"models/net.py": net.format("keras.ops")})
    assert digest(tmp_path, {"models/net.py": net.format("keras.activations")}) != before


def test_whole_module_counts_by_its_star(tmp_path: Path) -> None:
    """With ``module:*`` every statement of a module counts, whoever uses it."""
    before = digest(tmp_path, FILES, "models.net:*")
    edited = {"models/net.py": NET.replace("return 1", "return 2")}
    assert digest(tmp_path, edited, "models.net:*") != before


def test_functions_that_call_each_other_have_a_digest(tmp_path: Path) -> None:
    """A circle of calls ends."""
    circle = "def net():\n    return pair()\n\n\ndef pair():\n    return net()\n"
    assert len(digest(tmp_path, {"models/net.py": circle})) == 64


def test_unknown_name_is_refused(tmp_path: Path) -> None:
    """A module and the name that it lacks are told."""
    with pytest.raises(LookupError, match=r"models\.net defines no nett"):
        digest(tmp_path, FILES, "models.net:nett")
