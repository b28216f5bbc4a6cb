"""Support vectors, kernel ridge regression, kernel PCA and feature maps of kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.decomposition import KernelPCA
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.preprocessing import KernelCenterer
from sklearn.svm import SVR, NuSVR

from .._maps import Affine, KernelFunction, Map
from .._sklearn_compat import kernel_pca_centerer, svm_gamma
from ..exceptions import NotConvertibleError
from ._expansions import dense, expansion
from ._kernels import given_kernel, named_kernel
from ._registry import register_converter


@register_converter(SVR, "predict")
@register_converter(NuSVR, "predict")
def _support_vectors(fitted: Any) -> Map:
    rows = dense(fitted.support_vectors_)
    parameters = {
        "gamma": svm_gamma(fitted),
        "degree": fitted.degree,
        "coef0": fitted.coef0,
    }
    name = fitted.kernel
    if callable(name):
        name = getattr(name, "__name__", repr(name))
    kernel = named_kernel(name, parameters, fitted.n_features_in_, _name(fitted))
    if not len(rows):  # every row is within epsilon
        return Affine(np.zeros((1, fitted.n_features_in_)), offset=fitted.intercept_)
    return expansion(kernel, rows, fitted.dual_coef_, offset=fitted.intercept_)


@register_converter(KernelRidge, "predict")
def _kernel_ridge(fitted: KernelRidge) -> Map:
    dual = dense(fitted.dual_coef_).reshape(len(fitted.dual_coef_), -1)
    return expansion(_own_kernel(fitted, fitted.gamma), fitted.X_fit_, dual.T)


@register_converter(Nystroem, "transform")
def _nystroem(fitted: Nystroem) -> Map:
    parameters = dict(fitted.kernel_params or {})
    for parameter in ("gamma", "degree", "coef0"):
        if getattr(fitted, parameter) is not None:
            parameters[parameter] = getattr(fitted, parameter)
    rows = dense(fitted.components_)
    kernel = given_kernel(fitted.kernel, parameters, rows.shape[1], _name(fitted))
    return expansion(kernel, rows, fitted.normalization_)


@register_converter(KernelPCA, "transform")
def _kernel_pca(fitted: KernelPCA) -> Map:
    kernel = _own_kernel(fitted, fitted.gamma_)
    sizes = np.sqrt(fitted.eigenvalues_)
    inverse = np.divide(1, sizes, out=np.zeros_like(sizes), where=sizes > 0)
    weight = (fitted.eigenvectors_ * inverse).T
    # the mean over the rows, which is subtracted from k, as part of the weight
    weight = weight - weight.mean(axis=1, keepdims=True)
    center = kernel_pca_centerer(fitted).K_fit_rows_
    return expansion(kernel, fitted.X_fit_, weight, center=center)


@register_converter(KernelPCA, "inverse_transform")
def _kernel_pca_inverse(fitted: KernelPCA) -> Map:
    if not fitted.fit_inverse_transform:
        raise NotConvertibleError(
            "KernelPCA has no inverse_transform unless it is fitted with "
            "fit_inverse_transform=True."
        )
    rows = fitted.X_transformed_fit_
    kernel = _own_kernel(fitted, fitted.gamma_)
    return expansion(kernel, rows, dense(fitted.dual_coef_).T)


@register_converter(KernelCenterer, "transform")
def _kernel_centerer(fitted: KernelCenterer) -> Map:
    n = len(fitted.K_fit_rows_)
    offset = np.full(n, fitted.K_fit_all_ - np.mean(fitted.K_fit_rows_))
    return Affine(np.eye(n) - 1 / n, center=fitted.K_fit_rows_, offset=offset)


def _own_kernel(fitted: Any, gamma: Any) -> KernelFunction:
    parameters = {"gamma": gamma, "degree": fitted.degree, "coef0": fitted.coef0}
    n_features = fitted.n_features_in_
    return given_kernel(fitted.kernel, parameters, n_features, _name(fitted))


def _name(fitted: Any) -> str:
    return type(fitted).__name__
