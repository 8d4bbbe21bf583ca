"""The process that runs a candidate's host code. Started by `sandbox.Child`, never imported by the parent.

It reads `Begin`, locks itself in, loads the candidate, and answers every `Ask` with a `Reply`. Requests and
answers have pipes of their own; what the candidate prints goes elsewhere.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
if ROOT not in sys.path:
    sys.path.append(ROOT)

import gc  # noqa: E402
import site  # noqa: E402
from importlib.machinery import PathFinder  # noqa: E402
from typing import Any, BinaryIO  # noqa: E402

from verify.capture.confine import limit, lock  # noqa: E402
from verify.capture.protocol import Ask, Begin, Ready, Reply, decode, encode  # noqa: E402


def readable(begin: Begin) -> list[str]:
    """What a Python with torch and triton has to read, and what the candidate's package lies in."""
    libraries = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/self"]
    return [
        *libraries,
        sys.prefix,
        sys.base_prefix,
        *filter(None, sys.path),
        *site.getsitepackages(),
        *begin.roots,
    ]


class Own:
    """Finds the candidate's own package, and nothing else, in the roots even where another one is installed."""

    def __init__(self, package: str, roots: tuple[str, ...]) -> None:
        self.package, self.roots = package, roots

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        own = name == self.package and path is None
        return PathFinder.find_spec(name, list(self.roots)) if own else None


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    limit()
    begin: Begin = decode(requests.readline(), Begin)
    sys.path += [root for root in begin.roots if root not in sys.path]
    if begin.own:
        sys.meta_path.insert(0, Own(begin.path.split(".")[0], begin.roots))
    from verify.capture.entry import Entry  # imports torch and triton, before the door shuts

    entry = Entry(begin)
    answers.write(encode(Ready(lock(readable(begin), [begin.scratch]))))
    answers.flush()
    gc.freeze()  # nothing of ours is worth collecting, and collections would cost each capture
    for line in requests:
        answers.write(encode(reply(entry, decode(line, Ask))))
        answers.flush()


def reply(entry: Any, ask: Ask) -> Reply:
    return entry.capture(ask)  # type: ignore[no-any-return]


if __name__ == "__main__":
    main(os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb"))
