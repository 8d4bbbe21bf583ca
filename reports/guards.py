"""What a kernel was not shown to be safe without, as a Python module that checks it at run time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from specs.spec import Spec, TensorParam
from verify.verdict import Need, Verdict

HEAD: Final = '''"""Checks of the values that {entry} loads, which no gate could do without. Written by kernelproof.

{claims}
"""

'''
HELPERS: Final = """

def _refuse(name, tensor, bad, wanted):
    if bool(bad.any()):
        at = tuple(bad.nonzero()[0].tolist())
        raise ValueError(f"{name}[{', '.join(map(str, at))}] is {tensor[at].item()}, which must be {wanted}")


def _at_least(name, tensor, low):
    _refuse(name, tensor, tensor < low, f"at least {low}")


def _below(name, tensor, high):
    _refuse(name, tensor, tensor >= high, f"below {high}")


def _ascending(name, tensor):
    bad = tensor != tensor
    bad[..., 1:] = tensor[..., 1:] < tensor[..., :-1]
    _refuse(name, tensor, bad, "no less than the value before it")


def _unique(name, tensor):
    values, order = tensor.sort(dim=-1, stable=True)
    again = values != values
    again[..., 1:] = values[..., 1:] == values[..., :-1]
    _refuse(name, tensor, again.scatter(-1, order, again), "a value that does not occur before it")
"""


def guards(spec: Spec, verdicts: Iterable[Verdict]) -> str:
    """The module's text; empty where nothing is needed. `check_<entry>` takes the entry's arguments.

    It raises ValueError with the parameter, the index and the value. All elements of a parameter are checked,
    also those that no program loads.
    """
    asked: dict[Need, list[str]] = {}
    for verdict in verdicts:
        for need in verdict.needs:
            told = " ".join(f"{verdict.gate}: {verdict.claim} ({verdict.place})".split())
            asked.setdefault(need, []).append(told.replace("\\", "/").replace('"', "'"))  # it stands in a docstring
    if not asked:
        return ""
    claims = "\n".join(dict.fromkeys(claim for told in asked.values() for claim in told))
    names = ", ".join(param.name for param in spec.params)
    body = [f"def check_{spec.name}({names}):", f'    """Raise ValueError where {spec.name} may not be called."""']
    body += [f"    {line}" for line in (*_sizes(spec, asked), *_checks(asked))]
    return HEAD.format(entry=spec.name, claims=claims) + "\n" + "\n".join(body) + "\n" + HELPERS


def _sizes(spec: Spec, asked: Iterable[Need]) -> Iterator[str]:
    """The dims that the bounds speak of, from the first tensor that has them."""
    text = " ".join(end for need in asked for end in (need.low, need.high) if end is not None)
    spoken = set(text.replace("(", " ").replace(")", " ").replace(",", " ").split())
    own = {param.name for param in spec.params}
    for dim in spec.dims:
        holders = ((param.name, param.dims.index(dim.name)) for param in spec.params
                   if isinstance(param, TensorParam) and dim.name in param.dims)  # fmt: skip
        found = next(holders, None)
        if dim.name in spoken and dim.name not in own and found is not None:
            yield f"{dim.name} = {found[0]}.shape[{found[1]}]"


def _checks(asked: Iterable[Need]) -> Iterator[str]:
    lines: dict[str, None] = {}
    for need in asked:
        given = f'"{need.param}", {need.param}'
        if need.low is not None:
            lines[f"_at_least({given}, {need.low})"] = None
        if need.high is not None:
            lines[f"_below({given}, {need.high})"] = None
        if need.sorted:
            lines[f"_ascending({given})"] = None
        if need.unique:
            lines[f"_unique({given})"] = None
    yield from lines
