"""The world that host code sees while it is captured: a GPU that is not there, and triton's helpers for
sizes.

Child side. Properties of the device are constants, those of an H100 SXM; a plan that reads them is a plan
for them.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import importlib
import multiprocessing
import os
import threading
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib.machinery import SourceFileLoader
from typing import Any, Final

import torch
import triton
import triton.runtime.autotuner
import triton.runtime.jit
from triton.backends.compiler import GPUTarget
from triton.tools.tensor_descriptor import TensorDescriptor

from verify.capture.integers import install as install_integers
from verify.capture.symbols import cdiv, next_power_of_2
from verify.capture.tensors import Stand

PROPERTIES: Final = {
    "name": "NVIDIA H100 80GB HBM3",
    "major": 9,
    "minor": 0,
    "multi_processor_count": 132,
    "total_memory": 80 << 30,
    "warp_size": 32,
    "max_threads_per_multi_processor": 2048,
    "regs_per_multiprocessor": 65536,
    "shared_memory_per_block": 49152,
    "shared_memory_per_block_optin": 232448,
    "shared_memory_per_multiprocessor": 233472,
    "L2_cache_size": 50 << 20,
}
# The same facts under the names that Triton's driver uses.
DRIVER: Final = {
    "max_shared_mem": 232448,
    "max_num_regs": 65536,
    "multiprocessor_count": 132,
    "warpSize": 32,
    "sm_clock_rate": 1980000,
    "mem_clock_rate": 2619000,
    "mem_bus_width": 5120,
}

Record = Callable[[Any, tuple[Any, ...], dict[str, Any]], None]


class Driver:
    """What host code may ask of triton's driver."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: Any = None) -> int:
        return 0

    def set_current_device(self, device: Any) -> None:
        return None

    def get_active_torch_device(self) -> torch.device:
        return torch.device("cuda", 0)

    def get_device_capability(self, device: Any = None) -> tuple[int, int]:
        return (9, 0)

    @property
    def utils(self) -> Any:
        return types.SimpleNamespace(get_device_properties=lambda device=None: dict(DRIVER))


def install(record: Record) -> None:
    """Put the stand-in world in place. `record` gets each launch: kernel, arguments, keyword arguments."""
    install_integers()
    _torch()
    _triton(record)
    _descriptors()


def _descriptors() -> None:
    """Tensor descriptors check themselves as ever, but ask no stand-in for its address: that of an input is
    assumed to be a multiple of 16 bytes, what is allocated starts at one."""
    check = TensorDescriptor.__post_init__

    def checked(self: Any) -> None:
        base = self.base
        if isinstance(base, Stand):
            ahead = base.view_.offset * base.dtype.itemsize
            assert base.session.decide((ahead % 16).equals(0)), "base must be 16-byte aligned"
            self.base = FakeTensor(base.dtype)
        # A block is part of the kernel's type: a size in it is fixed to its value, as for any constant.
        self.block_shape = [int(size) for size in self.block_shape]
        try:
            check(self)
        finally:
            self.base = base

    TensorDescriptor.__post_init__ = checked
    with contextlib.suppress(ImportError):
        from triton.experimental.gluon.nvidia.hopper import TensorDescriptor as OfGluon

        OfGluon.__post_init__ = _not_read


def _not_read(self: Any) -> None:
    if isinstance(self.base, Stand):
        self.base.session.unsupported("a tensor descriptor of Gluon, whose IR begins at TTGIR")


class FakeTensor:
    """Triton knows by this name that there is no address."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


def _torch() -> None:
    cuda = torch.cuda
    answers: dict[str, Any] = {
        "_lazy_init": None,
        "init": None,
        "is_available": True,
        "is_initialized": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_name": PROPERTIES["name"],
        "get_device_capability": (9, 0),
        "is_bf16_supported": True,
        "set_device": None,
        "synchronize": None,
        "empty_cache": None,
    }
    for name, value in answers.items():
        setattr(cuda, name, _always(value))
    cuda.get_device_properties = _always(types.SimpleNamespace(**PROPERTIES, gcnArchName=""))
    cuda.device = _nothing
    cuda.device_of = _nothing
    for name in ("is_available", "current_device", "device_count"):
        for module in (getattr(torch, "accelerator", None),):
            if module is not None and hasattr(module, name):
                setattr(module, name, _always(answers.get(name)))
    accelerator = getattr(torch, "accelerator", None)
    if accelerator is not None:
        accelerator.current_accelerator = _always(torch.device("cuda"))
    torch.broadcast_shapes = _broadcast_shapes
    torch.set_num_threads(1)
    vars(multiprocessing).update(Lock=threading.Lock, RLock=threading.RLock)  # no semaphores in the sandbox


def _broadcast_shapes(*shapes: Any) -> tuple[Any, ...]:
    """What torch works out in a way that asks for a ShapeEnv of its own."""
    first, *others = sorted((tuple(shape) for shape in shapes), key=len, reverse=True) or [()]
    found = list(first)
    for shape in others:
        for axis, extent in zip(range(-len(shape), 0), shape, strict=True):
            if not _is_one(extent) and extent != found[axis] and extent != 1:
                if found[axis] != 1:
                    raise RuntimeError("Shape mismatch: objects cannot be broadcast to a single shape")
                found[axis] = extent
    return tuple(found)


def _is_one(extent: Any) -> bool:
    return type(extent) is int and extent == 1  # no question about a size


def _triton(record: Record) -> None:
    for name, meaning in (("next_power_of_2", next_power_of_2), ("cdiv", cdiv)):
        existing = getattr(triton, name)
        if hasattr(existing, "fn"):  # a constexpr function: kernels call it too
            existing.fn = meaning
        else:
            setattr(triton, name, meaning)

    def run(self: Any, *args: Any, **kwargs: Any) -> None:
        record(self, args, kwargs)

    def warmup(self: Any, *args: Any, **kwargs: Any) -> None:
        record(self, args, kwargs)

    def launcher(self: Any, grid: Any) -> Callable[..., None]:
        return lambda *args, **kwargs: record(self, args, {"grid": grid, **kwargs})

    triton.runtime.jit.KernelInterface.__getitem__ = launcher  # libraries' own launchers inherit it
    triton.runtime.jit.JITFunction.run = run
    triton.runtime.autotuner.Autotuner.run = run
    triton.runtime.autotuner.Heuristics.run = run
    active = Driver()
    driver = triton.runtime.driver
    if hasattr(driver, "set_active"):
        driver.set_active(active)
    else:
        driver._obj = active


def _always(value: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: value


@contextlib.contextmanager
def _nothing(*_: Any, **__: Any) -> Iterator[None]:
    yield


def watch_imports(packages: Collection[str], scratch: str, own: Mapping[str, Any], files: dict[str, str]) -> None:
    """Modules of these packages, and those that they write into `scratch`, get `own` over Python's builtins.

    `files` learns their paths, with names that do not depend on where they are installed.
    """
    execute = SourceFileLoader.exec_module

    def exec_module(self: Any, module: types.ModuleType) -> None:
        parts = module.__name__.split(".")
        if parts[0] in packages or os.path.abspath(self.path).startswith(os.path.join(scratch, "")):
            module.__dict__["__builtins__"] = {**vars(builtins), **own}  # what the loader finds, it leaves
            folder = parts if self.is_package(module.__name__) else parts[:-1]
            files[self.path] = "/".join([*folder, os.path.basename(self.path)])
        execute(self, module)

    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign]
    _plain_annotations({own["int"]: int, own["float"]: float})


def _plain_annotations(ours: Mapping[Any, type]) -> None:
    """torch reads the schema of a custom operator off annotations, and knows only Python's own types."""
    import torch._library.triton

    infer = torch.library.infer_schema

    def plain(annotation: Any) -> Any:
        inner = getattr(annotation, "__args__", ())
        if not any(each in ours for each in inner):
            return ours.get(annotation, annotation)
        if hasattr(annotation, "copy_with"):
            return annotation.copy_with(tuple(map(plain, inner)))
        return functools.reduce(lambda left, right: left | right, map(plain, inner))

    def infer_schema(function: Any, **options: Any) -> Any:
        function.__annotations__ = {name: plain(each) for name, each in function.__annotations__.items()}
        return infer(function, **options)

    for module in (torch.library, torch._library.triton, importlib.import_module("torch._library.infer_schema")):
        vars(module)["infer_schema"] = infer_schema


def forgetful_functools() -> types.ModuleType:
    """`functools` for a candidate, with caches that keep nothing: calls must not depend on earlier ones."""
    module = types.ModuleType("functools")
    module.__dict__.update(vars(functools))
    module.__dict__.update(lru_cache=_remembers_nothing, cache=_remembers_nothing)
    return module


def _remembers_nothing(maxsize: Any = 128, typed: bool = False) -> Any:
    if callable(maxsize):
        maxsize.cache_clear = lambda: None
        return maxsize
    return _remembers_nothing
