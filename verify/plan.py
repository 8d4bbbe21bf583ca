"""The plan: what a candidate's host function does, as data. Plans come from untrusted code, so they are only data.

Sizes are expressions over the spec's names: dims (`M`), input strides (`x.stride0`), input addresses
(`x.address`). Everything after capture reads plans; nothing after capture runs the candidate's Python.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Literal, TypeAlias

from attrs import field, frozen

from specs.sizes import TRUE, Condition, Size, size
from specs.spec import Choice
from verify.verdict import Place


@frozen
class Buffer:
    """One storage. An input's storage is only known through its view; others are allocated by the host code.

    `elements` is the allocation's length. `fill` is the value of `zeros`/`full`; None for `empty` and inputs.
    """

    name: str
    dtype: str
    elements: Size
    param: str | None = None  # the spec parameter that an input buffer belongs to
    fill: float | None = None


@frozen
class View:
    """A strided window on a buffer; `offset`, `sizes` and `strides` count elements."""

    buffer: str
    sizes: tuple[Size, ...]
    strides: tuple[Size, ...]
    offset: Size = field(default=size(0))
    dtype: str = ""


@frozen
class PointerArgument:
    """A tensor passed to a kernel: the address of the view's first element.

    With a `block` it is a tensor descriptor made by the host code: kernels read and write tiles of that shape,
    clipped to the view. The kernel gets the view's sizes and strides too, as arguments `name.size0` and so on.
    """

    name: str
    view: View
    block: tuple[int, ...] = ()
    padding: Literal["zero", "nan"] = "zero"


@frozen
class IntegerArgument:
    name: str
    value: Size
    type: str  # i32, i64, i1


@frozen
class FloatArgument:
    """A float passed to a kernel: a constant, or the spec's float parameter `param` handed through.

    If it is not `known`, a package's host code computed it from sizes or parameters, and nobody knows its value.
    """

    name: str
    value: float
    type: str  # fp32, fp64
    param: str | None = None
    known: bool = True


Argument: TypeAlias = PointerArgument | IntegerArgument | FloatArgument


@frozen
class Variant:
    """One TTIR of a launch. It is chosen where `condition` holds and no earlier variant's does.

    `parameters` names the arguments that the TTIR function takes, in order: arguments that were specialised
    to a constant are gone. `config` names the autotune configuration, one group of variants each.
    """

    ttir: str
    parameters: tuple[str, ...]
    grid: tuple[Size, Size, Size]
    condition: Condition = TRUE
    config: str = ""
    constants: Mapping[str, str] = field(factory=dict)
    num_warps: int = 4
    num_stages: int = 3
    num_ctas: int = 1

    @property
    def digest(self) -> str:
        return sha256(self.ttir.encode()).hexdigest()


@frozen
class Launch:
    """One kernel start: `arguments` by name, and the variants it may run.

    `restored` names the arguments that an autotuner puts back, or sets to zero, after each of its trials.
    """

    kernel: str
    arguments: tuple[Argument, ...]
    variants: tuple[Variant, ...]
    place: Place
    restored: tuple[str, ...] = ()

    def argument(self, name: str) -> Argument:
        return next(argument for argument in self.arguments if argument.name == name)


@frozen
class Copy:
    """`target[...] = source`, converting the dtype: contiguous, clone, copy_, to."""

    source: View
    target: View
    place: Place


@frozen
class Glue:
    """A host operation that the spec allows beyond copies, such as a sum over split partials."""

    operation: str
    inputs: tuple[View, ...]
    target: View
    options: Mapping[str, int]
    place: Place


Step: TypeAlias = Launch | Copy | Glue


@frozen
class Plan:
    """The captured host program for one dtype and one set of choices, valid where `cell` holds.

    `outputs` are the spec's, in its order; where it names none, the tensors that are returned or stored into.
    """

    dtype: str
    choices: Mapping[str, Choice]
    cell: Condition
    buffers: tuple[Buffer, ...]
    steps: tuple[Step, ...]
    outputs: tuple[View, ...]

    @property
    def launches(self) -> tuple[Launch, ...]:
        return tuple(step for step in self.steps if isinstance(step, Launch))

    @property
    def chosen(self) -> tuple[tuple[str, Choice], ...]:
        """The choices by name, as what can be compared."""
        return tuple(sorted(self.choices.items(), key=lambda each: each[0]))

    def buffer(self, name: str) -> Buffer:
        return next(buffer for buffer in self.buffers if buffer.name == name)


@frozen
class Refusal:
    """The host code raised an error of its own for the sizes of `cell`: it declines them openly."""

    dtype: str
    choices: Mapping[str, Choice]
    cell: Condition
    error: str
    place: Place


@frozen
class Violation:
    """The host code did what the policy forbids, or failed: what, and where."""

    rule: Literal["import", "host-compute", "data-dependent", "side-effect", "interface", "failure", "no-launch"]
    what: str
    place: Place


@frozen
class Unsupported:
    """Capture does not model what the host code did. Says nothing against the candidate."""

    what: str
    place: Place


@frozen
class CompileFailure:
    """Triton does not take a kernel for the arguments that the host code gives it, for the sizes of `cell`."""

    kernel: str
    config: str
    message: str
    place: Place
    dtype: str = ""
    cell: Condition = TRUE


def read_choice(value: object, _: object = None) -> Choice:
    """A choice out of JSON, as what JSON says it is: true stays apart from 1. Raises TypeError."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"expected a choice, found {type(value).__name__}")


Answer: TypeAlias = Plan | Refusal | Violation | Unsupported | CompileFailure


@frozen
class Capture:
    """Everything capture found out. `uncovered` describes sizes of the domain that no cell covers."""

    answers: tuple[Answer, ...]
    uncovered: tuple[str, ...]
    sandbox: str  # the tier of isolation that was reached
    host_operations: tuple[str, ...] = ()

    @property
    def plans(self) -> tuple[Plan, ...]:
        return tuple(answer for answer in self.answers if isinstance(answer, Plan))
