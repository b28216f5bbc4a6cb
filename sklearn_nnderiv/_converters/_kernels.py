"""From kernels of scikit-learn to kernel functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from sklearn.gaussian_process import kernels

from .._maps import (
    AdditiveChi2Kernel,
    Chi2Kernel,
    ConstantKernel,
    CosineKernel,
    ExponentialKernel,
    KernelFunction,
    LaplacianKernel,
    LinearKernel,
    OnceDifferentiableKernel,
    PeriodicKernel,
    PolynomialKernel,
    PowerKernel,
    ProductKernel,
    RadialKernel,
    RationalQuadraticKernel,
    SigmoidKernel,
    SumKernel,
    TwiceDifferentiableKernel,
    WhiteKernel,
)
from ..exceptions import NotConvertibleError

Parameters = Mapping[str, Any]


def named_kernel(
    name: str, parameters: Parameters, n_features: int, owner: str
) -> KernelFunction:
    """Return one of the kernels of `sklearn.metrics.pairwise_kernels`.

    Parameters
    ----------
    name : str
    parameters : mapping
        Of "gamma", "degree" and "coef0" what is not to have its default there.
    n_features : int
    owner : str
        Whose kernel it is, for messages.
    """
    if name not in _NAMED:
        raise NotConvertibleError(
            f"{owner} with kernel={name!r} cannot be converted to torch, for its "
            "derivative with respect to rows of features is not known. Use one of the "
            f"kernels {', '.join(sorted(_NAMED))}, or one of "
            "sklearn.gaussian_process.kernels where these are allowed."
        )
    return _NAMED[name](parameters, n_features)


def given_kernel(
    kernel: Any, parameters: Parameters, n_features: int, owner: str
) -> KernelFunction:
    """Return a kernel given as a name or as an object.

    For an object, no parameters are taken.
    """
    if isinstance(kernel, kernels.Kernel):
        return process_kernel(kernel, n_features)
    if callable(kernel):
        name = getattr(kernel, "__name__", repr(kernel))
        raise NotConvertibleError(
            f"{owner} with the function {name} as kernel cannot be converted to torch, "
            f"for its derivative is not known. Use one of the kernels "
            f"{', '.join(sorted(_NAMED))}, or one of sklearn.gaussian_process.kernels."
        )
    return named_kernel(kernel, parameters, n_features, owner)


def process_kernel(kernel: Any, n_features: int) -> KernelFunction:
    """Return a kernel of `sklearn.gaussian_process.kernels`."""
    kind = type(kernel)  # a subclass may be another function
    if kind not in _OF_PROCESSES:
        known = sorted(known.__name__ for known in _OF_PROCESSES)
        raise NotConvertibleError(
            f"The kernel {kind.__module__}.{kind.__qualname__} cannot be converted to "
            f"torch, so its derivative is not known. Known are: {', '.join(known)}."
        )
    return _OF_PROCESSES[kind](kernel, n_features)


def _gamma(parameters: Parameters, n_features: int) -> float:
    gamma = parameters.get("gamma")
    return 1 / n_features if gamma is None else float(gamma)


def _coef0(parameters: Parameters) -> float:
    return float(parameters.get("coef0", 1))


def _linear(parameters: Parameters, n_features: int) -> KernelFunction:
    return LinearKernel()


def _polynomial(parameters: Parameters, n_features: int) -> KernelFunction:
    degree = float(parameters.get("degree", 3))
    gamma = _gamma(parameters, n_features)
    return PolynomialKernel(gamma, _coef0(parameters), degree)


def _sigmoid(parameters: Parameters, n_features: int) -> KernelFunction:
    return SigmoidKernel(_gamma(parameters, n_features), _coef0(parameters))


def _radial(parameters: Parameters, n_features: int) -> KernelFunction:
    gamma = _gamma(parameters, n_features)
    return RadialKernel((2 * gamma) ** -0.5) if gamma else ConstantKernel(1.0)


def _laplacian(parameters: Parameters, n_features: int) -> KernelFunction:
    return LaplacianKernel(_gamma(parameters, n_features))


def _cosine(parameters: Parameters, n_features: int) -> KernelFunction:
    return CosineKernel()


def _chi2(parameters: Parameters, n_features: int) -> KernelFunction:
    return Chi2Kernel(float(parameters.get("gamma", 1)))


def _additive_chi2(parameters: Parameters, n_features: int) -> KernelFunction:
    return AdditiveChi2Kernel()


_NAMED: dict[str, Callable[[Parameters, int], KernelFunction]] = {
    "additive_chi2": _additive_chi2,
    "chi2": _chi2,
    "cosine": _cosine,
    "laplacian": _laplacian,
    "linear": _linear,
    "poly": _polynomial,
    "polynomial": _polynomial,
    "rbf": _radial,
    "sigmoid": _sigmoid,
}


def _sum(kernel: Any, n_features: int) -> KernelFunction:
    parts = (process_kernel(part, n_features) for part in (kernel.k1, kernel.k2))
    return SumKernel(*parts)


def _product(kernel: Any, n_features: int) -> KernelFunction:
    parts = (process_kernel(part, n_features) for part in (kernel.k1, kernel.k2))
    return ProductKernel(*parts)


def _exponentiation(kernel: Any, n_features: int) -> KernelFunction:
    base = process_kernel(kernel.kernel, n_features)
    return PowerKernel(base, float(kernel.exponent))


def _constant(kernel: Any, n_features: int) -> KernelFunction:
    return ConstantKernel(float(kernel.constant_value))


def _white(kernel: Any, n_features: int) -> KernelFunction:
    return WhiteKernel(float(kernel.noise_level))


def _length_scale(kernel: Any) -> Any:
    return np.squeeze(kernel.length_scale)


def _rbf(kernel: Any, n_features: int) -> KernelFunction:
    return RadialKernel(_length_scale(kernel))


_MATERN: dict[float, Callable[[Any], KernelFunction]] = {
    0.5: ExponentialKernel,
    1.5: OnceDifferentiableKernel,
    2.5: TwiceDifferentiableKernel,
    np.inf: RadialKernel,
}


def _matern(kernel: Any, n_features: int) -> KernelFunction:
    if kernel.nu not in _MATERN:
        raise NotConvertibleError(
            f"{kernel!r} cannot be converted to torch: for this nu it is a Bessel "
            "function, which torch does not know. Use nu=0.5, 1.5, 2.5 or inf."
        )
    return _MATERN[kernel.nu](_length_scale(kernel))


def _rational_quadratic(kernel: Any, n_features: int) -> KernelFunction:
    return RationalQuadraticKernel(_length_scale(kernel), float(kernel.alpha))


def _exp_sine_squared(kernel: Any, n_features: int) -> KernelFunction:
    return PeriodicKernel(float(_length_scale(kernel)), float(kernel.periodicity))


def _dot_product(kernel: Any, n_features: int) -> KernelFunction:
    return LinearKernel(float(kernel.sigma_0) ** 2)


def _pairwise(kernel: Any, n_features: int) -> KernelFunction:
    given = {"gamma": kernel.gamma, **(kernel.pairwise_kernels_kwargs or {})}
    return given_kernel(kernel.metric, given, n_features, "PairwiseKernel")


_OF_PROCESSES: dict[type, Callable[[Any, int], KernelFunction]] = {
    kernels.Sum: _sum,
    kernels.Product: _product,
    kernels.Exponentiation: _exponentiation,
    kernels.ConstantKernel: _constant,
    kernels.WhiteKernel: _white,
    kernels.RBF: _rbf,
    kernels.Matern: _matern,
    kernels.RationalQuadratic: _rational_quadratic,
    kernels.ExpSineSquared: _exp_sine_squared,
    kernels.DotProduct: _dot_product,
    kernels.PairwiseKernel: _pairwise,
}
