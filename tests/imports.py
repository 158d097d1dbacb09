"""What each source file imports, read from its syntax tree and not by running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module that one line of a file asks for."""

    module: str
    line: int
    on_load: bool
    """Whether it is imported as soon as the file is, and not by a call."""


def sources(*folders: str) -> list[Path]:
    """Return every Python file under the folders of the checkout."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> str:
    """Return the dotted name of a file of the checkout."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[:2] == ("bench", "fitting_room"):
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    """Return all imports of a file, those inside functions too."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), on_load=True))


def _imports(node: ast.AST, *, on_load: bool) -> Iterator[Import]:
    """Yield the imports below a statement; no expression holds one."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from (Import(module=m, line=node.lineno, on_load=on_load) for m in _named(node))
    inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.expr):
            yield from _imports(each, on_load=on_load and not inside)


def _named(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif node.level:
        yield "." * node.level + (node.module or "")
    else:
        yield from sorted({_submodule(node.module or "", alias.name) for alias in node.names})


@cache
def _submodule(package: str, name: str) -> str:
    """Tell ``from package import module`` from ``from module import name``."""
    folder = ROOT / "bench" if package.split(".")[0] == "fitting_room" else ROOT
    inside = folder.joinpath(*package.split("."), name)
    is_module = inside.with_suffix(".py").is_file() or (inside / "__init__.py").is_file()
    return f"{package}.{name}" if is_module else package
