"""Read a model's answer: prose around exactly one fenced Python module, or one of the ways to fall short.

Every way to fall short is an outcome of its own with a sentence that goes back into the next prompt.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from enum import Enum
from typing import Final

from attrs import frozen


class Form(Enum):
    """What an answer turned out to be. Only a MODULE goes to the gates."""

    MODULE = "module"
    EMPTY = "empty"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    NO_MODULE = "no-module"
    SEVERAL_MODULES = "several-modules"
    UNPARSABLE = "unparsable"


@frozen
class Reading:
    """One answer as read: its form, and the module's source or else the sentence that says what is amiss."""

    form: Form
    source: str = ""
    complaint: str = ""

    def __attrs_post_init__(self) -> None:
        if (self.form is Form.MODULE) != bool(self.source) or bool(self.source) == bool(self.complaint):
            raise ValueError(f"a {self.form.value} answer has source or a complaint, one of the two")


TRUNCATING: Final = frozenset({"length", "max_tokens", "max_output_tokens"})
REFUSING: Final = frozenset({"content_filter", "refusal"})
# A fence is a line of three or more backticks; a closing one is at least as long and carries no language.
_FENCE: Final = re.compile(r"^ {0,3}(?P<ticks>`{3,})[ \t]*(?P<language>[\w+-]*)[^\n`]*$", re.MULTILINE)
_PYTHON: Final = frozenset({"python", "py", "python3", "triton"})
_COMPLAINTS: Final[Mapping[Form, str]] = {
    Form.EMPTY: "the answer was empty",
    Form.TRUNCATED: "the answer was cut off before its end; answer more briefly",
    Form.NO_MODULE: "the answer holds no fenced ```python block with a module",
}


def read(text: str, finish_reason: str = "", refusal: str | None = None) -> Reading:
    """What the answer `text` is. A cut-off answer is TRUNCATED even if a whole block stands in it: the model
    had more to say, and which of its blocks it meant is not known."""
    if refusal or finish_reason in REFUSING:
        said = (refusal or finish_reason).strip()[:300]
        return Reading(Form.REFUSED, complaint=f"the model refused: {said}")
    if finish_reason in TRUNCATING:
        return _fallen_short(Form.TRUNCATED)
    if not text.strip():
        return _fallen_short(Form.EMPTY)
    blocks, left_open = _blocks(text)
    if left_open:
        return _fallen_short(Form.TRUNCATED)
    tagged = [body for language, body in blocks if language in _PYTHON]
    chosen = tagged or [body for language, body in blocks if not language]
    if not chosen or not any(body.strip() for body in chosen):
        return _fallen_short(Form.NO_MODULE)
    if len(chosen) > 1:
        places = f"the answer holds {len(chosen)} fenced Python blocks; it must hold exactly one whole module"
        return Reading(Form.SEVERAL_MODULES, complaint=places)
    return _module(chosen[0])


def _module(source: str) -> Reading:
    try:
        ast.parse(source)
    except SyntaxError as error:
        return Reading(Form.UNPARSABLE, complaint=f"the module is not Python: line {error.lineno}: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        # Null bytes are a ValueError; nesting that the parser gives up on is one of the other two.
        said = str(error) or type(error).__name__
        return Reading(Form.UNPARSABLE, complaint=f"the module is not Python: {said}")
    return Reading(Form.MODULE, source=source)


def _fallen_short(form: Form) -> Reading:
    return Reading(form, complaint=_COMPLAINTS[form])


def _blocks(text: str) -> tuple[list[tuple[str, str]], bool]:
    """The fenced blocks as (language, body), and whether the last one was never closed."""
    blocks: list[tuple[str, str]] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text.replace("\r\n", "\n")):
        if opened is None:
            opened = fence
        elif len(fence["ticks"]) >= len(opened["ticks"]) and not fence["language"]:
            body = fence.string[opened.end() + 1 : fence.start()]
            blocks.append((opened["language"].lower(), body))
            opened = None
    return blocks, opened is not None
