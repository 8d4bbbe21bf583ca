"""The pytest plugin: a test marked `kernelproof` passes if a function is admitted against a spec.

    @pytest.mark.kernelproof("ops.softmax:softmax", spec="softmax")
    def test_softmax_is_what_it_should_be(kernelproof_record):
        assert kernelproof_record.admitted

The marker alone is enough: the test fails before its body where the function is refuted or inconclusive, with what
stands against it. Records are kept as `kernelproof check` keeps them, so an unchanged function costs no gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # whoever has the plugin and no such test pays for nothing
    from reports.findings import Finding
    from reports.record import Record

MARKER = "kernelproof(function, spec=None, profile='ci', required=()): the function must be admitted against the spec"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def kernelproof_record(request: pytest.FixtureRequest) -> Record:
    """The record of the function that the test's marker names."""
    marker = request.node.get_closest_marker("kernelproof")
    if marker is None:
        raise pytest.UsageError("kernelproof_record needs a test marked @pytest.mark.kernelproof(FUNCTION, spec=SPEC)")
    return _record(request.config, *marker.args, **marker.kwargs)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail a marked test whose function is not admitted."""
    marker = item.get_closest_marker("kernelproof")
    if marker is None:
        return
    record = _record(item.config, *marker.args, **marker.kwargs)
    if not record.dossier.passed:
        from reports.findings import findings

        pytest.fail(f"{marker.args[0]} is {record.word}\n" + "\n".join(_told(findings(record))), pytrace=False)


def _told(found: Iterable[Finding]) -> Iterator[str]:
    """What stands in the way; a fault that a gate meets more than once is told once and counted."""
    from reports.text import parted

    alike: dict[tuple[str, str, str], list[str]] = {}
    for each in found:
        if each.blocks:
            alike.setdefault((each.bucket, each.gate, parted(each.message)[0]), []).append(each.message)
    for (bucket, gate, _), (first, *others) in alike.items():
        yield f"{bucket} {gate}: {first}" + (f" (and {len(others)} more like it)" if others else "")


def _record(config: pytest.Config, function: str, **options: Any) -> Record:
    from synth.check.single import NotExamined, record_of

    try:
        return record_of(config.rootpath, function, **options)
    except NotExamined as error:
        why = str(error)
    pytest.fail(why, pytrace=False)  # outside of the handler, or pytest tells it twice
