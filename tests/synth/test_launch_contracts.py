"""A spec without a reference: what can be proved is, the report says that numbers were not looked at, none is timed."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from reports import canonical, html, markdown
from reports.record import NO_REFERENCE, Record
from synth.candidates import find_candidate
from synth.check.closure import Repository
from synth.check.config import Config
from synth.check.difference import Difference
from synth.check.objecting import Checked, objections_of
from synth.check.objections import EXITS
from synth.check.subjects import Found, Subject
from synth.check.trees import WorkTree
from synth.commands.verify import ending
from synth.exits import Exit
from synth.pipeline import examine_candidate, only_those, standard
from synth.terminal import conclusion
from verify.case import PROFILES
from verify.verdict import Outcome

SOURCE = """
import torch
import triton
import triton.language as tl

@triton.jit
def kernel(x, y, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y + at, tl.load(x + at, MASK, other=0.0), MASK)

def double(x, mode):
    y = torch.empty_like(x)
    kernel[(triton.cdiv(x.numel(), 128),)](x, y, x.numel(), BLOCK=128 if mode == "wide" else 32)
    return y
"""
SPEC = """
from specs.spec import ChoiceParam, Dim, Spec, TensorParam
DOUBLE = Spec(
    "double", "it copies", (Dim("N", 1, 1 << 20),), (TensorParam("x", ("N",), contiguous=True),
    ChoiceParam("mode", ("wide", None))), dtypes=("float32",),
)
"""


@pytest.mark.parametrize(("mask", "code", "word"), [("at < n", 0, "kept"), ("at <= n", 1, "refuted")])
def test_a_launch_contract_is_kept_or_refuted_and_never_admitted(
    tmp_path: Path, mask: str, code: int, word: str
) -> None:
    (tmp_path / "double.py").write_text(SOURCE.replace("MASK", mask))
    (tmp_path / "spec.py").write_text(SPEC)
    spec, candidate = find_candidate(str(tmp_path / "double.py"), f"{tmp_path / 'spec.py'}:DOUBLE")
    stages = only_those(standard(), ("policy", "bounds", "races", "overflow", "undefined", "numerics"))
    required = {gate: least for gate, least in stages.required.items() if gate != "compile"}
    record = examine_candidate(spec, candidate, PROFILES["quick"], evolve(stages, required=required))

    assert (record.word, ending(record).code, record.admitted) == (word, Exit(code), False)
    assert {verdict.gate for verdict in record.verdicts} == {"policy", "bounds", "races", "overflow", "undefined"}
    assert ending(record).facts["numbers"] == "not looked at"
    assert canonical.decode(canonical.encode(record)) == record
    assert {tuple(cell.choices.items()) for cell in record.cells} == {(("mode", "wide"),), (("mode", None),)}
    if word == "kept":
        assert NO_REFERENCE in conclusion(record.dossier)
        assert NO_REFERENCE in html.render(record)
        assert "1 kept" in markdown.summary([record])
        assert evolve(record.dossier, contract=False).admitted  # so that it is the contract that keeps it out
        assert [stands(tmp_path, record, strictness) for strictness in ("pass", "unknown", "error")] == [
            [],
            [("numbers@double:double", Exit.INCONCLUSIVE, "double.py:11")],
            [("numbers@double:double", Exit.REFUTED, "double.py:11")],
        ]


def stands(root: Path, record: Record, strictness: str) -> list[tuple[str, Exit, str]]:
    """What stands against a merge of the function whose record that is, by how a kept contract is taken."""
    head = Repository(WorkTree(root))
    subject = Subject("double:double", "spec.py:DOUBLE", "double.py", head.closure("double.py", "double"))
    checked = [Checked(subject, "examined", (), record)]
    found = Found((subject,), (), (), (), 1)
    told = objections_of(checked, Config(kept=strictness), found, Difference(), head)  # type: ignore[arg-type]
    return [(each.id, EXITS[each.kind], str(each.place)) for each in told]


def test_coverage_is_asked_where_outputs_are_said() -> None:
    from synth.pipeline import asked
    from verify.gates import about

    spec, _ = find_candidate("tests/specimens/admitted/softmax__one_block.py", "softmax")
    contract = evolve(
        spec, reference=None, framework=None, operations=None, laws=(), workloads=(), baselines=(), outputs=()
    )
    assert about(spec, "coverage") and not about(contract, "coverage")
    gates, required = asked(contract, standard())
    assert [gate.__name__ for gate in gates] == ["policy", "bounds", "races", "overflow", "undefined", "compile"]
    assert set(required) == {gate.__name__ for gate in gates} and required["bounds"] is Outcome.PROVED
