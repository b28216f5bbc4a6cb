"""The linearised Laplace posterior of values and derivatives.

The network is linear in its parameters near their optimum, whose distribution is a
Gaussian with the inverse of the Gauss-Newton matrix as covariance (Immer, Korzepa and
Bauer 2021). The distance to the best rival network counts as one direction more, since
one Gaussian knows nothing of other optima.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .._engines import Forward, Stack
from .._validation import Array, Index
from ._covariance import Covariance
from ._lm import Run
from ._normal import Primal, by_output
from ._standard import Standard

# the factor of so many parameters holds 32 MB
MAX_POSTERIOR_PARAMETERS = 2_000
# an input that relevance determination has switched off has a slope that is small, not
# one that is certain: its prior is at most this times the curvature of the data, per
# weight of its group
_LEAST_DOUBT = 0.02
_CALIBRATION_ROWS = 2_000
# rows whose leverages are held at once
_LEVERAGE_ROWS = 1_000
_MAX_CALIBRATION = 3.0


@dataclass(frozen=True)
class Surroundings:
    """The maps before and after the network, to first and second order, at n rows.

    Attributes
    ----------
    inputs : ndarray of shape (n, n_in)
        Inputs of the network.
    tangents : ndarray of shape (n, n_features, n_in)
        Their derivatives by the raw features.
    slope, curvature : ndarray of shape (n, n_out)
        First and second derivative of each raw output by that of the network.
    """

    inputs: Array
    tangents: Array
    slope: Array
    curvature: Array


@dataclass(frozen=True)
class Posterior:
    """A Gaussian around the fitted parameters.

    Attributes
    ----------
    standard : Standard
        The units of the parameters.
    theta : ndarray of shape (n_parameters,)
    covariance : Covariance
    spread : float
        Standard deviation in units of that of `covariance`: the noise, recalibrated.
    rival : tuple of (Stack, ndarray), or None
        The second-best network and its parameters.
    varies : ndarray of shape (n_out,)
        0 for outputs that were constant in training, else 1.
    doubt : float
        How many times the difference to the rival is a standard deviation.
    """

    standard: Standard
    theta: Array
    covariance: Covariance
    spread: float
    rival: tuple[Stack, Array] | None
    varies: Array
    doubt: float

    @classmethod
    def of(cls, run: Run, rival: Run | None, standard: Standard) -> Posterior | None:
        """Return the posterior of a finished run; None of a network too large."""
        if run.stack.n_parameters > MAX_POSTERIOR_PARAMETERS:
            return None
        covariance = covariance_of(run)
        spread = _calibration(run, covariance) / np.sqrt(run.state.beta)
        other, doubt = None, 0.0
        if rival is not None:
            other = (rival.stack, rival.point.theta)
            own, others = (r.score / r.data.count for r in (run, rival))
            gap = max(0.0, own - others)
            # two networks that are as good differ by sqrt(2) standard deviations
            doubt = float(np.sqrt(0.5 * np.exp(-gap)))
        y = run.data.y[: len(run.data.X)]
        varies = (y != y[:1]).any(axis=0).astype(float)
        theta = run.point.theta
        return cls(standard, theta, covariance, float(spread), other, varies, doubt)

    @property
    def n_parameters(self) -> int:
        """Return the number of parameters."""
        return len(self.theta)

    @property
    def _stack(self) -> Stack:
        return self.covariance.stack

    def network(self, inputs: Array) -> Array:
        """Return the outputs of the network in scaled units."""
        return self._outputs(self._forward(self._stack, self.theta, inputs))

    def value_variance(self, around: Surroundings) -> Array:
        """Return the variance (n, n_out) of the raw outputs, without the rival's."""
        forward = self._forward(self._stack, self.theta, around.inputs)
        inner, features = _value_gradients(forward)
        variance = np.stack(
            [
                self.covariance.squared_norm(j, inner[:, j], features)
                for j in range(self._stack.n_out)
            ],
            axis=1,
        )
        return variance * (self._unit(around)) ** 2

    def value_gradients(self, around: Surroundings) -> tuple[Array, Array]:
        """Return how the raw values (n, n_out) move with the parameters.

        Returns
        -------
        inner : ndarray of shape (n, n_out, n_inner)
        features : ndarray of shape (n, n_out, n_coefficients)
        """
        forward = self._forward(self._stack, self.theta, around.inputs)
        inner, features = _value_gradients(forward)
        unit = self._unit(around)[..., None]
        return inner * unit, features[:, None] * unit

    def variance_along(self, output: int, moved: Array) -> Array:
        """Return the variance (m,) of quantities of an output.

        Parameters
        ----------
        output : int
        moved : ndarray of shape (m, n_inner + n_coefficients)
            How they move with the parameters, inner ones first.
        """
        p = self._stack.n_inner
        inner, features = (np.ascontiguousarray(a) for a in np.split(moved, [p], 1))
        return self.covariance.squared_norm(output, inner, features)

    def jacobian_gradients(
        self, around: Surroundings
    ) -> Iterator[tuple[int, Array, Array]]:
        """Yield how the raw Jacobian of each output moves with the parameters.

        Yields
        ------
        output : int
        inner : ndarray of shape (n, n_features, n_inner)
        features : ndarray of shape (n, n_features, n_coefficients)
        """
        forward = self._forward(self._stack, self.theta, around.inputs)
        tangents = self._tangents(around)
        unit = self._unit(around)
        curved = bool(around.curvature.any())
        if curved:
            slopes = forward.input_jacobian(tangents)
            value_inner, value_features = _value_gradients(forward)
            bent = around.curvature * (
                self.spread * self.standard.y_scale**2 * self.varies
            )
        for j in range(self._stack.n_out):
            inner, features = forward.mixed_jacobian(j, tangents)
            inner *= unit[:, j, None, None]
            features *= unit[:, j, None, None]
            if curved:
                factor = (bent[:, j, None] * slopes[:, j])[..., None]
                inner += factor * value_inner[:, j, None]
                features += factor * value_features[:, None]
            yield j, inner, features

    def jacobian_variance(self, around: Surroundings) -> Array:
        """Return the variance (n, n_out, n_features) of the raw Jacobian."""
        n, m = around.tangents.shape[:2]
        variance = np.empty((n, self._stack.n_out, m))
        for j, inner, features in self.jacobian_gradients(around):
            flat = self.covariance.squared_norm(j, _rows(inner), _rows(features))
            variance[:, j] = flat.reshape(n, m)
        return variance

    def jacobian_deviations(self, around: Surroundings, draws: Array) -> Array:
        """Return changes (n_draws, n, n_out, n_features) of the raw Jacobian.

        Parameters
        ----------
        around : Surroundings
        draws : ndarray of shape (n_draws, n_parameters)
            Changes of the parameters, see `draw`.
        """
        n, m = around.tangents.shape[:2]
        p = self._stack.n_inner
        outer = draws[:, p:].reshape(len(draws), self._stack.n_out, -1)
        result = np.empty((len(draws), n, self._stack.n_out, m))
        for j, inner, features in self.jacobian_gradients(around):
            moved = draws[:, :p] @ _rows(inner).T + outer[:, j] @ _rows(features).T
            result[:, :, j] = moved.reshape(-1, n, m)
        return result

    def draw(self, n_draws: int, rng: np.random.Generator) -> Array:
        """Return random changes of the parameters, in units of `spread`."""
        normal = rng.standard_normal((n_draws, self._stack.n_parameters))
        return np.stack([self.covariance.coloured(row) for row in normal])

    def jacobian(self, around: Surroundings) -> Array:
        """Return the raw Jacobian (n, n_out, n_features) itself."""
        return self._jacobian(self._stack, self.theta, around)

    def rival_network(self, inputs: Array) -> Array | None:
        """Return the outputs of the rival in scaled units, if there is one."""
        if self.rival is None:
            return None
        return self._outputs(self._forward(*self.rival, inputs))

    def rival_jacobian(self, around: Surroundings) -> Array:
        """Return the raw Jacobian of the rival, for surroundings of its own."""
        assert self.rival is not None
        return self._jacobian(*self.rival, around)

    def _jacobian(self, stack: Stack, theta: Array, around: Surroundings) -> Array:
        forward = self._forward(stack, theta, around.inputs)
        scale = (around.slope * self.standard.y_scale)[:, :, None]
        return forward.input_jacobian(self._tangents(around)) * scale

    def _tangents(self, around: Surroundings) -> Array:
        return around.tangents[:, :, self.standard.columns] / self.standard.x_scale

    def _outputs(self, forward: Forward) -> Array:
        return forward.values * self.standard.y_scale + self.standard.y_mean

    def _unit(self, around: Surroundings) -> Array:
        # of an output that was constant in training, nothing is in doubt
        return around.slope * (self.spread * self.standard.y_scale * self.varies)

    def _forward(self, stack: Stack, theta: Array, inputs: Array) -> Forward:
        return stack.forward(theta, self.standard.inputs(inputs))


def _rows(table: Array) -> Array:
    return table.reshape(table.shape[0] * table.shape[1], table.shape[2])


def _value_gradients(forward: Forward) -> tuple[Array, Array]:
    """Return derivatives of the values by inner parameters and coefficients."""
    n, stack = len(forward.X), forward.stack
    inner = np.empty((n, stack.n_out, stack.n_inner))
    if stack.n_inner:
        forward.inner_jacobian(inner, slice(0, n), np.ones((n, 1)))
    return inner, forward.features


def covariance_of(run: Run) -> Covariance:
    """Return the covariance of the parameters, with room for doubt."""
    system = Primal.of(run.point.forward, run.data.root_weight)
    groups, sizes = run.prior.groups, run.prior.sizes
    outer = np.empty((run.stack.n_out, run.stack.n_features))
    outer[:] = [np.diagonal(block) for block in system.outer]
    curvature = np.concatenate([np.diagonal(system.inner), outer.ravel()])
    mean = np.bincount(groups, curvature) / sizes
    most = (_LEAST_DOUBT * sizes * mean)[groups]
    ratio = np.minimum(run.prior.proper_ratio(run.state), most)
    jitter = 1e-16 * max(float(curvature.max()), 1e-300)
    ratio = np.maximum(ratio, jitter)
    while (factor := system.factor(ratio)) is None:
        jitter *= 10
        ratio = np.maximum(ratio, jitter)
    return Covariance.of(factor)


def _calibration(run: Run, covariance: Covariance) -> float:
    """Return by how much residuals of withheld rows exceed what is expected.

    Leaving out a row of the linearised model has a closed form. Where almost every row
    has a parameter of its own, nothing can be learnt from it.
    """
    data = run.data
    n = len(data.X)
    if run.state.gamma > 0.5 * run.data.count or n < 20:
        return 1.0
    rows = np.linspace(0, n - 1, min(n, _CALIBRATION_ROWS)).astype(int)
    left = np.maximum(1 - _leverages(run, covariance, rows), 1e-3)
    score = np.sqrt(np.mean(run.point.residual[rows] ** 2 / left) * run.state.beta)
    return float(np.clip(score, 1.0, _MAX_CALIBRATION))


def left_out_residuals(run: Run) -> Array:
    """Return residuals (n, n_out) of rows left out of the linearised network."""
    residual = run.point.residual[: len(run.data.X)]
    if run.stack.n_parameters > MAX_POSTERIOR_PARAMETERS:
        return residual
    covariance = covariance_of(run)
    starts = range(0, len(residual), _LEVERAGE_ROWS)
    rows = [np.arange(i, min(i + _LEVERAGE_ROWS, len(residual))) for i in starts]
    leverage = np.concatenate([_leverages(run, covariance, part) for part in rows])
    return residual / np.maximum(1 - leverage, 1e-6)


def _leverages(run: Run, covariance: Covariance, rows: Index) -> Array:
    """Return by how much each residual (n, n_out) of some rows moves its own value."""
    stack, weight = run.stack, run.data.root_weight[rows] ** 2
    part = stack.forward(run.point.theta, run.data.X[rows])
    inner, features = _value_gradients(part)
    norms = [
        covariance.squared_norm(j, inner[:, j], features) for j in range(stack.n_out)
    ]
    return np.stack(norms, axis=1) * by_output(weight)
