"""Kernels with a known answer get it: `verify` admits, refutes by the gate in the file's name, or does not know."""

from __future__ import annotations

import pytest
from verified import gate_of, line_of, specimens, verify

from verify.gates import REQUIRED

# One refutation a gate, and those of `policy` that cost nothing, on every run; all of them under `quality`.
EACH_GATE = (
    "policy__softmax_by_torch",
    "compile__softmax_bfloat16_branch",
    "bounds__rms_norm_second_program",
    "races__softmax_split_sum",
    "races__softmax_flat_mask_when_wide",
    "overflow__softmax_row_offset_int32",
    "coverage__rms_norm_last_rows",
    "undefined__softmax_max_without_other",
    "algorithm__rms_norm_eps_outside_root",
    "numerics__softmax_sum_in_input_dtype",
    "laws__rms_norm_row_parity",
    "fuzz__softmax_some_widths",
)
EACH_SPEC = ("softmax__looped", "rms_norm__looped", "matmul__grid2d")
AN_UNKNOWN = "algorithm__softmax_inline_asm"


def test_every_required_gate_has_a_specimen_of_its_own() -> None:
    assert {gate_of(name) for name in EACH_GATE} == set(REQUIRED)
    assert set(EACH_GATE) <= set(specimens("refuted"))


@pytest.mark.parametrize("specimen", EACH_GATE)
def test_the_named_gate_alone_refutes(specimen: str) -> None:
    verified = verify("refuted", specimen, "--gates", gate_of(specimen))
    assert verified.code == 1, verified.output
    assert verified.gates("refuted") == (gate_of(specimen),), verified.output


@pytest.mark.parametrize("specimen", EACH_SPEC)
def test_a_good_kernel_of_each_spec_is_admitted(specimen: str) -> None:
    verified = verify("admitted", specimen)
    assert verified.code == 0, verified.output
    assert verified.facts["verdict"] == "admitted"


def test_what_has_no_meaning_is_unknown() -> None:
    verified = verify("unknown", AN_UNKNOWN)
    assert verified.code == 4, verified.output
    assert gate_of(AN_UNKNOWN) in verified.gates("unknown")
    assert f"tt.elementwise_inline_asm at {AN_UNKNOWN}.py:{line_of(AN_UNKNOWN, 'ex2.approx')}" in verified.output


@pytest.mark.quality
@pytest.mark.parametrize("specimen", specimens("refuted"))
def test_every_bad_kernel_is_refuted(specimen: str) -> None:
    verified = verify("refuted", specimen)
    assert verified.code == 1, verified.output
    assert gate_of(specimen) in verified.gates("refuted"), verified.output


@pytest.mark.quality
@pytest.mark.parametrize("specimen", specimens("admitted"))
def test_every_good_kernel_is_admitted(specimen: str) -> None:
    verified = verify("admitted", specimen)
    assert verified.code == 0, verified.output


@pytest.mark.quality
@pytest.mark.parametrize("specimen", specimens("unknown"))
def test_every_kernel_beyond_our_reading_is_unknown(specimen: str) -> None:
    verified = verify("unknown", specimen)
    assert verified.code == 4, verified.output
