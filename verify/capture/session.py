"""One capture of one cell: the point it runs at, the guards it took, and the plan that grows.

Child side. The host code runs once at a concrete point. Whatever it decides on a size becomes a guard, so the
plan holds for every shape that would have decided alike.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from attrs import define, evolve, field

from specs.sizes import Condition, Size, all_of, size
from verify.capture.algebra import Range, decided, narrowed, negated, simplified
from verify.plan import Answer, Buffer, Step, Unsupported, View, Violation
from verify.verdict import Place

MOST_GUARDS: Final = 400
MOST_STEPS: Final = 200


class Stop(BaseException):
    """Ends the candidate's run with an answer. Not an Exception: its `except Exception` cannot eat it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer))
        self.answer = answer


@define(eq=False)
class Session:
    """The state of one capture. If `lenient` (policy `repo`) computing is not modelled, but no violation."""

    hints: Mapping[str, int]
    ranges: dict[str, Range]
    files: Mapping[str, str]  # file as Python knows it -> file as places name it
    start: Place  # the entry function
    lenient: bool = False
    glue: tuple[str, ...] = ()
    inplace: frozenset[str] = frozenset()  # inputs that may be written
    guards: list[Condition] = field(factory=list)
    buffers: dict[str, Buffer] = field(factory=dict)
    given: dict[str, View] = field(factory=dict)  # input buffer -> the view that the caller passed
    steps: list[Step] = field(factory=list)
    touched: set[str] = field(factory=set)  # buffers that a step has seen
    operations: list[str] = field(factory=list)
    stopped: Answer | None = None
    muted: int = 0
    domain: dict[str, Range] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.domain = dict(self.ranges)

    def value(self, size: Size) -> int:
        """The size at the point."""
        return size.evaluate(self.hints)

    def decide(self, condition: Condition) -> bool:
        """What the condition is at the point; a guard records it unless every shape answers alike."""
        known = decided(condition, self.ranges)
        if known is not None:
            return known
        holds = condition.holds(self.hints)
        if not self.muted:
            self._keep(condition if holds else negated(condition))
        return holds

    def _keep(self, fact: Condition) -> None:
        """Add a guard; a conjunction part by part, without the parts that need no saying."""
        if fact.kind == "and":
            for part in fact.parts:
                self._keep(part)
        elif decided(fact, self.ranges) is not True and fact not in self.guards:
            if len(self.guards) >= MOST_GUARDS:
                self.unsupported(f"more than {MOST_GUARDS} decisions on sizes")
            self.guards.append(fact)
            self.ranges = narrowed(self.ranges, fact)

    def fix(self, size: Size) -> int:
        """The size as a number, with the guard that it is this number."""
        number = self.value(size)
        self.decide(size.equals(number))
        return number

    def cell(self) -> Condition:
        """The conjunction of the guards, without those that others make superfluous."""
        kept = list(self.guards)
        for guard in self.guards:
            others = [each for each in kept if each != guard]
            ranges = self.domain
            for other in others:
                ranges = narrowed(ranges, other)
            if decided(guard, ranges) is True:
                kept = others
        return all_of(*kept)

    @contextmanager
    def mute(self) -> Iterator[None]:
        """Inside, decisions leave no guard: for torch's own bookkeeping that no plan depends on."""
        self.muted += 1
        try:
            yield
        finally:
            self.muted -= 1

    def place(self) -> Place:
        """The innermost line of the candidate that is running now."""
        frame = sys._getframe(1)
        while frame is not None:
            if (shown := self.files.get(frame.f_code.co_filename)) is not None:
                return Place(shown, frame.f_lineno)
            if frame.f_back is None:
                break
            frame = frame.f_back
        return self.start

    def stop(self, answer: Answer) -> Stop:
        """Remember the first answer, even if the candidate swallows the exception, and give what to raise."""
        self.stopped = self.stopped or answer
        return Stop(self.stopped)

    def unsupported(self, what: str) -> None:
        raise self.stop(Unsupported(what, self.place()))

    def violation(self, rule: str, what: str) -> None:
        raise self.stop(Violation(rule, what, self.place()))  # type: ignore[arg-type]

    def allocate(self, dtype: str, elements: Size, fill: float | None = None) -> str:
        """A new buffer; its name."""
        name = f"buffer{len([one for one in self.buffers.values() if one.param is None])}"
        self.buffers[name] = Buffer(name, dtype, simplified(elements), fill=fill)
        return name

    def refill(self, name: str, fill: float) -> None:
        """Make an untouched buffer one that starts filled."""
        self.buffers[name] = evolve(self.buffers[name], fill=fill)

    def add(self, step: Step, *views: View) -> None:
        """Append a step that reads or writes the views' buffers."""
        if len(self.steps) >= MOST_STEPS:
            self.unsupported(f"more than {MOST_STEPS} steps in one call")
        self.steps.append(step)
        self.touched.update(view.buffer for view in views)

    def reach(self, view: View) -> View:
        """What a kernel may touch from the start of a view: its elements.

        Host code that sets a stride to zero hands over a place to start from, and the kernel adds the offsets along
        that axis itself (a gather does). The caller's whole tensor is what it may touch then.
        """
        own = self.given.get(view.buffer)
        if own is None or size(0) not in view.strides or (own.offset, own.dtype) != (view.offset, view.dtype):
            return view
        return own

    def note(self, operation: str) -> None:
        if operation not in self.operations:
            self.operations.append(operation)
