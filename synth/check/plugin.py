"""The pytest plugin: a test marked `kernelproof` passes if a function is admitted against a spec.

    @pytest.mark.kernelproof("ops.softmax:softmax", spec="softmax")
    def test_softmax_is_what_it_should_be(kernelproof_record):
        assert kernelproof_record.admitted

The marker alone is enough: the test fails before its body where the function is refuted or inconclusive, with what
stands against it. Records are kept as `kernelproof check` keeps them, so an unchanged function costs no gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # whoever has the plugin and no such test pays for nothing
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

        told = [f"{each.bucket} {each.gate}: {each.message}" for each in findings(record) if each.blocks]
        pytest.fail(f"{marker.args[0]} is {record.word}\n" + "\n".join(told), pytrace=False)


def _record(config: pytest.Config, function: str, **options: Any) -> Record:
    from synth.check.single import NotExamined, record_of

    try:
        return record_of(config.rootpath, function, **options)
    except NotExamined as error:
        pytest.fail(str(error), pytrace=False)
