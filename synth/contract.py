"""A spec's contract in words, for whoever is to write a kernel for it: a model, or a person."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Mapping

from specs.sizes import TRUE
from specs.spec import ELEMENT, ChoiceParam, FloatParam, Param, SizeParam, Spec


def contract(spec: Spec) -> str:
    """The operator's contract in words: entry, sizes, parameters, results, precision, laws, reference."""
    lines = [f"Operator `{spec.name}`: {spec.summary}", "", f"Entry: `{signature(spec)}`", "", "Sizes:"]
    lines += [f"- {dim.name}: {dim.low} to {dim.high}" for dim in spec.dims]
    lines += ["", "Parameters:", *(f"- {_parameter(spec, param)}" for param in spec.params)]
    lines += ["", "Returns:"]
    lines += [f"- {out.name}[{', '.join(out.dims)}], {_dtype(spec, out.dtype)}" for out in spec.outputs]
    conditions = [str(condition) for condition in spec.requires if condition != TRUE]
    if conditions:
        lines += ["", "The caller guarantees:", *(f"- {condition}" for condition in conditions)]
    tf32 = "float32 products may be rounded to tf32" if spec.tf32 else "tf32 is not allowed"
    lines += ["", f"Accumulate in {spec.accumulate}; {tf32}."]
    if spec.glue:
        lines += [f"Host code may also use: {', '.join(spec.glue)}."]
    if spec.laws:
        lines += ["", "Laws that the kernel is tested by:"]
        lines += [f"- {law.name}: {law.claim}{' (bitwise)' if law.bitwise else ''}" for law in spec.laws]
    lines += ["", "It is timed on:"]
    lines += [f"- {load.name}: {_sizes(load.sizes)} {load.dtype}" for load in spec.workloads]
    if source := _reference(spec):
        lines += ["", "Reference, in float64:", "", textwrap.indent(source, "    ")]
    return "\n".join(lines)


def signature(spec: Spec) -> str:
    """The entry as it is called."""
    return f"{spec.name}({', '.join(param.name for param in spec.params)})"


def _parameter(spec: Spec, param: Param) -> str:
    if isinstance(param, FloatParam):
        return f"{param.name}: a Python float, for instance {', '.join(map(str, param.samples))}"
    if isinstance(param, ChoiceParam):
        return f"{param.name}: one of {', '.join(map(str, param.choices))}"
    if isinstance(param, SizeParam):
        return f"{param.name}: a Python int, the size of that name"
    strides = "contiguous" if param.contiguous else "any non-negative strides (0, transposed, sliced), any offset"
    values = param.values
    if param.derived:
        holds = f"{' '.join((param.derived.__doc__ or 'told by the other inputs').split())}, rounded"
    elif values.low is not None and values.high is not None:
        holds = " or ".join([f"{values.low} <= value < {values.high}", *map(str, values.also)])
        holds += ", no value twice in a row" if values.unique else ""
        holds += ", rows ascend" if values.sorted else ""
    else:
        holds = f"|value| <= {values.magnitude:g}{', NaN and infinities too' if values.special else ''}"
    written = ", may be written to and returned" if param.inplace else ""
    return f"{param.name}[{', '.join(param.dims)}], {_dtype(spec, param.dtype)}, {strides}, {holds}{written}"


def _dtype(spec: Spec, dtype: str) -> str:
    return f"the run's dtype ({', '.join(spec.dtypes)})" if dtype == ELEMENT else dtype


def _sizes(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sizes.items())


def _reference(spec: Spec) -> str:
    assert spec.reference is not None, "nobody is asked for a kernel without saying what it computes"
    try:
        return textwrap.dedent(inspect.getsource(spec.reference)).rstrip()
    except (OSError, TypeError):  # made by a factory or typed into a shell: it has no text of its own
        return ""
