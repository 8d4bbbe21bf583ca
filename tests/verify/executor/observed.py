"""Runs operations.py on the device or in the interpreter, and writes what came out: `observed.py FILE [KERNEL...]`.

Kept are, by kernel and row (`o3` is row 3 of `o`), the bits of each lane in hexadecimal; rows of zeros are left out.
`observed.json` came from one NVIDIA H100 with triton 3.6.0.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import torch

SPECIALS = (
    float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 448.0, 449.0, 464.0, 465.0, 500.0,
    57344.0, 61440.0, 65504.0, 65520.0, 1e5, -3e9, 3e9, 1e19, -1e19, 1e-8, -6e-8, 2.0**-24, 2.0**-17, 2.0**-10,
    127.5, 128.0, -129.0, 300.7, 32768.0, -40000.0, 2147483520.0, 255.9, 1.5, 2.5, 0.5, -0.5, 3.0, 1e-40,
)  # fmt: skip


def given() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    f = torch.cat([torch.tensor(SPECIALS), torch.randn(64 - len(SPECIALS), generator=generator) * 4])
    i = torch.randint(-(2**31), 2**31 - 1, (64,), generator=generator, dtype=torch.int32)
    j = torch.randint(-50, 50, (64,), generator=generator, dtype=torch.int32)
    i[:4], j[:4] = torch.tensor([-(2**31), 2**31 - 1, 0, 5]), torch.tensor([-1, 2, -3, 0])
    return {"f": f, "g": f[torch.randperm(64, generator=generator)], "i": i, "j": j}


def ran(kernels: list[Any], device: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for kernel in kernels:
        inputs = {name: value.to(device) for name, value in given().items()}
        o = torch.zeros(16, 64, device=device)
        p = torch.zeros(16, 64, dtype=torch.int32, device=device)
        kernel[(1,)](*inputs.values(), o, p, L=64)
        found[kernel.__name__] = rows(o.cpu(), p.cpu())
    return found


def rows(o: torch.Tensor, p: torch.Tensor) -> dict[str, str]:
    """The rows of two outputs as text."""
    lines = {f"o{row}": line for row, line in enumerate(o.view(torch.int32).tolist())}
    lines |= {f"p{row}": line for row, line in enumerate(p.tolist())}
    return {name: "".join(f"{lane & 0xFFFFFFFF:08x}" for lane in line) for name, line in lines.items() if any(line)}


def read(text: str) -> torch.Tensor:
    """The bits of a row, int32."""
    lanes = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    return torch.tensor(lanes, dtype=torch.int64).to(torch.int32)


if __name__ == "__main__":
    import operations

    interpreting = os.environ.get("TRITON_INTERPRET") == "1"
    asked = [each for each in operations.KERNELS if each.__name__ in sys.argv[2:] or not sys.argv[2:]]
    answer = ran(asked, "cpu" if interpreting else "cuda")
    Path(sys.argv[1]).write_text(json.dumps(answer, indent=0) + "\n", encoding="utf-8")
