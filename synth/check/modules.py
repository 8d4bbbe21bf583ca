"""A Python module read, never run: what it defines, what it imports, and which of its functions are kernels."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from attrs import field, frozen

from synth.check.trees import Tree, Unreadable

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_MARKER: Final = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_IMPORT: Final = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)
_BLOCKS: Final = (ast.If, ast.Try, ast.With, ast.For, ast.While)


@frozen
class Import:
    """A name that a module gets from another: `from module import name`, or all of `module` where name is None."""

    module: str
    name: str | None = None


@frozen(eq=False)
class Module:
    """One file. `definitions` maps a name to the statements that may bind it; `always` are run for their effect.

    `runs` are the modules that its import may run, whether or not anything of them is used.
    """

    path: str
    definitions: Mapping[str, tuple[ast.stmt, ...]]
    imports: Mapping[str, Import]
    stars: tuple[str, ...]
    always: tuple[ast.stmt, ...]
    kernels: Mapping[str, Function] = field(factory=dict)
    runs: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()  # the first names of what it imports, wherever in it, relative ones apart


@frozen
class Damaged:
    """A file that cannot be read as Python: which line, and why."""

    path: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.why}" if self.line else f"{self.path}: {self.why}"


def load(tree: Tree, path: str) -> Module | Damaged | None:
    """The module at a path, or what is wrong with it; None where there is no such file."""
    try:
        text = tree.read(path)
    except Unreadable as error:
        return Damaged(path, 0, str(error))
    return None if text is None else read(path, text)


def read(path: str, text: str) -> Module | Damaged:
    """The module with this text."""
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        if marker := _MARKER.search(text):
            line = text.count("\n", 0, marker.start()) + 1
            return Damaged(path, line, f"an unfinished merge: {marker.group().strip()!r}")
        return Damaged(path, error.lineno or 0, f"it does not parse: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Damaged(path, 0, f"it does not parse: {error}")
    definitions: dict[str, tuple[ast.stmt, ...]] = {}
    imports: dict[str, Import] = {}
    stars: list[str] = []
    always: list[ast.stmt] = []
    runs: dict[str, None] = {}
    for statement in body:
        bound = set(_bound(statement))
        runs |= dict.fromkeys(_run(statement, path))
        for name, origin in imported(statement, path):
            if name == "*":
                stars.append(origin.module)
            else:
                imports[name] = origin
        for name in bound:
            definitions[name] = (*definitions.get(name, ()), statement)
        # `module.name = value` changes a module for everybody.
        if not isinstance(statement, ast.Import | ast.ImportFrom) and (not bound or bound & imports.keys()):
            always.append(statement)
    kernels = {each.name: each for each in _functions(body) if any(_jit(one, imports) for one in each.decorator_list)}
    return Module(
        path, definitions, imports, tuple(stars), tuple(always), kernels, tuple(runs), frozenset(_packages(text))
    )


def _packages(text: str) -> Iterator[str]:
    # Read off the text, which is quicker than the tree; a docstring that looks like an import does no harm.
    for origin, names in _IMPORT.findall(text):
        for each in [origin] if origin else names.split(","):
            yield each.split()[0].partition(".")[0] if each.strip() else ""


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement may bind, those of a branch or a `try` included; imports apart."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                # `table[key] = value` changes what `table` names: it belongs to its definition.
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        case _ if isinstance(statement, _BLOCKS):
            for inner in ast.iter_child_nodes(statement):
                if isinstance(inner, ast.stmt):
                    yield from _bound(inner)
                elif isinstance(inner, ast.ExceptHandler):
                    for each in inner.body:
                        yield from _bound(each)


def imported(statement: ast.stmt, path: str) -> Iterator[tuple[str, Import]]:
    for node in ast.walk(statement) if isinstance(statement, (*_BLOCKS, ast.Import, ast.ImportFrom)) else ():
        if isinstance(node, ast.Import):
            for each in node.names:
                top = each.name.partition(".")[0]
                yield (each.asname, Import(each.name)) if each.asname else (top, Import(top))
        elif isinstance(node, ast.ImportFrom):
            module = absolute(path, node.module or "", node.level)
            for each in node.names:
                yield each.asname or each.name, Import(module, None if each.name == "*" else each.name)


def _run(statement: ast.stmt, path: str) -> Iterator[str]:
    """The modules that an import runs: `a.b.c` means `a` and `a.b`, too, and `from a import b` maybe `a.b`."""
    for node in ast.walk(statement) if isinstance(statement, (*_BLOCKS, ast.Import, ast.ImportFrom)) else ():
        names = list[str]()
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{absolute(path, node.module or '', node.level)}.{each.name}" for each in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def absolute(path: str, module: str, level: int) -> str:
    """What `from ..module import x` in the file at `path` means, as path parts below a root joined by dots."""
    if not level:
        return module
    folder = path.split("/")[:-1]
    kept = folder[: len(folder) - (level - 1)]
    return ".".join(["", *kept, *([module] if module else [])])  # the first dot: from the repository's root


def _functions(body: list[ast.stmt]) -> Iterator[Function]:
    """All functions but those inside of functions: a kernel may stand in a branch or a class."""
    left = list(body)
    while left:
        statement = left.pop()
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield statement
        elif isinstance(statement, (*_BLOCKS, ast.ClassDef)):
            left += [inner for inner in ast.walk(statement) if isinstance(inner, ast.stmt) and inner is not statement]


def _jit(decorator: ast.expr, imports: Mapping[str, Import]) -> bool:
    """Whether a decorator is `triton.jit`, under whichever name it was imported."""
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    parts = dotted(decorator)
    if not parts or (parts[-1] != "jit" and not (len(parts) == 1 and parts[0] in imports)):
        return False
    origin = imports.get(parts[0])
    if origin is None:
        return False
    full = ".".join(filter(None, [origin.module, origin.name, *parts[1:]]))
    return full.startswith("triton.") and full.endswith(".jit")


def dotted(node: ast.expr) -> tuple[str, ...]:
    """`a.b.c` as its parts; nothing for any other expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.insert(0, node.attr)
        node = node.value
    return (node.id, *parts) if isinstance(node, ast.Name) else ()
