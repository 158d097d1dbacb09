"""Digests of source code: what a definition does, with all it calls, wherever it is written.

A digest goes by content. Comments, docstrings, layout, annotations of arguments and results, names
of local variables, and the module and name of every definition leave it alone. A function that is
moved or renamed keeps its digest. What runs counts, and so does what it refers to in the project.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PACKAGES = ("bench", "models")
SOURCES = ("bench", "src", ".")
"""Folders of a checkout that packages are imported from: the engine, and what is beside it."""
ENGINE = Path(__file__).resolve().parents[2]
"""The folder that the engine is imported from: ``bench`` in its checkout, or site-packages."""
WHOLE = "*"
DROPPED = frozenset(
    {"annotation", "ctx", "kind", "returns", "type_comment", "type_ignores", "type_params"}
)
"""Fields of syntax nodes that change nothing that runs, or that follow from the others."""

Function = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Scope = (*Function, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def brings_engine(root: Path) -> bool:
    """Return whether a folder is a checkout of the engine's own project, at whatever commit."""
    told = root / "pyproject.toml"
    return (root / "bench" / "fitting_room").is_dir() or (
        told.is_file() and '\nname = "fitting-room"\n' in told.read_text("utf-8", "replace")
    )


def stamp(file: Path) -> tuple[int, int]:
    """Return what tells that a file was written since: its time in nanoseconds, and its size."""
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Sources:
    """The source files under a folder, each parsed once, and those of the engine it uses."""

    root: Path
    read: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """File → its stamp when it was read."""
    _trees: dict[str, ast.Module] = field(default_factory=dict)
    _imports: dict[str, dict[str, str]] = field(default_factory=dict)
    _definitions: dict[str, dict[str, list[ast.stmt]]] = field(default_factory=dict)

    def digest(self, names: Iterable[str]) -> str:
        """Return the SHA-256 over what ``names`` do, with all they refer to, in any order.

        Args:
            names: As ``module:function``, ``module:Class`` or ``module:*``.

        Raises:
            LookupError: A module has no such definition.
        """
        contents = ["\n".join(self._discover(name).values()) for name in names]
        return _sha256("\n".join(sorted(map(_sha256, contents))))

    def reached(self, names: Iterable[str]) -> dict[str, str]:
        """Return the content of ``names`` and of all they refer to, by ``module:definition``."""
        return {name: content for each in names for name, content in self._discover(each).items()}

    def _discover(self, name: str) -> dict[str, str]:
        """Return ``module:definition`` → content; each content names the others by their number."""
        order, contents = [self.origin(name)], list[str]()
        for current in order:  # grows while it is walked
            module, symbol = current.split(":")
            nodes = self.definition(module, symbol)
            contents.append(_Content(self, module, nodes, order).text())
        return dict(zip(order, contents, strict=True))

    def path(self, module: str) -> Path | None:
        """Return the file of a module of the project, or None for any other."""
        paths = self._places(module)
        files = (file for p in paths for file in (p / "__init__.py", p.with_suffix(".py")))
        return next((file for file in files if file.is_file()), None)

    def _places(self, module: str) -> list[Path]:
        """Return where a module may lie: an engine that is not the project's own comes last."""
        parts = module.split(".")
        engine = [ENGINE] if parts[0] == "fitting_room" and not self._brings_engine else []
        return [place.joinpath(*parts) for place in (*map(self.root.joinpath, SOURCES), *engine)]

    @cached_property
    def _brings_engine(self) -> bool:
        return brings_engine(self.root)

    def known(self, module: str) -> bool:
        """Whether a module or a package of the project has this name."""
        return self.path(module) is not None or self.is_package(module)

    def is_package(self, module: str) -> bool:
        """Whether a module of the project has modules in it."""
        return any(place.is_dir() for place in self._places(module))

    def tree(self, module: str) -> ast.Module:
        """Return the parsed source of a module of the project."""
        if module not in self._trees:
            file = self.path(module)
            if file is None:
                raise LookupError(f"there is no module {module} under {self.root}")
            self.read[file] = stamp(file)
            self._trees[module] = ast.parse(file.read_text(encoding="utf-8"))
        return self._trees[module]

    def definition(self, module: str, symbol: str) -> list[ast.stmt]:
        """Return the statements of a module that bind a name, or all for ``*``."""
        body = self.tree(module).body
        if symbol == WHOLE:
            return body
        if module not in self._definitions:
            found = self._definitions[module] = {}
            for node in body:
                for name in dict.fromkeys(_bound(node)):
                    found.setdefault(name, []).append(node)
        return self._definitions[module].get(symbol, [])

    def origin(self, target: str) -> str:
        """Return where ``module:name`` is defined, through the modules that hand it on.

        Raises:
            LookupError: The module neither defines nor imports it.
        """
        seen = set[str]()
        while ":" in target and target not in seen:
            seen.add(target)
            module, symbol = target.split(":")
            if symbol == WHOLE or self.definition(module, symbol):
                return target
            found = self.imports(module).get(symbol)
            if found is None:
                raise LookupError(f"{module} defines no {symbol}")
            target = found
        return target

    def imports(self, module: str, nodes: Iterable[ast.stmt] | None = None) -> dict[str, str]:
        """Return what each name that a module, or some nodes of it, import stands for.

        ``module:name`` or ``module:*`` of the project, or the dotted path of anything else.
        """
        if nodes is None:
            if module not in self._imports:
                self._imports[module] = self.imports(module, self.tree(module).body)
            return self._imports[module]
        found: dict[str, str] = {}
        for node in ast.walk(ast.Module(body=list(nodes), type_ignores=[])):
            if isinstance(node, ast.Import):
                found |= dict(map(self._imported, node.names))
            elif isinstance(node, ast.ImportFrom):
                source = self._absolute(node, module)
                for alias in node.names:
                    found |= self._from(source, alias)
        return found

    def _imported(self, alias: ast.alias) -> tuple[str, str]:
        name = alias.name if alias.asname else alias.name.split(".")[0]
        return alias.asname or name, f"{name}:{WHOLE}" if self.known(name) else name

    def _from(self, source: str, alias: ast.alias) -> dict[str, str]:
        called = alias.asname or alias.name
        if not self.known(source):
            return {called: f"{source}.{alias.name}"}
        if alias.name == WHOLE:
            names = [name for node in self.tree(source).body for name in _bound(node)]
            return {name: f"{source}:{name}" for name in names}
        if self.known(f"{source}.{alias.name}"):
            return {called: f"{source}.{alias.name}:{WHOLE}"}
        return {called: f"{source}:{alias.name}"}

    def _absolute(self, node: ast.ImportFrom, module: str) -> str:
        """Return the module that ``from … import`` names, its dots resolved."""
        parts = module.split(".")
        base = parts[: len(parts) - node.level + self.is_package(module)] if node.level else []
        return ".".join([*base, *([node.module] if node.module else [])])


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a statement binds in its module, imports apart."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
        return
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, _BINDING):
            yield from _bound(child)


_BINDING = (ast.stmt, ast.excepthandler, ast.withitem, ast.Tuple, ast.List, ast.Starred)
"""What can hold a name that is bound: not a comprehension, whose names stay inside."""


class _Content:
    """Writes a definition down so that only what it does is left."""

    def __init__(
        self, sources: Sources, module: str, nodes: list[ast.stmt], order: list[str]
    ) -> None:
        self._sources, self._module, self._nodes, self._order = sources, module, nodes, order
        self._imports = sources.imports(module, [n for n in nodes if not _is_import(n)])
        self._locals = {name: f"${i}" for i, name in enumerate(_variables(nodes))}
        self._parameters = {
            n.arg for node in nodes for n in ast.walk(node) if isinstance(n, ast.arg)
        }

    def text(self) -> str:
        return "\n".join(self._write(node) for node in self._nodes if not _is_import(node))

    def _write(self, value: object) -> str:
        if isinstance(value, ast.Name):
            return self._name(value.id)
        if isinstance(value, ast.Attribute):
            return self._attribute(value)
        if isinstance(value, ast.AST):
            return f"{type(value).__name__}({', '.join(self._fields(value))})"
        if isinstance(value, list):
            return f"[{', '.join(self._write(item) for item in value if not _is_idle(item))}]"
        return repr(value)

    def _fields(self, node: ast.AST) -> Iterator[str]:
        for name, value in ast.iter_fields(node):
            if name in DROPPED or value is None or value == []:
                continue
            if name == "name" and node in self._nodes:
                continue  # what it is called changes nothing
            caught = name == "name" and isinstance(node, ast.ExceptHandler)
            yield f"{name}={self._name(str(value)) if caught else self._write(value)}"

    def _name(self, name: str) -> str:
        """Write a name as what it stands for in its module, else in its function."""
        target = self._target(name)
        if target:
            return self._reference(target)
        return name if name in self._parameters else self._locals.get(name, name)

    def _target(self, name: str) -> str | None:
        """Return what a name stands for, as ``Sources.imports`` tells it; None if unknown.

        A variable that hides a name of its module is taken for it: too much, never too little.
        """
        if name in self._imports:
            return self._imports[name]
        if self._sources.definition(self._module, name):
            return f"{self._module}:{name}"
        return self._sources.imports(self._module).get(name)

    def _attribute(self, node: ast.Attribute) -> str:
        """Write ``module.name`` as what it stands for, and any other attribute as it is."""
        path = _dotted(node)
        target = self._target(path[0]) if path else None
        if target and target.endswith(f":{WHOLE}"):
            return self._through(target.split(":")[0], path[1:])
        return f"{self._write(node.value)}.{node.attr}"

    def _through(self, module: str, path: list[str]) -> str:
        """Follow ``path`` through modules to the first name that is none."""
        inner = f"{module}.{path[0]}"
        if self._sources.known(inner):
            rest = path[1:]
            return self._through(inner, rest) if rest else self._reference(f"{inner}:{WHOLE}")
        try:
            made = self._reference(f"{module}:{path[0]}")
        except LookupError:  # of every module, such as ``__name__``
            made = self._reference(f"{module}:{WHOLE}")
        return ".".join([made, *path[1:]])

    def _reference(self, target: str) -> str:
        target = self._sources.origin(target)
        if ":" not in target:
            return target
        if target not in self._order:
            self._order.append(target)
        return f"@{self._order.index(target)}"


def _dotted(node: ast.expr) -> list[str]:
    """Return the names of ``a.b.c``, or none where it begins with anything but a name."""
    if isinstance(node, ast.Name):
        return [node.id]
    inner = _dotted(node.value) if isinstance(node, ast.Attribute) else []
    return [*inner, node.attr] if inner and isinstance(node, ast.Attribute) else []


def _is_import(node: object) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _is_idle(node: object) -> bool:
    """Whether a statement changes nothing: text by itself, or an import that is resolved."""
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return _is_import(node) or isinstance(node, ast.Pass) or text


def _variables(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names that functions and comprehensions bind inside, once each, as they appear."""
    seen = dict[str, None]()
    for node in nodes:
        for scope in ast.walk(node):
            if isinstance(scope, Scope):
                seen |= dict.fromkeys(_stored(scope))
    yield from seen


def _stored(scope: ast.AST) -> Iterator[str]:
    """Yield the variables of one function: not the attributes of a class that it defines."""
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, ast.ClassDef):
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        if isinstance(child, ast.ExceptHandler) and child.name:
            yield child.name
        yield from _stored(child)
