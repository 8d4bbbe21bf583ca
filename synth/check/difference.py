"""What is not as it was at the base: subjects, kernels, files, and how much is asked of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from attrs import field, frozen

from reports.text import listed
from specs import file_of
from specs.spec import Spec
from synth.candidates import find_spec
from synth.check import weakening
from synth.check.closure import WHOLE, Closure, Repository
from synth.check.config import FILE, Config
from synth.check.config import parse as parse_config
from synth.check.subjects import Kernel, Subject
from synth.check.trees import Base, GitTree, Tree, Unreadable
from synth.exits import Trouble
from verify.verdict import Place

NAMED: Final = 3  # definitions that a sentence names
PINS: Final = re.compile(r"^(requirements[^/]*\.txt|constraints[^/]*\.txt|uv\.lock|poetry\.lock|pdm\.lock)$")


@frozen
class Change:
    """One way in which less is asked than at the base: of a function, or of all where `function` is empty."""

    function: str
    what: str
    path: str = ""
    name: str = ""  # the spec's, in the file at `path`
    digest: str = ""


@frozen(eq=False)
class Difference:
    """What changed since the base. Without a base, everything counts as changed and nothing as weaker."""

    base: Repository | None = None
    head: Repository | None = None
    configs: tuple[Config, Config] | None = None
    everything: str = ""  # why all subjects count as changed
    specs: Mapping[str, bool] = field(factory=dict)  # function -> whether its spec is another
    weaker: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

    def of_subject(self, subject: Subject) -> tuple[str, ...] | None:
        """What about the subject changed; nothing if it did not, None without a base."""
        if self.base is None or self.head is None:
            return None
        before = closure_of(self.base, subject.function)
        reasons = [self.everything] if self.everything else []
        if before is None:
            reasons.append("it is new")
        elif before.digest != subject.closure.digest:
            reasons.append(_code(_changed(self.base, before, self.head, subject.closure)))
        if self.specs.get(subject.function, True):
            reasons.append("its spec")
        return tuple(reasons)

    def first_change(self, subject: Subject) -> Place | None:
        """The first line of the subject's code that is not as at the base, kernels before what launches them."""
        before = closure_of(self.base, subject.function) if self.base is not None else None
        if self.base is None or self.head is None or before is None:
            return None
        changed = _changed(self.base, before, self.head, subject.closure)
        return _first_line(self.base, self.head, *changed[0]) if changed else None

    def changes(self, kernel: Kernel) -> bool:
        """Whether a kernel without a spec is new or has other code than at the base."""
        if self.base is None:
            return True
        return self.base.closure(kernel.path, kernel.name).digest != kernel.digest

    def touches(self, path: str) -> bool:
        """Whether a file is not as it was at the base."""
        if self.base is None or self.head is None:
            return True
        return _raw(self.base.tree, path) != _raw(self.head.tree, path)


def difference(root: Path, base: Base, config: Config, head: Repository, gates: tuple[str, ...]) -> Difference:
    """Compare the working tree with the base. Raises Trouble."""
    tree = GitTree(root, base.revision)
    notes: list[str] = []
    try:
        old = parse_config(tree.read(FILE), gates, f"{FILE} at {base.name}")
    except (Trouble, Unreadable) as error:
        notes.append(f"{error}: the configuration at {base.name} cannot be read, so what it asked is not compared")
        old = config
    before = Repository(tree, old.roots)
    weaker = [
        Change(function, what, digest=closure.digest if (closure := closure_of(head, function)) else "")
        for function, what in weakening.of_config(old, config, frozenset(filter(lambda f: head.function(f), old.specs)))
    ]
    changed: dict[str, bool] = {}
    for function, spec in config.specs.items():
        earlier = old.specs.get(function)
        same = earlier == spec and _same_spec(before, head, spec)
        changed[function] = not same
        if earlier is not None and not same:
            weaker += _weaker_spec(root, before, function, earlier, spec, head)
    return Difference(
        before, head, (old, config), _everything(root, tree, old, config), changed, tuple(weaker), tuple(notes)
    )


def closure_of(repository: Repository, function: str) -> Closure | None:
    """The closure of `module:function`, None where there is no such function."""
    at = repository.function(function)
    return None if at is None else repository.closure(*at)


def _changed(base: Repository, before: Closure, head: Repository, now: Closure) -> list[tuple[str, str]]:
    """The definitions that the closure has now and that say something else than at the base, kernels first."""
    had = set(before.reached)
    changed = [at for at in now.reached if at not in had or base.said(*at) != head.said(*at)]
    return sorted(changed, key=lambda at: at not in now.kernels)


def _code(changed: Sequence[tuple[str, str]]) -> str:
    names = [name for _, name in changed if name != WHOLE]
    return f"its code: {listed(names)}" if 0 < len(names) <= NAMED else "its code"


def _first_line(base: Repository, head: Repository, path: str, name: str) -> Place:
    start, lines = head.lines(path, name)
    _, old = base.lines(path, name)
    for tag, _, _, first, _ in SequenceMatcher(None, old, lines, autojunk=False).get_opcodes():
        if tag != "equal" and old:
            return Place(path, start + min(first, len(lines) - 1))
    return Place(path, start)


def _everything(root: Path, tree: GitTree, old: Config, new: Config) -> str:
    if (old.profile, old.required) != (new.profile, new.required):
        return "the configuration"
    names = [each for each in tree._listed if PINS.match(each)] + [each.name for each in root.iterdir()]
    for name in dict.fromkeys(each for each in names if PINS.match(each)):
        if _raw(tree, name) != _bytes(root / name):
            return f"package versions ({name})"
    if _dependencies(_raw(tree, FILE)) != _dependencies(_bytes(root / FILE)):
        return f"package versions ({FILE})"
    return ""


def _dependencies(text: str | None) -> Any:
    try:
        project = tomllib.loads(text or "").get("project", {})
    except tomllib.TOMLDecodeError:
        return text
    return project.get("dependencies"), project.get("optional-dependencies")


def _same_spec(before: Repository, after: Repository, spec: str) -> bool:
    """Whether the spec's file, and what it imports of the repository, say the same."""
    path = file_of(spec)
    return not path or before.closure(path, WHOLE).digest == after.closure(path, WHOLE).digest


def _weaker_spec(
    root: Path, before: Repository, function: str, earlier: str, spec: str, head: Repository
) -> Iterator[Change]:
    closure = closure_of(head, function)
    path = file_of(spec)
    told = partial(
        Change,
        function,
        path=path,
        name=spec.rpartition(":")[2] if path else "",
        digest=closure.digest if closure else "",
    )
    old, new = _at_base(before.tree, earlier), find_spec(str(root / spec) if path else spec)
    if isinstance(old, str):
        yield told(f"its spec at the base cannot be read, so it cannot be compared: {old}")
        return
    for what in weakening.of_spec(old, new):
        yield told(what)
    for file in before.closure(file_of(earlier), WHOLE).files if file_of(earlier) else ():
        # The spec at the base was read beside the files of today: what it took from them is not what it was.
        if file != file_of(earlier) and _raw(before.tree, file) != _raw(head.tree, file):
            yield told(f"its spec imports {file}, which changed, so what it asked cannot be compared")


def _at_base(tree: Tree, spec: str) -> Spec | str:
    """The spec as it was, or why it cannot be had. Its file is run as Python, as that of the working tree is."""
    path = file_of(spec)
    try:
        if not path:
            return find_spec(spec)
        text = tree.read(path)
        if text is None:
            return f"there was no file {path}"
        with TemporaryDirectory(prefix="kernelproof-base-") as folder:
            copy = Path(folder) / Path(path).name
            copy.write_text(text, encoding="utf-8")
            return find_spec(f"{copy}:{spec.rpartition(':')[2]}")
    except (Trouble, Unreadable) as error:
        return str(error)


def _raw(tree: Tree, path: str) -> str | None:
    try:
        return tree.read(path)
    except Unreadable as error:
        return f"\0{error}"


def _bytes(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
    except OSError as error:
        return f"\0{error}"
