"""FunctionTransformer: a table of functions, and those that users register."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, get_args

import numpy as np
import torch
from sklearn.preprocessing import FunctionTransformer
from torch import Tensor

from .._elementwise.ufuncs import UFUNCS
from .._maps import Elementwise, Map, RowFunction, Smoothness
from ..exceptions import NotConvertibleError
from ._lookup import FUNCTIONS
from ._registry import register_converter

TorchFunction = Callable[..., Tensor]


def register_function(
    function: Callable[..., Any], smoothness: Smoothness = "smooth"
) -> Callable[[TorchFunction], TorchFunction]:
    """Register the torch counterpart of a function that a FunctionTransformer applies.

    Parameters
    ----------
    function : callable
        What is given to ``FunctionTransformer`` as `func` or `inverse_func`.
    smoothness : {"smooth", "piecewise", "constant"}, default="smooth"
        "smooth" if the derivative is continuous, "piecewise" if it jumps somewhere,
        "constant" if it is zero wherever it exists.

    Returns
    -------
    decorator : callable
        Takes the counterpart and returns it unchanged. The counterpart takes a float64
        tensor of shape (n_samples, n_features), and the keywords in `kw_args` if there
        are any. It returns a tensor of shape (n_samples, n_columns), computed by torch
        operations from each row alone. A function that works on tensors as it is may
        be its own counterpart.

    Raises
    ------
    TypeError
        If `function` is not a callable that can be looked up, which is to be hashable.
    ValueError
        If `smoothness` is none of the three.

    See Also
    --------
    register_converter : The same for classes.
    to_torch : Convert a fitted estimator.

    Notes
    -----
    The last registration of a function wins, also over the package's own table. The
    counterpart is pickled by its name, so that it has to be importable where a pickle
    is loaded.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import FunctionTransformer
    >>> from sklearn_nnderiv import jacobian, register_function
    >>> def bump(X, width):
    ...     return np.exp(-((X / width) ** 2))
    >>> @register_function(bump)
    ... def torch_bump(x, width):
    ...     return torch.exp(-((x / width) ** 2))
    >>> X = np.linspace(0, 2, 9).reshape(-1, 1)
    >>> bumps = FunctionTransformer(bump, kw_args={"width": 2.0})
    >>> pipe = make_pipeline(bumps, LinearRegression()).fit(X, bump(X, 2.0)[:, 0])
    >>> jacobian(pipe, [[1.0]]).round(4), -0.5 * np.exp(-0.25).round(4)
    (array([[-0.3894]]), np.float64(-0.3894))
    """
    if not callable(function) or not isinstance(function, Hashable):
        raise TypeError(
            "register_function: function must be a callable that is hashable. Got "
            f"{function!r} instead."
        )
    if smoothness not in get_args(Smoothness):
        raise ValueError(
            f"register_function: smoothness must be one of {get_args(Smoothness)}. Got "
            f"{smoothness!r} instead."
        )

    def register(counterpart: TorchFunction) -> TorchFunction:
        FUNCTIONS[function] = counterpart, smoothness
        return counterpart

    return register


@register_converter(FunctionTransformer, "transform")
def _function_transformer(fitted: FunctionTransformer) -> Map:
    return _convert(fitted, "func", fitted.func, fitted.kw_args)


@register_converter(FunctionTransformer, "inverse_transform")
def _function_transformer_inverse(fitted: FunctionTransformer) -> Map:
    return _convert(fitted, "inverse_func", fitted.inverse_func, fitted.inv_kw_args)


def _convert(fitted: Any, which: str, function: Any, keywords: Any) -> Map:
    keywords = dict(keywords or {})
    if isinstance(function, partial) and not function.args:
        function, keywords = function.func, {**function.keywords, **keywords}
    n = getattr(fitted, "n_features_in_", None)
    if n is None:
        raise NotConvertibleError(
            f"{fitted!r} does not know its number of features. Fit it on an array."
        )
    key = function if isinstance(function, Hashable) else fitted
    if key in FUNCTIONS:
        return _row_function(*FUNCTIONS[key], keywords, n)
    if key is np.clip:
        return _clip(n, **keywords)
    if key not in UFUNCS or keywords:
        names = sorted({f.__name__ for f in UFUNCS if f is not None})
        raise NotConvertibleError(
            f"FunctionTransformer with {which}={function!r} and keyword arguments "
            f"{keywords!r} cannot be converted to torch. Use one of numpy's or "
            f"scipy.special's {', '.join(names)} without keyword arguments, numpy's "
            "clip, or register a counterpart in torch with @register_function."
        )
    counterpart, smoothness = UFUNCS[key]
    return Elementwise(counterpart, n, smoothness=smoothness)


def _clip(
    n: int, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None
) -> Map:
    low = min if a_min is None else a_min
    high = max if a_max is None else a_max
    low = -np.inf if low is None else low
    high = np.inf if high is None else high
    return Elementwise(torch.clamp, n, low, high, smoothness="piecewise")


def _row_function(
    counterpart: TorchFunction, smoothness: Smoothness, keywords: Any, n_in: int
) -> Map:
    """Return the map of a registered function, tried on a few rows."""
    with torch.inference_mode(False), torch.no_grad():
        rows = torch.linspace(0.2, 0.8, 3 * n_in, dtype=torch.float64, device="cpu")
        rows = rows.reshape(3, n_in)
        y = counterpart(rows, **keywords)
        if not isinstance(y, Tensor) or y.ndim != 2 or len(y) != 3:
            given = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
            raise NotConvertibleError(
                f"The counterpart {counterpart!r} must return a tensor of shape "
                f"(n_samples, n_columns). Got {given} for {tuple(rows.shape)} instead."
            )
        alone = torch.cat([counterpart(row[None], **keywords) for row in rows])
    if not torch.allclose(y, alone, rtol=1e-10, equal_nan=True):
        raise NotConvertibleError(
            f"The counterpart {counterpart!r} couples the rows: what it returns for "
            "three rows together is not that of each row alone, so that rows have no "
            "derivatives of their own. Use statistics of the training data instead."
        )
    return RowFunction(counterpart, keywords, n_in, y.shape[1], smoothness)
