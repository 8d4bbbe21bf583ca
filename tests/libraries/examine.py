"""One host function examined: captured, read, proved; a row for every kernel that it launches.

`python -m libraries.examine liger:softmax_forward` prints the result as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from libraries.contract import Contract, contracts
from verify.capture.sandbox import Limits
from verify.case import PROFILES, Budget, Candidate, Case, Provenance
from verify.verdict import Outcome, Verdict, worst

ROOT: Final = Path(__file__).resolve().parents[2]
GATES: Final = ("bounds", "races", "overflow", "undefined", "coverage")
PROFILE: Final = "ci"
ROOTS: Final = (str(ROOT / "tests"),)
PATIENT: Final = Limits(first=120.0, answer=60.0)  # packages are large, and other proofs run beside this one


def find(name: str) -> tuple[Any, Contract]:
    """The package's file and the contract that `file:function` names."""
    file, _, function = name.partition(":")
    module = import_module(f"libraries.{file}")
    return module, next(each for each in contracts(module) if each.spec.name == function)


def digest(name: str) -> str:
    """What a result depends on: package, contract, Triton, and our own code."""
    module, found = find(name)
    said = (version(module.PACKAGE), version("triton"), version("torch"), repr(found.spec), found.body, PROFILE)
    return sha256("\n".join([*said, _own_code()]).encode()).hexdigest()


@cache
def _own_code() -> str:
    files = [*(ROOT / "verify").rglob("*.py"), *(ROOT / "verify").rglob("*.lark"), ROOT / "specs" / "spec.py"]
    files += [ROOT / "specs" / "sizes.py", Path(__file__), Path(__file__).with_name("contract.py")]
    return sha256(b"\0".join(file.read_bytes() for file in sorted(files))).hexdigest()


def serve(connection: Connection) -> None:
    """Answer names with results, or with what failed. Functions of one file share a capture child."""
    from verify.capture.sandbox import Child

    with ExitStack() as stack:
        file, child = "", None
        for name in _asked(connection):
            if child is None or not child.usable or file != name.partition(":")[0]:
                stack.close()
                file, child = name.partition(":")[0], stack.enter_context(Child(PATIENT))
            try:
                connection.send(examine(name, child))
            except Exception as error:  # noqa: BLE001  the boundary: the table says what failed
                connection.send({"failed": f"{type(error).__name__}: {error}"[:400]})


def _asked(connection: Connection) -> Iterator[str]:
    """Names, until whoever asks is gone."""
    while True:
        try:
            yield connection.recv()
        except EOFError:
            return


def examine(name: str, child: Any = None) -> dict[str, Any]:
    """The result of one function, as data. Raises whatever fails: the process around it is the boundary."""
    module, found = find(name)
    if (installed := version(module.PACKAGE)) != module.VERSION:
        raise ValueError(f"{module.PACKAGE} {installed} is installed, the contracts are for {module.VERSION}")
    from verify import gates
    from verify.capture.capture import capture
    from verify.dossier import ask
    from verify.symbolic.reading import forget, readings

    source = Path(module.__file__).read_text(encoding="utf-8")
    candidate = Candidate(source, found.spec.name, module.__name__, "repo", Provenance("package"))
    forget()  # what this process examined before must not change an answer
    budget = evolve(PROFILES[PROFILE], trails=False)  # the table has no room for them
    seconds: dict[str, float] = {}
    start = time.process_time()
    case = Case(found.spec, candidate, capture(found.spec, candidate, budget, PATIENT, ROOTS, child=child))
    seconds["capture"] = time.process_time() - start
    verdicts = list(ask(gates.policy, case, budget))
    start = time.process_time()
    if case.capture.plans:
        readings(case)
    seconds["reading"] = time.process_time() - start
    for gate in (each for each in gates.GATES if each.__name__ in GATES and gates.about(found.spec, each.__name__)):
        start = time.process_time()
        verdicts += ask(gate, case, budget)
        seconds[gate.__name__] = time.process_time() - start
    return {
        "package": module.PACKAGE,
        "version": module.VERSION,
        "function": name,
        "digest": digest(name),
        "code": _own_code()[:12],
        "note": found.note,
        "seconds": {key: round(value, 3) for key, value in seconds.items()},
        "plans": len(case.capture.plans),
        "host": [_told(each) for each in verdicts if each.gate == "policy" and each.outcome < Outcome.PROVED],
        "operations": list(case.capture.host_operations),
        "launches": list(_launches(case, verdicts, budget)),
    }


def _launches(case: Case, verdicts: list[Verdict], budget: Budget) -> Iterator[dict[str, Any]]:
    """One entry a kernel. What is not about one kernel (sizes that were not captured, say) counts for each."""
    launches = [launch for plan in case.capture.plans for launch in plan.launches]
    for kernel in dict.fromkeys(launch.kernel for launch in launches):
        own = [launch for launch in launches if launch.kernel == kernel]
        answers = {}
        for gate in GATES:
            if asked := [each for each in verdicts if each.gate == gate and each.kernel in ("", kernel)]:
                answers[gate] = _answer(asked)
        variants = len({variant.digest for launch in own for variant in launch.variants})
        yield {"kernel": kernel, "place": str(own[0].place), "variants": variants, "gates": answers}


def _answer(verdicts: list[Verdict]) -> dict[str, Any]:
    outcome = worst(each.outcome for each in verdicts)
    telling = [each for each in verdicts if each.outcome == outcome]
    rungs = dict.fromkeys(each.detail.partition(";")[0].removeprefix("shown ") for each in verdicts if _shown(each))
    return {
        "outcome": outcome.word,
        "claims": len(verdicts),
        "rung": "; ".join(rungs),
        "scope": telling[0].scope,
        "seconds": round(sum(each.cost.seconds for each in verdicts), 3),
        "why": [] if outcome is Outcome.PROVED else [_told(each) for each in telling][:5],
    }


def _shown(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.PROVED and verdict.detail.startswith("shown ")


def _told(verdict: Verdict) -> str:
    place = f" ({verdict.place})" if verdict.place else ""
    told = verdict.witness.sentence if verdict.witness else verdict.detail
    return f"{verdict.claim}{place}: {told}"[:600]


if __name__ == "__main__":
    print(json.dumps(examine(sys.argv[1]), indent=1))
