"""From a jitted kernel and the types of its arguments to TTIR text. Child side; needs no device."""

from __future__ import annotations

import inspect
import linecache
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from verify.verdict import Place

LONGEST_MESSAGE: Final = 2000


@frozen
class Kernel:
    """What one TTIR depends on besides the function: types by name, constants, alignment hints, options.

    `types` has every parameter in order, `constexpr` where the value is in `constants`.
    """

    types: Mapping[str, str]
    constants: Mapping[str, Any]
    aligned: frozenset[str]  # arguments known to be multiples of 16
    num_warps: int
    num_stages: int
    num_ctas: int

    @property
    def parameters(self) -> tuple[str, ...]:
        """The arguments that are left in the TTIR function. A descriptor brings its sizes and strides along."""
        found: list[str] = []
        for name, type in self.types.items():
            if type != "constexpr":
                found.append(name)
            if type.startswith("tensordesc"):
                axes = range(type.count(",") + 1)
                found += [f"{name}.{part}{axis}" for part in ("size", "stride") for axis in axes]
        return tuple(found)


class DoesNotCompile(Exception):
    """Triton rejects the kernel. `line` counts in the candidate's file; 0 where Triton does not say."""

    def __init__(self, message: str, file: str, line: int) -> None:
        super().__init__(message)
        self.message, self.file, self.line = message, file, line


class Lowering:
    """Lowers and remembers: the same kernel with the same types is lowered once in a child's life."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], str | DoesNotCompile] = {}

    def ttir(self, function: Any, kernel: Kernel) -> str:
        """The TTIR text, with file names that do not depend on this machine. Raises DoesNotCompile."""
        key = (
            function.cache_key,
            tuple(kernel.types.items()),
            tuple((name, type(value).__name__, _spelled(value)) for name, value in kernel.constants.items()),
            kernel.aligned,
            (kernel.num_warps, kernel.num_stages, kernel.num_ctas),
        )
        if key not in self._known:
            try:
                self._known[key] = _portable(_lower(function, kernel))
            except DoesNotCompile as failure:
                self._known[key] = failure
        found = self._known[key]
        if isinstance(found, DoesNotCompile):
            raise found
        return found


def _spelled(value: Any) -> str:
    return str(getattr(value, "cache_key", value))


def _lower(function: Any, kernel: Kernel) -> str:
    from triton.compiler import ASTSource
    from triton.compiler.errors import CompilationError

    target, backend, context = machine()
    asked = {name: getattr(kernel, name) for name in ("num_warps", "num_stages", "num_ctas")}
    options = backend.parse_options(asked)
    names = list(kernel.types)
    constants = {(names.index(name),): value for name, value in kernel.constants.items()}
    hints = {(names.index(name),): [["tt.divisibility", 16]] for name in sorted(kernel.aligned)}
    source = ASTSource(function, dict(kernel.types), constants, hints)
    try:
        offered = {
            "target": target,
            "options": options,
            "codegen_fns": backend.get_codegen_implementation(options),
            "module_map": backend.get_module_map(),
            "context": context,
        }
        wanted = inspect.signature(source.make_ir).parameters
        module = source.make_ir(*[offered[name] for name in wanted if name in offered])
        metadata: dict[str, Any] = {"target": target}
        extra = (90,) if len(inspect.signature(backend.make_ttir).parameters) == 4 else ()
        module = backend.make_ttir(module, metadata, options, *extra)
    except CompilationError as error:
        raise _failure(function, error) from None
    except RuntimeError as error:
        raise DoesNotCompile(f"Triton's passes reject it: {error}"[:LONGEST_MESSAGE], "", 0) from None
    return str(module)


@cache
def machine() -> tuple[Any, Any, Any]:
    from triton._C.libtriton import ir
    from triton.backends.compiler import GPUTarget
    from triton.compiler.compiler import make_backend

    target = GPUTarget("cuda", 90, 32)
    backend = make_backend(target)
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    return target, backend, context


def _failure(function: Any, error: Any) -> DoesNotCompile:
    """Triton's error with its line in the file. Triton counts from the `def` of the function it was in."""
    innermost = error
    while type(innermost.__cause__) is type(error):
        innermost = innermost.__cause__
    file = function.fn.__code__.co_filename
    detail = innermost.error_message or str(innermost)
    start = "".join(linecache.getlines(file)).find((innermost.src or "\0").rstrip())
    if start < 0 or not hasattr(innermost.node, "lineno"):
        return DoesNotCompile(str(detail)[:LONGEST_MESSAGE], file, 0)
    line = "".join(linecache.getlines(file)).count("\n", 0, start) + innermost.node.lineno
    return DoesNotCompile(str(detail)[:LONGEST_MESSAGE], file, line)


@cache
def _prefixes() -> tuple[str, ...]:
    folders = {str(Path(folder)) for folder in sys.path if folder}
    return tuple(sorted(folders, key=len, reverse=True))


def _portable(text: str) -> str:
    """Locations name files from the package's own folder: equal kernels have equal text everywhere."""
    for prefix in _prefixes():
        text = text.replace(f'"{prefix}/', '"')
    return text


def place_of(failure: DoesNotCompile, otherwise: Place, files: Mapping[str, str]) -> Place:
    """Where it fails: Triton's line if it lies in the candidate's file, else the launch."""
    shown = files.get(failure.file)
    return Place(shown, failure.line) if shown is not None and failure.line else otherwise
