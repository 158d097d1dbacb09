"""Digests of source code: what a function does, with all it calls in this project.

A digest changes when code does, and only then: comments, docstrings, layout and the annotations of
arguments and results do not count, nor does anything that the function does not reach. So adding an
architecture to a file leaves the numbers of its neighbours alone.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("bench", "models")
WHOLE = "*"


def code_digest(names: Iterable[str], *, root: Path) -> str:
    """Return the SHA-256 over what ``names`` do, with all they refer to; see ``reached``."""
    found = reached(names, root=root)
    text = "\n".join(f"{name}\n{found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()


def reached(names: Iterable[str], *, root: Path) -> dict[str, str]:
    """Return the source of ``names`` and of all they refer to, by ``module:definition``.

    Args:
        names: As ``module:function``, ``module:Class`` or ``module:*``.
        root: The folder that holds the packages.

    Raises:
        LookupError: A module has no such definition.
    """
    pending, found = list(names), dict[str, str]()
    while pending:
        name = pending.pop()
        if name not in found:
            module, symbol = name.split(":")
            nodes = _definition(module, symbol, root)
            found[name] = "\n".join(ast.unparse(_Essence().visit(node)) for node in nodes)
            pending += _references(module, nodes, root)
    return found


class _Essence(ast.NodeTransformer):
    """Drops what does not run: docstrings, and annotations of arguments and results."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _without_docstring(self, node: ast.FunctionDef | ast.ClassDef) -> ast.AST:
        strings = [n for n in node.body if isinstance(n, ast.Expr) and _is_text(n.value)]
        node.body = [n for n in node.body if n not in strings] or [ast.Pass()]
        return self.generic_visit(node)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _parse(module: str, root: Path) -> ast.Module:
    path = root.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(source.read_text(encoding="utf-8"))


def _definition(module: str, symbol: str, root: Path) -> list[ast.stmt]:
    body = _parse(module, root).body
    if symbol == WHOLE:
        return body
    found = [node for node in body if symbol in _names_defined(node)]
    # A package may hand on what one of its modules defines.
    found = found or [node for node in body if symbol in dict(_imports(module, [node], root))]
    if not found:
        raise LookupError(f"{module} defines no {symbol}")
    return found


def _names_defined(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds in its module, imports apart."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, _BINDING):
            yield from _names_defined(child)


_BINDING = (ast.stmt, ast.excepthandler, ast.withitem, ast.Tuple, ast.List, ast.Starred)
"""What can hold a name that is bound: not a comprehension, whose names stay inside."""


def _references(module: str, nodes: list[ast.stmt], root: Path) -> Iterator[str]:
    """Yield what ``nodes``, stripped to what runs, use of this module and of the project's."""
    used = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
    used |= {name for name, _ in _imports(module, nodes, root)}
    body = _parse(module, root).body
    here = {name for node in body for name in _names_defined(node)}
    yield from (f"{module}:{name}" for name in used & here)
    yield from (found for name, found in _imports(module, body, root) if name in {*used, WHOLE})


def _imports(module: str, nodes: list[ast.stmt], root: Path) -> Iterator[tuple[str, str]]:
    """Yield each name that an import of the project's own brings, and what it stands for."""
    for node in ast.walk(ast.Module(body=nodes, type_ignores=[])):
        pairs: list[tuple[str, str]] = []
        if isinstance(node, ast.Import):
            pairs = [(a.asname or a.name.split(".")[0], f"{a.name}:{WHOLE}") for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, module, root)
            pairs = [(a.asname or a.name, _imported(source, a.name, root)) for a in node.names]
        yield from (pair for pair in pairs if re.split(r"[.:]", pair[1])[0] in PACKAGES)


def _absolute(node: ast.ImportFrom, module: str, root: Path) -> str:
    """Return the module that ``from … import`` names, its dots resolved."""
    parts = module.split(".")
    is_package = root.joinpath(*parts).is_dir()
    base = parts[: len(parts) - node.level + is_package] if node.level else []
    return ".".join([*base, *([node.module] if node.module else [])])


def _imported(module: str, name: str, root: Path) -> str:
    """Name what ``from module import name`` brings: a module as a whole, or one definition."""
    path = root.joinpath(*module.split("."), name)
    is_module = path.is_dir() or path.with_suffix(".py").exists()
    return f"{module}.{name}:{WHOLE}" if is_module else f"{module}:{name}"
