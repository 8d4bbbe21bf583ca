"""The pre-merge gate: examine the functions that a repository's configuration ties to specs, and say what stands
against a merge.

With --changed it looks at what is not as it was where the change began, and at whether less is asked than before.
"""

from __future__ import annotations

import argparse
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from synth.exits import Ending, Exit, Trouble

if TYPE_CHECKING:
    from synth.check.examining import Request, Result

SUMMARY: Final = "check a repository before a merge"
FORMATS: Final = ("text", "json", "github", "markdown", "sarif", "sarif-github", "junit", "lintrunner")
WORDS: Final = {
    Exit.PASSED: "passed",
    Exit.REFUTED: "refuted",
    Exit.ERROR: "error",
    Exit.NOTHING: "nothing",
    Exit.INCONCLUSIVE: "inconclusive",
    Exit.WAIVER: "waiver",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    add_scope(parser)
    parser.add_argument("--changed", metavar="BASE", help="only what differs from the merge base with BASE")
    parser.add_argument("--format", choices=FORMATS, default="text", help=f"{', '.join(FORMATS)}; default: text")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write it there; text still goes to stdout")
    parser.add_argument(
        "--static",
        action="store_true",
        help="read only, within a second: capture, prove and run nothing; exit 0 if reading finds nothing",
    )
    parser.add_argument("--shard", default="1/1", metavar="I/N", help="the I-th of N parts, told apart by name")


def add_scope(parser: argparse.ArgumentParser) -> None:
    """The arguments that say what to look at and with how much."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files or folders (default: everything)")
    parser.add_argument("--jobs", type=int, default=0, help="processes (default: one a core)")
    parser.add_argument("--seconds", type=float, default=900.0, help="for one function (default: 900)")


def execute(arguments: argparse.Namespace) -> Ending:
    """Run `check`."""
    from reports.store import write_whole
    from synth.check.formats import FORMATS as RENDER
    from synth.check.objections import exit_of
    from synth.folders import writable

    target: Path | None = arguments.output
    if target is not None:
        if target.is_dir() or not target.parent.is_dir():
            raise Trouble(f"cannot write {target}: it is a directory, or there is no folder for it")
        writable(target.parent)
    result = run(request(arguments), quiet=arguments.format != "text" and target is None)
    if target is not None:
        write_whole(target, RENDER[arguments.format](result))
        print(RENDER["text"](result), end="")
    else:
        print(RENDER[arguments.format](result), end="")
    code = Exit.NOTHING if result.nothing else exit_of(result.objections)
    kinds = [each.kind for each in result.objections if each.blocks]
    facts = {
        "functions": str(len(result.checked)),
        "kernels": str(result.found.kernels),
        "refuted": str(kinds.count("refuted")),
        "unknown": str(kinds.count("unknown") + kinds.count("unspecified")),
        "weakening": str(kinds.count("weakening")),
        "cached": str(sum(one.state == "cached" for one in result.checked)),
        "report": str(target or ""),
    }
    unexamined = sum(one.state == "unexamined" for one in result.checked)
    if unexamined:  # of --static: that reading found nothing is no pass
        facts["unexamined"] = str(unexamined)
    return Ending(code, "unexamined" if unexamined and code is Exit.PASSED else WORDS[code], facts)


def request(arguments: argparse.Namespace) -> Request:
    """What the arguments ask for. Raises Trouble."""
    from synth.check.examining import Request

    root = root_of(Path.cwd())
    paths = tuple(_inside(root, Path(path)) for path in arguments.paths)
    if arguments.jobs < 0 or arguments.seconds <= 0:
        raise Trouble("--jobs is at least 1 and --seconds above 0")
    return Request(
        root,
        paths,
        getattr(arguments, "changed", None),
        _shard(getattr(arguments, "shard", "1/1")),
        arguments.jobs or len(os.sched_getaffinity(0)),
        arguments.seconds,
        datetime.now(UTC).date(),
        getattr(arguments, "static", False),
    )


def run(asked: Request, quiet: bool = False) -> Result:
    """Check, with a live line on a terminal."""
    import sys

    from synth.check.examining import check
    from synth.check.objecting import Checked
    from synth.progress import Display

    with Display(sys.stderr) as display:

        def told(one: Checked) -> None:
            if one.state in ("examined", "failed") and not quiet:
                display.line(f"  {one.subject.function}: {one.record.word if one.record else one.failure}")

        with display.waiting("checking"):
            return check(asked, told)


def root_of(folder: Path) -> Path:
    """The repository that a folder lies in: the nearest folder upwards with a pyproject.toml or a git repository."""
    for each in (folder, *folder.parents):
        if (each / "pyproject.toml").is_file() or (each / ".git").exists():
            return each
    return folder


def _inside(root: Path, path: Path) -> str:
    if not path.exists():
        raise Trouble(f"there is no {path}", "name files or folders of the repository")
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        raise Trouble(f"{path} lies outside of {root}", "run check in the repository that it lies in") from None
    except RuntimeError:
        raise Trouble(f"{path} is a link that leads in a circle") from None


def _shard(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise Trouble(f"--shard {text!r} is not I/N with 1 <= I <= N", "for example --shard 1/4")
    return int(found[1]), int(found[2])
