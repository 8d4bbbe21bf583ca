"""The gate itself: find what changed, examine it or take its stored record, and gather what stands against a merge."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath

from attrs import frozen

from reports.canonical import decode, encode
from reports.record import spec_digest
from reports.tally import CLAIMS
from specs import file_of
from specs.spec import Spec
from synth.candidates import find_spec
from synth.check import baseline, cache, waivers
from synth.check.closure import Repository
from synth.check.config import FILE, Config
from synth.check.config import parse as parse_config
from synth.check.difference import Difference, difference
from synth.check.objecting import Checked, objections_of
from synth.check.objections import Objection
from synth.check.subjects import Found, Missing, Subject, find
from synth.check.trees import WorkTree, base_of
from synth.exits import Exit, Trouble
from synth.workers import each

GATES = tuple(CLAIMS)


@frozen
class Result:
    """Everything that a check found. `base` is the revision that it was compared with, if any."""

    config: Config
    base: str
    found: Found
    checked: tuple[Checked, ...]
    objections: tuple[Objection, ...]
    notes: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to check: neither a subject nor a kernel nor anything to object to."""
        return not (self.checked or self.objections or self.found.kernels)


@frozen
class Request:
    """What to check, and with how much. `shard` is (which, of how many), counted from 1."""

    root: Path
    paths: tuple[str, ...] = ()
    changed: str | None = None
    shard: tuple[int, int] = (1, 1)
    jobs: int = 1
    seconds: float = 900.0
    today: date = date.max
    static: bool = False  # read only: nothing is captured or proved


@frozen
class Task:
    """One subject on its way to a worker."""

    root: str
    roots: tuple[str, ...]
    function: str
    spec: str
    profile: str
    required: tuple[str, ...]
    own: tuple[str, ...]  # packages that are the repository's, whatever else is installed


def check(request: Request, told: Callable[[Checked], None] = lambda checked: None) -> Result:
    """Run the gate. `told` hears of every subject as soon as something is known of it. Raises Trouble."""
    root = request.root
    tree = WorkTree(root)
    config = parse_config(_text(root / FILE), GATES)
    known_waivers = waivers.parse(_text(root / config.waivers, Exit.WAIVER), config.waivers)
    known = baseline.parse(_text(root / config.baseline, Exit.WAIVER), config.baseline)
    repository = Repository(tree, config.roots)
    found = find(config, repository, request.paths)
    base = base_of(root, request.changed) if request.changed else None
    against = difference(root, base, config, repository, GATES) if base else Difference()
    specs = {subject.function: _spec(root, subject.spec) for subject in found.subjects}
    mine = [subject for subject in found.subjects if in_shard(subject.function, request.shard)]
    order = list(config.specs)
    checked = sorted(
        _checked(request, config, mine, specs, against, told), key=lambda one: order.index(one.subject.function)
    )
    objections = objections_of(checked, config, found, against, repository)
    whole = not (request.paths or request.changed or request.static or request.shard != (1, 1))
    settled = waivers.settle(objections, known_waivers, config.waivers, request.today, whole)
    settled = baseline.settle(settled, known, config.baseline, whole)
    notes = (*waivers.soon(known_waivers, request.today), *against.notes)
    return Result(config, base.revision if base else "", found, tuple(checked), settled, notes)


def examined(request: Request, config: Config) -> tuple[tuple[Checked, ...], tuple[Missing, ...]]:
    """What comes of the functions of a configuration, and those that are not there. Raises Trouble."""
    found = find(config, Repository(WorkTree(request.root), config.roots))
    specs = {subject.function: _spec(request.root, subject.spec) for subject in found.subjects}
    checked = _checked(request, config, found.subjects, specs, Difference(), lambda one: None)
    return tuple(checked), found.missing


def _checked(
    request: Request,
    config: Config,
    subjects: Sequence[Subject],
    specs: Mapping[str, Spec],
    against: Difference,
    told: Callable[[Checked], None],
) -> Iterator[Checked]:
    tasks: dict[str, tuple[Subject, str, tuple[str, ...]]] = {}
    for subject in subjects:
        changed = against.of_subject(subject)
        name = cache.key(subject, spec_digest(specs[subject.function]), config)
        if changed is not None and not changed:
            one = Checked(subject, "unchanged")
        elif (record := cache.load(request.root, name)) is not None:
            one = Checked(subject, "cached", changed or (), record)
        elif request.static:
            one = Checked(subject, "unexamined", changed or ())
        else:
            tasks[subject.function] = (subject, name, changed or ())
            continue
        told(one)
        yield one
    roots = tuple(str((request.root / folder).resolve()) for folder in config.roots)
    waiting = [
        Task(
            str(request.root),
            roots,
            function,
            _located(request.root, subject.spec),
            config.profile,
            config.required,
            _packages(subject, config),
        )
        for function, (subject, _, _) in tasks.items()
    ]
    for done in each(waiting, examine, request.jobs, request.seconds):
        subject, name, changed = tasks[done.task.function]
        if done.answer is None:
            one = Checked(subject, "failed", changed, failure=done.failure)
        else:
            one = Checked(subject, "examined", changed, decode(done.answer))
            cache.store(request.root, name, decode(done.answer))
        told(one)
        yield one


def _packages(subject: Subject, config: Config) -> tuple[str, ...]:
    """The names under which the files that the subject rests on are imported."""
    folders = [PurePosixPath(root).parts for root in config.roots]
    found = {subject.function.partition(".")[0].partition(":")[0]}
    for path in subject.closure.files:
        parts = PurePosixPath(path).parts
        for folder in folders:
            if parts[: len(folder)] == folder:
                found.add(parts[len(folder)].removesuffix(".py"))
    return tuple(sorted(found))


def examine(task: Task) -> bytes:
    """The canonical record of one subject. It runs in a process of its own."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.chdir(task.root)
    from functools import partial

    from attrs import evolve

    from synth.candidates import find_candidate
    from synth.pipeline import examine_candidate, only_those, standard
    from verify.capture.capture import capture
    from verify.case import PROFILES

    spec, candidate = find_candidate(task.function, task.spec, policy="repo", roots=task.roots)
    stages = standard()
    if task.required:
        required = {gate: least for gate, least in stages.required.items() if gate in task.required}
        stages = evolve(only_those(stages, {"policy", *required}), required=required)
    stages = evolve(stages, capture=partial(capture, roots=task.roots, own=task.own), thorough=True)  # for waivers
    return encode(examine_candidate(spec, candidate, PROFILES[task.profile], stages))


def in_shard(function: str, shard: tuple[int, int]) -> bool:
    """Whether a function belongs to the `which`-th `of` so many parts: by its name alone, the same everywhere."""
    which, of = shard
    return int(sha256(function.encode()).hexdigest()[:8], 16) % of == which - 1


def _spec(root: Path, text: str) -> Spec:
    return find_spec(_located(root, text))


def _located(root: Path, text: str) -> str:
    path = file_of(text)
    return str(root / text) if path and not Path(path).is_absolute() else text


def _text(path: Path, code: Exit = Exit.ERROR) -> str | None:
    try:
        return path.read_text(encoding="utf-8") if path.exists() else None
    except UnicodeDecodeError as error:
        told = f"{path} is not UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
    except OSError as error:
        told = f"cannot read {path}: {error.strerror or error}"
    raise Trouble(told, "mend or remove it", code)
