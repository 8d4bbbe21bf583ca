"""What there is to check: the functions that the configuration ties to specs, and kernels that none of them reaches."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import PurePosixPath

from attrs import frozen

from synth.check.closure import Closure, Repository
from synth.check.config import FILE, Config
from synth.check.modules import Damaged, Module
from synth.check.trees import Unreadable
from synth.exits import Trouble


@frozen
class Subject:
    """A host function, the spec that it is held against, and everything that it rests on."""

    function: str
    spec: str
    path: str
    closure: Closure


@frozen
class Missing:
    """A function that the configuration names and the repository does not have."""

    function: str
    why: str


@frozen
class Kernel:
    """A `@triton.jit` function that no subject reaches. `call` is how one that launches it may be tied to what it
    is given.
    """

    path: str
    name: str
    line: int
    digest: str
    call: str = ""


@frozen
class Found:
    """Everything that was found, in order. `damaged` are files in which a kernel may hide."""

    subjects: tuple[Subject, ...]
    missing: tuple[Missing, ...]
    unspecified: tuple[Kernel, ...]
    damaged: tuple[Damaged, ...]
    kernels: int


def find(config: Config, repository: Repository, paths: Sequence[str] = ()) -> Found:
    """What lies below `paths` (everything for none). A subject counts if anything that it rests on does."""
    subjects, missing = [], []
    for function, spec in config.specs.items():
        at = repository.function(function)
        if at is None:
            missing.append(Missing(function, _why(repository, function)))
            continue
        closure = repository.closure(*at)
        if any(below(path, paths) for path in closure.files):
            subjects.append(Subject(function, spec, at[0], closure))
    _expect(config, repository)
    included = [path for path in repository.tree.files() if _included(config, path) and below(path, paths)]
    modules = [repository.module(path) for path in included if _may_hold_kernels(repository, path)]
    reached = {
        each
        for function in config.specs
        if (at := repository.function(function))
        for each in repository.closure(*at).kernels
    }
    kernels = [(module, name) for module in modules if isinstance(module, Module) for name in module.kernels]
    alone = _alone(kernels, reached, config, repository) if config.unspecified != "pass" else ()
    damaged = {module.path: module for module in modules if isinstance(module, Damaged)}
    for subject in subjects:
        damaged |= {each.path: each for each in subject.closure.damaged}
    return Found(tuple(subjects), tuple(missing), tuple(alone), tuple(damaged.values()), len(kernels))


def _expect(config: Config, repository: Repository) -> None:
    """A pattern or a root that nothing fits is a slip, and would hide kernels. Raises Trouble."""
    there = repository.tree.files()
    for pattern in config.include if config.include != Config().include else ():
        if not any(_matches(path, pattern) for path in there):
            told = f"{FILE}: no Python file fits {pattern!r} in tool.kernelproof.include"
            raise Trouble(told, "`**` stands for any number of folders, as in ops/**/*.py")
    for root in config.roots:
        if not any(below(path, [root]) for path in there) and there:
            raise Trouble(f"{FILE}: no Python file lies below {root!r} of tool.kernelproof.roots", "name its folder")


def _may_hold_kernels(repository: Repository, path: str) -> bool:
    """Whether a file speaks of triton at all, or cannot be read: parsing all the others would only cost time."""
    try:
        return "triton" in (repository.tree.read(path) or "")
    except Unreadable:
        return True


def _alone(
    kernels: Sequence[tuple[Module, str]], reached: Set[tuple[str, str]], config: Config, repository: Repository
) -> Iterator[Kernel]:
    """The kernels that no subject reaches, each of which is looked into: where they may pass, that is not worth it."""
    looked_at = reached | set(_called(repository, kernels))
    launchers = {module.path: _launchers(module) for module, _ in kernels}
    for module, name in kernels:
        if (module.path, name) not in looked_at:
            host = launchers[module.path].get(name)
            call = _call(host, _dotted(module.path, config.roots)) if host else ""
            digest = repository.closure(module.path, name).digest
            yield Kernel(module.path, name, module.kernels[name].lineno, digest, call)


def _called(repository: Repository, kernels: Sequence[tuple[Module, str]]) -> Iterator[tuple[str, str]]:
    """Kernels that are parts of others: those are looked at with the kernel that calls them."""
    for module, name in kernels:
        own = repository.closure(module.path, name)
        yield from (each for each in own.kernels if each != (module.path, name))


def _launchers(module: Module) -> Mapping[str, ast.FunctionDef]:
    """The first function of the module that launches each kernel."""
    found: dict[str, ast.FunctionDef] = {}
    for *_, host in module.definitions.values():
        if isinstance(host, ast.FunctionDef):
            for node in ast.walk(host):
                if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                    found.setdefault(node.value.id, host)
    return found


def _call(host: ast.FunctionDef, module: str) -> str:
    """A line of the configuration for a function that launches a kernel, as an example."""
    defaults = [None] * (len(host.args.args) - len(host.args.defaults)) + host.args.defaults
    given = [_given(arg, value) for arg, value in zip(host.args.args, defaults, strict=True)]
    return f'"{module}:{host.name}" = "{host.name}({", ".join(given)})"'


def _given(arg: ast.arg, default: ast.expr | None) -> str:
    if isinstance(default, ast.Constant) and not isinstance(default.value, str):
        return f"{arg.arg}={default.value!r}"
    number = isinstance(arg.annotation, ast.Name) and arg.annotation.id in ("int", "float")
    return f"{arg.arg}: {arg.annotation.id if number and isinstance(arg.annotation, ast.Name) else 'T[M, N]'}"


def _dotted(path: str, roots: Sequence[str]) -> str:
    parts = PurePosixPath(path.removesuffix(".py").removesuffix("/__init__")).parts
    tops = [() if root == "." else PurePosixPath(root).parts for root in roots]
    fitting = [top for top in tops if parts[: len(top)] == top]
    return ".".join(parts[len(max(fitting, key=len, default=())) :])


def _why(repository: Repository, function: str) -> str:
    name, _, entry = function.partition(":")
    path = repository.locate(name)
    if path is None:
        return f"there is no module {name} below {', '.join(repository.roots)}: was its file moved or deleted?"
    module = repository.module(path)
    if isinstance(module, Damaged):
        return str(module)
    return f"{path} defines no {entry}: was it renamed?"


def below(path: str, paths: Sequence[str]) -> bool:
    """Whether a path is one of the paths or lies below one; with no paths given, all do."""
    parts = PurePosixPath(path).parts
    wanted = [PurePosixPath(each).parts for each in paths]
    return not paths or any(parts[: len(each)] == each for each in wanted)


def _included(config: Config, path: str) -> bool:
    return any(_matches(path, each) for each in config.include) and not any(
        _matches(path, each) for each in config.exclude
    )


def _matches(path: str, pattern: str) -> bool:
    """Glob where `**` stands for any number of folders, none included. Python 3.11 has no `full_match`."""
    return _fits(PurePosixPath(path).parts, PurePosixPath(pattern).parts)


def _fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    head, *rest = pattern
    if head == "**":
        if not rest:
            return True
        return any(_fits(parts[skipped:], tuple(rest)) for skipped in range(len(parts) + 1))
    return bool(parts) and PurePosixPath(parts[0]).match(head) and _fits(parts[1:], tuple(rest))
