"""Where a change begins: the line at which a wrong value is shown, for no line of its own is to blame."""

from __future__ import annotations

import pytest
from repositories import KERNEL, edit, repository

from synth.check.closure import Repository
from synth.check.config import FILE, parse
from synth.check.difference import Difference, difference
from synth.check.subjects import find
from synth.check.trees import WorkTree, base_of


def compared(root):
    """The difference of the working tree with `main`, and its only subject."""
    config = parse((root / FILE).read_text(), ("policy", "bounds", "overflow"))
    head = Repository(WorkTree(root), config.roots)
    (subject,) = find(config, head).subjects
    return difference(root, base_of(root, "main"), config, head, ("policy", "bounds", "overflow")), subject


def line_of(path, text):
    return path.read_text()[: path.read_text().index(text)].count("\n") + 1


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return repository(tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize(
    ("path", "old", "new", "named"),
    [
        ("ops/double.py", "scaled(x, 2.0)", "scaled(x, 3.0)", "double_rows"),
        ("ops/double.py", "return x * factor", "return x + factor", "scaled"),
        ("ops/double.py", "@triton.jit\ndef scaled", "@triton.jit(noinline=True)\ndef scaled", "scaled"),
        ("ops/sizes.py", "LEAST = 16", "LEAST = 32", "LEAST"),
        ("ops/double.py", "n, BLOCK=block(n))", "n, BLOCK=2 * block(n))", "double"),
    ],
)
def test_the_first_line_that_is_not_as_it_was(plain, path, old, new, named):
    edit(plain, path, old, new)
    try:
        against, subject = compared(plain)
        place = against.first_change(subject)
        assert (place.file, place.line) == (path, line_of(plain / path, new.partition("\n")[0]))
        assert against.of_subject(subject) == (f"its code: {named}",)
    finally:
        edit(plain, path, new, old)


def test_a_kernel_comes_before_what_launches_it(plain):
    changes = [("BLOCK=block(n))", "BLOCK=2 * block(n))"), ("cols < n_cols", "cols <= n_cols")]
    for change in changes:
        edit(plain, "ops/double.py", *change)
    against, subject = compared(plain)
    assert against.first_change(subject).line == line_of(plain / "ops/double.py", "cols <= n_cols")
    assert against.of_subject(subject) == ("its code: double_rows and double",)
    (plain / "ops/double.py").write_text("# moved\n" + KERNEL)
    against, subject = compared(plain)
    assert against.first_change(subject) is None and against.of_subject(subject) == ()
    assert Difference().first_change(subject) is None
    (plain / "ops/double.py").write_text(KERNEL)
