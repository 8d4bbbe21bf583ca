"""Loading a candidate and calling its entry with stand-ins: one call gives one answer. Child side."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import io
import linecache
import os
import re
import sys
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
import triton

from specs.sizes import Size, name, size, smallest
from specs.spec import ELEMENT
from verify.capture import surroundings
from verify.capture.algebra import narrowed, same
from verify.capture.hostcode import BUILTINS, MODULES, strange_modules
from verify.capture.integers import Integer, Passing, larger, smaller
from verify.capture.lower import Lowering
from verify.capture.protocol import Ask, Begin, Parameter, Ready, Reply
from verify.capture.recorder import Recorder
from verify.capture.scalars import TracedFloat, UnknownFloat
from verify.capture.session import Session, Stop
from verify.capture.symbols import number
from verify.capture.tensors import Noticing, Stand
from verify.capture.views import count, packed
from verify.plan import Answer, Buffer, Plan, Refusal, Unsupported, View, Violation
from verify.verdict import Place

REACHES_OUT: Final = (
    "socket.",
    "subprocess.",
    "os.fork",
    "os.exec",
    "os.system",
    "os.posix_spawn",
    "os.spawn",
)
WATCHED_CALLS: Final = ("open", "os.remove", "os.rename", "os.mkdir", "os.listdir", "shutil.", "ctypes.")
LONGEST_MESSAGE: Final = 400


def length(value: Any) -> Any:
    """`len` of the candidate's module: Python's own would force a tensor's length to be a number."""
    return value.shape[0] if isinstance(value, Stand) else len(value)


class Real(float, metaclass=Passing):
    """`float` of the candidate's module: it lets the spec's float parameters through."""

    lets = (TracedFloat, UnknownFloat, torch.SymFloat)


Integer.__name__, Real.__name__ = "int", "float"  # Triton reads annotations by name
# Builtins of the code that is captured: Python's own would force sizes to be numbers.
SYMBOLIC: Final = {"min": smaller, "max": larger, "int": Integer, "float": Real, "len": length}


class Entry:
    """The candidate of one child."""

    def __init__(self, begin: Begin) -> None:
        self.begin = begin
        self.strict = begin.policy == "strict"
        self.lowering = Lowering()
        self.session: Session | None = None
        self.recorder: Recorder | None = None
        self.file = _file_name(begin)
        self.files: dict[str, str] = {self.file: self.file} if self.strict else {}
        self.trees: dict[str, ast.Module] = {}
        self.module: types.ModuleType | None = None
        self.start = Place(self.file, _first_line(begin))
        surroundings.install(self._launched)
        if not self.strict:
            surroundings.watch_imports(_packages(begin), begin.scratch, SYMBOLIC, self.files)
        self._warm_up()
        if self.strict:
            with open(os.path.join(begin.scratch, self.file), "w", encoding="utf-8") as copy:
                copy.write(begin.source)
            linecache.cache[self.file] = (len(begin.source), None, begin.source.splitlines(True), self.file)
        sys.stdout = sys.stderr = Printed(self)
        sys.addaudithook(self._audit)

    def turn(self, begin: Begin, ready: Ready) -> Ready:
        """Go on with another function of the same module of a package; proposals have a child each."""
        if self.strict or (begin.policy, begin.path) != (self.begin.policy, self.begin.path):
            raise ValueError("only functions of one module share a child")
        self.begin = begin
        self.start = Place(self.file, _first_line(begin))
        return ready

    def capture(self, ask: Ask) -> Reply:
        """Run the entry at the sizes asked for."""
        begin = self.begin
        ranges: dict[str, tuple[int | None, int | None]] = {
            key: (low, high) for key, (low, high) in begin.ranges.items()
        }
        ranges |= {key: (0, 2**31 - 1) for key in ask.point if key not in ranges}
        for condition in begin.requires:
            ranges = narrowed(ranges, condition)
        inplace = frozenset(each.name for each in begin.parameters if each.inplace)
        session = Session(dict(ask.point), ranges, self.files, self.start, not self.strict, begin.glue, inplace)
        self.session = session
        self.recorder = Recorder(session, self.lowering, ask.specialise_at, ask.dtype)
        try:
            answer = self._answer(session, ask)
        finally:
            self.session = self.recorder = None
        return Reply(answer, session.cell(), tuple(session.operations))

    def _answer(self, session: Session, ask: Ask) -> Answer:
        loaded = False
        try:
            function = self._load(session)
            loaded = True
            arguments = [self._argument(session, ask, parameter) for parameter in self.begin.parameters]
            with Noticing(session):
                result = function(*arguments)
            outputs = self._outputs(session, ask, result)
        except Stop as stopped:
            return session.stopped or stopped.answer
        except BaseException as error:  # noqa: BLE001  a candidate may raise anything; every end has a name
            return session.stopped or self._ended(session, ask, error, loaded)
        if session.stopped is not None:
            return session.stopped
        return Plan(
            ask.dtype,
            dict(ask.choices),
            session.cell(),
            tuple(session.buffers.values()),
            tuple(session.steps),
            outputs,
        )

    # -- loading

    def _load(self, session: Session) -> Callable[..., Any]:
        if self.strict:
            return self._fresh(session)
        if self.module is None:
            self.module = importlib.import_module(self.begin.path.partition(":")[0])
        found: Any = self.module
        for part in self.begin.entry.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            session.violation("interface", f"{self.begin.path} has no function {self.begin.entry!r}")
        code = getattr(inspect.unwrap(found), "__code__", None)
        if code is not None:
            self.start = Place(self.files.get(code.co_filename, self.file), code.co_firstlineno)
        return found  # type: ignore[no-any-return]

    def _fresh(self, session: Session) -> Callable[..., Any]:
        """The entry of a module that was never used before: no call can leave something for the next."""
        tree = ast.parse(self.begin.source)
        namespace = {
            "torch": torch,
            "triton": triton,
            "triton.language": triton.language,
            "tl": triton.language,
        }
        for violation in strange_modules(tree, namespace, self.file):
            raise session.stop(violation)
        module = types.ModuleType("candidate")
        module.__file__ = self.file
        module.__dict__["__builtins__"] = self._builtins(session)
        sys.modules["candidate"] = module
        exec(compile(tree, self.file, "exec"), module.__dict__)  # noqa: S102  this process exists for it
        found: Any = module.__dict__.get(self.begin.entry)
        if not callable(found):
            session.violation("interface", f"there is no entry function {self.begin.entry!r}")
        return found  # type: ignore[no-any-return]

    def _builtins(self, session: Session) -> dict[str, Any]:
        plain_import = builtins.__import__

        def guarded(module: str, *rest: Any, **named: Any) -> Any:
            if module.split(".")[0] not in MODULES:
                session.violation("import", f"imports {module}")
            if module == "functools":
                return surroundings.forgetful_functools()
            return plain_import(module, *rest, **named)

        allowed = {key: value for key, value in vars(builtins).items() if key not in BUILTINS}
        allowed |= SYMBOLIC
        allowed |= {"__import__": guarded}
        return allowed | {"__build_class__": builtins.__build_class__}

    def _warm_up(self) -> None:
        """Load now what torch and triton load late, while files may still be opened."""
        from verify.capture.lower import machine

        machine()

    # -- the call

    def _argument(self, session: Session, ask: Ask, parameter: Parameter) -> Any:
        if parameter.kind == "choice":
            return ask.choices[parameter.name]
        if parameter.kind == "float":
            return TracedFloat.of(session, parameter.name)
        if parameter.kind == "size":
            return number(session, name(parameter.name))
        dtype = ask.dtype if parameter.dtype == ELEMENT else parameter.dtype
        sizes = tuple(name(dim) for dim in parameter.dims)
        strides = tuple(name(f"{parameter.name}.stride{axis}") for axis in range(len(sizes)))
        if parameter.contiguous:
            strides = packed(sizes)
        view = View(parameter.name, sizes, strides, dtype=dtype)
        reach = _reach(sizes, strides) if not parameter.contiguous else count(sizes)
        session.buffers[parameter.name] = Buffer(parameter.name, dtype, reach, param=parameter.name)
        session.given[parameter.name] = view
        return Stand.of(session, view, dtype)

    def _outputs(self, session: Session, ask: Ask, result: Any) -> tuple[View, ...]:
        wanted = self.begin.results
        if not wanted:
            return self._left(session, result)
        found = list(result) if isinstance(result, tuple | list) else [result]
        if len(found) != len(wanted):
            self._wrong(session, f"returns {len(found)} values where the spec has {len(wanted)}")
        views = []
        for output, tensor in zip(wanted, found, strict=True):
            if not isinstance(tensor, Stand):
                self._wrong(session, f"returns {_kind(tensor)} where the spec has the tensor {output.name!r}")
            if tensor.session is not session:
                self._wrong(session, f"returns a tensor of an earlier call as {output.name!r}")
            views.append(self._output(session, ask, output, tensor))
        return tuple(views)

    def _left(self, session: Session, result: Any) -> tuple[View, ...]:
        """What a launch contract, which says nothing of what is returned, leaves to its caller all the same."""
        returned = result if isinstance(result, tuple | list) else (result,)
        views = [each.view_ for each in returned if isinstance(each, Stand) and each.session is session]
        own = {name: buffer.dtype for name, buffer in session.buffers.items() if buffer.param is None}
        made = [view for view in views if view.buffer in own and view.dtype in ("", own[view.buffer])]
        return tuple(dict.fromkeys((*made, *(session.given[name] for name in sorted(session.inplace)))))

    def _output(self, session: Session, ask: Ask, output: Any, tensor: Stand) -> View:
        view, buffer = tensor.view_, session.buffers[tensor.view_.buffer]
        dtype = ask.dtype if output.dtype == ELEMENT else output.dtype
        if tensor.dtype_ != dtype:
            self._wrong(session, f"returns {output.name!r} as {tensor.dtype_} where the spec has {dtype}")
        shape, asked = view.sizes, tuple(name(dim) for dim in output.dims)
        if len(shape) != len(asked) or not all(
            same(have, want) or session.decide(have.equals(want)) for have, want in zip(shape, asked, strict=True)
        ):
            have, want = (f"({', '.join(map(str, each))})" for each in (shape, asked))
            self._wrong(session, f"returns {output.name!r} with shape {have} where the spec has {want}, {_at(ask)}")
        if buffer.param is not None and buffer.param not in session.inplace:
            self._wrong(session, f"returns its input {buffer.param!r} as {output.name!r}")
        if tensor.device.type != "cuda":
            self._wrong(session, f"returns {output.name!r} on the device {tensor.device}")
        return view

    def _wrong(self, session: Session, what: str) -> None:
        raise session.stop(Violation("interface", what, self.start))

    # -- how it ended

    def _ended(self, session: Session, ask: Ask, error: BaseException, loaded: bool) -> Answer:
        """What an exception means: a refusal the candidate raised itself, a gap of ours, or a failure."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename in self.files]
        place = Place(self.files[own[-1].filename], own[-1].lineno or 0) if own else session.place()
        text = f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]
        if isinstance(error, SystemExit | KeyboardInterrupt):
            return Violation("side-effect", f"ends the process ({text})", place)
        if isinstance(error, SyntaxError):
            return Violation(
                "failure", f"the source does not compile: {error.msg}", Place(self.file, error.lineno or 0)
            )
        if isinstance(error, MemoryError):
            return Violation("side-effect", f"asks for more memory than a host function needs ({text})", place)
        if loaded and own and own[-1] is frames[-1] and self._raises_itself(own[-1].filename, place.line):
            return Refusal(ask.dtype, dict(ask.choices), session.cell(), text, place)
        if re.search(r"Sym(Int|Float|Bool)|symbolic|TracedFloat|Stand\b", text):
            return Unsupported(f"the host code fails on symbolic sizes: {text}", place)
        if isinstance(error, PermissionError):
            return Violation("side-effect", f"is stopped by the sandbox ({text})", place)
        if isinstance(error, ImportError) and self._from_elsewhere(error):
            return Unsupported(f"what it imports is not here ({text}): check it where that is installed", place)
        return Violation("failure", f"fails {f'for {_at(ask)}' if loaded else 'when it is imported'}: {text}", place)

    def _from_elsewhere(self, error: ImportError) -> bool:
        """Whether an existing function lacks a package that is not its own: that says nothing against it."""
        top = (error.name or "").partition(".")[0]
        return not self.strict and top not in (*self.begin.own, self.begin.path.partition(".")[0].partition(":")[0])

    def _raises_itself(self, file: str, line: int) -> bool:
        """Whether the line belongs to a `raise` or an `assert` of the candidate's own."""
        if file not in self.trees:
            try:
                self.trees[file] = ast.parse("".join(linecache.getlines(file)))
            except (SyntaxError, ValueError):
                return False
        return any(
            isinstance(node, ast.Raise | ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno)
            for node in ast.walk(self.trees[file])
        )

    # -- watching

    def _launched(self, kernel: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        if self.recorder is None:
            raise RuntimeError("a kernel is launched outside the entry function")
        self.recorder.launch(kernel, args, kwargs)

    def _audit(self, event: str, details: tuple[Any, ...]) -> None:
        session = self.session
        if session is None or not self.strict:
            return
        outward = event.startswith(REACHES_OUT) or event == "_thread.start_new_thread"
        if outward or (event.startswith(WATCHED_CALLS) and self.runs_candidate(sys._getframe(1))):
            session.violation("side-effect", f"{event}({', '.join(map(repr, details))[:100]})")

    def runs_candidate(self, frame: types.FrameType | None) -> bool:
        return frame is not None and frame.f_code.co_filename in self.files


class Printed(io.TextIOBase):
    """Standard output while a candidate runs. A host function has nothing to say."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry

    def write(self, text: str) -> int:
        session = self.entry.session
        if session is not None and self.entry.strict and self.entry.runs_candidate(sys._getframe(1)):
            session.violation("side-effect", f"prints {text[:60]!r}")
        return len(text)

    def writable(self) -> bool:
        return True


def _file_name(begin: Begin) -> str:
    """The candidate's own file name; for a package its module path."""
    if begin.policy != "strict":
        return begin.path.partition(":")[0].replace(".", "/") + ".py"
    plain = re.sub(r"[^A-Za-z0-9_.-]", "_", os.path.basename(begin.path))
    return plain if plain.endswith(".py") else f"{begin.entry}.py"


def _first_line(begin: Begin) -> int:
    """The line of the entry's `def`; 0 where the source does not show it."""
    try:
        body = ast.parse(begin.source).body
    except (SyntaxError, ValueError):
        return 0
    return next((node.lineno for node in body if isinstance(node, ast.FunctionDef) and node.name == begin.entry), 0)


def _packages(begin: Begin) -> tuple[str, ...]:
    """The entry's package, and those that its file imports: their code is read as the candidate's."""
    try:
        tree = ast.parse(begin.source)
    except (SyntaxError, ValueError):
        tree = ast.Module([], [])
    found = [begin.path.partition(":")[0]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append(node.module or "")
    tops = dict.fromkeys(dotted.split(".")[0] for dotted in found)
    return tuple(top for top in tops if top not in MODULES and top not in sys.stdlib_module_names)


def _reach(sizes: Sequence[Size], strides: Sequence[Size]) -> Size:
    """Elements from the first to the last of a strided tensor; none where it is empty."""
    last = size(1)
    for extent, stride in zip(sizes, strides, strict=True):
        last = last + (extent - 1) * stride
    return smallest(count(sizes), 1) * last


def _kind(value: Any) -> str:
    return "nothing" if value is None else type(value).__name__


def _at(ask: Ask) -> str:
    sizes = [f"{key}={value}" for key, value in ask.point.items()]
    return f"{ask.dtype}, {', '.join([*sizes, *(f'{key}={value}' for key, value in ask.choices.items())])}"
