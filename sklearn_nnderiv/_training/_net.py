"""The built-in network and the skorch net around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import skorch
import torch
from skorch.dataset import Dataset
from torch import Tensor, nn

from .._elementwise.activations import activation_maker
from .._maps import FeedForward
from ._problem import Problem, penalty, weighted_square

EVALUATED_ROWS = 8192  # at a time, lest the hidden layers need memory


@dataclass(frozen=True)
class Architecture:
    """What the built-in net looks like.

    Attributes
    ----------
    hidden : tuple of int
        Widths of the hidden layers.
    activation : str or type
        A name, several names joined by "+", or a torch.nn.Module class.
    skip : bool
        Whether the outputs are linear in the inputs besides.
    """

    hidden: tuple[int, ...]
    activation: str | type
    skip: bool = False

    def __str__(self) -> str:
        name = self.activation
        if isinstance(name, type):
            name = name.__name__
        widths = "x".join(map(str, self.hidden)) or "linear"
        return f"{widths} {name}{' + linear' if self.skip else ''}"


class RowSet(Dataset):
    """Rows of a problem as a data set of skorch.

    Parameters
    ----------
    problem : Problem
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.X, {"y": problem.y, "weight": problem.weight})
        self.labels = problem.labels


class Batches:
    """Mini-batches taken from tensors as wholes, shuffled anew in every epoch.

    A torch DataLoader would collect every batch row by row in Python, and draw from
    torch's global generator.

    Parameters
    ----------
    dataset : RowSet
    batch_size : int
        Rows in a batch; the last may be smaller.
    seed : int or None, default=None
        Of the shuffling; None leaves the rows in order.
    epoch : int, default=0
        The number of the first epoch.
    """

    def __init__(
        self,
        dataset: RowSet,
        batch_size: int,
        seed: int | None = None,
        epoch: int = 0,
    ) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, dict[str, Any]]]:
        n = len(self.dataset)
        order = torch.arange(n, device="cpu")
        # one batch is the same in every order, up to rounding
        if self.seed is not None and self.batch_size < n:
            seed = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0]
            generator = torch.Generator("cpu").manual_seed(int(seed))
            order = torch.randperm(n, generator=generator, device="cpu")
        self.epoch += 1
        X, y, labels = self.dataset.X, self.dataset.y, self.dataset.labels
        for rows in order.to(X.device).split(self.batch_size):
            own: dict[str, Any] = {key: value[rows] for key, value in y.items()}
            if labels is not None:
                own["labels"] = labels.take(rows, n)
            yield X[rows], own


class WeightedNet(skorch.NeuralNet):
    """A skorch net for rows with weights and an L2 penalty.

    Its targets are dicts with the keys "y" and "weight", the weights in units
    of their mean, and "labels" where derivatives are known.

    Parameters
    ----------
    module : type
        As for skorch.NeuralNet.
    *args, **kwargs
        As for skorch.NeuralNet.
    penalty : float, default=0.0
        Half of this times the squared weights is added to the loss.
    seed : int, default=0
        Of the shuffling of the rows.
    """

    def __init__(
        self,
        module: type[nn.Module],
        *args: Any,
        penalty: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(module, *args, **kwargs)
        self.penalty = penalty
        self.seed = seed

    def train_step_single(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the gradient of a batch's loss, with the penalty."""
        self.module_.train()
        step = self._step(batch)
        step["loss"] = step["loss"] + penalty(self.module_, self.penalty)
        step["loss"].backward()
        return step

    def validation_step(self, batch: Any, **fit_params: Any) -> dict[str, Any]:
        """Compute the loss of a batch."""
        self.module_.eval()
        with torch.no_grad():
            return self._step(batch)

    def _step(self, batch: tuple[Tensor, dict[str, Any]]) -> dict[str, Any]:
        # not by get_loss, before which skorch makes a sweep for values alone
        X, y = batch
        rows = (y["y"], y["weight"], y.get("labels"))
        return {"loss": weighted_square(self.module_, X, *rows) / (2 * len(X))}

    def get_iterator(self, dataset: RowSet, training: bool = False) -> Batches:
        """Return the batches of a data set."""
        if not training:
            return Batches(dataset, EVALUATED_ROWS)
        return Batches(dataset, self.batch_size, self.seed, len(self.history))


def make_net(
    problem: Problem,
    architecture: Architecture,
    device: torch.device,
    seed: int,
) -> WeightedNet:
    """Return the initialised built-in net for a problem."""
    net = WeightedNet(
        FeedForward,
        criterion=nn.MSELoss,  # unused: get_loss computes the weighted one
        module__n_in=problem.X.shape[1],
        module__n_out=problem.y.shape[1],
        module__hidden=architecture.hidden,
        module__activation=activation_maker(architecture.activation),
        module__skip=architecture.skip,
        module__dtype=problem.X.dtype,
        module__seed=seed,
        optimizer=torch.optim.Adam,
        optimizer__betas=(0.9, 0.99),  # a schedule of few steps forgets faster
        train_split=None,
        callbacks="disable",
        device=str(device),
        verbose=0,
        seed=seed,
    )
    return net.initialize()


def ignore_constant_columns(
    net: WeightedNet, problem: Problem, *, new: bool
) -> Problem:
    """Keep the network independent of inputs that do not vary in training.

    Their weights would stay at random initial values, or serve as biases, and make a
    derivative that no data speak for. They start at zero, and a column of zeros, which
    is the same to the network, leaves them there.
    """
    weights = net.module_.input_weights
    constant = problem.X.amin(dim=0) == problem.X.amax(dim=0)
    if problem.labels is not None:
        # the labels say what the derivative is there
        constant &= (problem.labels.tangents == 0).all(dim=1).all(dim=0)
    with torch.no_grad():
        for weight in weights if new else ():
            weight[:, constant] = 0
        ignored = constant & (torch.cat(weights) == 0).all(dim=0)
        if not ignored.any():
            return problem
        problem.X[:, ignored] = 0  # in place: a copy may be large
        return problem


def epoch_mean(epoch: dict[str, Any], prefix: str) -> float:
    """Return the mean over the rows of an epoch's batch losses."""
    pairs = [
        (batch[f"{prefix}_loss"], batch[f"{prefix}_batch_size"])
        for batch in epoch["batches"]
        if f"{prefix}_loss" in batch
    ]
    losses, sizes = zip(*pairs, strict=True)
    return float(np.average(losses, weights=sizes))


def loss_curve(net: skorch.NeuralNet) -> list[float]:
    """Return the training loss of every epoch of a skorch net."""
    return [
        float(epoch["train_loss"])
        if "train_loss" in epoch
        else epoch_mean(epoch, "train")
        for epoch in net.history
        # a callback may have stopped the training before the first batch
        if "train_loss" in epoch or any("train_loss" in b for b in epoch["batches"])
    ]
