"""A kernel of Gluon, given pointers or a descriptor. Its IR begins below TTIR."""

import torch
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor


@gluon.jit
def kernel(x, y):
    gl.store(y, gl.load(x))


def double(x):
    m, n = x.shape
    y = torch.empty((m, n), dtype=x.dtype, device=x.device)
    if m * n == 0:
        return y
    if m == 1:
        kernel[(1,)](x, y)
        return y
    layout = gl.NVMMASharedLayout.get_default_for([64, 64], gl.float32)
    kernel[(1,)](TensorDescriptor(x, [m, n], [n, 1], [64, 64], layout), y)
    return y
