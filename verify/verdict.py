"""What a gate answers: an outcome, the claim it is about, its scope, and a replayed witness when it is false."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from pathlib import PurePath

from attrs import field, frozen

from specs.spec import Choice


class Outcome(IntEnum):
    """Worst first, so that folding outcomes is `min`."""

    REFUTED = 0  # a replayed witness breaks the claim
    CRASHED = 1  # the gate failed: says nothing of the kernel
    UNKNOWN = 2  # not decided: unmodelled operation, contradictory assumptions, budget spent, not run
    HELD = 3  # no counterexample among the samples tried
    PROVED = 4  # true for every input in the verdict's scope

    @property
    def word(self) -> str:
        return self.name.lower()


@frozen(order=False)
class Place:
    """Where in the candidate's source something happens. Lines count from 1; 0 means not known."""

    file: str
    line: int
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file

    def inside(self, path: str) -> bool:
        """Whether it is in a candidate's own file; `path` is the candidate's, or its dotted module name."""
        return PurePath(self.file).name in {path, PurePath(path).name, f"{path.rpartition('.')[2]}.py"}


@frozen
class Access:
    """One concrete memory access of a witness. `offset` counts elements from the tensor's first element.

    It happens, so its mask is true; `masked` says whether it has one (None: not recorded).
    """

    kind: str  # load, store, atomic
    buffer: str
    offset: int
    elements: int  # of the buffer
    program: tuple[int, int, int]
    lane: tuple[int, ...]
    place: Place
    masked: bool | None = None


@frozen
class Held:
    """A tensor that a witness's run holds. `values` spells some of them where they matter, and how they are made."""

    name: str
    dtype: str
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    values: str = ""


@frozen
class Run:
    """What a witness's run is made of beside its sizes: enough to make it again.

    Without `values`, the class that its inputs are drawn from, any inputs of the spec's domain do.
    """

    dtype: str
    choices: tuple[tuple[str, Choice], ...] = ()
    config: str = ""  # the autotune configuration
    values: str = ""
    layouts: tuple[tuple[str, str], ...] = ()  # of the tensors that are not contiguous
    seed: int = 0


@frozen
class Witness:
    """A concrete counterexample that was replayed in the executor (or needs no replay: host code, a compiler).

    `sentence` is for people: `M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax.py:14)`.
    """

    sentence: str
    replayed: str  # how: "executor", "host", "compiler", "fuzz", "arithmetic" (no run shows it)
    sizes: tuple[tuple[str, int], ...] = ()
    accesses: tuple[Access, ...] = ()
    place: Place | None = None
    reproduce: str = ""  # a blob or command that redoes it
    run: Run | None = None
    held: tuple[Held, ...] = ()

    @property
    def point(self) -> str:
        """`M=1, N=3, float16, normal values, x transposed, seed 0`: where to ask again; empty if not known."""
        if self.run is None:
            return ""
        parts = [f"{name}={size}" for name, size in (*self.sizes, *self.run.choices)] + [self.run.dtype]
        if self.run.values:
            parts.append(f"{self.run.values} values")
            parts += [f"{name} {layout}" for name, layout in self.run.layouts if layout != "contiguous"]
            parts.append(f"seed {self.run.seed}")
        return ", ".join(parts + ([f"config {self.run.config}"] if self.run.config else []))


@frozen
class Cost:
    """What an answer took. `rlimit` counts z3's resource steps; None where no solver ran."""

    seconds: float
    rlimit: int | None = None

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, (self.rlimit or 0) + (other.rlimit or 0))


@frozen
class LedgerEntry:
    """The tolerance that was applied where it came closest to being used up, or was broken.

    `ratio` is |value - reference| over what was allowed there: `bound` (the running error bound) plus half a
    unit in the last place of the output. `inputs` are values of the inputs that meet at `index`, in hexadecimal.

    `own` is how far the kernel's own operations, in their own order, may be off there by rounding alone, in the worst
    case. No verdict depends on it. None where it was not asked for, or where something (`lacks`) has no error bound.
    """

    dtype: str
    case: str  # sizes, value class, layouts and seed, enough to make the inputs again
    ratio: float
    index: tuple[int, ...]
    value: float
    reference: float
    bound: float
    allowed: float
    inputs: tuple[tuple[str, str], ...] = ()
    own: float | None = None
    lacks: str = ""


@frozen
class Need:
    """What the values of an integer parameter must be for a claim to hold, beyond what the spec says of them.

    `low <= v < high` as size expressions, where given; `unique` and `sorted` along the last dimension. `exact`
    says that with one value more at either end the claim is false. `place` is where they are loaded.
    """

    param: str
    place: Place
    low: str | None = None
    high: str | None = None
    unique: bool = False
    sorted: bool = False
    exact: bool = False

    def __str__(self) -> str:
        """`0 <= i[...] < V for every element loaded at k.py:12`"""
        parts = []
        if self.low is not None or self.high is not None:
            ends = "" if self.low is None else f"{self.low} <= ", "" if self.high is None else f" < {self.high}"
            parts.append(f"{ends[0]}{self.param}[...]{ends[1]} for every element loaded at {self.place}")
        if self.unique:
            parts.append(f"no value occurs twice along the last dimension of {self.param}")
        if self.sorted:
            parts.append(f"{self.param} does not descend along its last dimension")
        return ", ".join(parts)


@frozen
class Trail:
    """How a proof was found, for whoever wants to challenge it.

    It follows from what it `rests` on and the ranges of `sizes`, beside the grid, the tiles and strides that the spec
    or the host code fixes; of all else, such as masks that are not named, it made no use. `digest` is the SHA-256 of
    what z3 was asked, as SMT-LIB in the order of asking: `queries` different questions, none where ranges decided.
    """

    queries: int
    digest: str
    rests: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """Everything that it rests on, each for itself."""
        return (*self.rests, *(f"the range of {name}" for name in self.sizes))

    def __str__(self) -> str:
        ranges = [f"the range{'s' * (len(self.sizes) > 1)} of {', '.join(self.sizes)}"] if self.sizes else []
        return "; ".join([*self.rests, *ranges]) or "nothing beside the grid and the tiles"


@frozen
class Verdict:
    """One gate's answer about one claim.

    `scope` says for which shapes, dtypes and variants the claim was shown; `detail` says how (the solver's rung,
    the number of samples) or why not. A witness stands if and only if the claim is refuted.
    """

    gate: str
    outcome: Outcome
    claim: str
    scope: str
    detail: str = ""
    assumptions: tuple[str, ...] = ()
    witness: Witness | None = None
    place: Place | None = None
    cost: Cost = field(default=Cost(0.0))
    ledger: tuple[LedgerEntry, ...] = ()
    needs: tuple[Need, ...] = ()  # what would have to be known of loaded values for an unknown claim to hold
    kernel: str = ""  # whose launches it is about, where it is not about all of them
    reached: bool | None = None  # of a proof: whether anything in its scope meets what it is about; None: not known
    trail: Trail | None = None  # of a proof by the prover

    def __attrs_post_init__(self) -> None:
        if (self.witness is None) == (self.outcome is Outcome.REFUTED):
            raise ValueError(f"{self.gate}: outcome {self.outcome.word} with witness {self.witness}")
        if self.outcome in (Outcome.PROVED, Outcome.HELD) and not self.scope:
            raise ValueError(f"{self.gate}: {self.outcome.word} needs a scope")
        if self.reached is not None and self.outcome is not Outcome.PROVED:
            raise ValueError(f"{self.gate}: reached={self.reached} of a claim that is {self.outcome.word}")
        if self.trail is not None and self.outcome is not Outcome.PROVED:
            raise ValueError(f"{self.gate}: a proof's trail for a claim that is {self.outcome.word}")

    @property
    def vacuous(self) -> bool:
        """Whether it is a proof about nothing: no input in the scope meets what it is about."""
        return self.reached is False


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 claim`, `3 claims`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The fold of many outcomes. Of none at all it is UNKNOWN: nothing was shown."""
    return min(outcomes, default=Outcome.UNKNOWN)
