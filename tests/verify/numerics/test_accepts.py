"""The acceptance rule takes every correct evaluation, in any order of sums, and refuses the usual bugs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

import specs
from specs.spec import FLOATS
from verify.numerics.compare import Comparison, compare
from verify.numerics.inputs import Trial, make_inputs
from verify.numerics.precision import declared
from verify.numerics.reference import bounded_outputs
from verify.numerics.trials import classes

Sum = Callable[[torch.Tensor], torch.Tensor]


def sequential(terms: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(terms[..., 0])
    for at in range(terms.shape[-1]):
        total = total + terms[..., at]
    return total


def tree(terms: torch.Tensor) -> torch.Tensor:
    while terms.shape[-1] > 1:
        if terms.shape[-1] % 2:
            terms = torch.cat([terms, torch.zeros_like(terms[..., :1])], -1)
        terms = terms[..., ::2] + terms[..., 1::2]
    return terms[..., 0]


def lanes(terms: torch.Tensor, width: int = 8) -> torch.Tensor:
    """Each lane takes every eighth term; then the lanes are added."""
    short = -terms.shape[-1] % width
    terms = torch.cat([terms, torch.zeros_like(terms[..., :1]).expand(*terms.shape[:-1], short)], -1)
    return tree(sequential(terms.reshape(*terms.shape[:-1], -1, width).transpose(-1, -2)))


def backwards(terms: torch.Tensor) -> torch.Tensor:
    return sequential(terms.flip(-1))


ORDERS: dict[str, Sum] = {"sequential": sequential, "tree": tree, "lanes": lanes, "backwards": backwards}


def softmax(x: torch.Tensor, add: Sum) -> torch.Tensor:
    x = x.float()
    weights = (x - x.amax(-1, keepdim=True)).exp()
    return weights / add(weights).unsqueeze(-1)


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float, add: Sum) -> torch.Tensor:
    x = x.float()
    eps32 = torch.tensor(eps)
    return x * (add(x * x).unsqueeze(-1) / x.shape[-1] + eps32).rsqrt() * weight.float()


def matmul(a: torch.Tensor, b: torch.Tensor, add: Sum) -> torch.Tensor:
    return add(a.float()[:, None, :] * b.float().T[None, :, :])


def layer_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float, add: Sum) -> torch.Tensor:
    x = x.float()
    distance = x - add(x).unsqueeze(-1) / x.shape[-1]
    scale = (add(distance * distance).unsqueeze(-1) / x.shape[-1] + torch.tensor(eps)).rsqrt()
    return distance * scale * weight.float() + bias.float()


def swiglu(gate: torch.Tensor, up: torch.Tensor, add: Sum) -> torch.Tensor:
    return gate.float() * torch.sigmoid(gate.float()) * up.float()


def row_sum(x: torch.Tensor, add: Sum) -> torch.Tensor:
    return add(x.float())


def cumsum(x: torch.Tensor, add: Sum, width: int = 16) -> torch.Tensor:
    """Blocks are scanned by themselves; what stands before a block is added to it."""
    x = x.float()
    before, blocks = torch.zeros_like(x[:, :1]), []
    for start in range(0, x.shape[1], width):
        block = x[:, start : start + width]
        inside = torch.stack([add(block[:, : at + 1]) for at in range(block.shape[1])], -1)
        blocks.append(before + inside)
        before = blocks[-1][:, -1:]
    return torch.cat(blocks, -1)


KERNELS = {
    each.__name__: each for each in (softmax, rms_norm, matmul, layer_norm, swiglu, row_sum, cumsum)
}  # fmt: skip
ROWS = {"M": 6, "N": 200}
SIZES = dict.fromkeys(KERNELS, ROWS) | {"matmul": {"M": 5, "N": 6, "K": 200}, "cumsum": {"M": 4, "N": 70}}


def judged(name: str, trial: Trial, kernel: Callable[..., torch.Tensor]) -> Comparison:
    spec = specs.ALL[name]
    inputs = make_inputs(spec, trial)
    output = kernel(**inputs).to(getattr(torch, trial.dtype))
    return compare(output, bounded_outputs(spec, inputs, declared(spec, trial.dtype))[0], trial.dtype)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", KERNELS)
def test_correct_kernels_are_accepted(name: str, order: str) -> None:
    for dtype in FLOATS:
        for kind in classes(specs.ALL[name]):
            for seed in range(2):
                trial = Trial(dtype, tuple(SIZES[name].items()), kind, seed=seed)
                found = judged(name, trial, lambda **inputs: KERNELS[name](**inputs, add=ORDERS[order]))
                assert found.accepted, (str(trial), found)


@pytest.mark.parametrize("name", KERNELS)
@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_correct_kernels_are_accepted_at_any_size(name: str, data: st.DataObject) -> None:
    spec = specs.ALL[name]
    sizes = tuple((dim.name, data.draw(st.integers(max(1, dim.low), 40), dim.name)) for dim in spec.dims)
    kind = data.draw(st.sampled_from(classes(spec)))
    dtype, order = data.draw(st.sampled_from(FLOATS)), data.draw(st.sampled_from(sorted(ORDERS)))
    trial = Trial(dtype, sizes, kind, seed=data.draw(st.integers(0, 99)))
    assert judged(name, trial, lambda **inputs: KERNELS[name](**inputs, add=ORDERS[order])).accepted


def _dropped(terms: torch.Tensor) -> torch.Tensor:
    return sequential(terms[..., :-1])


def _repeated(terms: torch.Tensor) -> torch.Tensor:
    return sequential(torch.cat([terms, terms[..., :1]], -1))


def _coarse(terms: torch.Tensor) -> torch.Tensor:
    total = torch.zeros_like(terms[..., 0]).bfloat16()
    for at in range(terms.shape[-1]):
        total = total + terms[..., at].bfloat16()
    return total.float()


def _tf32(tensor: torch.Tensor) -> torch.Tensor:
    return (tensor.float().view(torch.int32) & ~0x1FFF).view(torch.float32)


X32 = torch.Tensor.float
BUGS: list[tuple[str, str, tuple[str, ...], str, Callable[..., torch.Tensor]]] = [
    ("softmax", "a term dropped", FLOATS, "uniform", lambda x: softmax(x, _dropped)),
    ("softmax", "a term twice", FLOATS, "uniform", lambda x: softmax(x, _repeated)),
    ("softmax", "summed in bfloat16", ("float32", "float16"), "normal", lambda x: softmax(x, _coarse)),
    ("softmax", "no maximum", FLOATS, "large", lambda x: X32(x).exp() / X32(x).exp().sum(-1, keepdim=True)),
    ("softmax", "rows swapped", FLOATS, "normal", lambda x: softmax(x, tree).roll(1, 0)),
    ("rms_norm", "a term dropped", FLOATS, "uniform",
     lambda x, weight, eps: rms_norm(x, weight, eps, _dropped)),
    ("rms_norm", "no eps", FLOATS, "subnormal", lambda x, weight, eps: rms_norm(x, weight, 0.0, tree)),
    ("rms_norm", "eps after the root", FLOATS, "uniform",
     lambda x, weight, eps: X32(x) / (X32(x).square().mean(-1, keepdim=True).sqrt() + eps) * X32(weight)),
    ("rms_norm", "variance for the mean of squares", FLOATS, "uniform",
     lambda x, weight, eps: rms_norm(x - X32(x).mean(-1, keepdim=True), weight, eps, tree)),
    ("rms_norm", "squares in the input's dtype", ("float16",), "large",
     lambda x, weight, eps: X32(x) * (X32(x * x).mean(-1, keepdim=True) + eps).rsqrt() * X32(weight)),
    ("rms_norm", "rounded before the weight", ("bfloat16", "float16"), "normal",
     lambda x, weight, eps: rms_norm(x, torch.ones_like(weight), eps, tree).to(x.dtype) * weight),
    ("rms_norm", "one element 5% off", FLOATS, "normal",
     lambda x, weight, eps: _off(rms_norm(x, weight, eps, tree))),
    ("matmul", "a term dropped", FLOATS, "integers", lambda a, b: matmul(a, b, _dropped)),
    ("matmul", "a term twice", FLOATS, "integers", lambda a, b: matmul(a, b, _repeated)),
    ("matmul", "a term dropped", ("float32", "float16"), "uniform", lambda a, b: matmul(a, b, _dropped)),
    ("matmul", "summed in bfloat16", FLOATS, "normal", lambda a, b: matmul(a, b, _coarse)),
    ("matmul", "cut to tf32", ("float32",), "normal", lambda a, b: matmul(_tf32(a), _tf32(b), tree)),
    ("matmul", "rows swapped", FLOATS, "normal", lambda a, b: matmul(a.roll(1, 0), b, tree)),
    ("matmul", "one element 5% off", FLOATS, "normal", lambda a, b: _off(matmul(a, b, tree))),
    ("layer_norm", "a term dropped", FLOATS, "uniform",
     lambda x, weight, bias, eps: layer_norm(x, weight, bias, eps, _dropped)),
    ("layer_norm", "mean square less squared mean", ("float32",), "offset",
     lambda x, weight, bias, eps: _less_squared_mean(x, weight, bias, eps)),
    ("layer_norm", "divided by one less", FLOATS, "normal",
     lambda x, weight, bias, eps: X32(bias) + X32(weight) * (X32(x) - X32(x).mean(-1, keepdim=True))
     * (X32(x).var(-1, keepdim=True) + eps).rsqrt()),
    ("swiglu", "gelu for silu", FLOATS, "normal", lambda gate, up: torch.nn.functional.gelu(X32(gate)) * up),
    ("swiglu", "rounded before up", ("bfloat16", "float16"), "normal",
     lambda gate, up: torch.nn.functional.silu(gate) * up),
    ("row_sum", "a term dropped", FLOATS, "integers", lambda x: row_sum(x, _dropped)),
    ("row_sum", "summed in bfloat16", FLOATS, "normal", lambda x: row_sum(x, _coarse)),
    ("cumsum", "a block forgets what stands before it", FLOATS, "uniform", lambda x: torch.cat(
        [cumsum(x[:, :32], tree), cumsum(x[:, 32:], tree)], -1)),
    ("cumsum", "the carry misses a block's last element", FLOATS, "integers",
     lambda x: cumsum(x, tree) - (torch.arange(x.shape[1]) >= 48) * X32(x[:, 47:48])),
    ("cumsum", "carried in the input's dtype", ("bfloat16", "float16"), "uniform", lambda x: torch.cat(
        [cumsum(x[:, :32], tree), cumsum(x[:, :32], tree)[:, -1:].to(x.dtype) + cumsum(x[:, 32:], tree)], -1)),
]  # fmt: skip


def _less_squared_mean(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, eps: float) -> torch.Tensor:
    x = x.float()
    mean = x.mean(-1, keepdim=True)
    variance = (x * x).mean(-1, keepdim=True) - mean * mean
    return (x - mean) * (variance + eps).rsqrt() * weight.float() + bias.float()


def _off(output: torch.Tensor) -> torch.Tensor:
    output = output.clone()
    output[2, 3] *= 1.05
    return output


@pytest.mark.parametrize(
    ("name", "bug", "dtypes", "kind", "kernel"), BUGS, ids=[f"{row[0]}-{row[1]}-{row[3]}" for row in BUGS]
)
def test_bugs_are_refused(
    name: str, bug: str, dtypes: tuple[str, ...], kind: str, kernel: Callable[..., torch.Tensor]
) -> None:
    for dtype in dtypes:
        refused = [
            not judged(name, Trial(dtype, tuple(SIZES[name].items()), kind, seed=seed), kernel).accepted
            for seed in range(3)
        ]
        assert any(refused), f"{bug} in {dtype}"


def test_tf32_is_accepted_where_the_spec_allows_it() -> None:
    spec = evolve(specs.ALL["matmul"], tf32=True)
    inputs = make_inputs(spec, Trial("float32", tuple(SIZES["matmul"].items())))
    output = matmul(_tf32(inputs["a"]), _tf32(inputs["b"]), tree)  # type: ignore[arg-type]
    reference = bounded_outputs(spec, inputs, declared(spec, "float32"))[0]
    assert compare(output, reference, "float32").accepted
