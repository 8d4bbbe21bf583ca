"""Reading a candidate's source without running it: does it parse, what does it import, what does it reach
for.

This pass gives clear messages early; it is no boundary. The sandbox is, and it stops what this pass cannot
see.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any, Final

from specs.spec import Spec
from verify.plan import Violation
from verify.verdict import Place

LONGEST_SOURCE: Final = 1 << 20
MODULES: Final = frozenset(
    [
        "__future__",
        "collections",
        "dataclasses",
        "enum",
        "functools",
        "itertools",
        "math",
        "numbers",
        "operator",
        "torch",
        "triton",
        "typing",
        "typing_extensions",
    ]
)
# Parts of the two big packages that a host function has no business in.
CLOSED: Final = frozenset(
    [
        "torch._C",
        "torch._dynamo",
        "torch._inductor",
        "torch.compile",
        "torch.cpp_extension",
        "torch.distributed",
        "torch.export",
        "torch.hub",
        "torch.jit",
        "torch.load",
        "torch.multiprocessing",
        "torch.ops",
        "torch.package",
        "torch.save",
        "torch.utils",
        "torch.from_file",
        "torch.library",
        "torch.classes",
        "torch.cuda.graphs",
        "torch.cuda.CUDAGraph",
        "torch.cuda.Stream",
        "torch.cuda.Event",
        "torch.cuda.stream",
        "triton.compiler",
        "triton.backends",
        "triton.testing",
        "triton.knobs",
        "triton.tools.compile",
        "triton.runtime.cache",
        "triton.runtime.build",
        "triton.profiler",
        "triton._C",
    ]
)
BUILTINS: Final = frozenset(
    [
        "open",
        "exec",
        "eval",
        "compile",
        "__import__",
        "input",
        "globals",
        "locals",
        "vars",
        "breakpoint",
        "exit",
        "quit",
        "setattr",
        "delattr",
        "memoryview",
        "__builtins__",
        "__loader__",
        "__spec__",
    ]
)
DUNDERS: Final = frozenset(
    ["__name__", "__doc__", "__init__", "__call__", "__post_init__", "__version__", "__annotations__"]
)


def examine(source: str, entry: str, file: str, spec: Spec) -> tuple[Violation, ...]:
    """What is wrong with the source of a proposal, in the order of its lines. Empty: nothing seen."""
    if len(source) > LONGEST_SOURCE:
        return (Violation("failure", f"the source is longer than {LONGEST_SOURCE} characters", Place(file, 0)),)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return (Violation("failure", f"the source does not parse: {error.msg}", Place(file, error.lineno or 0)),)
    except (ValueError, RecursionError, MemoryError) as error:
        return (Violation("failure", f"the source does not parse: {error}", Place(file, 0)),)
    try:
        found = [*_forbidden(tree, file), *interface(tree, entry, file, spec)]
    except RecursionError:
        return (Violation("failure", "the source is nested too deeply", Place(file, 0)),)
    return tuple(sorted(found, key=lambda each: each.place.line))


def interface(tree: ast.Module, entry: str, file: str, spec: Spec) -> Iterator[Violation]:
    """The entry has to take the spec's parameters by name and in order."""
    defined = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    function = defined.get(entry)
    if function is None:
        known = ", ".join(sorted(defined)) or "none"
        yield Violation("interface", f"there is no entry function {entry!r}; functions: {known}", Place(file, 0))
        return
    arguments = function.args
    taken = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    wanted = [param.name for param in spec.params]
    required = len(taken) - len(arguments.defaults)
    extra = arguments.kwonlyargs and any(default is None for default in arguments.kw_defaults)
    if taken[: len(wanted)] != wanted or required > len(wanted) or extra:
        yield Violation(
            "interface",
            f"{entry}({', '.join(taken)}) where the spec asks for {entry}({', '.join(wanted)})",
            Place(file, function.lineno),
        )


def _forbidden(tree: ast.Module, file: str) -> Iterator[Violation]:
    for node in ast.walk(tree):
        for rule, what in _complaints(node):
            yield Violation(rule, what, Place(file, getattr(node, "lineno", 0)))  # type: ignore[arg-type]


def _complaints(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from _imports(node)
    elif isinstance(node, ast.Name) and node.id in BUILTINS:
        yield "side-effect", f"uses {node.id}"
    elif isinstance(node, ast.Attribute):
        if node.attr.startswith("__") and node.attr not in DUNDERS:
            yield "side-effect", f"reaches for {node.attr}"
        path = _path(node)
        if path in CLOSED:
            yield "side-effect", f"uses {path}"
        if isinstance(node.ctx, ast.Store | ast.Del) and path.split(".")[0] in (
            "torch",
            "triton",
            "tl",
            "math",
        ):
            yield "side-effect", f"changes {path}"
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
        name = node.args[1] if len(node.args) > 1 else None
        if not isinstance(name, ast.Constant) or str(name.value).startswith("_"):
            yield "side-effect", "uses getattr with a name that the source does not show"
    elif isinstance(node, ast.AsyncFunctionDef | ast.Await):
        yield "side-effect", "is asynchronous"


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        base = node.module or ""
        names = [f"{base}.{alias.name}" for alias in node.names]
        if node.level:
            yield "import", f"imports {'.' * node.level}{base}, relative to a package that it is not in"
            return
    else:
        names = [alias.name for alias in node.names]
    for name in names:
        closed = [one for one in CLOSED if name == one or name.startswith(f"{one}.")]
        if name.split(".")[0] not in MODULES or closed or name.endswith(".*"):
            yield "import", f"imports {name}"


def _path(node: ast.expr) -> str:
    """`torch.cuda.Stream` for such an attribute chain, else an empty text."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def strange_modules(tree: ast.Module, namespace: Mapping[str, Any], file: str) -> Iterator[Violation]:
    """Modules that the source gets at through others, such as `torch.os`. Needs the real modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module in namespace:
            for alias in node.names:
                found = getattr(namespace[node.module], alias.name, None)
                yield from _strange(found, f"{node.module}.{alias.name}", node, file)
        if not isinstance(node, ast.Attribute):
            continue
        path = _path(node).split(".")
        found = namespace.get(path[0])
        for part in path[1:]:
            found = getattr(found, part, None) if isinstance(found, ModuleType) else None
        yield from _strange(found, ".".join(path), node, file)


def _strange(found: object, path: str, node: ast.AST, file: str) -> Iterator[Violation]:
    if isinstance(found, ModuleType):
        name = found.__name__
        closed = any(name == one or name.startswith(f"{one}.") for one in CLOSED)
        if name.split(".")[0] not in MODULES or closed:
            yield Violation("import", f"reaches the module {name} as {path}", Place(file, getattr(node, "lineno", 0)))
