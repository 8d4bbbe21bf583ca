"""Plans as canonical JSON and back, for whoever must hand them to another process or seal them in a file."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from cattrs import BaseValidationError, Converter, transform_error
from cattrs.strategies import configure_tagged_union

from specs.spec import Choice
from verify.plan import Argument, Step, read_choice


def canonical(content: Any) -> bytes:
    """One spelling of attrs data: sorted keys, no spaces, UTF-8; NaN and infinities as strings."""
    data = CONVERTER.unstructure(content)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def read(text: bytes | str, kind: type[Any]) -> Any:
    """The attrs data that `canonical` wrote. Raises ValueError saying what does not fit."""
    try:
        return CONVERTER.structure(json.loads(text), kind)
    except BaseValidationError as broken:
        raise ValueError(transform_error(broken)[0]) from broken
    except (AttributeError, TypeError, KeyError) as broken:
        raise ValueError(f"{type(broken).__name__}: {broken}") from broken


def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_unstructure_hook(float, lambda value: value if math.isfinite(value) else repr(value))
    converter.register_structure_hook(Choice, read_choice)
    for union in (Argument, Step):
        configure_tagged_union(union, converter, tag_name="is")
    return converter


CONVERTER: Final = _converter()
