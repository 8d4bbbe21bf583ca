"""Contracts of a package's host functions, a few lines each.

    @contract(ROWS, WIDTH, x=tensor("M", "N"), eps=number(1e-6), outputs=(output("M", "N"),))
    def softmax_forward(x, eps):
        from package import host_function
        return host_function(x, eps)

The decorated function is what is captured; what it does not return as declared is a violation. Packages are imported
inside the functions, so that a contract can be read where its package is not installed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Any

from attrs import evolve, frozen

from specs.sizes import Condition, Size, any_of, name, size
from specs.spec import ELEMENT, Choice, ChoiceParam, Dim, FloatParam, OutputSpec, Param, Spec, TensorParam, Values

MOST: int = 2**31 - 1


@frozen(eq=False)
class Contract:
    """A host function with what it is given. `note` is what a person found out about its verdicts."""

    spec: Spec
    body: str  # the source from its `def` on
    note: str


def contract(
    *dims: Dim,
    outputs: tuple[OutputSpec, ...] = (),
    requires: tuple[Condition, ...] = (),
    dtypes: tuple[str, ...] = ("bfloat16",),
    note: str = "",
    **params: Param,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the sizes and arguments of the function below. Raises ValueError for arguments that do not fit it."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        asked = list(inspect.signature(function).parameters)
        if asked != list(params):
            raise ValueError(f"{function.__name__} takes {asked}, its contract gives {list(params)}")
        named = tuple(evolve(param, name=word) for word, param in params.items())
        summary = f"what {function.__module__}.{function.__name__} is given"
        source = inspect.getsource(function)
        sizes = (*dims, *_numbers((*params.values(), *outputs)))
        spec = Spec(function.__name__, summary, sizes, named, outputs, requires=requires, dtypes=dtypes)
        function.__dict__["contract"] = Contract(spec, source[source.index("def ") :], note)
        return function

    return declare


def contracts(module: ModuleType) -> Iterator[Contract]:
    """The contracts of a package's file, in its order."""
    for each in vars(module).values():
        if isinstance(found := getattr(each, "contract", None), Contract):
            yield found


def tensor(
    *dims: str | int,
    dtype: str = ELEMENT,
    strided: bool = False,
    low: Size | int | None = None,
    high: Size | int | None = None,
    also: tuple[int, ...] = (),
    unique: bool = False,
    **more: Any,
) -> TensorParam:
    """A row-major tensor over named sizes and numbers, or one of any strides; integers lie in `low <= v < high`."""
    values = Values(
        low=None if low is None else size(low), high=None if high is None else size(high), also=also, unique=unique
    )
    return TensorParam("x", _named(dims), dtype, values, contiguous=not strided, **more)


def number(*samples: float) -> FloatParam:
    """A float argument."""
    return FloatParam("x", samples)


def choice(*choices: Choice) -> ChoiceParam:
    """An argument of which every choice is captured."""
    return ChoiceParam("x", choices)


def output(*dims: str | int, dtype: str = ELEMENT, called: str = "out") -> OutputSpec:
    """A returned tensor."""
    return OutputSpec(called, _named(dims), dtype)


def widths(dim: str, *among: int) -> Condition:
    """The size is one of these: for sizes that are compile-time constants, of which each is captured on its own."""
    return any_of(*(name(dim).equals(value) for value in among or (64, 1000, 4096, 14336)))


def _named(dims: tuple[str | int, ...]) -> tuple[str, ...]:
    return tuple(f"d{dim}" if isinstance(dim, int) else dim for dim in dims)


def _numbers(shaped: Iterable[Param | OutputSpec]) -> Iterator[Dim]:
    """Dims of one value, for the sizes that are given as numbers."""
    for dim in dict.fromkeys(dim for each in shaped for dim in getattr(each, "dims", ())):
        if re.fullmatch(r"d\d+", dim):
            yield Dim(dim, int(dim[1:]), int(dim[1:]))
