"""A process that compiles TTIR text for GPU targets and says what each needs. Started by `targets`.

Reads one JSON job a line on stdin, answers one JSON line on stdout. It sees TTIR and numbers, never Python
of a candidate; Triton's parser reads text that a candidate influenced, which is why it has a process of its
own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from typing import Any

from triton._C.libtriton import ir
from triton.backends.compiler import GPUTarget, Language
from triton.compiler.compiler import make_backend

LONGEST_MESSAGE = 600


def compiled(text: str, backend_name: str, arch: Any, warp: int, options: dict[str, int]) -> dict[str, Any]:
    """Resources of one compilation. Raises what Triton or the assembler raises."""
    target = GPUTarget(backend_name, arch, warp)
    backend = make_backend(target)
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    chosen = backend.parse_options(dict(options))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kernel.ttir")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        module: Any = ir.parse_mlir_module(path, context)
        module.context = context
        metadata: dict[str, Any] = {"target": target, **chosen.__dict__}
        stages: dict[str, Any] = {}
        backend.add_stages(stages, chosen, Language.TRITON)
        own = "!tt.tensordesc" in text  # a target without them takes descriptors apart in its own first stage
        for name in list(stages)[0 if own else 1 :]:
            if name == "cubin":
                return {"shared": metadata["shared"], **assembled(module, arch, folder)}
            module = stages[name](module, metadata)
            if name == "amdgcn":
                listing = module
    return {"shared": metadata["shared"], **listed(listing)}


def assembled(ptx: str, arch: int, folder: str) -> dict[str, int]:
    """Registers and spills from ptxas, which prints them under -v."""
    from triton import knobs

    tool = (
        knobs.nvidia.ptxas_blackwell if arch >= 100 and hasattr(knobs.nvidia, "ptxas_blackwell") else knobs.nvidia.ptxas
    )
    source = os.path.join(folder, "kernel.ptx")
    with open(source, "w", encoding="utf-8") as file:
        file.write(ptx)
    name = f"sm_{arch}a" if arch >= 90 else f"sm_{arch}"
    command = [tool.path, "-v", f"--gpu-name={name}", source, "-o", os.path.join(folder, "kernel.cubin")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ptxas: {done.stderr.strip()}")
    registers = re.search(r"Used (\d+) registers", done.stderr)
    spills = re.findall(r"(\d+) bytes spill (?:stores|loads)", done.stderr)
    if registers is None:
        raise RuntimeError("ptxas did not say how many registers it uses")
    return {"registers": int(registers[1]), "spills": sum(map(int, spills))}


def listed(assembly: str) -> dict[str, int]:
    """Registers and spills from the notes in AMD assembly. A spilled register is 4 bytes for every lane."""

    def note(name: str) -> int:
        found = re.search(rf"\.{name}:\s+(\d+)", assembly)
        return int(found[1]) if found else 0

    return {"registers": note("vgpr_count"), "spills": 4 * note("vgpr_spill_count")}


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = compiled(job["ttir"], job["backend"], job["arch"], job["warp"], job["options"])
        except Exception as error:  # noqa: BLE001  a compiler may raise anything; each is an answer
            answer = {"error": f"{type(error).__name__}: {error}"[:LONGEST_MESSAGE]}
        sys.__stdout__.write(json.dumps(answer) + "\n")  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    main()
