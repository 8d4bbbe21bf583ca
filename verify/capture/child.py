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
from verify.capture.protocol import Ask, Begin, Ready, decode, encode  # noqa: E402


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
    """Finds these packages, and nothing else, in the roots even where others of their names are installed."""

    def __init__(self, packages: tuple[str, ...], roots: tuple[str, ...]) -> None:
        self.packages, self.roots = packages, roots

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        own = name in self.packages and path is None
        return PathFinder.find_spec(name, list(self.roots)) if own else None


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    limit()
    begin: Begin = decode(requests.readline(), Begin)
    sys.path += [root for root in begin.roots if root not in sys.path]
    from verify.capture.entry import Entry  # imports torch and triton, before the door shuts

    if begin.own:  # not before: a repository may have names of ours
        sys.meta_path.insert(0, Own(begin.own, begin.roots))
    entry = Entry(begin)
    ready = Ready(lock(readable(begin), [begin.scratch]))
    answers.write(encode(ready))
    answers.flush()
    gc.freeze()  # nothing of ours is worth collecting, and collections would cost each capture
    for line in requests:
        asked = decode(line, Ask | Begin)
        answers.write(encode(entry.capture(asked) if isinstance(asked, Ask) else entry.turn(asked, ready)))
        answers.flush()


if __name__ == "__main__":
    main(os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb"))
