"""Scalers, power transformations and norms."""

from typing import Any

import numpy as np
import torch
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from .._elementwise import power
from .._maps import Affine, Elementwise, Map, Normalize, Sequential
from .._sklearn_compat import power_transformer_scaler
from .._validation import warn
from ..exceptions import DerivativeWarning
from ._registry import register_converter


def _clipped(scaled: Map, low: float, high: float) -> Map:
    clip = Elementwise(torch.clamp, scaled.n_out, low, high, smoothness="piecewise")
    return Sequential([scaled, clip], scaled.n_in)


def _center(fitted: StandardScaler | RobustScaler) -> Any:
    if isinstance(fitted, RobustScaler):
        return fitted.center_
    # mean_ is there even when it is not used
    return fitted.mean_ if fitted.with_mean else None


def _scale(fitted: StandardScaler | RobustScaler) -> Any:
    return np.ones(fitted.n_features_in_) if fitted.scale_ is None else fitted.scale_


@register_converter(StandardScaler, "transform")
@register_converter(RobustScaler, "transform")
def _shift_and_scale(fitted: StandardScaler | RobustScaler) -> Map:
    return Affine(1 / _scale(fitted), center=_center(fitted))


@register_converter(StandardScaler, "inverse_transform")
@register_converter(RobustScaler, "inverse_transform")
def _shift_and_scale_inverse(fitted: StandardScaler | RobustScaler) -> Map:
    return Affine(_scale(fitted), offset=_center(fitted))


@register_converter(MinMaxScaler, "transform")
def _min_max_scaler(fitted: MinMaxScaler) -> Map:
    low, high = fitted.feature_range
    offset = np.full(fitted.n_features_in_, low, dtype=np.float64)
    scaled = Affine(fitted.scale_, center=fitted.data_min_, offset=offset)
    return _clipped(scaled, low, high) if fitted.clip else scaled


@register_converter(MinMaxScaler, "inverse_transform")
def _min_max_scaler_inverse(fitted: MinMaxScaler) -> Map:
    # the inverse does not clip
    low = np.full(fitted.n_features_in_, fitted.feature_range[0], dtype=np.float64)
    return Affine(1 / fitted.scale_, center=low, offset=fitted.data_min_)


@register_converter(MaxAbsScaler, "transform")
def _max_abs_scaler(fitted: MaxAbsScaler) -> Map:
    scaled = Affine(1 / fitted.scale_)
    clip = getattr(fitted, "clip", False)  # since scikit-learn 1.9
    return _clipped(scaled, -1.0, 1.0) if clip else scaled


@register_converter(MaxAbsScaler, "inverse_transform")
def _max_abs_scaler_inverse(fitted: MaxAbsScaler) -> Map:
    return Affine(fitted.scale_)


def _power_map(function: Any, fitted: PowerTransformer) -> Map:
    result = Elementwise(function, fitted.n_features_in_, fitted.lambdas_)
    # scikit-learn takes the power 1 / lambda of a rounded 1 + lambda * z, and before
    # 1.8 the difference of a power and 1, over lambda
    exponents = abs(np.concatenate([fitted.lambdas_, 2 - fitted.lambdas_]))
    rounding = max(1e-12, 4 * np.finfo(float).eps / exponents[exponents > 0].min())
    result.tolerance = (rounding, rounding)
    return result


@register_converter(PowerTransformer, "transform")
def _power_transformer(fitted: PowerTransformer) -> Map:
    function = power.box_cox if fitted.method == "box-cox" else power.yeo_johnson
    maps: list[Map] = [_power_map(function, fitted)]
    if fitted.standardize:
        scaler = power_transformer_scaler(fitted)
        _warn_of_collapse(fitted, scaler)
        maps.append(_shift_and_scale(scaler))
    return Sequential(maps, fitted.n_features_in_)


def _warn_of_collapse(fitted: PowerTransformer, scaler: StandardScaler) -> None:
    """Warn of columns that differ by little more than rounding after the power."""
    spread = np.sqrt(scaler.var_)
    lost = np.flatnonzero((spread > 0) & (spread < 1e-10 * abs(scaler.mean_)))
    if len(lost):
        warn(
            f"PowerTransformer made columns {lost.tolist()} constant up to rounding "
            f"(exponents {fitted.lambdas_[lost].round(1).tolist()}), so their "
            "derivatives are noise. Standardize first, as in "
            "make_pipeline(StandardScaler(), PowerTransformer()).",
            DerivativeWarning,
        )


@register_converter(PowerTransformer, "inverse_transform")
def _power_transformer_inverse(fitted: PowerTransformer) -> Map:
    box_cox = fitted.method == "box-cox"
    function = power.inverse_box_cox if box_cox else power.inverse_yeo_johnson
    maps: list[Map] = [_power_map(function, fitted)]
    if fitted.standardize:
        maps.insert(0, _shift_and_scale_inverse(power_transformer_scaler(fitted)))
    return Sequential(maps, fitted.n_features_in_)


@register_converter(Normalizer, "transform")
def _normalizer(fitted: Normalizer) -> Map:
    least = 10 * float(np.finfo(np.float64).eps)
    return Normalize(fitted.norm, fitted.n_features_in_, least)
