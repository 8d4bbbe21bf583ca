"""Many candidates in one process start: prints, for each file named, what one capture of it answers.

Run as a script. Each candidate gets a fork of a process that has torch and triton loaded already, not locked in:
what the locks do is tested with real children.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT))

from tests.verify.capture.small import CANDIDATES, POINT, double  # noqa: E402
from verify.capture.entry import Entry  # noqa: E402
from verify.capture.protocol import Ask, begin, encode  # noqa: E402


def answer(file: str, out: int) -> None:
    source = (CANDIDATES / f"{file}.py").read_text()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        spec = double(eps="eps" in source)
        entry = Entry(begin(spec, source, "double", f"{file}.py", "strict", (), scratch))
        reply = entry.capture(Ask("float32", {}, POINT))
    os.write(out, json.dumps({file: json.loads(encode(reply))}).encode() + b"\n")


if __name__ == "__main__":
    handle = os.dup(1)
    for each in sys.argv[1:]:
        if (child := os.fork()) == 0:
            answer(each, handle)
            os._exit(0)
        os.waitpid(child, 0)
