"""Untrusted text made fit to read: nothing invisible stays invisible, nothing endless stays endless."""

from __future__ import annotations

import re
from typing import Final

# Controls, soft hyphen, bidirectional marks, zero-width letters, line and paragraph separators, surrogates,
# byte-order mark, interlinear marks and tag letters: what can make a line of source read as another one.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)

LARGEST: Final = 60_000  # bytes of Markdown; GitHub refuses comments beyond 65,536
_PUNCTUATION: Final = re.compile(r"([\\`*_\[\]#!|~$])")


def visible(text: str) -> str:
    """`text` with every unseen letter spelled out, as in `⟨U+202E⟩`. Newlines and tabs stay."""
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found.group()):04X}⟩", text)


def clip(text: str, limit: int) -> str:
    """At most `limit` letters of `text`, and a word on how many were left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]} … ({len(text) - limit} more characters in the JSON)"


def one_line(text: str, limit: int) -> str:
    """`text` on one line, clipped."""
    return clip(" ".join(text.split()), limit)


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def plain(text: str, limit: int = 300) -> str:
    """Untrusted text as Markdown that shows it and does nothing else, on one line."""
    shown = visible(one_line(text, limit)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _PUNCTUATION.sub(r"\\\1", shown)
    # Bare addresses become links and bare names become mentions unless something stands between.
    return re.sub(r"(?i)(?<=www)\.", "&#46;", shown.replace("://", "&#58;//").replace("@", "@<!-- -->"))


def parted(sentence: str) -> tuple[str, str]:
    """What a sentence says, and where it was met if it ends with that: `out[0] is 3`, `M=1, float16, seed 0`."""
    said, met, point = sentence.rpartition(" [")
    return (said, point[:-1]) if met and point.endswith("]") else (sentence, "")
