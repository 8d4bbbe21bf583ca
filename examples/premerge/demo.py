"""The pre-merge gate on something real: Liger-Kernel in a git repository, three bugs in a branch, one check.

    python examples/premerge/demo.py [FOLDER]

It unpacks the installed liger-kernel into FOLDER (a new one by default), ties five of its functions to specs, checks
`main`, seeds three bugs in a branch and checks what the branch changed; then again, with nothing left to examine, for
the annotations that GitHub would show. It ends with 0 only if `main` has no refuted function, each bug is found by its
gate with an annotation in its file, nothing else is refuted, and the second check takes every record from the first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
COPIED: Final = ("contracts.py", "entries.py", "pyproject.toml")
LIGER: Final = "liger_kernel.transformers.functional"


class Bug(NamedTuple):
    """One change of the branch, and who is to find it: a gate, and a text that its annotation must have."""

    told: str
    path: str
    old: str
    new: str
    function: str
    gate: str
    witness: str


BUGS: Final = (
    Bug(
        "a store without its mask",
        "liger_kernel/ops/softmax.py",
        'y, mask=mask, cache_modifier=".cs")',
        'y, cache_modifier=".cs")',
        f"{LIGER}:liger_softmax",
        "bounds",
        "stores out[",
    ),
    Bug(
        "padding lanes in the variance",
        "liger_kernel/ops/layer_norm.py",
        "X_centered_masked = tl.where(mask, X_centered, 0.0)",
        "X_centered_masked = X_centered",
        f"{LIGER}:liger_layer_norm",
        "algorithm",
        "should be",
    ),
    Bug(
        "row offsets in 32 bits",
        "liger_kernel/ops/swiglu.py",
        "program_id = tl.program_id(0).to(tl.int64)",
        "program_id = tl.program_id(0)",
        "liger_kernel.ops.swiglu:swiglu_forward",
        "overflow",
        "wraps",
    ),
)


def main(argv: list[str]) -> int:
    """The demonstration."""
    root = Path(argv[0]) if argv else Path(tempfile.mkdtemp(prefix="kernelproof-premerge-"))
    if root.exists() and any(root.iterdir()):
        raise SystemExit(f"{root} is not empty: name a folder that is")
    unpack(root)
    say(f"liger-kernel in {root}, five functions tied to specs; checking main")
    code, sound = check(root)
    say(f"exit {code}: " + verdicts(sound))
    git(root, "checkout", "-q", "-b", "faster")
    for bug in BUGS:
        seed(root, bug)
    git(root, "commit", "-q", "-am", "Faster kernels")
    say("checking what the branch changed")
    code, result = check(root, "--changed", "main")
    say(f"exit {code}: " + verdicts(result))
    started = time.monotonic()
    again, cached = check(root, "--changed", "main")
    say(f"again, exit {again}, in {time.monotonic() - started:.1f} s: " + verdicts(cached))
    annotations = run(root, "--changed", "main", "--format", "github").stdout.splitlines()
    print("\n".join(line for line in annotations if line.startswith("::")))
    faults = [*faults_of(sound, "main"), *missed(annotations), *wronged(result), *faults_of_cache(result, cached)]
    if code != 1 or again != 1:
        faults.append(f"the checks of the branch ended with {code} and {again}, not with 1")
    for fault in faults:
        print(f"FAILED: {fault}")
    if not faults:
        say("all three bugs found where they are, no other function refuted, the second check examined nothing")
    return 1 if faults else 0


def seed(root: Path, bug: Bug) -> None:
    """Make one change of the branch."""
    text = (root / bug.path).read_text()
    if bug.old not in text:
        raise SystemExit(f"{bug.path} is not the file that this demonstration was written for: no {bug.old!r}")
    (root / bug.path).write_text(text.replace(bug.old, bug.new, 1))
    say(f"seeded in {bug.path}: {bug.told}")


def missed(annotations: list[str]) -> Iterator[str]:
    """Bugs without an annotation in their file, by their gate, with a line and a witness."""
    for bug in BUGS:
        begin = re.compile(rf"::error file={bug.path},line=\d+,title=kernelproof refuted {bug.gate}::")
        if not any(begin.match(line) and bug.witness in line for line in annotations):
            yield f"missed: {bug.told} ({bug.gate} of {bug.function})"


def wronged(result: dict[str, Any]) -> Iterator[str]:
    """Sound functions that were refuted."""
    buggy = {bug.function for bug in BUGS}
    for each in result["objections"]:
        if each["function"] not in buggy and each["kind"] != "unknown":
            yield f"not one of the bugs: {each['id']}"


def faults_of(result: dict[str, Any], name: str) -> Iterator[str]:
    """Objections to code as it was released; that something is not known is none."""
    for each in result["objections"]:
        if each["kind"] != "unknown":
            yield f"on {name}: {each['id']}: {each['message']}"


def faults_of_cache(first: dict[str, Any], second: dict[str, Any]) -> Iterator[str]:
    """Functions that were examined again, or with another answer."""
    before = {each["function"]: each for each in first["functions"]}
    for each in second["functions"]:
        if each["state"] not in ("cached", "unchanged"):
            yield f"{each['function']} is {each['state']}, not cached"
        if each["record"] != before[each["function"]]["record"]:
            yield f"{each['function']} has another record than before"


def unpack(root: Path) -> None:
    """The package, our contracts and a first commit."""
    package = find_spec("liger_kernel")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("liger-kernel is not installed; `make setup` installs it")
    source = package.submodule_search_locations[0]
    root.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, root / "liger_kernel", ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED:
        shutil.copy(HERE / name, root / name)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Liger-Kernel as released")


def check(root: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run `kernelproof check` there: its exit code, and its result as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "check.json"
        code = run(root, *arguments, "--format", "json", "-o", str(file)).returncode
        if not file.exists():
            raise SystemExit(f"the check ended with {code} and without a result")
        return code, json.loads(file.read_text())


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `kernelproof check` in the repository; what it says on the way goes to stderr, as ever."""
    command = [sys.executable, "-P", "-m", "synth", "check", *arguments]  # -P: no module of the repository's for ours
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(command, cwd=root, env=clean, stdout=subprocess.PIPE, text=True, check=False)


def verdicts(result: dict[str, Any]) -> str:
    """Every function with its state and verdict."""
    return "; ".join(
        f"{each['function'].rpartition(':')[2]} {each['verdict'] or each['state']}"
        + (" (cached)" if each["state"] == "cached" else "")
        for each in result["functions"]
    )


def git(root: Path, *arguments: str) -> None:
    """Run git as somebody without a configuration of their own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    who = ["-c", "user.name=Demo", "-c", "user.email=demo@example.invalid"]
    subprocess.run(["git", "-C", str(root), *who, *arguments], check=True, env=clean, stdout=subprocess.DEVNULL)


def say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
