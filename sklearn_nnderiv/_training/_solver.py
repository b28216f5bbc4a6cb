"""What a solver is, and the one that takes all rows at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.optimize import OptimizeResult, minimize
from torch.nn.utils import parameters_to_vector

from .._validation import Array
from ._net import WeightedNet
from ._problem import Problem
from ._progress import Plateau, ProgressBar


@dataclass(frozen=True)
class TrainingResult:
    """What a solver reports.

    Attributes
    ----------
    loss_curve : list of float
        The objective after every iteration.
    converged : bool
        Whether the loss had ceased to fall when the iterations ended.
    """

    loss_curve: list[float]
    converged: bool


@dataclass(frozen=True)
class Solver(ABC):
    """Trains the module of a skorch net in place.

    Attributes
    ----------
    max_iter : int
        Iterations (lbfgs) or epochs (adam) at most.
    tol : float
        Least relative improvement of the loss ...
    n_iter_no_change : int
        ... within so many iterations.
    verbose : int or bool
        Whether to show a progress bar.
    """

    max_iter: int
    tol: float
    n_iter_no_change: int
    verbose: int | bool

    @abstractmethod
    def fit(self, net: WeightedNet, problem: Problem) -> TrainingResult:
        """Train until the loss ceases to fall, or for `max_iter` iterations."""

    def _plateau(self) -> Plateau:
        return Plateau(self.tol, self.n_iter_no_change)


@dataclass(frozen=True)
class LBFGS(Solver):
    """Limited-memory BFGS on all rows at once, by SciPy.

    SciPy's own tolerances are absolute and would end the fit of a small loss at once;
    they are switched off in favour of the relative one.
    """

    def fit(self, net: WeightedNet, problem: Problem) -> TrainingResult:
        """Train until the loss ceases to fall, or for `max_iter` iterations."""
        module = net.module_.train()
        parameters = list(module.parameters())
        plateau, curve = self._plateau(), []
        stopped = False

        def loss_and_gradient(theta: Array) -> tuple[float, Array]:
            _set(parameters, theta)
            loss = problem.loss(module)
            gradient = torch.autograd.grad(loss, parameters)
            return loss.item(), _flat(gradient)

        def after_iteration(intermediate_result: OptimizeResult) -> None:
            nonlocal stopped
            loss = float(intermediate_result.fun)
            curve.append(loss)
            record(net, train_loss=loss)
            bar.update(loss=loss)
            if plateau.update(loss):
                stopped = True
                raise StopIteration

        with ProgressBar(self.max_iter, self.verbose) as bar:
            result = minimize(
                loss_and_gradient,
                _flat(parameters),
                jac=True,
                method="L-BFGS-B",
                callback=after_iteration,
                options={
                    "maxiter": self.max_iter,
                    "maxfun": 20 * self.max_iter,
                    "maxcor": 20,
                    "maxls": 50,
                    "ftol": 0.0,
                    "gtol": 0.0,
                },
            )
        plateau.update(
            float(result.fun)
        )  # which raises if the very first was not finite
        _set(parameters, result.x)
        # only status 1 is a limit of iterations; a line search that finds nothing lower
        # has reached the rounding error of the loss
        converged = stopped or result.status != 1
        return TrainingResult(curve or [float(result.fun)], converged)


def record(net: WeightedNet, **values: float) -> None:
    """Add an epoch to the history of a net."""
    net.history.new_epoch()
    net.history.record("epoch", len(net.history))
    for name, value in values.items():
        net.history.record(name, value)


def _flat(tensors: Any) -> Array:
    return parameters_to_vector(tensors).detach().cpu().numpy().astype(np.float64)


def _set(parameters: list[torch.nn.Parameter], theta: Array) -> None:
    # copied: SciPy goes on to write into theta
    parts = torch.from_numpy(theta).split([p.numel() for p in parameters])
    with torch.no_grad():
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.copy_(part.view_as(parameter))
