"""The frame around the contracts: what they turn into, and that the figures never count what was not shown."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from libraries import table
from libraries.__main__ import FILES, broke
from libraries.contract import Contract, choice, contract, contracts, output, tensor
from specs.spec import Dim


def _named(file: str) -> list[Contract]:
    try:
        return list(contracts(import_module(f"libraries.{file}")))
    except ModuleNotFoundError:
        return []


@pytest.mark.parametrize("file", FILES)
def test_contracts_say_nothing_of_numbers_and_are_told_apart(file: str) -> None:
    names = [each.spec.name for each in _named(file)]
    assert len(set(names)) == len(names)
    assert all(each.spec.is_contract for each in _named(file))


def test_a_contract_takes_its_parameters_from_the_function() -> None:
    @contract(Dim("N", 1, 9), x=tensor("N"), mode=choice("a", None), outputs=(output("N"),))
    def copy(x: Any, mode: Any) -> Any:
        return x

    spec = copy.__dict__["contract"].spec
    assert [param.name for param in spec.params] == ["x", "mode"]
    with pytest.raises(ValueError, match="mode"):
        contract(Dim("N", 1, 9), x=tensor("N"))(copy)


def _result(**outcomes: str) -> dict[str, Any]:
    gates = {gate: {"outcome": word, "why": []} for gate, word in outcomes.items()}
    launch = {"kernel": "k", "place": "", "variants": 1, "gates": gates}
    return {"package": "p", "version": "1", "function": "p:f", "seconds": {"races": 3.0}, "launches": [launch]}


def test_what_failed_counts_as_not_decided() -> None:
    failed = {"package": "p", "version": "1", "function": "p:g", "failed": "exit code 1"}
    results = [_result(bounds="proved", races="refuted"), _result(bounds="unknown", races="proved"), failed]
    lines = table.summary(results)
    assert "3 host functions, 2 launches; 1 functions without any launch" in lines
    assert "bounds: 1 of 3 decided for all shapes of their contracts (33%): 1 proved, 2 unknown" in lines
    assert "races: 2 of 3 decided for all shapes of their contracts (67%): 1 proved, 1 refuted, 1 unknown" in lines
    assert any("median 3.00" in line for line in lines)


def test_time_that_ran_out_leaves_a_function_open_and_breaks_nothing() -> None:
    late = {"function": "p:g", "failed": "took over 180 s", "late": True}
    assert not broke([_result(races="refuted"), late])
    assert broke([late, {"function": "p:h", "failed": "its process ended with exit code 1"}])


def test_a_refutation_that_nobody_looked_at_says_so(tmp_path: Path) -> None:
    seen = {**_result(races="refuted"), "note": "Real: one element is enough."}
    table.write(tmp_path, [seen, {**_result(races="refuted"), "function": "p:g"}, _result(races="proved")])
    page = (tmp_path / "libraries.md").read_text()
    assert "2 functions with a refutation, 1 of them held against the source" in page
    assert "**f**: Real: one element is enough." in page
    assert f"**g**: {table.UNSEEN}" in page and page.count(table.UNSEEN) == 1
