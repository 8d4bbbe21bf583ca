"""What operators must do: `ALL` of ours by name, and `find` for those and for a user's own."""

from __future__ import annotations

import importlib.util
import sys
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Final

from specs.argmax import SPEC as ARGMAX
from specs.attention import SPEC as ATTENTION
from specs.attention_backward import SPEC as ATTENTION_BACKWARD
from specs.call import is_call, read
from specs.cross_entropy import SPEC as CROSS_ENTROPY
from specs.cumsum import SPEC as CUMSUM
from specs.dropout import SPEC as DROPOUT
from specs.embedding import SPEC as EMBEDDING
from specs.histogram import SPEC as HISTOGRAM
from specs.layer_norm import SPEC as LAYER_NORM
from specs.matmul import SPEC as MATMUL
from specs.rms_norm import SPEC as RMS_NORM
from specs.rope import SPEC as ROPE
from specs.row_sum import SPEC as ROW_SUM
from specs.softmax import SPEC as SOFTMAX
from specs.spec import Spec
from specs.swiglu import SPEC as SWIGLU
from specs.transpose import SPEC as TRANSPOSE

CATALOGUE: Final = (
    SOFTMAX,
    RMS_NORM,
    MATMUL,
    LAYER_NORM,
    SWIGLU,
    ROPE,
    TRANSPOSE,
    ROW_SUM,
    CUMSUM,
    EMBEDDING,
    ATTENTION,
    ATTENTION_BACKWARD,
    ARGMAX,
    HISTOGRAM,
    DROPOUT,
    CROSS_ENTROPY,
)
ALL: Final[dict[str, Spec]] = {spec.name: spec for spec in CATALOGUE}


def find(text: str) -> Spec:
    """The spec called `text`, or the one at `path/to/file.py:NAME`, whose file is run as Python; or a call
    (`softmax(x: T[M, N])`), which is a launch contract.

    Raises ValueError saying what is wrong and what to write instead.
    """
    if text in ALL:
        return ALL[text]
    if is_call(text):
        return read(text)
    path, colon, attribute = text.rpartition(":")
    if not colon and text.endswith(".py"):
        raise ValueError(f"spec {text!r} is a file: say which spec in it, as {text}:SPEC")
    if not colon:
        close = get_close_matches(text, ALL, n=1)
        hint = f"; did you mean {close[0]}?" if close else "."
        raise ValueError(
            f"unknown spec {text!r}{hint} Known: {', '.join(ALL)}, path/to/file.py:NAME or function(x: T[M, N])"
        )
    if not attribute.isidentifier():
        raise ValueError(f"spec {text!r}: {attribute!r} after the colon is not a Python name")
    return _attribute(_load(Path(path), text), attribute, text)


def file_of(text: str) -> str:
    """The path of the file that a spec's text names; nothing for a name of the catalogue and for a call."""
    return "" if is_call(text) else text.rpartition(":")[0]


def _load(path: Path, text: str) -> ModuleType:
    if path.is_dir():
        raise ValueError(f"spec {text!r}: {path} is a directory, not a Python file")
    if not path.is_file():
        raise ValueError(f"spec {text!r}: there is no file {path}")
    if path.suffix != ".py":
        raise ValueError(f"spec {text!r}: {path} does not end in .py")
    name = f"kernelproof_spec_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    plan = importlib.util.spec_from_file_location(name, path)
    if plan is None or plan.loader is None:
        raise ValueError(f"spec {text!r}: Python cannot import {path}")
    module = importlib.util.module_from_spec(plan)
    sys.modules[name] = module
    try:
        plan.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # noqa: BLE001  the user's file may raise anything
        del sys.modules[name]
        raise ValueError(f"spec {text!r}: {_complaint(path, error)}") from None
    return module


def _complaint(path: Path, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f"{error.filename or path}:{error.lineno}: {error.msg}"
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path.absolute()):
            line = trace.tb_lineno
        trace = trace.tb_next
    where = f"{path}:{line}" if line else str(path)
    return f"{where} raised {type(error).__name__}: {error}"


def _attribute(module: ModuleType, attribute: str, text: str) -> Spec:
    found = getattr(module, attribute, None)
    if isinstance(found, Spec):
        return found
    specs = [each for each, value in vars(module).items() if isinstance(value, Spec)]
    there = f"the specs in it are {', '.join(specs)}" if specs else "there is no Spec in it"
    if found is None:
        raise ValueError(f"spec {text!r}: the file defines no {attribute}; {there}")
    raise ValueError(f"spec {text!r}: {attribute} is a {type(found).__name__}, not a Spec; {there}")
