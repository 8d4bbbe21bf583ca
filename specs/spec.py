"""What a spec is: the contract of one operator, as data that cannot hold a contradiction.

A spec names sizes (`Dim`), parameters over them, the float64 reference, the precision that a correct kernel
accumulates in, the laws that it obeys, and the work that it is timed on. Wrong specs fail at construction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from math import inf, isfinite
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from specs.sizes import Condition, Size, all_of, any_of, name, size, toward

FLOATS: Final = ("float32", "float16", "bfloat16")
INTEGERS: Final = ("int64", "int32", "int16", "int8")
NARROW: Final = ("float8_e4m3fn", "float8_e5m2", "uint8")  # of what packages quantise to
DTYPES: Final = (*FLOATS, "float64", *INTEGERS, "bool", *NARROW)
ELEMENT: Final = "T"  # stands for the floating dtype of one run; a parameter may also fix its dtype
MAX_SIZE: Final = 2**31 - 1
MAX_STRIDE: Final = 2**31 - 1

Choice: TypeAlias = bool | int | float | str | None
Inputs: TypeAlias = Mapping[str, Any]  # parameter name -> torch tensor, float, int or bool
Shaped: TypeAlias = "TensorParam | OutputSpec"


@frozen
class Dim:
    """A named size with its inclusive range. `samples` are values that tests should not miss."""

    name: str
    low: int
    high: int
    samples: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"dim name {self.name!r} is not an identifier")
        if not 0 <= self.low <= self.high <= MAX_SIZE:
            raise ValueError(f"dim {self.name!r}: empty or illegal range {self.low}..{self.high}")
        outside = [value for value in self.samples if not self.low <= value <= self.high]
        if outside:
            raise ValueError(f"dim {self.name!r}: samples {outside} lie outside {self.low}..{self.high}")


@frozen
class Values:
    """Which values a tensor may hold. Integers lie in `low <= v < high` or are among `also` (a mark such as
    -100); floats are any finite value in [-magnitude, magnitude] unless `special` allows NaN and infinities too.

    Of integers along the last dimension: `unique` holds no value twice, `sorted` never descends.
    """

    magnitude: float = 1e4
    special: bool = False
    low: Size | None = None
    high: Size | None = None
    unique: bool = False
    sorted: bool = False
    also: tuple[int, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 0 < self.magnitude < inf:
            raise ValueError(f"values of magnitude {self.magnitude}: it must be positive and finite")
        ends = [end.value if end and end.kind == "const" else None for end in (self.low, self.high)]
        if self.also and (self.unique or self.sorted):
            raise ValueError(f"marks {self.also} beside integers that are unique or sorted")
        if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
            raise ValueError(f"no integer is in {ends[0]} <= v < {ends[1]}")


@frozen
class TensorParam:
    """A tensor argument over named dims. Strides are free (non-negative) unless `contiguous`.

    `inplace`: the entry may write to it, and may return it. Its caller gives the contents up, and sees to it that
    no other argument has an element in common with it. Free strides include those by which its own elements
    overlap, where a write races: a condition of the spec excludes them.
    `least`: how many elements every correct kernel reads, where that is not all of them.
    `derived`: its values are not drawn but what this function gives, in float64, for the inputs that are, by name;
    rounded to its dtype. A kernel may count on that, and a law that changes those inputs must see to it.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str = ELEMENT
    values: Values = field(factory=Values)
    contiguous: bool = False
    inplace: bool = False
    least: Size | None = None
    derived: Callable[..., Any] | None = field(default=None, repr=False)  # a function's text holds its address

    def __attrs_post_init__(self) -> None:
        if self.derived and self.dtype not in (ELEMENT, *FLOATS, "float64"):
            raise ValueError(f"{self.name!r} is derived, which only floats can be; its dtype is {self.dtype!r}")
        if (self.values.unique or self.values.sorted) and not (self.dims and self.dtype in INTEGERS):
            raise ValueError(
                f"{self.name!r} is unique or sorted, which is said of integers along a dimension; "
                f"it has dtype {self.dtype!r} and {len(self.dims)} dims"
            )

    def stride(self, axis: int) -> str:
        """The name of the stride of `axis` in size expressions."""
        return f"{self.name}.stride{axis}"

    @property
    def address(self) -> str:
        """The name of the first element's byte address, for alignment conditions."""
        return f"{self.name}.address"


@frozen
class FloatParam:
    """A scalar float argument; `samples` are the values that tests use, the first one by default."""

    name: str
    samples: tuple[float, ...]

    def __attrs_post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"float parameter {self.name!r} has no samples")
        if strange := [sample for sample in self.samples if not isfinite(sample)]:
            raise ValueError(f"float parameter {self.name!r} has samples {strange} that are not finite")


@frozen
class ChoiceParam:
    """An argument that selects behaviour (a flag, a mode's name): every choice is captured and proved on its own."""

    name: str
    choices: tuple[Choice, ...]

    def __attrs_post_init__(self) -> None:
        if not self.choices:
            raise ValueError(f"choice parameter {self.name!r} has no choices")


@frozen
class SizeParam:
    """A Python int argument whose value is the dim of the same name: a number of bins, a seed."""

    name: str


Param: TypeAlias = TensorParam | FloatParam | ChoiceParam | SizeParam


@frozen
class OutputSpec:
    """A returned tensor: its dims and dtype (`T` for the inputs' own)."""

    name: str
    dims: tuple[str, ...]
    dtype: str = ELEMENT


@frozen
class Law:
    """A metamorphic property: what runs on changed inputs must give, told from other runs.

    `transform` gets the inputs and a torch.Generator and returns the changed inputs (one mapping, or a tuple
    of them where the property speaks of several runs) plus whatever `expect` needs. `expect(needed, *runs)`
    gets the outputs, a tuple a run, of the inputs themselves and of all changed inputs but the last; it
    returns the outputs that the last must have. `bitwise` laws must hold exactly in the kernel's own
    precisions; the others in exact arithmetic.
    """

    name: str
    claim: str
    transform: Callable[[Inputs, Any], tuple[Inputs | tuple[Inputs, ...], Any]]
    expect: Callable[..., Any]
    bitwise: bool = False


@frozen
class Workload:
    """Sizes and dtype that are timed, contiguous unless a spec's parameter says otherwise.

    `choices`: of the spec's choice parameters, those that are not at their first choice. `operations`: how many it
    takes where that is not the spec's number.
    """

    name: str
    sizes: Mapping[str, int]
    dtype: str = "bfloat16"
    choices: Mapping[str, Choice] = field(factory=dict)
    operations: Size | None = None


@frozen
class Baseline:
    """A further rival of a kernel on a device: a callable of the spec's parameters, a library's say."""

    name: str
    call: Callable[..., Any]


@frozen(eq=False)
class Spec:
    """The contract of an operator.

    `reference(**inputs)` computes the outputs in float64 with torch operations only (it is also run on
    value-and-bound pairs, so it must not leave torch). `framework` is how a PyTorch user writes it; eager and
    compiled, it is what kernels are timed against, beside further `baselines`. `operations` counts
    floating-point operations. `accumulate` is the precision that a correct kernel sums in; `tf32` says whether
    float32 products may be rounded to tf32. `glue` lists host operations beyond allocation, views, copies and
    launches.

    A spec without a reference is a launch contract: it says what kernels are given, so that they can be proved
    safe, and nothing of what they compute. It speaks of no numbers and may leave its outputs unsaid.
    """

    name: str
    summary: str
    dims: tuple[Dim, ...]
    params: tuple[Param, ...]
    outputs: tuple[OutputSpec, ...] = ()
    reference: Callable[..., Any] | None = None
    framework: Callable[..., Any] | None = None
    operations: Size | None = None
    laws: tuple[Law, ...] = ()
    workloads: tuple[Workload, ...] = ()
    requires: tuple[Condition, ...] = ()
    dtypes: tuple[str, ...] = FLOATS
    accumulate: str = "float32"
    tf32: bool = False
    baselines: tuple[Baseline, ...] = ()
    glue: tuple[str, ...] = ()
    version: int = 1

    def __attrs_post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"spec name {self.name!r} is not an identifier")
        known = {dim.name for dim in self.dims}
        self._check_names(known)
        for tensor in self.shaped:
            strangers = [dim for dim in tensor.dims if dim not in known]
            if strangers:
                raise ValueError(f"spec {self.name!r}: {tensor.name!r} uses undeclared dims {strangers}")
            if tensor.dtype not in (ELEMENT, *DTYPES):
                raise ValueError(f"spec {self.name!r}: {tensor.name!r} has unknown dtype {tensor.dtype!r}")
        if not self.is_contract and not (self.outputs and self.framework and self.operations):
            raise ValueError(f"spec {self.name!r} needs outputs, framework and operations besides its reference")
        if self.is_contract and (self.framework or self.operations or self.laws or self.workloads or self.baselines):
            raise ValueError(f"spec {self.name!r} has no reference, so it can have no laws, workloads or rivals")
        for dtype in (*self.dtypes, self.accumulate, *(load.dtype for load in self.workloads)):
            if dtype not in DTYPES:
                raise ValueError(f"spec {self.name!r}: unknown dtype {dtype!r}; known: {', '.join(DTYPES)}")
        allowed = self.names()
        for condition in self.requires:
            if strange := condition.names() - allowed:
                raise ValueError(f"spec {self.name!r}: condition {condition} names unknown sizes {sorted(strange)}")
        if stray := [dtype for dtype in self.dtypes if dtype not in FLOATS]:
            raise ValueError(f"spec {self.name!r}: runs in {stray}, which are not among {', '.join(FLOATS)}")
        if self.accumulate not in (*FLOATS, "float64"):
            raise ValueError(f"spec {self.name!r} accumulates in {self.accumulate!r}, which is not a float")
        _unique(self.name, [law.name for law in self.laws])
        _unique(self.name, [load.name for load in self.workloads])
        for load in self.workloads:
            self._check_workload(load)

    def _check_names(self, dims: set[str]) -> None:
        """A size parameter has the name of its dim; all other names are used once."""
        params = [param.name for param in self.params]
        sizes = {param.name for param in self.sizes}
        _unique(self.name, params)
        plain = [dim.name for dim in self.dims] + [output.name for output in self.outputs]
        _unique(self.name, plain + [param for param in params if param not in sizes])
        if strange := sizes - dims:
            raise ValueError(f"spec {self.name!r}: the size parameters {sorted(strange)} are no dims of it")

    def _check_workload(self, load: Workload) -> None:
        if set(load.sizes) != {dim.name for dim in self.dims}:
            raise ValueError(f"spec {self.name!r}: workload {load.name!r} sets {sorted(load.sizes)}")
        if load.dtype not in self.dtypes:
            known = ", ".join(self.dtypes)
            raise ValueError(f"spec {self.name!r}: workload {load.name!r} runs in {load.dtype!r}, not in {known}")
        for chosen, choice in load.choices.items():
            if choice not in [each for param in self.choices if param.name == chosen for each in param.choices]:
                raise ValueError(f"spec {self.name!r}: workload {load.name!r} chooses {chosen}={choice!r}")
        for dim in self.dims:
            if not dim.low <= load.sizes[dim.name] <= dim.high:
                raise ValueError(
                    f"spec {self.name!r}: workload {load.name!r} has {dim.name}={load.sizes[dim.name]}, "
                    f"outside {dim.low}..{dim.high}"
                )

    @property
    def is_contract(self) -> bool:
        """Whether it says nothing of what is computed: numbers cannot be looked at, and nothing is admitted."""
        return self.reference is None

    @property
    def tensors(self) -> tuple[TensorParam, ...]:
        return tuple(param for param in self.params if isinstance(param, TensorParam))

    @property
    def choices(self) -> tuple[ChoiceParam, ...]:
        return tuple(param for param in self.params if isinstance(param, ChoiceParam))

    @property
    def sizes(self) -> tuple[SizeParam, ...]:
        return tuple(param for param in self.params if isinstance(param, SizeParam))

    @property
    def shaped(self) -> tuple[Shaped, ...]:
        """Everything that has elements: input tensors and outputs."""
        return (*self.tensors, *self.outputs)

    def derive(self, given: Inputs) -> dict[str, Any]:
        """The values of the derived inputs in float64, from those that are drawn; what else is given is passed over."""
        drawn = [param.name for param in self.params if not (isinstance(param, TensorParam) and param.derived)]
        wide = {name: each.double() if _floating(each) else each for name, each in given.items() if name in drawn}
        return {param.name: param.derived(**wide) for param in self.tensors if param.derived}

    def names(self) -> frozenset[str]:
        """Every name that size expressions of this spec's domain may use: dims and input strides."""
        strides = {param.stride(axis) for param in self.tensors for axis in range(len(param.dims))}
        return frozenset(strides | {dim.name for dim in self.dims})

    @property
    def tied(self) -> frozenset[str]:
        """Dims that others determine: those that a condition of `requires` equates with something."""
        left = (each.sides[0] for each in self.requires if each.kind == "eq")
        return frozenset(side.name for side in left if side.kind == "name") & {dim.name for dim in self.dims}

    def nearest(self, sizes: Mapping[str, int]) -> dict[str, int] | None:
        """Values of the dims like `sizes` that `requires` admits: where it does not, one side of a condition
        is changed. None when that leads nowhere. Conditions on strides are not looked at.
        """
        dims = {dim.name for dim in self.dims}
        conditions = [each for each in self.requires if each.names() <= dims]
        found = {dim.name: sizes[dim.name] for dim in self.dims}
        for condition in conditions:
            found = toward(condition, found)
        inside = all(dim.low <= found[dim.name] <= dim.high for dim in self.dims)
        return found if inside and all(each.holds(found) for each in conditions) else None

    def domain(self) -> Condition:
        """The sizes and strides that a kernel must handle: dim ranges, stride ranges and `requires`."""
        parts = [all_of(name(dim.name) >= dim.low, name(dim.name) <= dim.high) for dim in self.dims]
        for param in self.tensors:
            strides = [name(param.stride(axis)) for axis in range(len(param.dims))]
            if param.contiguous:
                parts += [stride.equals(size) for stride, size in zip(strides, packed(param.dims), strict=True)]
            else:
                parts += [all_of(stride >= 0, stride <= MAX_STRIDE) for stride in strides]
            parts += self._inhabited(param, strides)
        return all_of(*parts, *self.requires)

    @staticmethod
    def _inhabited(param: TensorParam, strides: list[Size]) -> list[Condition]:
        """Of sizes and strides for which the parameter has no values nothing is asked."""
        values, parts = param.values, []
        length = name(param.dims[-1]) if values.unique else size(1)
        if values.unique:
            parts.append(any_of(length <= 1, strides[-1] >= 1))
        if values.low is not None and values.high is not None and not values.also:
            parts.append(any_of(*(name(dim) <= 0 for dim in param.dims), values.low + length <= values.high))
        return parts


def packed(dims: tuple[str, ...]) -> tuple[Size, ...]:
    """Row-major strides over `dims`, as size expressions."""
    strides: list[Size] = []
    step = Size("const", value=1)
    for dim in reversed(dims):
        strides.insert(0, step)
        step = step * name(dim)
    return tuple(strides)


def _floating(value: Any) -> bool:
    return hasattr(value, "is_floating_point") and bool(value.is_floating_point())


def _unique(spec: str, names: list[str]) -> None:
    for left, right in combinations(names, 2):
        if left == right:
            raise ValueError(f"spec {spec!r} uses the name {left!r} twice")
