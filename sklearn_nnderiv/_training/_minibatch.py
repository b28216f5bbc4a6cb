"""The mini-batch solver."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from skorch.callbacks import Callback
from skorch.helper import predefined_split

from ._net import RowSet, WeightedNet, epoch_mean
from ._problem import Problem
from ._progress import Plateau, ProgressBar
from ._solver import Solver, TrainingResult

WARM_UP = 0.05  # of all steps


def step_size(step: int, n_steps: int) -> float:
    """Return the step size of the schedule, in units of the largest.

    It rises linearly over the first twentieth of the steps and falls like half a
    cosine over all of them.

    Parameters
    ----------
    step : int
        From 0 to n_steps - 1.
    n_steps : int
        Steps in all.

    Returns
    -------
    rate : float
        Between 0 and 1.
    """
    warm_up = math.ceil(WARM_UP * n_steps)
    return min(1.0, (step + 1) / warm_up) * half_cosine(step, n_steps)


def half_cosine(step: int, n_steps: int) -> float:
    """Return a number that falls from 1 at step 0 to 0 at n_steps."""
    return (1 + math.cos(math.pi * step / n_steps)) / 2


class _Stop(Exception):
    """Ends the epochs; skorch's own way, KeyboardInterrupt, would hide a Ctrl-C."""


class _Schedule(Callback):
    """Sets the step size before every step.

    Parameters
    ----------
    largest : float
        The largest step size.
    n_steps : int or None
        Steps in all; without them, the step size is constant.
    """

    def __init__(self, largest: float, n_steps: int | None) -> None:
        self.largest = largest
        self.n_steps = n_steps
        self.step = 0
        self.rate = 0.0
        self.last: tuple[int, int, float] | None = None

    def cool_down(self, n_epochs: int) -> None:
        """Fall to zero within half as many steps as there were in `n_epochs`."""
        if self.last is None:
            steps_per_epoch = self.step // n_epochs
            length = math.ceil(n_epochs / 2) * steps_per_epoch
            self.last = self.step, length, self.rate

    @property
    def cooled_down(self) -> bool:
        """Whether the step size has fallen to zero."""
        return self.last is not None and self.step >= self.last[0] + self.last[1]

    def on_batch_begin(
        self, net: WeightedNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Take the next step size."""
        if not training:
            return
        if self.last is not None:
            start, n_steps, rate = self.last
            self.rate = rate * half_cosine(self.step - start, n_steps)
        elif self.n_steps is None:
            self.rate = self.largest
        else:
            self.rate = self.largest * step_size(self.step, self.n_steps)
        for group in net.optimizer_.param_groups:
            group["lr"] = self.rate
        self.step += 1


class _Monitor(Callback):
    """Keeps the loss curve, ends the training, remembers the best parameters."""

    def __init__(self, plateau: Plateau, bar: ProgressBar, schedule: _Schedule) -> None:
        self.plateau = plateau
        self.bar = bar
        self.schedule = schedule
        self.curve: list[float] = []
        self.lowest = np.inf
        self.best: dict[str, Any] | None = None

    def on_epoch_end(self, net: WeightedNet, **kwargs: Any) -> None:
        """Take the mean loss of the epoch."""
        losses = {"train_loss": epoch_mean(net.history[-1], "train")}
        watched = losses["train_loss"]
        if net.train_split is not None:
            watched = losses["valid_loss"] = epoch_mean(net.history[-1], "valid")
            if watched < self.lowest:
                self.lowest = watched
                state = net.module_.state_dict()
                self.best = {name: value.clone() for name, value in state.items()}
        self.curve.append(losses["train_loss"])
        for name, loss in losses.items():
            net.history.record(name, loss)
        net.history[-1]["batches"].clear()  # they would be pickled with the net
        self.bar.update(**losses)
        idle = self.plateau.update(watched)  # raises if the loss is not finite
        if net.train_split is not None:
            if self.schedule.cooled_down:
                raise _Stop
            if idle:
                self.schedule.cool_down(len(self.curve))


@dataclass(frozen=True)
class Adam(Solver):
    """Adam on mini-batches, through the training loop of skorch.

    The training loss tells little while the step size is large, so the fit is over when
    the schedule is: it has converged then, unless the loss became infinite, which
    raises.

    Attributes
    ----------
    batch_size : int
        Rows in a mini-batch.
    learning_rate_init : float
        The largest step size.
    anneal : bool
        Whether it rises and falls by `step_size` over `max_iter` epochs, to end near
        zero. Otherwise it is constant.
    validation : Problem or None
        Rows whose loss is watched. When it has ceased to fall, the step size falls to
        zero early, within half as many epochs as there were: at a large step size, a
        plateau may be that of the step size. The parameters with the lowest held-out
        loss are kept.
    """

    batch_size: int
    learning_rate_init: float
    anneal: bool = True
    validation: Problem | None = None

    def fit(self, net: WeightedNet, problem: Problem) -> TrainingResult:
        """Train for `max_iter` epochs, or fewer by the held-out loss."""
        total = float(problem.weight.sum())
        net.penalty = problem.alpha / total
        net.batch_size = self.batch_size
        n_steps = self.max_iter * math.ceil(len(problem.X) / self.batch_size)
        schedule = _Schedule(self.learning_rate_init, n_steps if self.anneal else None)
        if self.validation is not None:
            net.train_split = predefined_split(RowSet(self.validation))
        with ProgressBar(self.max_iter, self.verbose) as bar:
            monitor = _Monitor(self._plateau(), bar, schedule)
            net.callbacks_ = [("schedule", schedule), ("monitor", monitor)]
            with suppress(_Stop):
                net.fit_loop(RowSet(problem), epochs=self.max_iter)
        net.callbacks_, net.train_split = [], None
        if monitor.best is not None:
            net.module_.load_state_dict(monitor.best)
        return TrainingResult(monitor.curve, converged=True)
