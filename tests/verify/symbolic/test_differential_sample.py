"""A sample of what `make quality` does at length: prover and executor never disagree."""

from __future__ import annotations

from differential import disagreements, observations
from generated import Trial, trials
from hypothesis import HealthCheck, given, settings


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(trial=trials())
def test_what_is_proved_holds_in_every_run(trial: Trial) -> None:
    assert not list(disagreements(trial, observations(trial))), trial.text
