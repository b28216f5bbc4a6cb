"""Levenberg-Marquardt with geodesic acceleration, and linear parameters solved for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from .._engines import Stack, Sweep
from .._validation import Array
from ._covariance import determined
from ._data import Data
from ._evidence import Hyper, Prior
from ._normal import Factor, System, by_output, normal_system, ridge

_MAX_TRIES = 12
_FIRST_DAMPING = 1e-2
_MIN_DAMPING = 1e-14
_MAX_DAMPING = 1e12
# least factor by which a good step reduces the damping
_LEAST_FALL = 0.1
# an acceleration of more than 0.75 of the velocity means that the step is too long
_MAX_ACCELERATION = 0.75
# the evidence is costly, and changes slowly
_EVIDENCE_EVERY = 3
_FIRST_EVIDENCE = 5
# states before it are transients, however good their evidence
_FIRST_BEST = 50
# relative change of the objective that counts as none, and how often in a row
_STALLED = 1e-7
_MAX_STALLED = 5
# a precision of the noise that explains too little to be the last word
_POOR_BETA = 100.0
# what slopes may weigh relative to values, and by how much it changes at a time
_PRECISIONS = (1e-4, 1e4)
_MAX_CHANGE = 2.0
_FIRST_BALANCE = 10
# what the evidence of an interpolating fit is lowered by, per residual
_INTERPOLATES = 1e3
# mean square of the residuals, in scaled units, that is rounding error
_EXACT = 1e-24


class Point:
    """Parameters with the residuals they leave, and what follows from them.

    Parameters
    ----------
    forward : Sweep
        The sweep at these parameters.
    data : Data
        The rows it was made for.
    """

    def __init__(self, forward: Sweep, data: Data) -> None:
        self.forward = forward
        self.data = data
        root = by_output(data.root_weight)
        self.residual = (forward.values - data.y) * root
        self.error = float(np.vdot(self.residual, self.residual))

    @property
    def theta(self) -> Array:
        """Return the parameters."""
        return self.forward.theta

    @cached_property
    def system(self) -> System:
        """Return the Gauss-Newton matrix."""
        return normal_system(self.forward, self.data.root_weight)

    def gradient(self) -> Array:
        """Return J' W r, half the gradient of the error."""
        return self.forward.gradient(self.residual * by_output(self.data.root_weight))

    def objective(self, ratio: Array) -> float:
        """Return the error with the penalty, in units of the noise."""
        return self.error + float(ratio @ (self.theta * self.theta))


@dataclass
class Best:
    """The state of the highest evidence so far."""

    theta: Array
    hyper: Hyper


@dataclass
class Run:
    """A network being fitted; `advance` may be called again and goes on.

    Parameters
    ----------
    stack : Stack
        The network.
    theta : ndarray of shape (n_parameters,)
        Initial parameters.
    data : Data
        The rows.
    alpha : float or None
        See `Prior`.
    hyper : Hyper or None
        Precisions to begin with.
    age : int
        Iterations that the parameters have seen before.
    balances : bool
        Whether slopes have a precision of their own, from the evidence.

    References
    ----------
    M. K. Transtrum and J. P. Sethna, "Improvements to the Levenberg-Marquardt
    algorithm for nonlinear least-squares minimization", 2012. H. B. Nielsen, "Damping
    parameter in Marquardt's method", 1999. G. H. Golub and V. Pereyra, "Separable
    nonlinear least squares: the variable projection method", 2003.
    """

    stack: Stack
    theta: Array
    data: Data
    alpha: float | None = None
    hyper: Hyper | None = None
    age: int = 0
    balances: bool = False
    prior: Prior = field(init=False)
    point: Point = field(init=False)
    best: Best | None = field(init=False, default=None)
    damping: float = field(init=False, default=_FIRST_DAMPING)
    n_iter: int = field(init=False, default=0)
    n_stalled: int = field(init=False, default=0)
    done: bool = field(init=False, default=False)
    losses: list[float] = field(init=False, default_factory=list)
    evidences: list[float] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.prior = Prior(self.stack, self.data.count, self.alpha)
        self.state: Hyper = self.hyper or self.prior.first
        if self.data.n_slopes and self.state.precision != self.data.precision:
            self.data = self.data.balanced(self.state.precision)
        self.point = Point(self.data.forward(self.stack, self.theta), self.data)

    def advance(self, n_iter: int, tol: float = 0.0, window: int = 10) -> Run:
        """Go on for `n_iter` iterations, or until nothing is gained any more.

        With a positive `tol`, the end is also where the evidence has changed by less
        than `tol` per residual within `window` iterations.
        """
        if self.age and not self.n_iter:
            self._update_hyper()  # so that the state to begin with can be the best
        for _ in range(n_iter if not self.done else 0):
            self._step()
            since = self.age + self.n_iter - _FIRST_EVIDENCE
            if since >= 0 and since % _EVIDENCE_EVERY == 0:
                self._update_hyper()
            self.n_iter += 1
            self.losses.append(self._loss())
            self.evidences.append(self.state.log_evidence)
            self.done = (
                (self.late and self.n_stalled >= _MAX_STALLED)
                or self.point.error < _EXACT * self.data.y.size
                or self._settled(tol, window)
            )
            if self.done:
                break
        return self

    def gain(self, window: int) -> float:
        """Return the range of the evidence per residual over `window` iterations."""
        if len(self.evidences) <= window:
            return np.inf
        last = self.evidences[-1 - window :]
        return (max(last) - min(last)) / self.data.count

    @property
    def score(self) -> float:
        """Return the best log evidence so far, far lower for an interpolating fit."""
        if self.best is not None:
            return max(self.best.hyper.log_evidence, self._evidence)
        return self._evidence

    def settled_score(self) -> float:
        """Return the log evidence of the best state, by the precisions of that state.

        `score` is ahead of it where precisions were still rising.
        """
        theta, hyper = self.point.theta, self.state
        if self.best is not None and self.alpha is None:
            theta, hyper = self.best.theta, self.best.hyper
        data = self.data.balanced(hyper.precision)
        point = Point(data.forward(self.stack, theta), data)
        factor = point.system.factor(self.prior.proper_ratio(hyper))
        if factor is None:  # of a fit that is exact
            return self.score
        evidence = self.prior.evidence(hyper, theta, point.error, factor)
        evidence += 0.5 * data.n_slopes * float(np.log(data.precision))
        return evidence - (_INTERPOLATES * data.count if hyper.interpolates else 0)

    @property
    def is_poor(self) -> bool:
        """Whether it explains less of the data than might be there to explain."""
        linear = self.stack.n_out * (self.stack.n_in + 1)
        return self.state.beta < _POOR_BETA or self.state.gamma < linear + 2

    @property
    def alpha_of_weights(self) -> float:
        """Return the weight decay that the evidence chose, averaged over weights."""
        ratio = self.prior.ratio(self.state)[~self.prior.is_bias]
        return float(np.exp(np.log(np.maximum(ratio, 1e-300)).mean()))

    def finish(self) -> Run:
        """Go back to the state of the highest evidence, unless alpha is fixed.

        Then the objective is too, and the last state has the lowest.
        """
        if self.best is not None and self.alpha is None:
            self.data = self.data.balanced(self.best.hyper.precision)
            forward = self.data.forward(self.stack, self.best.theta)
            self.state, self.point = self.best.hyper, Point(forward, self.data)
        return self

    @property
    def _evidence(self) -> float:
        hyper = self.state
        if not np.isfinite(hyper.log_evidence):
            return -np.inf
        return hyper.log_evidence - (
            _INTERPOLATES * self.data.count if hyper.interpolates else 0
        )

    @property
    def late(self) -> bool:
        """Whether the precisions have had time to follow the fit."""
        return self.age + self.n_iter > _FIRST_BEST

    def _settled(self, tol: float, window: int) -> bool:
        return self.late and self.gain(window) < tol

    def _loss(self) -> float:
        """Return the objective of the problem: half the mean square, with penalty."""
        ratio = self.prior.ratio(self.state)
        return self.point.objective(ratio) / (2 * len(self.data.X))

    def _step(self) -> None:
        """Take one step that lowers the objective, if any does."""
        ratio = self.prior.ratio(self.state)
        before = self.point.objective(ratio)
        gradient = self.point.gradient() + ratio * self.point.theta
        growth = 2.0
        for _ in range(_MAX_TRIES):
            factor = self.point.system.factor(ratio + self.damping)
            if factor is None:
                self.damping *= 10
                continue
            velocity = factor.solve(gradient)
            trial = self._trial(velocity, factor, ratio)
            gained = before - trial.objective(ratio)
            if gained > 0:
                expected = float(velocity @ (self.damping * velocity + gradient))
                self._accept(trial, gained, before, expected)
                return
            self.damping *= growth
            growth *= 2
            if self.damping > _MAX_DAMPING:
                break
        self.n_stalled += 1
        self.damping = 1e-4

    def _accept(
        self, trial: Point, gained: float, before: float, expected: float
    ) -> None:
        share = min(gained / max(expected, 1e-300), 1e3)
        fall = max(_LEAST_FALL, 1 - (2 * share - 1) ** 3)
        self.damping = max(self.damping * fall, _MIN_DAMPING)
        self.n_stalled = self.n_stalled + 1 if gained < _STALLED * before else 0
        self.point = trial

    def _trial(self, velocity: Array, factor: Factor, ratio: Array) -> Point:
        """Return the point that the step leads to, with the best linear parameters."""
        theta = self.point.theta - self._bent(velocity, factor)
        forward = self.data.forward(self.stack, theta)
        own = ratio[self.stack.n_inner :][: self.stack.n_features]
        root = self.data.root_weight
        best = ridge(forward.features, self.data.y, root, own)
        if best is not None:
            forward = forward.with_coefficients(best.T)
        return Point(forward, self.data)

    def _bent(self, velocity: Array, factor: Factor) -> Array:
        """Return the step with its geodesic acceleration, if that is moderate."""
        forward = self.point.forward
        curved = forward.tangent(velocity).second
        weight = by_output(self.data.root_weight) ** 2
        bend = 0.5 * factor.solve(forward.gradient(curved * weight))
        if bend @ bend < _MAX_ACCELERATION**2 * (velocity @ velocity):
            return velocity + bend
        return velocity

    def _update_hyper(self) -> None:
        point = self.point
        factor = point.system.factor(self.prior.proper_ratio(self.state))
        if factor is None:
            return
        n_iter = self.age + self.n_iter
        args = (self.state, point.theta, point.error, factor, n_iter)
        hyper = self.prior.update(*args)
        data = self.data
        hyper = replace(
            hyper,
            precision=data.precision,
            log_evidence=hyper.log_evidence
            + 0.5 * data.n_slopes * float(np.log(data.precision)),
        )
        self.state = hyper
        late = n_iter >= _FIRST_BEST
        if late and _sound(hyper) and hyper.log_evidence > self._best_evidence:
            self.best = Best(point.theta, hyper)
        if self.balances and n_iter >= _FIRST_BALANCE:
            self._balance(factor)

    def _balance(self, factor: Factor) -> None:
        """Give slopes the precision that the evidence asks for, little by little."""
        point, data = self.point, self.data
        n = len(data.X)
        used = determined(factor, point.forward, data.root_weight, n)
        square = (point.residual**2).sum(axis=1)
        n_values = data.count - data.n_slopes
        values = max(n_values - used, 0.01 * n_values) / max(square[:n].sum(), 1e-300)
        free = data.n_slopes - (self.state.gamma - used)
        slopes = max(free, 0.01 * data.n_slopes) / max(square[n:].sum(), 1e-300)
        change = float(np.clip(slopes / values, 1 / _MAX_CHANGE, _MAX_CHANGE))
        precision = float(np.clip(data.precision * change, *_PRECISIONS))
        if precision != data.precision:
            self.data = data.balanced(precision)
            self.point = Point(point.forward, self.data)

    @property
    def _best_evidence(self) -> float:
        return self.best.hyper.log_evidence if self.best else -np.inf


def _sound(hyper: Hyper | None) -> bool:
    return (
        hyper is not None
        and not hyper.interpolates
        and bool(np.isfinite(hyper.log_evidence))
    )
