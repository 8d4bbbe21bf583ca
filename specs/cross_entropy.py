"""cross_entropy, row by row: log(sum(exp(logits))) - logits[target]; a row whose target is -100 costs nothing."""

from __future__ import annotations

from typing import Any, Final

from specs.laws import apart
from specs.sizes import name, size
from specs.spec import Dim, Inputs, Law, OutputSpec, Spec, TensorParam, Values, Workload

IGNORED: Final = -100  # the target of a row that does not count


def _reference(logits: Any, target: Any) -> Any:
    import torch

    peak = logits.amax(dim=-1, keepdim=True)
    total = (logits - peak).exp().sum(dim=-1, keepdim=True)
    chosen = logits.gather(1, target.clamp(min=0).unsqueeze(1))
    # Kernels may as well subtract the maximum first, which loses less where logits are large; the framework does not.
    return torch.where(target == IGNORED, 0.0, (peak + total.log() - chosen).squeeze(1))


def _framework(logits: Any, target: Any) -> Any:
    import torch

    return torch.nn.functional.cross_entropy(logits, target, reduction="none", ignore_index=IGNORED)


def _shift(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
    import torch

    # Eighths below 16, shifted by whole numbers below 16, are exact in every dtype: shifting rounds nothing.
    logits = (inputs["logits"].clamp(-15, 15) * 8).round() / 8
    shift = torch.randint(-15, 16, (logits.shape[0], 1), generator=generator).to(logits.dtype)
    return ({**inputs, "logits": logits}, {**inputs, "logits": logits + shift}), None


def _permute(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    target, order = inputs["target"], torch.randperm(inputs["logits"].shape[1], generator=generator)
    renamed = torch.where(target == IGNORED, target, order.argsort()[target.clamp(min=0)])
    return {**inputs, "logits": inputs["logits"][:, order], "target": renamed}, None


def _ignore(inputs: Inputs, generator: Any) -> tuple[Inputs, Any]:
    import torch

    kept = torch.randint(0, 2, inputs["target"].shape, generator=generator).bool()
    return {**inputs, "target": torch.where(kept, inputs["target"], IGNORED)}, kept


def _other(inputs: Inputs, generator: Any) -> tuple[tuple[Inputs, ...], Any]:
    import torch

    logits, count = inputs["logits"], inputs["logits"].shape[1]
    first, second = torch.randint(0, count, (2, logits.shape[0]), generator=generator)
    gap = logits.gather(1, first.unsqueeze(1)).double() - logits.gather(1, second.unsqueeze(1)).double()
    return ({**inputs, "target": first}, {**inputs, "target": second}), gap.squeeze(1)


LAWS = (
    Law("shift", "adding a constant to a row leaves its loss", _shift, lambda needed, base, plain: plain),
    Law(
        "permutation",
        "permuting the classes together with the targets leaves the loss",
        _permute,
        lambda needed, base: base,
    ),
    Law(
        "classes",
        "the losses for two targets differ by what their logits do",
        _other,
        lambda gap, base, first: (first[0] + gap,),
    ),
    Law(
        "ignored",
        "ignoring some rows sets their loss to zero and leaves the others",
        _ignore,
        lambda kept, base: (base[0] * kept,),
        bitwise=True,
    ),
    apart("row", logits=0, target=0),
)

SPEC = Spec(
    name="cross_entropy",
    summary="log(sum(exp(logits))) - logits[target] for every row; 0 where target is -100; logits are finite",
    dims=(
        Dim("M", 0, 2**31 - 1, samples=(0, 1, 2, 7, 65)),
        Dim("V", 1, 262144, samples=(1, 2, 17, 127, 128, 129, 1000, 2053)),
    ),
    params=(
        TensorParam("logits", ("M", "V"), least=name("M") * name("V") // 2),  # ignored rows need not be read
        TensorParam("target", ("M",), "int64", Values(low=size(0), high=name("V"), also=(IGNORED,))),
    ),
    outputs=(OutputSpec("loss", ("M",)),),
    reference=_reference,
    framework=_framework,
    operations=name("M") * name("V") * 2,
    laws=LAWS,
    workloads=(
        Workload("language model", {"M": 8192, "V": 128256}),
        Workload("small vocabulary", {"M": 16384, "V": 32000}),
        Workload("classifier", {"M": 65536, "V": 1000}),
        Workload("language model, float32", {"M": 4096, "V": 128256}, dtype="float32"),
    ),
)
