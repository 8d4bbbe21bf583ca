"""Who the kernel is timed against: the framework's own way, the same compiled, the spec's others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import torch
from attrs import frozen

from specs.spec import Spec

EAGER: Final = "eager"
COMPILED: Final = "torch.compile"
TUNED: Final = "torch.compile max-autotune"


@frozen(eq=False)
class Rival:
    """A named way to compute the spec; `call` takes the spec's parameters by name."""

    name: str
    call: Callable[..., Any]


def rivals(spec: Spec) -> tuple[Rival, ...]:
    """Eager, compiled (as it comes, and after its own search), and the spec's other baselines by name.

    Compiled anew for every workload, for its own sizes: code made for any size would be an easy rival.
    """
    assert spec.framework is not None, "a launch contract has no workloads"
    torch.compiler.reset()
    # The clock replays graphs of whatever it times; the mode need not.
    tuned = torch.compile(spec.framework, dynamic=False, mode="max-autotune-no-cudagraphs")
    ours = (
        Rival(EAGER, spec.framework),
        Rival(COMPILED, torch.compile(spec.framework, dynamic=False)),
        Rival(TUNED, tuned),
    )
    others = (Rival(one.name, one.call) for one in spec.baselines if one.name not in (EAGER, COMPILED, TUNED))
    return (*ours, *others)


@frozen(eq=False)
class Running:
    """A rival bound to inputs: `run` computes once and keeps what came out in `outputs`."""

    call: Callable[..., Any]
    inputs: Mapping[str, Any]
    kept: list[tuple[torch.Tensor, ...]]

    def run(self) -> None:
        found = self.call(**self.inputs)
        self.kept[:] = [tuple(found) if isinstance(found, (tuple, list)) else (found,)]

    @property
    def outputs(self) -> tuple[torch.Tensor, ...]:
        return self.kept[0]
