"""The pre-merge gate on something real: Liger-Kernel in a git repository, three bugs in a branch, one check.

    python examples/premerge/demo.py [FOLDER]

It unpacks the installed liger-kernel into FOLDER (a new one by default), ties five of its functions to specs, checks
`main`, seeds three bugs in a branch and checks what the branch changed; then again, with nothing left to examine. It
ends with 0 if the three bugs, and nothing else, were found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

HERE: Final = Path(__file__).parent
COPIED: Final = ("contracts.py", "entries.py", "pyproject.toml")
BUGS: Final = (
    (
        "a store without its mask",
        "liger_kernel/ops/softmax.py",
        'y, mask=mask, cache_modifier=".cs")',
        'y, cache_modifier=".cs")',
        "bounds@liger_kernel.transformers.functional:liger_softmax",
    ),
    (
        "padding lanes in the variance",
        "liger_kernel/ops/layer_norm.py",
        "X_centered_masked = tl.where(mask, X_centered, 0.0)",
        "X_centered_masked = X_centered",
        "algorithm@liger_kernel.transformers.functional:liger_layer_norm",
    ),
    (
        "row offsets in 32 bits",
        "liger_kernel/ops/swiglu.py",
        "program_id = tl.program_id(0).to(tl.int64)",
        "program_id = tl.program_id(0)",
        "overflow@entries:swiglu",
    ),
)


def main(argv: list[str]) -> int:
    """The demonstration."""
    root = Path(argv[0]) if argv else Path(tempfile.mkdtemp(prefix="kernelproof-premerge-"))
    unpack(root)
    say(f"liger-kernel in {root}, five functions tied to specs; checking main")
    code, result = check(root)
    say(f"exit {code}: " + verdicts(result))
    git(root, "checkout", "-q", "-b", "faster")
    for told, path, old, new, _ in BUGS:
        text = (root / path).read_text()
        if old not in text:
            raise SystemExit(f"{path} is not the file that this demonstration was written for: no {old!r}")
        (root / path).write_text(text.replace(old, new, 1))
        say(f"seeded in {path}: {told}")
    git(root, "commit", "-q", "-am", "Faster kernels")
    code, result = check(root, "--changed", "main")
    say(f"exit {code}: " + verdicts(result))
    for each in result["objections"]:
        print(f"  {each['id']}\n    {each['place']['file']}:{each['place']['line']}: {each['message'][:150]}")
    started = time.monotonic()
    again, cached = check(root, "--changed", "main")
    say(f"again, exit {again}, in {time.monotonic() - started:.1f} s: " + verdicts(cached))
    return judged(code, result, cached)


def judged(code: int, result: dict[str, Any], cached: dict[str, Any]) -> int:
    """0 if all three bugs were found by the gate that should, and no function that is sound was refuted."""
    refuted = {each["id"].partition("#")[0] for each in result["objections"] if each["kind"] == "refuted"}
    missed = [bug for bug in BUGS if bug[-1] not in refuted]
    buggy = {bug[-1].partition("@")[2] for bug in BUGS}
    wronged = [each for each in refuted if each.partition("@")[2] not in buggy]
    states = {each["state"] for each in cached["functions"]}
    for bug in missed:
        print(f"MISSED: {bug[0]} ({bug[-1]})")
    for each in wronged:
        print(f"WRONGLY REFUTED: {each}")
    if missed or wronged or code != 1 or "examined" in states:
        return 1
    say("all three bugs found, no other function refuted, the second run examined nothing")
    return 0


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
        command = [sys.executable, "-m", "synth", "check", *arguments, "--format", "json", "-o", str(file)]
        clean = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        done = subprocess.run(command, cwd=root, env=clean, stdout=subprocess.DEVNULL, check=False)
        return done.returncode, json.loads(file.read_text())


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
