"""Training of a skorch net that the user brings."""

from __future__ import annotations

import dis
import inspect
import os
import signal
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from ._labels import Labels
from ._problem import Problem
from ._slopes import slopes_of

# torch's global generators cannot be had per thread, so such fits take turns
_turn = threading.RLock()


class WeightedCriterion(nn.Module):
    """The weighted mean of another criterion's errors.

    Parameters
    ----------
    criterion : type
        A criterion that takes ``reduction="none"``.
    **kwargs
        Its further arguments.
    """

    def __init__(self, criterion: type[nn.Module], **kwargs: Any) -> None:
        super().__init__()
        self.criterion = criterion(**{**kwargs, "reduction": "none"})

    def forward(self, prediction: Tensor, target: dict[str, Tensor]) -> Tensor:
        """Return the loss of a batch, whose weights are in units of their mean."""
        error = self.criterion(prediction, target["y"])
        return (error.reshape(len(error), -1).mean(1) * target["weight"]).mean()


def prepare_net(
    net: NeuralNet,
    problem: Problem,
    *,
    device: torch.device,
    seed: int,
    verbose: int | bool,
    weighted: bool,
) -> NeuralNet:
    """Initialise the net for the problem, and check that it fits it."""
    sizes = {"n_features_in": problem.X.shape[1], "n_outputs": problem.y.shape[1]}
    accepted = inspect.signature(net.module).parameters
    given = net.get_params(deep=False)
    net.set_params(
        device=str(device),
        verbose=int(verbose),
        **{
            f"module__{name}": size
            for name, size in sizes.items()
            if name in accepted and f"module__{name}" not in given
        },
    )
    if weighted or given.get("criterion__reduction") == "none":
        _weigh(net)
    with repeatable(seed, device):
        net.initialize()
        net.module_.to(problem.X.dtype)  # in place: the optimiser keeps its parameters
        net.criterion_.to(problem.X.dtype)
        _check_output(net, problem)
    return net


def train_net(
    net: NeuralNet,
    problem: Problem,
    *,
    seed: int,
    device: torch.device,
    epochs: int | None = None,
) -> None:
    """Run the net's own training loop."""
    y: Any = problem.y.cpu().numpy()
    X = problem.X.cpu().numpy()
    if takes_weights(net):
        y = {"y": y, "weight": problem.weight.cpu().numpy()}
    if problem.labels is not None:
        y = _with_labels(y, problem.labels, problem.weight)
    with repeatable(seed + len(net.history), device), _labelled(net, problem.labels):
        try:
            net.notify("on_train_begin", X=X, y=y)
            net.fit_loop(X, y, epochs=epochs)
        except KeyboardInterrupt as interrupt:
            if not _raised_by_callback(interrupt):
                raise
        net.notify("on_train_end", X=X, y=y)


def _with_labels(y: Any, labels: Labels, weight: Tensor) -> dict[str, Any]:
    """Return targets with labels for every row, which skorch indexes and batches."""
    n = len(weight)
    table = {"slopes": labels.slopes, "slope_weight": labels.weight}
    if len(labels.tangents) > 1:
        table["tangents"] = labels.tangents
    rows: dict[str, Any] = y.copy() if isinstance(y, dict) else {"y": y}
    for name, part in table.items():
        whole = part.new_zeros(n, *part.shape[1:])
        whole[labels.index] = part
        rows[name] = whole.cpu().numpy()
    rows["slope_weight"] *= weight.cpu().numpy()[:, None, None]
    return rows


@contextmanager
def _labelled(net: NeuralNet, labels: Labels | None) -> Iterator[None]:
    """Let the loss of the net be that with labels, for a training.

    Callbacks are shown targets without weights and labels: scores take no dict.
    """
    if labels is not None:
        net.get_loss = _LabelledLoss(net, labels)
    net.notify = _PlainNotes(net)
    try:
        yield
    finally:
        for name in ("get_loss", "notify"):
            vars(net).pop(name, None)


class _PlainNotes:
    """What a net tells its callbacks, with the targets alone of a batch.

    Parameters
    ----------
    net : NeuralNet
    """

    def __init__(self, net: NeuralNet) -> None:
        self.net = net

    def __call__(self, method_name: str, **kwargs: Any) -> Any:
        """Tell all callbacks of an event."""
        X, y = kwargs.get("batch", (None, None))
        if isinstance(y, dict):
            kwargs["batch"] = X, y["y"]
        return type(self.net).notify(self.net, method_name, **kwargs)


class _LabelledLoss:
    """The loss of a net, and the mean squared errors of slopes besides.

    The latter are summed over outputs and directions, and relative to the mean squared
    error of the values as in the built-in net.

    Parameters
    ----------
    net : NeuralNet
    labels : Labels
    """

    def __init__(self, net: NeuralNet, labels: Labels) -> None:
        self.net = net
        self.labels = labels

    def __call__(
        self, y_pred: Any, y_true: Any, X: Any = None, training: bool = False
    ) -> Tensor:
        """Return the loss of a batch."""
        net = self.net
        if not isinstance(y_true, dict):  # held-out rows of the user's have no labels
            return type(net).get_loss(net, y_pred, y_true, X=X, training=training)
        own = {name: part for name, part in y_true.items() if name in ("y", "weight")}
        target = own if "weight" in own else own["y"]
        loss = type(net).get_loss(net, y_pred, target, X=X, training=training)
        weight = y_true["slope_weight"].to(net.device)
        some = torch.nonzero(weight.flatten(1).any(dim=1))[:, 0]
        if not len(some):
            return loss
        shared = self.labels.tangents.to(net.device)
        tangents = (
            y_true["tangents"].to(net.device)[some] if len(shared) > 1 else shared
        )
        at = X.to(net.device)[some]
        error = slopes_of(net.module_, at, tangents)
        error = error - y_true["slopes"].to(net.device)[some]
        square = self.labels.balance * (weight[some] * error.square()).sum()
        if getattr(net.criterion_, "reduction", "mean") == "sum":
            return loss + square
        return loss + square / weight[:, 0].numel()


def takes_weights(net: NeuralNet) -> bool:
    """Whether the net was prepared for sample weights."""
    return isinstance(net.criterion_, WeightedCriterion)


@contextmanager
def repeatable(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's and numpy's global generators, and put them back afterwards."""
    cuda = [device] if device.type == "cuda" else []
    with _turn, torch.random.fork_rng(devices=cuda):
        # not torch.manual_seed, which reaches every device of the process
        torch.default_generator.manual_seed(seed)
        if cuda:  # pragma: no cover - needs a GPU
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _weigh(net: NeuralNet) -> None:
    """Make the criterion one of weighted errors."""
    if "reduction" not in inspect.signature(net.criterion).parameters:
        name = getattr(net.criterion, "__name__", net.criterion)
        raise ValueError(
            "sample_weight needs a criterion that takes reduction='none', and that of "
            f"`net`, {name}, does not. Use a class such as torch.nn.MSELoss, or fit "
            "without sample_weight."
        )
    given = net.get_params_for("criterion")
    net.set_params(
        criterion=WeightedCriterion,
        criterion__criterion=net.criterion,
        **{f"criterion__{name}": value for name, value in given.items()},
    )


def _check_output(net: NeuralNet, problem: Problem) -> None:
    """Raise unless the module returns as many columns as y has."""
    module = net.module_.eval()
    with torch.no_grad():
        output = module(problem.X[:2])
    expected = tuple(problem.y[:2].shape)
    shape = getattr(output, "shape", type(output).__name__)
    if shape != expected:
        raise ValueError(
            "The module of `net` must return a tensor of shape (n_samples, n_outputs), "
            f"which for the first rows is {expected}. Got {shape} instead. If its "
            "constructor takes n_outputs, it is told the number of outputs."
        )


def _raised_by_callback(interrupt: KeyboardInterrupt) -> bool:
    """Whether a callback ended the training, as skorch's do, rather than Ctrl-C."""
    in_callback = False
    for frame, _ in traceback.walk_tb(interrupt.__traceback__):
        in_callback |= frame.f_code is NeuralNet.notify.__code__
    # Ctrl-C strikes at any instruction, or in the handler of the signal
    *_, last = _links(interrupt.__traceback__)
    code = last.tb_frame.f_code
    raised = code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    handler = signal.getsignal(signal.SIGINT)
    return in_callback and raised and code is not getattr(handler, "__code__", None)


def _links(link: TracebackType | None) -> Iterator[TracebackType]:
    while link is not None:
        yield link
        link = link.tb_next


if hasattr(os, "register_at_fork"):  # pragma: no branch - all but Windows

    def _renew_lock() -> None:
        """Let a forked child train, whatever the other threads of its parent did."""
        global _turn
        _turn = threading.RLock()

    os.register_at_fork(after_in_child=_renew_lock)
