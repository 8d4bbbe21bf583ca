"""Prompts: the whole contract, what earlier attempts came to, and nothing about this machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest
from attrs import evolve

import specs
from synth.answers import Form
from synth.bench.model import PEAKS
from synth.lineage import Attempt, Finding
from synth.prompt import FINDINGS, LAYOUTS, build


def text_of(*arguments: object) -> str:
    return "\n".join(message.content for message in build(*arguments).messages)  # type: ignore[arg-type]


@pytest.mark.parametrize("spec", specs.ALL.values(), ids=lambda spec: spec.name)
def test_a_prompt_tells_the_contract(spec: specs.Spec) -> None:
    text = text_of(spec)

    for part in (*spec.dims, *spec.params, *spec.outputs, *spec.laws, *spec.workloads):
        assert part.name in text
    assert spec.accumulate in text
    assert "def _reference" in text
    assert "exactly one fenced" in text


def test_equal_arguments_give_equal_prompts() -> None:
    spec = specs.find("matmul")

    assert build(spec) == build(spec)
    assert build(spec).digest == build(spec).digest != build(spec, (), "MI300X").digest


@pytest.mark.parametrize("device", LAYOUTS)
def test_a_prompt_tells_nothing_of_this_machine(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-in-the-environment")
    text = text_of(specs.find("softmax"), (), device)

    for secret in (
        "sk-secret",
        str(Path.home()),
        os.getcwd(),
        platform.node() or "no name",
        platform.release(),
    ):
        assert secret not in text


def test_long_histories_are_cut_but_the_best_stays() -> None:
    many = tuple(Finding("bounds", "refuted", f"claim {number}", "x" * 5000) for number in range(50))
    admitted = Attempt(1, "", Form.MODULE, "admitted", source="# the best of all\n")
    refuted = Attempt(2, "", Form.MODULE, "refuted", source="y = 1\n" * 90_000, findings=many)
    attempts = (admitted, *(evolve(refuted, number=number) for number in range(2, 12)))
    text = text_of(specs.find("softmax"), attempts)

    assert "the best of all" in text
    assert f"and {len(many) - FINDINGS} more" in text
    assert "Attempt 11" in text
    assert "Attempt 5 " not in text
    assert len(text) < 60_000


def test_a_reference_without_a_source_is_left_out() -> None:
    spec = evolve(specs.find("softmax"), reference=eval("lambda x: x"))  # noqa: S307  a function without a file

    assert "Reference" not in text_of(spec)


def test_every_device_of_the_bench_can_be_written_for() -> None:
    assert LAYOUTS.keys() == PEAKS.keys()
