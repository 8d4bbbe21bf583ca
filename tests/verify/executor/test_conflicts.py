"""The record of who touched what, against a list of all accesses kept by hand."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.executor.conflicts import Accesses, Record, clash, lane_of, program_of, site_of
from verify.executor.faults import Log
from verify.executor.lanes import Lanes
from verify.executor.launch import batch
from verify.executor.machine import Request
from verify.executor.referee import Referee, Target
from verify.ir.program import Scalar
from verify.verdict import Place

LENGTH = 4


def accesses(program: int, elements: list[int], site: int = 0) -> Accesses:
    count = len(elements)
    return Accesses(
        torch.tensor(elements, dtype=torch.int64), torch.arange(count), count, torch.tensor([program]), site
    )


steps = st.tuples(
    st.sampled_from(["load", "store", "update"]),
    st.integers(0, 2),
    st.lists(st.integers(0, LENGTH - 1), min_size=1, max_size=3, unique=True),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=8))
def test_programs_that_meet_are_found_and_no_others(events: list[tuple[str, int, list[int]]]) -> None:
    record = Record(LENGTH, read_too=True)
    record.settle()
    barriers = torch.zeros(1, dtype=torch.int32)
    past: list[tuple[str, int, list[int]]] = []
    for kind, program, elements in events:
        now = accesses(program, elements)
        stored = {part for k, p, e in past[::-1] if k == "store" and p != program for part in e}
        # the record keeps the last store and atomic of an element only
        last_store = {e: p for k, p, es in past if k == "store" for e in es}
        last_update = {e: p for k, p, es in past if k == "update" for e in es}
        read = {e for k, p, es in past if k == "load" and p != program for e in es}
        met = {part for part in elements if last_store.get(part, program) != program}
        assert met <= stored
        assert (clash(record.stored_by_another(now)) is not None) == bool(met)
        updated = {part for part in elements if last_update.get(part, program) != program}
        assert (clash(record.updated_by_another(now)) is not None) == bool(updated)
        assert (clash(record.read_by_another(now)) is not None) == bool(read & set(elements))
        if kind == "load":
            record.load(now)
        elif kind == "store":
            record.store(now, barriers)
        else:
            record.update(now)
        past.append((kind, program, elements))


def test_marks_hold_what_they_are_made_of() -> None:
    now = Accesses(torch.tensor([3]), torch.tensor([2**20]), 2**20 + 1, torch.tensor([2**31 - 2]), site=2**11 - 1)
    mark = int(now.marks[0])
    assert int(program_of(now.marks)[0]) == 2**31 - 2 and lane_of(mark) == 2**20 and site_of(mark) == 2**11 - 1


def test_only_programs_that_acquired_are_ordered_after_one_that_released() -> None:
    place, log = Place("k.py", 3), Log({})
    referee = Referee(log, (3, 1, 1), 3, lambda number: (number, 0, 0))
    record, target = Record(LENGTH, read_too=True), Target("part", LENGTH)

    def request(kind: str, acquires: bool = False, releases: bool = False) -> Request:
        lanes, batch_of_three = Lanes(torch.zeros(3, 1).long()), batch((3, 1, 1), torch.arange(3))
        barriers = torch.zeros(3, dtype=torch.int32)
        return Request(
            kind,
            Scalar("f32"),
            lanes,
            Lanes(lanes.data == 0),
            (1,),
            batch_of_three,
            barriers,
            place,
            acquires,
            releases,
        )

    def step(kind: str, program: int, acquires: bool = False, releases: bool = False) -> None:
        asked = request(kind, acquires, releases)
        mask = torch.arange(3).unsqueeze(1) == program
        found = referee.accesses(asked, mask, torch.zeros(3, 1, dtype=torch.int64))
        if kind == "store":
            referee.store(asked, target, record, found, lambda _: "")
        elif kind == "load":
            referee.load(asked, target, record, found)
        else:
            referee.synchronise(asked, found)

    step("store", 0)
    step("atomic", 0, releases=True)
    step("atomic", 1, acquires=True)
    step("load", 1)
    assert log.found == []
    step("load", 2)
    assert [fault.kind for fault in log.found] == ["read-write-conflict"]
    assert log.found[0].sentence == "program 2, lane 0: loads part[0], which program 0, lane 0 stored (k.py:3)"
