"""Derivatives with the names of rows, outputs and features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import functional
from .._validation import Array
from ._frames import frame_like
from ._model import Model
from ._sampled_rows import beyond


def jacobian_frame(
    estimator: Any,
    X: Any,
    *,
    layout: str = "wide",
    return_std: bool = False,
    X_train: Any = None,
    feature_names: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    verbose: int = 0,
) -> Any:
    """Compute derivatives as a frame, labelled with names of outputs and features.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    layout : {"wide", "long"}, default="wide"
        The shape of the frame.

        "wide" :
            A row per row of X, and a column per output and feature, "dy/dx0".
        "long" :
            A row per row of X, output and feature, with the columns "sample", "output",
            "feature" and "derivative".
    return_std : bool, default=False
        Whether to add the standard deviations of the derivatives under the posterior of
        the fit, where there is one: columns "std dy/dx0", or the column "std".
    X_train : array-like or DataFrame of shape (n_train, n_features), default=None
        The rows of the fit, for estimators that do not keep any. With it, or kept rows,
        the last column "extrapolates" tells rows that lie beyond the training data.
    feature_names : sequence of str, default=None
        Names of the features. By default the columns of X, or "x0", "x1" and so on.
    output_names : sequence of str, default=None
        Names of the outputs. By default "y", or "y0", "y1" and so on.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    frame : DataFrame
        Of pandas for an array, otherwise of the library of X, in raw units. In pandas
        the rows keep their index; "sample" holds its labels, elsewhere places. A column
        without a derivative, such as a category, is NaN.

    Raises
    ------
    ImportError
        If pandas is needed and not installed.
    ValueError
        If names are not distinct, or `return_std` is asked of a fit without posterior.

    See Also
    --------
    sklearn_nnderiv.jacobian : The same as an array.
    jacobian_xarray : The same with three labelled dimensions.
    marginal_effects : Averages of derivatives, with intervals.

    Notes
    -----
    The derivatives are those of `sklearn_nnderiv.jacobian`, the standard deviations
    those of `sklearn_nnderiv.value_and_jacobian`. A row extrapolates where its
    `extrapolation_score` is above 1: its derivative is a guess.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import jacobian_frame
    >>> X = pd.DataFrame({"age": [1.0, 2, 4], "dose": [3.0, 1, 2]}, index=[*"abc"])
    >>> model = LinearRegression().fit(X, 2 * X["age"] - X["dose"])
    >>> jacobian_frame(model, X, output_names=["risk"]).round(6)
       drisk/dage  drisk/ddose
    a         2.0         -1.0
    b         2.0         -1.0
    c         2.0         -1.0
    >>> jacobian_frame(model, X[:1], layout="long").round(6)
      sample output feature  derivative
    0      a      y     age         2.0
    1      a      y    dose        -1.0
    """
    if layout not in ("wide", "long"):
        raise ValueError(f"`layout` must be 'wide' or 'long'. Got {layout!r} instead.")
    model = Model(estimator, X, feature_names=feature_names, output_names=output_names)
    numbers = _derivatives(model, return_std, verbose)
    columns = (_wide if layout == "wide" else _long)(model, numbers)
    flag = beyond(model, model.table, X_train)
    if flag is not None:
        size = numbers["derivative"][0].size
        columns["extrapolates"] = flag if layout == "wide" else np.repeat(flag, size)
    frame = frame_like(X, columns)
    if layout == "wide" and hasattr(X, "iloc"):
        frame.index = X.index
    return frame


def jacobian_xarray(
    estimator: Any,
    X: Any,
    *,
    X_train: Any = None,
    feature_names: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    verbose: int = 0,
) -> Any:
    """Compute derivatives as an array of xarray: sample, output, feature.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    X_train : array-like or DataFrame of shape (n_train, n_features), default=None
        The rows of the fit, for estimators that do not keep any. With it, or kept rows,
        the coordinate "extrapolates" of the samples tells those that lie beyond the
        training data.
    feature_names : sequence of str, default=None
        Names of the features. By default the columns of X, or "x0", "x1" and so on.
    output_names : sequence of str, default=None
        Names of the outputs. By default "y", or "y0", "y1" and so on.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    array : xarray.DataArray of shape (n_samples, n_outputs, n_features)
        The derivatives in raw units, NaN where there is none. The samples are labelled
        by the index of a pandas frame, otherwise by their places.

    Raises
    ------
    ImportError
        If xarray is not installed.

    See Also
    --------
    jacobian_frame : The same as a frame, without xarray.

    Notes
    -----
    The derivatives are those of `sklearn_nnderiv.jacobian`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import jacobian_xarray
    >>> X = np.array([[1.0, 3.0], [2.0, 1.0], [4.0, 2.0]])
    >>> model = LinearRegression().fit(X, X @ [[2.0, 0.0], [-1.0, 5.0]])
    >>> J = jacobian_xarray(model, X, feature_names=["age", "dose"])
    >>> J.dims, J.shape
    (('sample', 'output', 'feature'), (3, 2, 2))
    >>> J.sel(output="y1", feature="dose").values.round(6)
    array([5., 5., 5.])
    """
    try:
        import xarray
    except ImportError as error:
        raise ImportError(
            "jacobian_xarray needs xarray, which is not installed here: pip install "
            "xarray, or 'sklearn-nnderiv[xarray]'. jacobian_frame does without it."
        ) from error
    model = Model(estimator, X, feature_names=feature_names, output_names=output_names)
    coordinates: dict[str, Any] = {
        "sample": np.asarray(_labels(model)),
        "output": model.output_names,
        "feature": model.feature_names,
    }
    flag = beyond(model, model.table, X_train)
    if flag is not None:
        coordinates["extrapolates"] = "sample", flag
    return xarray.DataArray(
        _derivatives(model, False, verbose)["derivative"],
        dims=("sample", "output", "feature"),
        coords=coordinates,
        name="derivative",
    )


def _derivatives(model: Model, with_std: bool, verbose: int) -> dict[str, Array]:
    """Return derivatives, and their standard deviations, (n, n_outputs, n_features)."""
    shape = len(model.table), model.n_outputs, model.n_features
    numbers = {"derivative": np.empty(shape)}
    if with_std:
        numbers["std"] = np.empty(shape)
    for rows, table in model.chunks("derivatives", verbose):
        if with_std:
            found = functional.value_and_jacobian(model.estimator, table.X, True)
            parts = [found[1], found[3]]
        else:
            parts = [model.jacobian(table)]
        for out, part in zip(numbers.values(), parts, strict=True):
            out[rows] = part.reshape(-1, *shape[1:])
    return numbers


def _wide(model: Model, numbers: dict[str, Array]) -> dict[str, Any]:
    columns = {
        f"{prefix}d{output}/d{feature}": values[:, k, j]
        for prefix, values in zip(("", "std "), numbers.values(), strict=False)
        for k, output in enumerate(model.output_names)
        for j, feature in enumerate(model.feature_names)
    }
    if len(columns) < sum(values[0].size for values in numbers.values()):
        raise ValueError(
            "Two columns would have the same name: the features are "
            f"{model.feature_names} and the outputs {model.output_names}. Rename them "
            "by `feature_names` or `output_names`."
        )
    return columns


def _long(model: Model, numbers: dict[str, Array]) -> dict[str, Any]:
    n, k, d = numbers["derivative"].shape
    outputs = np.array(model.output_names, dtype=object)
    features = np.array(model.feature_names, dtype=object)
    return {
        "sample": _labels(model).repeat(k * d),
        "output": np.tile(np.repeat(outputs, d), n),
        "feature": np.tile(features, n * k),
        **{name: values.ravel() for name, values in numbers.items()},
    }


def _labels(model: Model) -> Any:
    """Return what the rows are called: the index of pandas, otherwise places."""
    X = model.table.X
    if hasattr(X, "iloc"):
        return X.index.to_flat_index()
    return np.arange(len(model.table))
