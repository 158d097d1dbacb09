"""Digests of source code: what a function does, with all it calls in this project.

A digest changes when code does, and only then: comments, docstrings, annotations and layout do not
count, nor does anything that the function does not reach. So adding an architecture to a file
leaves the numbers of its neighbours alone.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("bench", "models")
WHOLE = "*"


def code_digest(names: Iterable[str], *, root: Path) -> str:
    """Return the SHA-256 over the source of ``names`` and of all they refer to.

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
    text = "\n".join(f"{name}\n{found[name]}" for name in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()


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
    if not found:
        raise LookupError(f"{module} defines no {symbol}")
    return found


def _names_defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _references(module: str, nodes: list[ast.stmt], root: Path) -> Iterator[str]:
    """Yield what ``nodes``, stripped to what runs, use of this module and of the project's."""
    used = {n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)}
    body = _parse(module, root).body
    here = {name for node in body for name in _names_defined(node)}
    yield from (f"{module}:{name}" for name in used & here)
    for node in ast.walk(ast.Module(body=body, type_ignores=[])):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PACKAGES:
            for alias in node.names:
                if (alias.asname or alias.name) in used:
                    yield _imported(node.module or "", alias.name, root)


def _imported(module: str, name: str, root: Path) -> str:
    """Name what ``from module import name`` brings: a module as a whole, or one definition."""
    path = root.joinpath(*module.split("."), name)
    is_module = path.is_dir() or path.with_suffix(".py").exists()
    return f"{module}.{name}:{WHOLE}" if is_module else f"{module}:{name}"
