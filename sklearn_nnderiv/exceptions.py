"""Errors and warnings that this package raises."""

__all__ = [
    "ConversionMismatchError",
    "DerivativeWarning",
    "NotConvertibleError",
    "TrainingDivergedError",
]


class NotConvertibleError(TypeError):
    """A fitted object has no differentiable counterpart.

    Either no converter is registered for its class, or the way it was configured
    has no derivative. The message names the object and the remedy.
    """


class ConversionMismatchError(ValueError):
    """A converted map does not reproduce the output of the object it came from.

    A derivative taken from such a map would be the derivative of another function,
    so the conversion is refused.
    """


class TrainingDivergedError(RuntimeError):
    """The training loss became NaN or infinite."""


class DerivativeWarning(UserWarning):
    """The derivative exists but is likely to disappoint.

    Issued for instance for piecewise linear networks, whose derivative is a step
    function.
    """
