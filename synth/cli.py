"""The `kernelproof` command: parse, hand over to one command's module, close with the RESULT line.

Parsing imports neither torch, triton, z3 nor openai: each command imports what it needs when it runs.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import Any, Final, NoReturn, Protocol

from reports.store import StoreError
from synth import ownership
from synth.commands import baseline, bench, check, doctor, mutate, report, repro, run, specs, synth, verify
from synth.exits import Ending, Exit, Interrupted, Trouble, unknown_word

VERDICTS: Final = {
    Exit.REFUTED: "refuted",
    Exit.ERROR: "error",
    Exit.NOTHING: "nothing",
    Exit.INCONCLUSIVE: "inconclusive",
    Exit.WAIVER: "waiver",
}
EPILOG: Final = """\
begin with: kernelproof doctor
            kernelproof specs softmax
            kernelproof verify kernel.py

exit codes: 0 all required gates passed, 1 refuted or not as before, 2 usage, configuration or internal error,
3 nothing to check, 4 inconclusive (unknown, or a required gate did not run), 5 waiver or baseline problem.
The last line of stdout is `RESULT verdict=... key=value ...`."""


class Command(Protocol):
    """What a module of a command has."""

    @property
    def __doc__(self) -> str | None: ...  # type: ignore[override]
    @property
    def SUMMARY(self) -> str: ...
    def configure(self, parser: argparse.ArgumentParser) -> None: ...
    def execute(self, arguments: argparse.Namespace) -> Ending: ...


COMMANDS: Final[Mapping[str, Command]] = {
    "verify": verify,
    "bench": bench,
    "synth": synth,
    "run": run,
    "check": check,
    "baseline": baseline,
    "mutate": mutate,
    "report": report,
    "repro": repro,
    "specs": specs,
    "doctor": doctor,
}


class _Parser(argparse.ArgumentParser):
    """argparse with our kind of error: one message, one hint, the nearest known word."""

    def error(self, message: str) -> NoReturn:
        raise Trouble(f"{self.prog}: {message}", f"see {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            kind = "command" if isinstance(action, argparse._SubParsersAction) else str(action.dest)
            raise unknown_word(kind, str(value), map(str, action.choices))


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = _Parser(
        prog="kernelproof",
        description="Turn proposed Triton kernels into verified ones: gates first, then a benchmark.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"kernelproof {_version()}")
    group = top.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name, module in COMMANDS.items():
        told = " ".join((module.__doc__ or "").split("\n\n")[0].split())
        sub = group.add_parser(name, help=module.SUMMARY, description=told, allow_abbrev=False)
        sub.add_argument("--debug", action="store_true", help="show the traceback of an internal error")
        module.configure(sub)
        sub.set_defaults(execute=module.execute)
    return top


def parse(given: Sequence[str]) -> argparse.Namespace:
    """The arguments. Raises Trouble, with the nearest known word for a misspelt one."""
    top = parser()
    arguments, strange = top.parse_known_args(given)
    if strange:
        sub = next(iter(top._subparsers._group_actions)).choices[arguments.command]  # type: ignore[union-attr,index]
        if strange[0].startswith("-"):
            raise unknown_word("option", strange[0].partition("=")[0], sub._option_string_actions)
        raise Trouble(f"{sub.prog}: unexpected argument {strange[0]!r}", f"see {sub.prog} --help")
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code. Raises SystemExit for --help and --version only."""
    given = list(sys.argv[1:] if argv is None else argv)
    # Before anything can fail by parsing: what goes wrong while parsing may want its traceback too.
    debug = "--debug" in given
    previous = _catch_termination()
    try:
        ending = _run(given, debug)
        print(ending, flush=True)
    except BrokenPipeError:
        _drop_stdout()  # the reader is gone (`kernelproof ... | head`): nobody is left to tell
        return Exit.ERROR
    except OSError as error:
        if debug:
            raise
        _drop_stdout()
        _complain(f"cannot write to stdout: {error.strerror or error}", "")
        return Exit.ERROR
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)
    return ending.code


def _run(given: list[str], debug: bool) -> Ending:
    try:
        ownership.check()
        arguments = parse(given)
        ending: Ending = arguments.execute(arguments)
    except Trouble as trouble:
        _complain(str(trouble), trouble.hint)
        refuted = {"refuted": "policy"} if trouble.code is Exit.REFUTED else {}
        return Ending(trouble.code, VERDICTS[trouble.code], refuted)
    except (KeyboardInterrupt, Interrupted):
        _complain("interrupted", "nothing half-written is left behind")
        return Ending(Exit.ERROR, "error", {"reason": "interrupted"})
    except BrokenPipeError:
        raise
    except StoreError as error:
        _complain(str(error), "")
        return Ending(Exit.ERROR, "error")
    except OSError as error:
        if debug:
            raise
        where = f": {error.filename}" if error.filename else ""
        _complain(f"{error.strerror or error}{where}", "is there space, and may this user write there?")
        return Ending(Exit.ERROR, "error")
    except Exception as error:  # the outermost boundary: a bug of ours ends in a message and a code too
        if debug:
            raise
        _complain(f"internal error: {type(error).__name__}: {error}", "run again with --debug and report it")
        return Ending(Exit.ERROR, "error", {"reason": "internal"})
    return ending


def _complain(message: str, hint: str) -> None:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    sys.stderr.flush()


def _drop_stdout() -> None:
    # What is still buffered cannot be written; Python would try again at shutdown and print a second error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _catch_termination() -> Any:
    def stop(signum: int, frame: FrameType | None) -> None:
        raise Interrupted

    try:
        return signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread: whoever runs us there stops us their way
        return None


def _version() -> str:
    try:
        return version(ownership.DISTRIBUTION)
    except PackageNotFoundError:
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
