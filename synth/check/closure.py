"""What a function rests on: every definition of the repository that can be reached from it by name.

Two functions whose closures have equal digests do the same, as far as the repository's own text goes: comments,
layout and docstrings do not count, and neither does what nothing refers to. Of a module that is imported and not used,
that it is imported counts, and not what it says: following those reaches most of a package from anywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from attrs import define, field, frozen

from synth.check.modules import Damaged, Import, Module, dotted, imported, load
from synth.check.trees import Tree

WHOLE: Final = "*"  # a definition's name that stands for all of its module


@frozen
class Closure:
    """The definitions reached, as (path, name), the kernels among them, and files that could not be read."""

    reached: tuple[tuple[str, str], ...]
    kernels: tuple[tuple[str, str], ...]
    digest: str
    places: str  # digest of where everything stands: equal ones give equal line numbers
    damaged: tuple[Damaged, ...]
    packages: tuple[str, ...] = ()  # what its files import from outside of the repository, by first names

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path, _ in self.reached))


@define(eq=False)
class Repository:
    """The modules of one tree, read when they are first asked for. `roots` are folders that imports start from."""

    tree: Tree
    roots: tuple[str, ...] = (".",)
    _modules: dict[str, Module | Damaged | None] = field(factory=dict, init=False)
    _closures: dict[tuple[str, str], Closure] = field(factory=dict, init=False)
    _uses: dict[ast.stmt, tuple[tuple[str, str], ...]] = field(factory=dict, init=False)
    _texts: dict[ast.stmt, str] = field(factory=dict, init=False)

    def module(self, path: str) -> Module | Damaged | None:
        if path not in self._modules:
            self._modules[path] = load(self.tree, path)
        return self._modules[path]

    def locate(self, name: str) -> str | None:
        """The file of a module of this repository; None for one from elsewhere."""
        from_root = name.startswith(".")
        parts = [part for part in name.split(".") if part]
        for root in (".",) if from_root else self.roots:
            stem = "/".join([*([] if root == "." else [root.strip("/")]), *parts])
            for path in (f"{stem}.py", f"{stem}/__init__.py"):
                if stem and self.module(path) is not None:
                    return path
        return None

    def function(self, dotted_name: str) -> tuple[str, str] | None:
        """(path, name) of `package.module:function`, followed through what the module itself imports."""
        module, _, function = dotted_name.partition(":")
        path = self.locate(module)
        return None if path is None else self.definition(path, function.partition(".")[0], set())

    def definition(self, path: str, name: str, seen: set[tuple[str, str]]) -> tuple[str, str] | None:
        """Where a name of a module is really defined; None where the module has no such name."""
        module = self.module(path)
        if not isinstance(module, Module) or (path, name) in seen:
            return None
        seen.add((path, name))
        if name in module.definitions:
            return path, name
        origin = module.imports.get(name)
        if origin is not None and origin.name is not None and (inner := self.locate(origin.module)):
            return self.definition(inner, origin.name, seen)
        for star in module.stars:
            if (inner := self.locate(star)) and (found := self.definition(inner, name, seen)):
                return found
        return None

    def text(self, statement: ast.stmt) -> str:
        """What a statement says, without positions, comments and docstrings."""
        if statement not in self._texts:
            self._texts[statement] = ast.dump(_Bare().visit(statement), annotate_fields=False)
        return self._texts[statement]

    def statements(self, path: str, name: str) -> tuple[ast.stmt, ...]:
        """The statements that bind a name of a module, all of them for WHOLE; none where it is not there."""
        module = self.module(path)
        if not isinstance(module, Module):
            return ()
        if name == WHOLE:
            return tuple(each for statements in module.definitions.values() for each in statements)
        return module.definitions.get(name, ())

    def said(self, path: str, name: str) -> str:
        """What a definition says, as `text` has it."""
        return "\0".join(self.text(each) for each in self.statements(path, name))

    def line(self, path: str, name: str) -> int:
        """Where a definition begins; 0 where it is not there."""
        found = self.statements(path, name)
        return found[0].lineno if found else 0

    def lines(self, path: str, name: str) -> tuple[int, list[str]]:
        """The number of a definition's first line, decorators included, and all its lines."""
        found = self.statements(path, name)
        if not found:
            return 0, []
        first = min([found[0].lineno, *(each.lineno for each in getattr(found[0], "decorator_list", ()))])
        return first, (self.tree.read(path) or "").splitlines()[first - 1 : found[-1].end_lineno]

    def closure(self, path: str, name: str) -> Closure:
        """Everything that the definition rests on."""
        if (path, name) not in self._closures:
            walk = _Walk(self)
            walk.reach(path, name)
            self._closures[path, name] = walk.closed()
        return self._closures[path, name]


@define(eq=False)
class _Walk:
    repository: Repository
    reached: dict[tuple[str, str], None] = field(factory=dict)
    modules: dict[str, Module] = field(factory=dict)
    damaged: dict[str, Damaged] = field(factory=dict)

    def reach(self, path: str, name: str) -> None:
        """Walk from one definition. An explicit list of what is left: chains of names can be long."""
        left = [(path, name)]
        while left:
            at = left.pop()
            if at in self.reached or (module := self._entered(at[0], left)) is None:
                continue
            self.reached[at] = None
            for statement in self.repository.statements(*at):
                left += self._used(module, statement)

    def _entered(self, path: str, left: list[tuple[str, str]]) -> Module | None:
        """The module, whose effects at import count as soon as anything in it does."""
        module = self.repository.module(path)
        if isinstance(module, Damaged):
            self.damaged[path] = module
        if not isinstance(module, Module):
            return None
        if path not in self.modules:
            self.modules[path] = module
            for statement in module.always:
                left += self._used(module, statement)
        return module

    def _used(self, module: Module, statement: ast.stmt) -> tuple[tuple[str, str], ...]:
        uses = self.repository._uses
        if statement not in uses:
            uses[statement] = tuple(dict.fromkeys(self._refers(module, statement)))
        return uses[statement]

    def _refers(self, module: Module, statement: ast.stmt) -> Iterator[tuple[str, str]]:
        for node in ast.walk(statement):
            if isinstance(node, ast.Attribute):
                yield from self._named(module, dotted(node))
            elif isinstance(node, ast.Name):
                yield from self._named(module, (node.id,))
            elif isinstance(node, ast.ImportFrom | ast.Import):
                yield from self._inside(module, node)

    def _named(self, module: Module, parts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """What a dotted name may refer to in this repository."""
        if not parts:
            return
        name, *rest = parts
        if name in module.definitions:
            yield module.path, name
        if (origin := module.imports.get(name)) is not None:
            yield from self._followed(origin, rest)
        for star in module.stars:
            inner = self.repository.locate(star)
            found = inner and self.repository.definition(inner, name, set())
            if found:
                yield found

    def _followed(self, origin: Import, rest: list[str]) -> Iterator[tuple[str, str]]:
        path = self.repository.locate(origin.module)
        if origin.name is not None:
            if path and (found := self.repository.definition(path, origin.name, set())):
                yield found
                return
            if self.repository.locate(f"{origin.module}.{origin.name}"):  # `from package import module`
                yield from self._followed(Import(f"{origin.module}.{origin.name}"), rest)
            elif path:  # bound in a way that is not seen here, or in a file that cannot be read
                yield path, WHOLE
            return
        if rest and (inner := self.repository.locate(f"{origin.module}.{rest[0]}")):
            yield from self._member(inner, rest[1:])
        elif path:
            yield from self._member(path, rest)

    def _member(self, path: str, rest: list[str]) -> Iterator[tuple[str, str]]:
        if rest and (found := self.repository.definition(path, rest[0], set())):
            yield found
        else:  # the module itself is handed around: anything in it may be used
            yield path, WHOLE

    def _inside(self, module: Module, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
        """An import within a function: what it names is used."""
        for name, origin in imported(node, module.path):
            if name == "*" and (path := self.repository.locate(origin.module)):
                yield path, WHOLE
            elif name != "*":
                yield from self._followed(origin, [])

    def closed(self) -> Closure:
        text, places = sha256(), sha256()
        kernels = []
        for path, name in sorted(self.reached):
            module = self.modules[path]
            for statement in self.repository.statements(path, name):
                text.update(f"{path}\0{name}\0{self.repository.text(statement)}\0".encode())
                places.update(f"{path}\0{name}\0{statement.lineno}\0".encode())
            kernels += [(path, each) for each in module.kernels if each == name or name == WHOLE]
        for path in sorted(self.modules):
            for statement in self.modules[path].always:
                text.update(f"{path}\0\0{self.repository.text(statement)}\0".encode())
        for path in sorted(self.damaged):
            text.update(f"{self.damaged[path]}\0".encode())
        named = {each for module in self.modules.values() for each in module.packages}
        packages = tuple(sorted(each for each in named if each and self.repository.locate(each) is None))
        # Importing one more module, used or not, may fail or change what others are.
        own = {each for module in self.modules.values() for each in module.runs if self.repository.locate(each)}
        text.update("\0".join([*packages, "", *sorted(own)]).encode())
        return Closure(
            tuple(self.reached),
            tuple(kernels),
            text.hexdigest(),
            places.hexdigest(),
            tuple(self.damaged.values()),
            packages,
        )


class _Bare(ast.NodeTransformer):
    """Drops docstrings: they change nothing that a function does."""

    def _stripped(self, node: Any) -> Any:
        self.generic_visit(node)
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass(lineno=node.body[0].lineno, col_offset=0)]
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _stripped
