"""The usual test of a generated kernel: five normal inputs, one power-of-two shape, allclose 1e-2, float32.

Run as a program of its own, since Triton reads TRITON_INTERPRET when it is imported:
`TRITON_INTERPRET=1 python usual.py SPEC FILE SPEC FILE ...` prints one line `FILE passes|fails` each.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import specs  # noqa: E402
from specs.spec import ChoiceParam, FloatParam, SizeParam, Spec, TensorParam  # noqa: E402

TOLERANCE: Final = 1e-2
SIZES: Final[Mapping[str, Mapping[str, int]]] = {
    "softmax": {"M": 16, "N": 1024},
    "rms_norm": {"M": 16, "N": 1024},
    "matmul": {"M": 512, "K": 128, "N": 128},
    "layer_norm": {"M": 16, "N": 1024},
    "swiglu": {"M": 16, "N": 1024},
    "transpose": {"M": 128, "N": 128},
    "rope": {"B": 1, "H": 4, "N": 16, "F": 64, "D": 128},
    "row_sum": {"M": 16, "N": 1024},
    "cumsum": {"M": 16, "N": 1024},
    "embedding": {"M": 16, "V": 64, "D": 1024},
    "cross_entropy": {"M": 8, "V": 1024},
    "dropout": {"M": 16, "N": 1024, "seed": 42},
    "attention": {"B": 1, "H": 2, "N": 128, "D": 64},
    "attention_backward": {"B": 1, "H": 2, "N": 128, "D": 64},
    "argmax": {"M": 16, "N": 1024},
    "histogram": {"N": 1024, "bins": 128},
}


def usual_inputs(spec: Spec) -> Iterator[dict[str, Any]]:
    """Five draws of normally distributed arguments, integers of the domain, and every choice in turn."""
    sizes = SIZES[spec.name]
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        given: dict[str, Any] = {}
        for param in spec.params:
            if isinstance(param, TensorParam):
                given[param.name] = None if param.derived else _tensor(param, sizes, generator)
            elif isinstance(param, FloatParam):
                given[param.name] = param.samples[0]
            elif isinstance(param, SizeParam):
                given[param.name] = sizes[param.name]
            else:
                assert isinstance(param, ChoiceParam)
                given[param.name] = param.choices[seed % len(param.choices)]
        yield given | {name: values.float() for name, values in spec.derive(given).items()}


def _tensor(param: TensorParam, sizes: Mapping[str, int], generator: torch.Generator) -> torch.Tensor:
    shape = [sizes[dim] for dim in param.dims]
    if not param.dtype.startswith("int"):
        return torch.randn(shape, generator=generator)
    assert param.values.low is not None and param.values.high is not None
    low, high = param.values.low.evaluate(sizes), param.values.high.evaluate(sizes)
    return torch.randint(low, high, shape, generator=generator, dtype=getattr(torch, param.dtype))


def passes(spec: Spec, path: str) -> bool:
    entry = runpy.run_path(path)[spec.name]
    # The framework's dropout draws numbers of its own.
    right = spec.reference if spec.name == "dropout" else spec.framework
    assert right is not None
    runs = ((_tuple(entry(**given)), _tuple(right(**given))) for given in usual_inputs(spec))
    return all(torch.allclose(*pair, TOLERANCE, TOLERANCE) for run in runs for pair in zip(*run, strict=True))


def _tuple(outputs: Any) -> tuple[torch.Tensor, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


if __name__ == "__main__":
    pairs = iter(sys.argv[1:])
    for name, path in zip(pairs, pairs, strict=True):
        print(path, "passes" if passes(specs.find(name), path) else "fails", flush=True)
