"""Search for a kernel: ask a proposer, examine what it answers, tell it what was found, again and again."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from attrs import evolve

from synth.commands.bench import add_workloads, chosen_workloads
from synth.commands.verify import find_budget
from synth.exits import Ending, Exit, Trouble, unknown_word

if TYPE_CHECKING:
    from specs.spec import Spec
    from synth.lineage import Attempt
    from synth.loop import Limits, Search
    from synth.progress import Display
    from synth.proposers import Proposer
    from verify.case import Budget

SUMMARY: Final = "search for a kernel with a proposer"
PROPOSERS: Final = ("replay", "openai", "tune")
APIS: Final = ("auto", "chat", "responses")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `synth`."""
    parser.add_argument("spec", metavar="SPEC", help="a spec's name or path/to/file.py:NAME")
    parser.add_argument("--proposer", choices=PROPOSERS, required=True)
    parser.add_argument("--proposals", type=Path, metavar="DIR", help="replay: stored exchanges (default: ours)")
    parser.add_argument("--start", type=Path, metavar="FILE", help="tune: a candidate with knobs")
    parser.add_argument("--profile", default="ci", help="quick, ci or deep (default: ci)")
    parser.add_argument("--device", default="H200", help="what the kernel is for (default: H200)")
    add_workloads(parser)
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first gate that refutes")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", type=Path, metavar="DIR", help="a new run's folder (default: reports/runs/...)")
    place.add_argument("--resume", type=Path, metavar="DIR", help="go on with a stopped run")
    asked = parser.add_argument_group("openai")
    asked.add_argument("--model", help="the model's name")
    asked.add_argument("--base-url", help="an OpenAI-compatible server (default: OPENAI_BASE_URL)")
    asked.add_argument("--api", choices=APIS, default="auto", help="auto: chat with a base URL, else responses")
    asked.add_argument("--param", action="append", default=[], metavar="KEY=JSON", help="sent as is, repeatable")
    asked.add_argument("--timeout", type=float, default=600.0, metavar="SECONDS", help="for one try")
    asked.add_argument("--retries", type=int, default=4, help="tries after the first one (default: 4)")
    limits = parser.add_argument_group("budgets")
    limits.add_argument("--max-proposals", type=int, default=8, help="default: 8")
    limits.add_argument("--max-tokens", type=int, help="over all prompts and answers (default: no limit)")
    limits.add_argument("--max-seconds", type=float, help="of this sitting (default: no limit)")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `synth`."""
    from synth.candidates import find_spec
    from synth.exchange import ExchangeError
    from synth.folders import claimed
    from synth.loop import Search
    from synth.progress import Display
    from synth.prompt import LAYOUTS
    from synth.proposers import ProposerFailure

    budget = find_budget(arguments.profile)
    spec = find_spec(arguments.spec)
    if arguments.device not in LAYOUTS:
        raise unknown_word("device", arguments.device, LAYOUTS)
    limits, params = _limits(arguments), _params(arguments.param)
    try:
        proposer = _proposer(arguments, spec, budget)
    except ProposerFailure as failure:
        raise Trouble(str(failure), failure.hint) from None
    with Display() as display, claimed(_folder(arguments)) as folder:
        examine = _examiner(arguments, spec, budget, folder, display)
        search = Search(spec, proposer(folder, display), examine, folder, limits, arguments.device, params)
        try:
            return _follow(search, display, folder)
        except ProposerFailure as failure:
            hint = failure.hint or f"go on with --resume {folder}"
            raise Trouble(str(failure), hint) from None
        except ExchangeError as error:
            raise Trouble(str(error)) from None


def _follow(search: Search, display: Display, folder: Path) -> Ending:
    from reports.store import write_whole

    display.line(f"searching for {search.spec.name} in {folder}", "title")
    for attempt in search:
        display.line(_told(attempt), attempt.verdict or "unknown")
        display.line()
    display.line(f"stopped: {search.stopped}")
    best = search.best
    facts = {
        "spec": search.spec.name,
        "proposals": str(len(search.attempts)),
        "admitted": str(sum(attempt.admitted for attempt in search.attempts)),
        "report": str(folder),
    }
    if best is None:
        code = _without_best(search.attempts)
        display.line("no proposal was admitted", "inconclusive")
        words = {Exit.REFUTED: "refuted", Exit.INCONCLUSIVE: "inconclusive", Exit.NOTHING: "nothing"}
        return Ending(code, words[code], facts)
    write_whole(folder / "best.py", best.source)
    display.line(f"best: proposal {best.number}, written to {folder / 'best.py'}", "admitted")
    return Ending(Exit.PASSED, "admitted", {**facts, "candidate": best.candidate[:12]})


def _without_best(attempts: Sequence[Attempt]) -> Exit:
    verdicts = {attempt.verdict for attempt in attempts if attempt.verdict}
    if not verdicts:
        return Exit.NOTHING
    return Exit.INCONCLUSIVE if "inconclusive" in verdicts else Exit.REFUTED


def _told(attempt: Attempt) -> str:
    if not attempt.verdict:
        return f"proposal {attempt.number}: {attempt.form.value}: {attempt.complaint}"
    gates = ", ".join(dict.fromkeys(finding.gate for finding in attempt.findings))
    return f"proposal {attempt.number}: {attempt.verdict}{f' ({gates})' if gates else ''}"


def _examiner(arguments: argparse.Namespace, spec: Spec, budget: Any, folder: Path, display: Display) -> Any:
    from reports.store import write_whole
    from synth.keeping import RENDERERS
    from synth.loop import Examined, examined
    from synth.pipeline import examine_candidate, standard

    chosen = [load.name for load in chosen_workloads(spec, arguments.workload)]
    stages = standard(bench=True, device=arguments.device, workloads=chosen)

    def examine(candidate: Any, number: int) -> Examined:
        display.line(f"proposal {number}", "title")
        record = examine_candidate(spec, candidate, budget, stages, fail_fast=arguments.fail_fast, progress=display)
        name = f"{number:04d}.record.json"
        write_whole(folder / name, RENDERERS["json"](record))
        return examined(record, name)

    return examine


def _limits(arguments: argparse.Namespace) -> Limits:
    from synth.loop import Limits

    try:
        return Limits(arguments.max_proposals, arguments.max_tokens, arguments.max_seconds)
    except ValueError as error:
        raise Trouble(str(error)) from None


def _params(given: Sequence[str]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise Trouble(f"--param {text!r} is not KEY=JSON", "for instance --param temperature=0.7")
        try:
            params[key] = json.loads(value)
        except ValueError:
            params[key] = value  # a bare word is a string: --param reasoning_effort=high
    return params


def _proposer(arguments: argparse.Namespace, spec: Spec, budget: Budget) -> Callable[[Path, Display], Proposer]:
    """The proposer, once there is a folder for the search."""
    if arguments.proposer == "tune":
        return _tuner(arguments, spec, budget)
    asked = _replayer(arguments, spec) if arguments.proposer == "replay" else _endpoint(arguments)
    return lambda folder, display: asked


def _tuner(arguments: argparse.Namespace, spec: Spec, budget: Budget) -> Callable[[Path, Display], Proposer]:
    if arguments.start is None:
        raise Trouble("--proposer tune wants a candidate with knobs", "name its file by --start")
    from synth.bench.forecast import forecaster
    from synth.proposers.tune import Forecast, Space, tune

    timed = evolve(spec, workloads=chosen_workloads(spec, arguments.workload) or spec.workloads)
    space, forecast = Space.of(arguments.start), forecaster(timed, budget, arguments.device)

    def told(source: str, display: Display) -> Forecast:
        found = forecast(source)
        display.line(f"forecast {found} for {space.point(source)}")
        return found

    return lambda folder, display: tune(space, folder, partial(told, display=display))


def _replayer(arguments: argparse.Namespace, spec: Spec) -> Proposer:
    from synth.proposers.replay import RECORDED, recorded, replay

    folder = arguments.proposals or RECORDED / spec.name
    if not folder.is_dir():
        raise Trouble(f"there is no folder {folder} of recorded proposals", "name one by --proposals")
    files = recorded(folder)
    if not files:
        raise Trouble(f"{folder} holds no recorded proposals", "they are *.json", Exit.NOTHING)
    return replay(files)


def _endpoint(arguments: argparse.Namespace) -> Proposer:
    if not arguments.model:
        raise Trouble("--proposer openai wants a model", "name it by --model")
    if arguments.retries < 0 or arguments.timeout <= 0:
        raise Trouble("--retries is at least 0 and --timeout above 0")
    from synth.proposers.openai import Endpoint, ask

    return ask(
        Endpoint(
            arguments.model,
            arguments.base_url,
            api=arguments.api,
            timeout=arguments.timeout,
            retries=arguments.retries,
        )
    )


def _folder(arguments: argparse.Namespace) -> Path:
    from reports.store import new_run
    from synth.folders import RUNS
    from synth.lineage import SUMMARY

    if arguments.resume is not None:
        folder: Path = arguments.resume
        if not folder.is_dir():
            raise Trouble(f"there is no run in {folder} to resume")
        return folder
    if arguments.out is None:
        return new_run(RUNS)
    out: Path = arguments.out
    if (out / SUMMARY).exists() or any(out.glob("*.exchange.json")):
        raise Trouble(f"{out} holds a run already", f"--resume {out} goes on with it")
    return out
