"""What a function rests on: everything that can change what it does, and nothing else."""

from __future__ import annotations

import pytest
from repositories import FILES, KERNEL, SIZES, write

from synth.check import cache
from synth.check.closure import Repository
from synth.check.config import Config
from synth.check.subjects import Subject
from synth.check.trees import WorkTree


def closure(root, function="ops.double:double"):
    repository = Repository(WorkTree(root))
    return repository.closure(*repository.function(function))


@pytest.fixture
def root(tmp_path):
    return write(tmp_path, FILES)


def test_kernels_helpers_and_constants_are_reached(root):
    found = closure(root)

    assert set(found.kernels) == {("ops/double.py", "double_rows"), ("ops/double.py", "scaled")}
    assert ("ops/sizes.py", "LEAST") in found.reached
    assert ("ops/sizes.py", "unused") not in found.reached


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("ops/double.py", "cols < n_cols", "cols <= n_cols"),
        ("ops/double.py", "return x * factor", "return x + factor"),
        ("ops/double.py", "double_rows[(m,)]", "double_rows[(m + 1,)]"),
        ("ops/sizes.py", "LEAST = 16", "LEAST = 32"),
        ("ops/sizes.py", "max(LEAST,", "min(LEAST,"),
        ("ops/double.py", "@triton.jit\ndef scaled", "@triton.jit(noinline=True)\ndef scaled"),
        ("ops/sizes.py", "import triton\n", "import triton\n\nprint(1)\n"),
        ("ops/double.py", "from ops.sizes import block", "from ops.sizes import unused as block"),
        ("ops/double.py", "import torch\n", "import torch\nimport not_here\n"),
        ("ops/double.py", "import torch\n", "import torch\nimport ops.patch\n"),
        ("ops/sizes.py", "import triton\n", "import triton\nfrom ops import patch as _\n"),
        ("ops/sizes.py", "import triton\n", "import triton\ntriton.cdiv = None\n"),
    ],
)
def test_what_changes_its_meaning_changes_its_digest(root, path, old, new):
    (root / "ops/patch.py").write_text("import triton.language as tl\nsetattr(tl, 'load', None)\n")
    before = closure(root)
    text = (root / path).read_text()
    assert old in text
    (root / path).write_text(text.replace(old, new))

    assert closure(root).digest != before.digest


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("ops/double.py", "# a remark\n" + KERNEL),
        ("ops/double.py", KERNEL.replace('    """What one lane gives."""\n', "")),
        ("ops/double.py", KERNEL.replace("x * factor", "(x * factor)  # twice")),
        ("ops/sizes.py", SIZES.replace("return n\n", "return n + 1\n")),
        ("ops/other.py", "raise SystemExit\n"),
    ],
)
def test_what_does_not_keeps_it(root, path, text):
    before = closure(root)
    (root / path).write_text(text)

    assert closure(root).digest == before.digest


def test_moved_lines_are_told_apart_where_lines_are_reported(root):
    before = closure(root)
    (root / "ops/double.py").write_text("\n\n" + KERNEL)

    assert closure(root).digest == before.digest
    assert closure(root).places != before.places


@pytest.mark.parametrize(
    "imported",
    [
        "from .sizes import block",
        "from . import sizes\nblock = sizes.block",
        "import ops.sizes\nblock = ops.sizes.block",
        "import ops.sizes as other\nblock = other.block",
        "from ops.sizes import *",
        "from ops.all import block",
        "try:\n    from ops.sizes import block\nexcept ImportError:\n    block = None",
    ],
)
def test_imports_are_followed_however_they_are_written(root, imported):
    write(root, {"ops/all.py": "from ops.sizes import block as block\n"})
    (root / "ops/double.py").write_text(KERNEL.replace("from ops.sizes import block", imported))
    before = closure(root)
    assert ("ops/sizes.py", "LEAST") in before.reached
    (root / "ops/sizes.py").write_text(SIZES.replace("LEAST = 16", "LEAST = 64"))

    assert closure(root).digest != before.digest


def test_an_import_within_a_function_is_followed(root):
    text = KERNEL.replace("from ops.sizes import block\n", "")
    (root / "ops/double.py").write_text(
        text.replace("    m, n = x.shape", "    from ops.sizes import block\n    m, n = x.shape")
    )

    assert ("ops/sizes.py", "block") in closure(root).reached


def test_definitions_that_go_in_a_circle_end(root):
    (root / "ops/sizes.py").write_text("from ops.double import double\n\ndef block(n):\n    return double(n)\n")

    assert ("ops/sizes.py", "block") in closure(root).reached


def test_a_file_that_does_not_parse_is_named(root):
    (root / "ops/sizes.py").write_text("<<<<<<< HEAD\nLEAST = 1\n=======\nLEAST = 2\n>>>>>>> other\n")
    found = closure(root)

    assert [str(each) for each in found.damaged] == ["ops/sizes.py:1: an unfinished merge: '<<<<<<<'"]


def test_packages_from_elsewhere_are_named_wherever_they_are_imported(root):
    (root / "ops/sizes.py").write_text(
        SIZES.replace("    return max", "    import einops.layers, numpy as np\n    return max")
    )

    assert closure(root).packages == ("einops", "numpy", "torch", "triton")


def test_a_record_is_made_again_when_such_a_package_is_another(root, monkeypatch):
    config = Config(specs={"ops.double:double": "softmax"})
    subject = Subject("ops.double:double", "softmax", "ops/double.py", closure(root))
    before = cache.key(subject, "digest", config)
    assert cache.key(subject, "digest", config) == before
    monkeypatch.setattr(cache, "installed", lambda: {"torch": ["attrs"]})

    assert cache.key(subject, "digest", config) != before
