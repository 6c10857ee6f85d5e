"""Layers of several networks in one computation, forward and backward.

C networks have weights of their own, stacked along the first dimension. Images are columns: the
last dimension of an activation is the image. An input without the dimension of the networks is the
same for all of them, and one wide matrix product serves them all. Backward is written out, in place
of autograd's, because it then needs no graph, computes nothing for the images, and writes all
gradients into one tensor. Each layer keeps what its backward needs from its last forward.
"""

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor

KERNEL = 3  # of the convolutions, in both directions
WINDOW = 4  # what two neighbouring kernels see
STEP = 2  # of the pooling


class Parameter(NamedTuple):
    """One parameter of all networks, stacked, and where its gradient goes."""

    value: Tensor
    gradient: Tensor


def relu_backward(gradient: Tensor, positive: Tensor, out: Tensor | None = None) -> Tensor:
    """The gradient where `positive` is above 0, else 0."""
    if out is None:
        out = torch.empty_like(gradient)
    torch.ops.aten.threshold_backward.grad_input(gradient, positive, 0, grad_input=out)
    return out


class Linear:
    """y = W x + b, and ReLU of it unless it is the output; W (C, out, in), b (C, out)."""

    def __init__(self, weight: Parameter, bias: Parameter, *, relu: bool = True) -> None:
        self.weight, self.bias, self.relu = weight, bias, relu

    def forward(self, x: Tensor) -> Tensor:
        """(C, in, N) or (in, N) to (C, out, N)."""
        self.x = x
        self.y = torch.matmul(self.weight.value, x).add_(self.bias.value[..., None])
        return self.y.relu_() if self.relu else self.y

    def gradients(self, dy: Tensor) -> Tensor:
        """dW = dy xᵀ, db = Σ dy; gives dy before ReLU, (C, out, N)."""
        if self.relu:
            dy = relu_backward(dy, self.y)
        torch.matmul(dy, self.x.mT, out=self.weight.gradient)
        torch.sum(dy, -1, out=self.bias.gradient)
        return dy

    def backward(self, dy: Tensor) -> Tensor:
        """The same, and dx = Wᵀ dy, (C, in, N)."""
        return torch.bmm(self.weight.value.mT, self.gradients(dy))


class Larger:
    """The larger one of two halves, the first one of equals, as max pooling takes it.

    Backward writes over the halves, which nobody needs by then: what is not read and written once
    more is a tenth of the time of a step.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, halves: Tensor) -> Tensor:
        """Two along `dim` to one."""
        self.halves = halves
        return torch.maximum(*halves.unbind(self.dim))

    def backward(self, gradient: Tensor) -> Tensor:
        """One to two along `dim`: all of it to the larger, nothing to the other."""
        first, second = self.halves.unbind(self.dim)
        relu_backward(gradient, second.sub_(first), out=second)
        torch.sub(gradient, second, out=first)
        return self.halves


class MaxPool:
    """The largest of four pixels: (C, 2, 2, out, n) to (C, out, n)."""

    def __init__(self) -> None:
        self.across, self.down = Larger(2), Larger(1)

    def forward(self, pixels: Tensor) -> Tensor:
        """Four to one."""
        return self.down.forward(self.across.forward(pixels))

    def backward(self, gradient: Tensor) -> Tensor:
        """One to four."""
        return self.across.backward(self.down.backward(gradient))


class PooledConvolution:
    """3x3 convolution, 2x2 max pooling, ReLU; W (C, out, in, 3, 3), b (C, out).

    The four pixels that are pooled see a window of 4x4 between them. So all four are one matrix
    product: of the windows, and of K, which has the kernel four times, each time shifted to where
    its pixel looks. Bias and ReLU change no order, so they come after pooling with the same result
    and a quarter of the work.
    """

    def __init__(self, weight: Parameter, bias: Parameter) -> None:
        self.weight, self.bias = weight, bias
        count, channels, inputs = weight.value.shape[:3]
        self.kernels = weight.value.new_zeros(count, STEP, STEP, channels, inputs, WINDOW, WINDOW)
        self.matrix = self.kernels.view(count, STEP * STEP * channels, -1)  # K, (C, 4 out, 16 in)
        self.pool = MaxPool()

    def forward(self, x: Tensor) -> Tensor:
        """(C, in, side, side, N) or (in, side, side, N) to (C, out, side/2 - 1, ..., N)."""
        self.shape = x.shape
        _shifted(self.kernels).copy_(self.weight.value[:, None, None])
        windows = _windows(x.contiguous())
        places = windows.shape[-3:]
        self.windows = windows.reshape(*x.shape[:-4], -1, places.numel())
        pixels = torch.matmul(self.matrix, self.windows)
        pooled = self.pool.forward(pixels.view(*self.kernels.shape[:4], -1))
        self.y = pooled.add_(self.bias.value[..., None]).relu_()
        return self.y.view(*self.y.shape[:2], *places)

    def gradients(self, dy: Tensor) -> Tensor:
        """dK = d(pixels) windowsᵀ, dW = Σ of its four shifts, db = Σ dy; gives d(pixels)."""
        dy = relu_backward(dy.reshape(self.y.shape), self.y)
        torch.sum(dy, -1, out=self.bias.gradient)
        pixels = self.pool.backward(dy).flatten(1, 3)
        kernels = torch.matmul(pixels, self.windows.mT).view(self.kernels.shape)
        torch.sum(_shifted(kernels), (1, 2), out=self.weight.gradient)
        return pixels

    def backward(self, dy: Tensor) -> Tensor:
        """The same, and dx: Kᵀ d(pixels), each window added where it was taken."""
        dx = dy.new_zeros(self.shape)
        windows = _windows(dx)
        seen = torch.bmm(self.matrix.mT, self.gradients(dy)).view(windows.shape)
        for row, column in product((slice(0, STEP), slice(STEP, WINDOW)), repeat=2):
            windows[:, :, row, column] += seen[:, :, row, column]  # these do not overlap
        return dx


def _shifted(kernels: Tensor) -> Tensor:
    """Where each of the four pixels has its kernel, a view: (C, 2, 2, out, in, 3, 3)."""
    count, down, across, channels, inputs, row, column = kernels.stride()
    return kernels.as_strided(
        (*kernels.shape[:5], KERNEL, KERNEL),
        (count, down + row, across + column, channels, inputs, row, column),
    )


def _windows(x: Tensor) -> Tensor:
    """The windows that pooled pixels see, a view: (..., side, side, N) to (..., 4, 4, s, s, N)."""
    *outer, side, _, count = x.shape
    *strides, row, column, image = x.stride()
    places = side // STEP - 1
    return x.as_strided(
        (*outer, WINDOW, WINDOW, places, places, count),
        (*strides, row, column, STEP * row, STEP * column, image),
    )
