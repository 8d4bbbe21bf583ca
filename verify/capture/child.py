"""The processes that run candidates' host code. Started by `nursery.Nursery`, never imported by the parent.

The first imports what every capture needs, once, and never sees a candidate: for each it forks a child. That one
reads `Begin`, locks itself in, loads the candidate, and answers every `Ask` with a `Reply`. Requests and
answers have pipes of their own; what the candidate prints goes elsewhere.
"""

from __future__ import annotations

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
if ROOT not in sys.path:
    sys.path.append(ROOT)

import gc  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import site  # noqa: E402
import socket  # noqa: E402
import tempfile  # noqa: E402
import traceback  # noqa: E402
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


def serve(control: socket.socket) -> None:
    """Fork a child for every set of pipes that comes, and tell how a child ended, until the parent is gone."""
    import verify.capture.entry  # noqa: F401  brings torch and triton, which take seconds

    gc.collect()
    gc.freeze()  # nothing of ours is worth collecting, and collections would cost each capture
    control.send(b"{}")
    while True:
        message, handles, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not message:
            return
        asked = json.loads(message)
        if "ended" in asked:
            control.send(json.dumps({"status": ended(asked["ended"])}).encode())
        elif os.fork() == 0:
            os._exit(child(control, asked["scratch"], *handles))
        for handle in handles:
            os.close(handle)


def ended(process: int) -> int | None:
    """The exit status, negative for a signal; None while it runs."""
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def child(control: socket.socket, scratch: str, requests: int, answers: int, printed: int) -> int:
    """All that a child does; its exit status."""
    os.setsid()
    control.send(json.dumps({"process": os.getpid()}).encode())
    control.close()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for own in (1, 2):
        os.dup2(printed, own)
    os.close(printed)
    os.chdir(scratch)
    tempfile.tempdir = None  # as if nobody had asked yet
    os.environ.update(HOME=scratch, TMPDIR=scratch, TRITON_CACHE_DIR=f"{scratch}/triton")
    try:
        main(os.fdopen(requests, "rb"), os.fdopen(answers, "wb"))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001  where an interpreter would end with the same text and status
        traceback.print_exc()
        return 1
    return 0


def main(requests: BinaryIO, answers: BinaryIO) -> None:
    from verify.capture.entry import Entry

    limit()
    begin: Begin = decode(requests.readline(), Begin)
    sys.path += [root for root in begin.roots if root not in sys.path]
    if begin.own:
        sys.meta_path.insert(0, Own(begin.own, begin.roots))
    entry = Entry(begin)
    ready = Ready(lock(readable(begin), [begin.scratch]))
    answers.write(encode(ready))
    answers.flush()
    for line in requests:
        asked = decode(line, Ask | Begin)
        answers.write(encode(entry.capture(asked) if isinstance(asked, Ask) else entry.turn(asked, ready)))
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of ctrl-C the parent hears, and then it is gone
    serve(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)  # children die with it, and nothing else is to be tidied
