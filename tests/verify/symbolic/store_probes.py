"""Writes ttir/*.ttir from probes.py, for sm_90, without a GPU: `python store_probes.py` in this folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "executor"))

F32 = "*fp32"
XY = {"x_ptr": F32, "y_ptr": F32}
Y = {"y_ptr": F32}
# kernel -> parameters, and by twin the constants that make it right or wrong
TEXTS: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {
    "square_tile": ({**XY, "B": 16}, {"good": {"MASKED": 1}, "bad": {"MASKED": 0}}),
    "carried_pointer": ({**XY, "B": 16}, {"good": {"STEP": 16}, "bad": {"STEP": 17}}),
    "full_tiles": ({**XY, "B": 16}, {"good": {"EDGE": 0}, "bad": {"EDGE": 1}}),
    "second_program": (Y, {"good": {"SHIFT": 0}, "bad": {"SHIFT": 1}}),
    "wide": ({**Y, "N": "i64", "B": 32}, {"good": {"LONG": 1}, "bad": {"LONG": 0}}),
    "atomic_outside": (Y, {"good": {"SHIFT": 0}, "bad": {"SHIFT": 100000}}),
    "halved": (Y, {"good": {}}),
    "remainder": (Y, {"bad": {}}),
    "narrowed": (Y, {"good": {"SHIFT": 6}, "bad": {"SHIFT": 5}}),
    "gathered": ({**XY, "i_ptr": "*i32"}, {"good": {}}),
    "swizzled": ({**Y, "B": 16, "G": 4}, {"good": {"H": 4}, "bad": {"H": 3}}),
    "persistent": ({**Y, "B": 16}, {"good": {"SKIP": 0}, "bad": {"SKIP": 1}}),
    "early": (Y, {"good": {"EDGE": 0}, "bad": {"EDGE": -1}}),
    "chosen": (Y, {"good": {"LAST": 0}, "bad": {"LAST": 1}}),
    "best": ({**XY, "B": 16}, {"good": {"BY": 1}, "bad": {"BY": 2}}),
    "nested": (Y, {"good": {"EXTRA": 0}, "bad": {"EXTRA": 1}}),
    "counted": (Y, {"good": {"STEP": 1}, "bad": {"STEP": 2}}),
    "waited": (Y, {"good": {"EDGE": 0}, "bad": {"EDGE": 1}}),
    "divided": (Y, {"good": {}}),
    "halves": ({**Y, "B": 16}, {"good": {"EVEN": 0}, "bad": {"EVEN": 1}}),
}


def main() -> None:
    import probes
    from lower import lowered

    (HERE / "ttir").mkdir(exist_ok=True)
    for name, (given, twins) in TEXTS.items():
        for twin, constants in twins.items():
            text = lowered(getattr(probes, name), {**given, **constants})
            path = HERE / "ttir" / f"{name}_{twin}.ttir"
            path.write_text(text.replace(str(HERE / "probes.py"), "probes.py"), encoding="utf-8")


if __name__ == "__main__":
    main()
