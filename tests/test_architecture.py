"""The shape of the code: imports point one way, third parties have homes, files stay short."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ORDER = ("specs", "verify", "reports", "synth")  # each imports only itself and those before it
LONGEST = 400
HOMES = {
    "z3": ("verify/symbolic/",),
    "openai": ("synth/proposers/openai.py",),
    "triton": ("verify/capture/", "verify/native/", "synth/bench/"),
}
HEAVY = ("torch", "triton", "z3", "openai", "hypothesis", "sympy", "lark")


def files() -> list[Path]:
    return sorted(path for package in ORDER for path in (ROOT / package).rglob("*.py") if "runs" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, int, int]]:
    """Every imported module with its line and its level of relativity, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, 0) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.lineno, node.level


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in files()} == set(ORDER)


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    own = path.relative_to(ROOT).parts[0]
    later = ORDER[ORDER.index(own) + 1 :]
    for module, line, level in imports(path):
        assert level == 0, f"{name_of(path)}:{line} imports relatively"
        assert module.partition(".")[0] not in later, f"{name_of(path)}:{line}: {own} imports {module}"


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_third_parties_stay_in_their_homes(path: Path) -> None:
    for module, line, _ in imports(path):
        homes = HOMES.get(module.partition(".")[0])
        assert homes is None or name_of(path).startswith(homes), f"{name_of(path)}:{line} imports {module}"


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", files(), ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{name_of(path)} has no docstring"


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["specs"], ["verify", "no-such-file.py"]])
def test_what_does_no_work_imports_nothing_heavy(arguments: list[str]) -> None:
    program = f"""
import sys
from synth.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print("heavy:", [name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stderr.strip().endswith("heavy: []")
