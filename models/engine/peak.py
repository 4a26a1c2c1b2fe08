"""How much memory and work a computation takes, found without computing: every tensor on torch's meta device.

Counted are the bytes of all storages alive at once, as an eager run allocates and frees them; what a library takes for
itself inside one operation is not seen.  Attention counts as the fused kernels of GPUs need it: no matrix of weights.
Work is in floating-point operations of products and convolutions, two for every multiplication that is added.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class Peak(TorchDispatchMode):
    """While it is on: `now` bytes are alive, `most` were at once.  `known` tensors, as weights, do not count.

    `flops` are those of everything but attention, which `Fused` counts.
    """

    def __init__(self, known: Iterable[Tensor] = ()):
        super().__init__()
        self.now = self.most = self.flops = 0
        self._alive: dict[int, weakref.ref] = {}
        self._known = [value.untyped_storage() for value in known]
        self._outside = {storage._cdata for storage in self._known}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
        for value in tree_leaves(out):
            if isinstance(value, Tensor):
                self._count(value.untyped_storage())
        return out

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        if key in self._alive or key in self._outside:
            return
        self._alive[key] = weakref.ref(storage, lambda _: self._free(key, size))
        self.now += size
        self.most = max(self.most, self.now)

    def _free(self, key: int, size: int) -> None:
        if self._alive.pop(key, None) is not None:
            self.now -= size


class Fused(TorchFunctionMode):
    """Attention as one operation that keeps its inputs and its result; `flops` are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not F.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = args[:3] if len(args) >= 3 else _named(args, kwargs or {})
        passes = 7 if torch.is_grad_enabled() and query.requires_grad else 2  # backward: five products for two
        self.flops += passes * query.numel() * key.shape[-2] * 2
        return _Attention.apply(query, key, value)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.save_for_backward(query, key, value, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(value) for value in ctx.saved_tensors[:3])


def _named(args: Any, kwargs: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    found = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
    return found["query"], found["key"], found["value"]
