"""Which class is converted by which function, in which of its roles."""

from collections.abc import Callable
from typing import Any

from .._maps import Map
from ._lookup import FUNCTIONS, REGISTRY, ROLES, Converter, Role
from ._source import Source


def register_converter(
    class_or_name: type | str, role: Role
) -> Callable[[Converter], Converter]:
    """Register the function that turns a fitted object into a differentiable map.

    Parameters
    ----------
    class_or_name : type or str
        The class of the fitted object, or its dotted name, such as
        ``"package.module.Scaler"``, where importing the package is to be avoided.
    role : {"transform", "inverse_transform", "predict"}
        The method of the object that the map stands for.

    Returns
    -------
    decorator : callable
        Takes the converter, ``converter(fitted) -> torch.nn.Module``, and returns it
        unchanged. The module takes and returns float64 tensors of shape
        ``(..., n_columns)`` and has the attributes ``n_in``, ``n_out`` and
        ``smoothness`` ("smooth", "piecewise" or "constant").

    Raises
    ------
    ValueError
        If the role is none of the three.
    TypeError
        If `class_or_name` is neither a class nor a string. A converter that returns
        something else than such a module raises when it is used.

    See Also
    --------
    to_torch : Convert a fitted estimator.
    DifferentiableRegressor : Uses the converters for its scalers.

    Notes
    -----
    A subclass is converted like its parent as long as it does not override the method
    in question; one that does has to be registered itself. The last registration of a
    class and role wins.

    Examples
    --------
    >>> import torch
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_nnderiv import register_converter
    >>> class Softsign(torch.nn.Module):
    ...     smoothness = "smooth"
    ...     def __init__(self, n):
    ...         super().__init__()
    ...         self.n_in = self.n_out = n
    ...     def forward(self, x):
    ...         return x / (1 + abs(x))
    >>> class SoftsignTransformer(StandardScaler):
    ...     def transform(self, X):
    ...         return X / (1 + abs(X))
    >>> @register_converter(SoftsignTransformer, "transform")
    ... def convert_softsign(fitted):
    ...     return Softsign(fitted.n_features_in_)
    """
    if role not in ROLES:
        raise ValueError(
            f"register_converter: role must be one of {ROLES}. Got {role!r} instead."
        )
    if not isinstance(class_or_name, type | str):
        raise TypeError(
            "register_converter: class_or_name must be a class or its dotted name. Got "
            f"{class_or_name!r} instead."
        )

    def register(converter: Converter) -> Converter:
        REGISTRY[role][class_or_name] = converter
        return converter

    return register


def convert(fitted: Any, role: Role) -> Map:
    """Return the map that does what method `role` of the fitted object does."""
    return Source.unknown().part(fitted, role).whole


def registered() -> tuple[Any, ...]:
    """Return all that is registered, to be compared later."""
    tables: list[dict[Any, Any]] = [*REGISTRY.values(), FUNCTIONS]
    return tuple(entry for table in tables for entry in table.values())
