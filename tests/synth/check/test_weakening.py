"""Specs and configurations that ask less than before."""

from __future__ import annotations

import pytest
from attrs import evolve

from specs import ALL
from specs.sizes import name
from specs.spec import Dim, TensorParam
from synth.check.config import Config
from synth.check.weakening import of_config, of_spec

SOFTMAX, MATMUL = ALL["softmax"], ALL["matmul"]
ROWS, COLUMNS = SOFTMAX.dims
(X,) = SOFTMAX.params


def test_a_spec_is_not_weaker_than_itself():
    for spec in ALL.values():
        assert list(of_spec(spec, spec)) == []


def test_a_spec_that_asks_more_is_not_weaker():
    more = evolve(SOFTMAX, dims=(ROWS, Dim("N", 0, COLUMNS.high + 1, (*COLUMNS.samples, 5))))
    assert list(of_spec(SOFTMAX, more)) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dims": (ROWS, Dim("N", 1, COLUMNS.high, COLUMNS.samples[1:]))}, "its domain is smaller"),
        ({"requires": (name("N") * name("M") <= 2**31,)}, "its domain is smaller"),
        ({"params": (evolve(X, contiguous=True),)}, "its domain is smaller"),
        ({"dtypes": ("float32",), "workloads": ()}, "float16 is no longer asked for"),
        ({"laws": SOFTMAX.laws[1:]}, "the law 'shift' is gone"),
        ({"laws": (*SOFTMAX.laws[:3], evolve(SOFTMAX.laws[3], bitwise=False))}, "need no longer hold bitwise"),
        ({"dims": (ROWS, Dim("N", 0, COLUMNS.high, (1,)))}, "N is no longer tried at 0, 2"),
        ({"accumulate": "float16"}, "sums may be kept in float16"),
        ({"tf32": True}, "rounded to tf32"),
        ({"glue": ("sum",)}, "may use sum"),
        ({"params": (evolve(X, values=evolve(X.values, magnitude=1.0)),)}, "up to 1 only"),
        ({"params": (evolve(X, derived=lambda: None),)}, "x holds only what the other inputs say"),
        ({"params": (TensorParam("y", ("M", "N")),)}, "its sizes are others"),
    ],
)
def test_a_spec_that_asks_less_is_told(change, said):
    found = list(of_spec(SOFTMAX, evolve(SOFTMAX, **change)))
    assert any(said in sentence for sentence in found), found


def told(old, new, there=frozenset({"a:b"})):
    return [sentence for _, sentence in of_config(old, new, there)]


def test_configurations_that_ask_less_are_told():
    tied = Config(specs={"a:b": "softmax"})
    assert told(tied, Config()) == ["it is no longer held against softmax"]
    assert told(tied, Config(), frozenset()) == []  # the function itself is gone
    assert told(Config(), Config(required=("bounds",))) == ["only bounds are still required"]
    assert told(Config(required=("bounds", "races")), Config(required=("races",))) == ["bounds is no longer required"]
    assert told(Config(required=("bounds",)), Config()) == []
    assert told(Config(profile="ci"), Config(profile="quick")) == ["profile ci -> quick"]
    assert told(Config(profile="quick"), Config(profile="ci")) == []
    assert told(Config(unspecified="error"), Config(unspecified="pass")) == ['unspecified = "error" -> "pass"']
    assert told(Config(kept="unknown"), Config()) == ['kept = "unknown" -> "pass"']
    assert told(Config(), Config(exclude=("ops/**",))) == ["ops/** is excluded now"]
    assert told(Config(), Config(include=("ops/**",))) == ["**/*.py is no longer included"]
