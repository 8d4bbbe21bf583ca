"""Every kind of bug: a text where it fits, what it makes of it, and that nothing else changes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from synth.mutation.kinds import KINDS, chosen, mutants
from synth.mutation.text import Source

SPECIMENS = Path(__file__).parents[2] / "specimens" / "admitted"
HEAD = "import torch\nimport triton\nimport triton.language as tl\n\n\n"
KERNEL = "@triton.jit\ndef k(x_ptr, y_ptr, row_stride, col_stride, n, eps, BLOCK: tl.constexpr):\n    "
HOST = "def softmax(x):\n    "

# kind -> a line of a kernel, or of host code after `host:`, and what becomes of it.
LINES = {
    "load-mask-dropped": ("x = tl.load(p, mask=m, other=0.0)", "x = tl.load(p)"),
    "store-mask-dropped": ("tl.store(p, v, mask=m)", "tl.store(p, v)"),
    "mask-part-dropped": ("m = (a < n) & (b < n)", "m = a < n"),
    "mask-or": ("m = (a < n) & (b < n)", "m = (a < n) | (b < n)"),
    "comparison-off-by-one": ("m = (a < n) & b", "m = (a <= n) & b"),
    "comparison-inverted": ("m = a < n", "m = a >= n"),
    "other-dropped": ("x = tl.load(p, mask=m, other=0.0)", "x = tl.load(p, mask=m)"),
    "other-changed": ('x = tl.load(p, mask=m, other=float("-inf"))', "x = tl.load(p, mask=m, other=0.0)"),
    "boundary-check-dropped": ("x = tl.load(p, boundary_check=(0,))", "x = tl.load(p)"),
    "stride-dropped": ("p = x_ptr + row * row_stride", "p = x_ptr + row"),
    "index-off-by-one": ("p = x_ptr + row * row_stride", "p = x_ptr + (row + 1) * row_stride"),
    "strides-exchanged": (
        "p = x_ptr + a * row_stride + (b + 1) * col_stride",
        "p = x_ptr + a * col_stride + (b + 1) * row_stride",
    ),
    "axes-exchanged": ("m = a[:, None] < n", "m = a[None, :] < n"),
    "program-axis": ("row = tl.program_id(0)", "row = tl.program_id(1)"),
    "widening-dropped": ("row = tl.program_id(0).to(tl.int64)", "row = tl.program_id(0)"),
    "false-hint": ("p = x_ptr + row * row_stride", "p = x_ptr + tl.multiple_of(row * row_stride, 16)"),
    "load-shifted": ("x = tl.load(p, mask=m)", "x = tl.load(p + 1, mask=m)"),
    "store-shifted": ("tl.store(p, v, mask=m)", "tl.store(p + 1, v, mask=m)"),
    "store-dropped": ("tl.store(p, v, mask=m)", "pass"),
    "atomic-to-store": ('tl.atomic_add(p, v, mask=m, sem="relaxed")', "tl.store(p, v, mask=m)"),
    "atomic-to-update": ("tl.atomic_add(p, v, mask=m)", "tl.store(p, tl.load(p, mask=m) + v, mask=m)"),
    "atomic-changed": ("tl.atomic_add(p, v)", "tl.atomic_max(p, v)"),
    "atomic-relaxed": ("tl.atomic_add(p, v)", 'tl.atomic_add(p, v, sem="relaxed")'),
    "barrier-dropped": ("tl.debug_barrier()", "pass"),
    "start-changed": ("acc = tl.zeros((BLOCK,), dtype=tl.float32)", "acc = tl.full((BLOCK,), 1, dtype=tl.float32)"),
    "branches-exchanged": ("x = tl.where(m, a, 0.0)", "x = tl.where(m, 0.0, a)"),
    "accumulator-narrowed": ("acc = tl.zeros((BLOCK,), tl.float32)", "acc = tl.zeros((BLOCK,), tl.float16)"),
    "cast-narrowed": ("x = x.to(tl.float32)", "x = x.to(tl.float16)"),
    "cast-dropped": ("x = tl.load(p).to(tl.float32)", "x = tl.load(p)"),
    "result-rounded": ("tl.store(p, a + b)", "tl.store(p, (a + b).to(tl.bfloat16))"),
    "tf32": ('c = tl.dot(a, b, c, input_precision="ieee")', 'c = tl.dot(a, b, c, input_precision="tf32")'),
    "maximum-dropped": ("e = tl.exp(x - peak)", "e = tl.exp(x)"),
    "rescale-dropped": ("total = total * tl.exp(old - new) + e", "total = total + e"),
    "eps-dropped": ("s = tl.rsqrt(mean + eps)", "s = tl.rsqrt(mean)"),
    "eps-changed": ("s = tl.rsqrt(mean + eps)", "s = tl.rsqrt(mean + (2 * eps))"),
    "factor-dropped": ("y = x / total", "y = x"),
    "term-dropped": ("y = x + bias", "y = x"),
    "reduction-changed": ("s = tl.sum(x, axis=0)", "s = tl.max(x, axis=0)"),
    "function-changed": ("e = tl.exp(x)", "e = tl.exp2(x)"),
    "operator-changed": ("y = (a + b) * c", "y = (a - b) * c"),
    "constant-changed": ("y = 0.5 * x", "y = 0.505 * x"),
    "axis-changed": ("s = tl.sum(x, axis=1)", "s = tl.sum(x, axis=0)"),
    "divisor-is-block": ("s = total / n", "s = total / BLOCK"),
    "operands-exchanged": ("y = (a + b) / c", "y = c / (a + b)"),
    "operand-transposed": ("c = tl.dot(a, tl.trans(b))", "c = tl.dot(tl.trans(a), tl.trans(b))"),
    "ties-changed": ("i = tl.argmax(x, axis=0)", "i = tl.argmax(x, axis=0, tie_break_left=False)"),
    "loop-late": ("for i in range(0, n, BLOCK): pass", "for i in range(BLOCK, n, BLOCK): pass"),
    "loop-short": ("for i in range(0, n, BLOCK): pass", "for i in range(0, n - BLOCK, BLOCK): pass"),
    "loop-off-by-one": ("for i in range(0, n, BLOCK): pass", "for i in range(0, n - 1, BLOCK): pass"),
    "loop-long": ("for i in range(n): pass", "for i in range(0, n + 1, 1): pass"),
    "loop-once": ("for i in range(0, n, BLOCK): pass", "for i in range(0, min(n, BLOCK), BLOCK): pass"),
    "step-changed": ("for i in tl.range(0, n, BLOCK): pass", "for i in range(0, n, 2 * BLOCK): pass"),
    "update-dropped": ("acc += x", "pass"),
    "overwritten": ("acc += x", "acc = x"),
    "added-twice": ("acc += x", "acc += x; acc += x"),
    "branch-inverted": ("if row: pass", "if not (row): pass"),
    "ceiling-to-floor": ("trips = tl.cdiv(n + 1, BLOCK)", "trips = ((n + 1) // BLOCK)"),
    "grid-for-other-block": ("host:g = triton.cdiv(n, 64)", "g = triton.cdiv(n, 2 * 64)"),
    "grid-short": ("host:k[(m,)](x)", "k[(m - 1,)](x)"),
    "grid-long": ("host:grid = (m, n)", "grid = (m + 1, n)"),
    "block-halved": ("host:b = triton.next_power_of_2(n)", "b = (triton.next_power_of_2(n) // 2)"),
    "limit-moved": ("host:if n <= 4096: pass", "if n <= 4097: pass"),
    "other-stride": ("host:s = x.stride(0)", "s = x.stride(1)"),
    "arguments-exchanged": ("host:k[g](x, y, n)", "k[g](y, x, n)"),
    "start-unwritten": ("host:y = torch.zeros(n, dtype=x.dtype)", "y = torch.empty(n, dtype=x.dtype)"),
}  # fmt: skip


def text(line: str) -> str:
    host = line.startswith("host:")
    return HEAD + (HOST if host else KERNEL) + line.removeprefix("host:") + "\n"


def test_there_are_many_kinds_and_each_has_an_example() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 60
    assert set(LINES) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_changes_its_line_so(kind) -> None:
    line, becomes = LINES[kind.name]
    found = mutants(text(line), (kind,))[kind.name]
    assert becomes in [each.line.after.strip() for each in found]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_says_nothing_where_it_does_not_fit(kind) -> None:
    assert mutants(HEAD + KERNEL + "return\n\n\n" + HOST + "return x\n", (kind,)) == {kind.name: ()}


@pytest.mark.parametrize("name", ["attention__forward", "histogram__atomics", "matmul__grouped", "softmax__autotuned"])
def test_a_mutant_of_a_real_kernel_parses_differs_and_keeps_its_lines(name) -> None:
    original = (SPECIMENS / f"{name}.py").read_text()
    found = [each for own in mutants(original).values() for each in own]
    meanings = {ast.dump(ast.parse(each.source)) for each in found} | {ast.dump(ast.parse(original))}
    assert len(meanings) == len(found) + 1 > 30
    for each in found:
        kept, changed = original.splitlines(), each.source.splitlines()
        assert len(kept) == len(changed)
        assert kept[: each.line.number - 1] == changed[: each.line.number - 1]
        assert kept[each.line.number - 1] != changed[each.line.number - 1]


def test_a_bug_in_a_call_over_several_lines_moves_no_other_line() -> None:
    source = text("x = tl.load(\n        p,  # where\n        mask=m,\n    ).to(tl.float32)\n    y = x")
    (found,) = mutants(source, tuple(kind for kind in KINDS if kind.name == "load-mask-dropped"))["load-mask-dropped"]
    assert found.source.splitlines().index("    y = x") == source.splitlines().index("    y = x")


def test_letters_beyond_ascii_do_not_shift_a_change() -> None:
    source = HEAD + KERNEL + 'tl.device_print("größe 😀", n); m = a < n\n'
    found = mutants(source)["comparison-inverted"]
    assert [each.line.after.strip() for each in found] == ['tl.device_print("größe 😀", n); m = a >= n']


def test_a_limit_takes_one_of_each_kind_first_and_always_the_same() -> None:
    found = mutants((SPECIMENS / "softmax__looped.py").read_text())
    kinds = [name for name, own in found.items() if own]
    assert [each.kind for each in chosen(found, len(kinds))] == kinds
    assert chosen(found, 10) == chosen(found, 10) and len(chosen(found, 10)) == 10
    assert set(chosen(found, 50)) < set(chosen(found, 60))
    assert len(chosen(found, 10_000)) == sum(map(len, found.values()))


def test_kernels_are_told_from_host_code() -> None:
    source = Source("import triton.language as L\n@triton.autotune([])\n@triton.jit\ndef k(): pass\ndef f(): pass\n")
    assert [each.name for each in source.kernels] == ["k"] and [each.name for each in source.hosts] == ["f"]
    assert source.libraries == {"L", "triton.language"}
