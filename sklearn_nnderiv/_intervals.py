"""Standard deviations and draws in raw units, from the posterior of the network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ._engines import evaluate, in_chunks
from ._maps import Map
from ._training import Posterior, Surroundings
from ._validation import Array

# rows in a chunk: their gradients by all parameters hold some 10 MB
_CHUNK_SIZE = 2**20


@dataclass(frozen=True)
class Intervals:
    """The posterior of a network between two maps.

    Attributes
    ----------
    posterior : Posterior
    x_map, y_map : Map
        From raw inputs to the network, and from the network to raw outputs, each
        output by itself.
    """

    posterior: Posterior
    x_map: Map
    y_map: Map

    def value_std(self, X: Array) -> Array:
        """Return the standard deviation (n, n_outputs) of the fitted function at X."""
        result = np.empty((len(X), self.y_map.n_out))

        def run(rows: slice) -> None:
            around = self._around(X[rows])
            variance = self.posterior.value_variance(around)
            variance += (self.posterior.doubt * self._rival_values(around)) ** 2
            result[rows] = np.sqrt(variance)

        in_chunks(run, len(X), self._rows_per_chunk(1))
        return result

    def jacobian_std(self, X: Array) -> Array:
        """Return the standard deviation (n, n_outputs, n_features) of its Jacobian."""
        result = np.empty((len(X), self.y_map.n_out, X.shape[1]))

        def run(rows: slice) -> None:
            around = self._around(X[rows])
            variance = self.posterior.jacobian_variance(around)
            variance += (self.posterior.doubt * self._rival_jacobian(around)) ** 2
            result[rows] = np.sqrt(variance)

        in_chunks(run, len(X), self._rows_per_chunk(X.shape[1]))
        return result

    def sample_jacobian(self, X: Array, n_samples: int, seed: int) -> Array:
        """Return draws (n_samples, n, n_outputs, n_features) of the Jacobian at X.

        A draw is one function: the same for all rows, whatever other rows there are.
        """
        rng = np.random.default_rng(seed)
        draws = self.posterior.draw(n_samples, rng)
        towards_rival = self.posterior.doubt * rng.standard_normal(n_samples)
        result = np.empty((n_samples, len(X), self.y_map.n_out, X.shape[1]))

        def run(rows: slice) -> None:
            around = self._around(X[rows])
            moved = self.posterior.jacobian_deviations(around, draws)
            rival = self._rival_jacobian(around)
            moved += np.multiply.outer(towards_rival, rival)
            result[:, rows] = moved + self.posterior.jacobian(around)

        in_chunks(run, len(X), self._rows_per_chunk(X.shape[1]))
        return result

    @property
    def n_directions(self) -> int:
        """Return in how many directions an output of the fit may move."""
        stack = self.posterior.covariance.stack
        return stack.n_inner + stack.n_features + 1

    def gradients(self, X: Array) -> tuple[Array, Array]:
        """Return how values and Jacobian at X move in every direction of doubt.

        The directions are the parameters of an output, and the rival as the last.

        Returns
        -------
        of_values : ndarray of shape (n, n_outputs, n_directions)
        of_jacobian : ndarray of shape (n, n_outputs, n_directions, n_features)
        """
        around, doubt = self._around(X), self.posterior.doubt
        n, m, q = len(X), X.shape[1], self.n_directions
        of_values = np.empty((n, self.y_map.n_out, q))
        of_jacobian = np.empty((n, self.y_map.n_out, m, q))
        moved = self.posterior.value_gradients(around)
        np.concatenate(moved, axis=-1, out=of_values[..., :-1])
        for j, inner, features in self.posterior.jacobian_gradients(around):
            np.concatenate([inner, features], axis=-1, out=of_jacobian[:, j, :, :-1])
        of_values[..., -1] = doubt * self._rival_values(around)
        of_jacobian[..., -1] = doubt * self._rival_jacobian(around)
        return of_values, of_jacobian.swapaxes(-1, -2)

    def std(self, output: int, moved: Array) -> Array:
        """Return standard deviations (m,) of quantities of an output.

        Parameters
        ----------
        output : int
        moved : ndarray of shape (m, n_directions)
            Combinations of `gradients`, linear in them.
        """
        variance = self.posterior.variance_along(output, moved[:, :-1])
        return np.sqrt(variance + moved[:, -1] ** 2)

    def _rows_per_chunk(self, n_directions: int) -> int:
        size = max(1, self.posterior.n_parameters) * n_directions
        return max(1, _CHUNK_SIZE // size)

    def _around(self, X: Array) -> Surroundings:
        array, tangents = _with_jacobian(self.x_map, X)
        slope, curvature = self._bends(self.posterior.network(array))
        moved = tangents.transpose(0, 2, 1)
        return Surroundings(array, moved, slope, curvature)

    def _bends(self, outputs: Array) -> tuple[Array, Array]:
        """Return first and second derivative of the raw outputs by the network's."""
        with torch.inference_mode(False), torch.enable_grad():
            z = torch.tensor(outputs).requires_grad_()
            slope = _gradient(self.y_map(z), z)
            curvature = _gradient(slope, z)
        return slope.detach().numpy(), curvature.detach().numpy()

    def _rival_values(self, around: Surroundings) -> Array:
        """Return the raw outputs of the rival minus those of the network."""
        rival = self.posterior.rival_network(around.inputs)
        if rival is None:
            return np.zeros_like(around.slope)
        own = self.posterior.network(around.inputs)
        after = np.empty((2, *own.shape))
        for z, out in zip((rival, own), after, strict=True):
            evaluate(self.y_map, z, {"values": out})
        return after[0] - after[1]

    def _rival_jacobian(self, around: Surroundings) -> Array:
        """Return the raw Jacobian of the rival minus that of the network."""
        rival = self.posterior.rival_network(around.inputs)
        own = self.posterior.jacobian(around)
        if rival is None:
            return np.zeros_like(own)
        slope, curvature = self._bends(rival)
        there = replace(around, slope=slope, curvature=curvature)
        return self.posterior.rival_jacobian(there) - own


def _gradient(y: Tensor, z: Tensor) -> Tensor:
    """Return the derivative of each y by its own z, differentiable once more."""
    if not y.requires_grad:
        return torch.zeros_like(z)
    (gradient,) = torch.autograd.grad(
        y.sum(), z, create_graph=True, materialize_grads=True
    )
    return gradient


def acts_on_each(y_map: Map, outputs: Array) -> bool:
    """Whether each raw output depends on one output of the network only."""
    jacobian = _with_jacobian(y_map, outputs)[1]
    return not bool((jacobian * (1 - np.eye(y_map.n_out))).any())


def _with_jacobian(function: Map, X: Array) -> tuple[Array, Array]:
    values = np.empty((len(X), function.n_out))
    jacobian = np.empty((len(X), function.n_out, function.n_in))
    evaluate(function, X, {"values": values, "jacobian": jacobian})
    return values, jacobian
