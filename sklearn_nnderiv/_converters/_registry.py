"""Which class is converted by which function, in which of its roles."""

import sys
from collections.abc import Callable
from inspect import getattr_static
from numbers import Integral
from typing import Any, Literal, cast, get_args

from torch import nn

from .._maps import Map, Smoothness
from ..exceptions import NotConvertibleError

Role = Literal["transform", "inverse_transform", "predict"]
Converter = Callable[[Any], Map]

_ROLES: tuple[str, ...] = get_args(Role)
_REGISTRY: dict[str, dict[type | str, Converter]] = {role: {} for role in _ROLES}


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
    register_function : The same for a function that a FunctionTransformer applies.
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
    if role not in _ROLES:
        raise ValueError(
            f"register_converter: role must be one of {_ROLES}. Got {role!r} instead."
        )
    if not isinstance(class_or_name, type | str):
        raise TypeError(
            "register_converter: class_or_name must be a class or its dotted name. Got "
            f"{class_or_name!r} instead."
        )

    def register(converter: Converter) -> Converter:
        _REGISTRY[role][class_or_name] = converter
        return converter

    return register


def _imported(dotted_name: str) -> object:
    """Return the class of that name if its module has been imported already."""
    module, _, name = dotted_name.rpartition(".")
    return getattr(sys.modules.get(module), name, None)


def _find(cls: type, role: Role) -> tuple[type, Converter] | None:
    """Return the nearest registered ancestor of the class, and its converter."""
    table = _REGISTRY[role]
    by_name = {
        _imported(key): converter
        for key, converter in table.items()
        if isinstance(key, str)
    }
    for ancestor in cls.__mro__:
        converter = table.get(ancestor) or by_name.get(ancestor)
        if converter is not None:
            return ancestor, converter
    return None


def convert(fitted: Any, role: Role) -> Map:
    """Return the map that does what method `role` of the fitted object does."""
    cls = type(fitted)
    full_name = f"{cls.__module__}.{cls.__qualname__}"
    remedy = f"Register a converter with @register_converter({cls.__name__}, {role!r})."
    found = _find(cls, role)
    if found is None:
        known = sorted(
            key if isinstance(key, str) else key.__name__ for key in _REGISTRY[role]
        )
        raise NotConvertibleError(
            f"{role!r} of {full_name} cannot be converted to torch, so its derivative "
            f"is not known. {remedy} Known are: {', '.join(known)}."
        )
    ancestor, converter = found
    # the class of an older scikit-learn may lack the method
    if getattr_static(cls, role, None) is not getattr_static(ancestor, role, None):
        raise NotConvertibleError(
            f"{full_name} overrides {role!r} of {ancestor.__name__}, whose converter "
            f"would not know what it does. {remedy}"
        )
    return _checked(converter(fitted), full_name)


def _checked(function: Any, full_name: str) -> Map:
    """Raise unless a converter has returned what it promises."""
    smoothness = getattr(function, "smoothness", None)
    sizes = [getattr(function, name, None) for name in ("n_in", "n_out")]
    if (
        not isinstance(function, nn.Module)
        or smoothness not in get_args(Smoothness)
        or not all(isinstance(size, Integral) for size in sizes)
    ):
        raise TypeError(
            f"The converter of {full_name} must return a torch.nn.Module with integers "
            f"n_in and n_out and a smoothness of {get_args(Smoothness)}. Got "
            f"{type(function).__name__} with n_in={sizes[0]}, n_out={sizes[1]}, "
            f"smoothness={smoothness!r} instead."
        )
    return cast(Map, function)
