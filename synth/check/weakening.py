"""What asks less than it did at the base, in configuration and specs: a weaker question is easier to pass."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from attrs import evolve

from synth.check.config import Config
from verify.case import PROFILES

if TYPE_CHECKING:
    from specs.spec import Spec, TensorParam, Values

STRICTNESS: Final = ("pass", "unknown", "error")
PRECISIONS: Final = ("bfloat16", "float16", "float32", "float64")


def of_config(old: Config, new: Config, still_there: frozenset[str]) -> Iterator[tuple[str, str]]:
    """(subject or "", sentence) for each way in which the table asks less. `still_there` are functions that exist."""
    for function, spec in old.specs.items():
        if function not in new.specs and function in still_there:
            yield function, f"it is no longer held against {spec}"
    for gate in old.required:
        if new.required and gate not in new.required:
            yield "", f"{gate} is no longer required"
    if new.required and not old.required:
        yield "", f"only {', '.join(new.required)} are still required"
    if old.profile in PROFILES and new.profile in PROFILES:
        ranks = list(PROFILES)
        if ranks.index(new.profile) < ranks.index(old.profile):
            yield "", f"profile {old.profile} -> {new.profile}"
    for key, before, now in (("unspecified", old.unspecified, new.unspecified), ("kept", old.kept, new.kept)):
        if STRICTNESS.index(now) < STRICTNESS.index(before):
            yield "", f'{key} = "{before}" -> "{now}"'
    for pattern in new.exclude:
        if pattern not in old.exclude:
            yield "", f"{pattern} is excluded now"
    for pattern in old.include:
        if pattern not in new.include:
            yield "", f"{pattern} is no longer included"


def of_spec(old: Spec, new: Spec) -> Iterator[str]:
    """A sentence for each way in which a spec asks less."""
    yield from _domain(old, new)
    yield from _tried(old, new)
    yield from _precision(old, new)
    for operation in new.glue:
        if operation not in old.glue:
            yield f"the host code may use {operation}"
    if old.reference is not None and new.reference is None:
        yield "there is no reference any more, so numbers are not looked at"
    for param in old.tensors:
        same = next((each for each in new.tensors if each.name == param.name), None)
        if same is not None:
            yield from _values(param, same)


def _tried(old: Spec, new: Spec) -> Iterator[str]:
    """Laws, dtypes and sizes that tests look at."""
    for dtype in old.dtypes:
        if dtype not in new.dtypes:
            yield f"{dtype} is no longer asked for"
    laws = {law.name: law for law in new.laws}
    for law in old.laws:
        if law.name not in laws:
            yield f"the law {law.name!r} is gone"
        elif law.bitwise and not laws[law.name].bitwise:
            yield f"the law {law.name!r} need no longer hold bitwise"
    for dim in old.dims:
        kept = next((each for each in new.dims if each.name == dim.name), None)
        if kept is not None and (lost := set(dim.samples) - set(kept.samples)):
            yield f"{dim.name} is no longer tried at {', '.join(map(str, sorted(lost)))}"


def _precision(old: Spec, new: Spec) -> Iterator[str]:
    ranks = [PRECISIONS.index(each) for each in (new.accumulate, old.accumulate) if each in PRECISIONS]
    if len(ranks) == 2 and ranks[0] < ranks[1]:
        yield f"sums may be kept in {new.accumulate}, no longer in {old.accumulate}"
    if new.tf32 and not old.tf32:
        yield "products may be rounded to tf32"


def _domain(old: Spec, new: Spec) -> Iterator[str]:
    """Whether every size of the old domain is in the new one, which z3 is asked."""
    from verify.symbolic.sizes import Undecided, point_outside

    if old.names() - new.names():
        yield f"its sizes are others: {', '.join(sorted(old.names() - new.names()))} are gone"
        return
    try:
        lost = point_outside(old.domain(), [new.domain()])
    except Undecided as error:
        yield f"whether its domain is smaller cannot be told: {error}"
        return
    if lost is not None:
        shown = ", ".join(f"{name}={value}" for name, value in lost.items())
        yield f"its domain is smaller: {shown} was in it"


def _values(old: TensorParam, new: TensorParam) -> Iterator[str]:
    before, after = old.values, new.values
    if after.magnitude < before.magnitude:
        yield f"{old.name} holds values up to {after.magnitude:g} only, no longer {before.magnitude:g}"
    if before.special and not after.special:
        yield f"{old.name} no longer holds NaN and infinities"
    if _bounds(before) != _bounds(after) and _bounds(after) != (None, None):
        yield f"the integers of {old.name} lie elsewhere: {_bounds(before)} -> {_bounds(after)}"
    like = evolve(
        after, magnitude=before.magnitude, special=before.special, low=before.low, high=before.high
    )  # fmt: skip
    if like != before:  # whatever else may be promised of values
        yield f"the values of {old.name} are promised to be more than they were"
    if new.derived and not old.derived:
        yield f"{old.name} holds only what the other inputs say, no longer any values"


def _bounds(values: Values) -> tuple[object, object]:
    return values.low, values.high
