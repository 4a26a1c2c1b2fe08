"""A network's OpenVINO form: the same weights compiled for this processor, an option on a CPU.

In float32 it agrees to rounding; in bfloat16 to some hundredths, so pictures differ and are to be scored apart.
A form is made for one shape at a time, on a thread beside, once that shape was met often enough to be worth it: until
then, and wherever gradients are wanted, the network runs as it is.  Which of both ran is timing, so bits may differ
from run to run, but for exact runs, which take the `plain` network.  Forms hold copies of the weights, one a shape at
most, that no registry counts: under a budget of memory leave room for them.  Needs the `openvino` extra.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import torch
from diffusers import PriorTransformer, UNet2DConditionModel, UNet2DModel
from torch import Tensor, nn

FORMS = {"openvino": "f32", "openvino-bf16": "bf16"}  # by the name of the device that is asked for
KINDS = (UNet2DConditionModel, UNet2DModel, PriorTransformer)  # what is run at every step, and returns one tensor
OFTEN = 40  # calls of a shape before its form is made: the first pictures never wait for one
MOST = 8  # forms of a network

Shape = tuple[tuple[str, tuple[int, ...]], ...]


def swift(net: nn.Module, form: str, often: int = OFTEN) -> nn.Module:
    """`net`, which will run under OpenVINO where it is of KINDS, in float32 and on the CPU; else as it came.

    `form` is one of FORMS; a shape gets its form after `often` calls.
    """
    fits = isinstance(net, KINDS) and net.dtype == torch.float32 and net.device.type == "cpu"
    return Swift(net, FORMS[form], often) if fits else net


def plain(part: nn.Module) -> nn.Module:
    """The network itself, where `part` runs it in a form."""
    return part.net if isinstance(part, Swift) else part


def reader(read: Callable[[Any], nn.Module], form: str, often: int = OFTEN) -> Callable[[Any], nn.Module]:
    """`read`, with `swift` on all that it reads.  ValueError where `form` is none, or cannot be had."""
    check(form)
    return lambda part: swift(read(part), form, often)


def check(form: str) -> None:
    """ValueError where `form` is none of FORMS, or cannot be had."""
    if form not in FORMS:
        raise ValueError(f"device is {form!r}; give one of {sorted(FORMS)}")
    if find_spec("openvino") is None:
        raise ValueError(f"device is {form!r}, but OpenVINO is not installed; pip install 'quartet[openvino]'")


def settled() -> None:
    """Wait until every form that is being made is there: for those who measure."""
    Forms.worker.submit(lambda: None).result()


class Swift(nn.Module):
    """A network and its forms; everything but `forward` is the network's own."""

    def __init__(self, net: nn.Module, precision: str, often: int = OFTEN):
        super().__init__()
        self.net, self.often = net, often
        self.met: Counter[Shape] = Counter()
        self.forms = Forms(precision)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._modules["net"], name)

    def __deepcopy__(self, memo: dict[int, Any]) -> nn.Module:
        """A copy is about to be changed, and so is the plain network."""
        return copy.deepcopy(self.net, memo)

    def forward(self, sample: Tensor, timestep: Any, *rest: Any, **named: Any) -> Any:
        """As the network's own, by the form of these shapes where there is one."""
        given = {"sample": sample, "timestep": timestep, **named}
        if rest or torch.is_grad_enabled() or not all(isinstance(value, Tensor) for value in given.values()):
            return self.net(sample, timestep, *rest, **named)
        shape = tuple((name, tuple(value.shape)) for name, value in given.items())
        form = self.forms.get(shape)
        if form is not None:
            return self.kind(form(given))
        found = self.net(sample, timestep, **named)
        self.kind = type(found)
        self.met[shape] += 1
        if self.met[shape] == self.often:
            self.forms.make(self.net, shape, {name: value.clone() for name, value in given.items()})
        return found


class Forms:
    """The forms of one network by shape, made one after another on a thread of their own."""

    worker = ThreadPoolExecutor(1, thread_name_prefix="openvino")  # one for all: compiling takes a core

    def __init__(self, precision: str):
        self.settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        self.settings["INFERENCE_NUM_THREADS"] = torch.get_num_threads()  # as the thread that reads parts has it
        self.model: Any = None  # the network as OpenVINO reads it, for any shape
        self.ready: dict[Shape, Callable[[dict[str, Tensor]], Tensor]] = {}
        self.get = self.ready.get

    def make(self, net: nn.Module, shape: Shape, given: dict[str, Tensor]) -> Future | None:
        """Make the form of `given`'s shapes in the background; None where there are MOST already."""
        return self.worker.submit(self._make, net, shape, given) if len(self.ready) < MOST else None

    def _make(self, net: nn.Module, shape: Shape, given: dict[str, Tensor]) -> None:
        try:
            with torch.no_grad():
                self.ready[shape] = self._compiled(net, given)
        except Exception as error:  # then the network goes on as it is
            logging.getLogger(__name__).warning("no OpenVINO form of %s: %s", type(net).__name__, error)

    def _compiled(self, net: nn.Module, given: dict[str, Tensor]) -> Callable[[dict[str, Tensor]], Tensor]:
        import openvino

        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)  # shapes are fixed, and that is meant
        if self.model is None:  # on a copy: the engine runs the network meanwhile
            traced, example = _Traced(copy.deepcopy(net), tuple(given)), tuple(given.values())
            self.model = openvino.convert_model(traced, example_input=example)
        names = list(zip(given, self.model.inputs, strict=True))
        self.model.reshape({slot: openvino.PartialShape(list(given[name].shape)) for name, slot in names})
        request = openvino.Core().compile_model(self.model, "CPU", self.settings).create_infer_request()

        def run(now: dict[str, Tensor]) -> Tensor:
            rows = [now[name].to(like).contiguous().numpy() for name, like in given.items()]
            return torch.from_numpy(request.infer(rows, share_inputs=True)[0])

        return run


class _Traced(nn.Module):
    """A network that takes its tensors in a fixed order and gives its one tensor."""

    def __init__(self, net: nn.Module, names: tuple[str, ...]):
        super().__init__()
        self.net, self.names = net.eval(), names
        self.eval()

    def forward(self, *given: Tensor) -> Tensor:
        sample, timestep, *rest = given
        return self.net(sample, timestep, **dict(zip(self.names[2:], rest, strict=True)), return_dict=False)[0]
