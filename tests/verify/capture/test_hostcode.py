"""Reading source: what is refused before anything runs, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from specs import ALL
from tests.verify.capture.small import double
from verify.capture.hostcode import examine

SPECIMENS = Path(__file__).parents[2] / "specimens"
KERNEL = "import torch\nimport triton\n"


def rules(body: str) -> list[tuple[str, int]]:
    found = examine(KERNEL + body, "double", "a.py", double())
    return [(violation.rule, violation.place.line) for violation in found]


ENTRY = "def double(x):\n    return x\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (ENTRY, []),
        ("import math\nfrom typing import Any\nfrom functools import cache\n" + ENTRY, []),
        ("import os\n" + ENTRY, [("import", 3)]),
        ("from torch.utils import cpp_extension\n" + ENTRY, [("import", 3)]),
        ("from torch import hub\n" + ENTRY, [("import", 3)]),
        ("from . import other\n" + ENTRY, [("import", 3)]),
        ("def double(x):\n    open('a', 'w')\n    return x\n", [("side-effect", 4)]),
        ("def double(x):\n    return eval('x')\n", [("side-effect", 4)]),
        ("def double(x):\n    return x.__class__\n", [("side-effect", 4)]),
        ("def double(x):\n    return getattr(x, 'sh' + 'ape')\n", [("side-effect", 4)]),
        ("def double(x):\n    return getattr(x, 'shape')\n", []),
        ("triton.cdiv = None\n" + ENTRY, [("side-effect", 3)]),
        ("def double(y):\n    return y\n", [("interface", 3)]),
        ("def double(x, more):\n    return x\n", [("interface", 3)]),
        ("def double(x, more=1):\n    return x\n", []),
        ("def triple(x):\n    return x\n", [("interface", 0)]),
        ("def double(x:\n", [("failure", 3)]),
        ("", [("interface", 0)]),
    ],
)
def test_rules(body: str, expected: list[tuple[str, int]]) -> None:
    assert rules(body) == expected


@pytest.mark.parametrize("source", ["\0", "(" * 100_000, "x = " + "-" * 50_000 + "1", "a" * (2 << 20)])
def test_source_that_breaks_parsers_is_a_failure(source: str) -> None:
    assert [violation.rule for violation in examine(source, "double", "a.py", double())] == ["failure"]


def test_good_specimens_pass() -> None:
    for file in sorted((SPECIMENS / "admitted").glob("*.py")):
        source = file.read_text()
        spec = next(spec for name, spec in ALL.items() if f"def {name}(" in source)
        assert examine(source, spec.name, file.name, spec) == ()
