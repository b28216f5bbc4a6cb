"""Torch modules of users, and the nets of skorch around them."""

import copy
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_array
from torch import Tensor, nn

from .._elementwise.activations import has_kinks
from .._maps import Map, Network, Smoothness, device_of
from .._table import plain_table
from .._validation import Array
from ..exceptions import NotConvertibleError
from ._lookup import register_composition
from ._part import Part
from ._source import Source


@register_composition(nn.Module, "predict")
def _module(fitted: nn.Module, source: Source) -> Part:
    if isinstance(fitted, Map):
        return Part.of(fitted)
    rows = _rows(fitted, source)
    evaluated = _in_eval_mode(fitted)
    y = _output(evaluated, rows, type(fitted).__name__)
    _check_rows_apart(evaluated, rows, y, type(fitted).__name__)
    n_out = 1 if y.ndim == 1 else y.shape[1]
    smoothness: Smoothness = "piecewise" if has_kinks(fitted) else "smooth"
    dtype = dtype_of(fitted)
    return Part.of(Network(evaluated, rows.shape[1], n_out, dtype, smoothness))


@register_composition("skorch.net.NeuralNet", "predict")
def _skorch(fitted: Any, source: Source) -> Part:
    if fitted.predict_nonlinearity not in (None, "auto"):
        raise NotConvertibleError(
            f"{type(fitted).__name__} with "
            f"predict_nonlinearity={fitted.predict_nonlinearity!r} cannot be "
            "converted. Make it the last layer of the module."
        )
    return source.part(fitted.module_, "predict")


def module_output(module: nn.Module, rows: Array) -> Array:
    """Return what a module makes of rows, (n,) or (n, n_outputs).

    Where the rows are not finite, the result has to be.
    """
    y = _output(_in_eval_mode(module), rows, type(module).__name__)
    values = y.double().cpu().numpy()
    if not np.isfinite(values).all():
        check_array(rows, input_name="X")
    return values


def dtype_of(module: nn.Module) -> torch.dtype:
    """Return the dtype that a module computes in."""
    tensors = (*module.parameters(), *module.buffers())
    dtypes = [tensor.dtype for tensor in tensors if tensor.is_floating_point()]
    return dtypes[0] if dtypes else torch.float64


def _rows(module: nn.Module, source: Source) -> Array:
    """Return some rows of float64, drawn if there are none."""
    if source.rows is not None:
        rows = plain_table(source.rows).numbers()
        finite = np.isfinite(rows).all(axis=1)
        return rows[finite] if finite.any() else np.nan_to_num(rows)
    widths = [getattr(part, "in_features", None) for part in module.modules()]
    known = [width for width in widths if width is not None]
    if source.width is None and not known:
        raise NotConvertibleError(
            f"The number of columns that {type(module).__name__} takes is not known "
            "from its layers. Give it to jacobian or its kin with rows, or make it a "
            "step of a Pipeline."
        )
    width = known[0] if source.width is None else source.width
    return np.random.default_rng(0).standard_normal((8, width))


def _in_eval_mode(module: nn.Module) -> nn.Module:
    if any(part.training for part in module.modules()):
        with torch.inference_mode(False):
            return copy.deepcopy(module).eval()
    return module


def _output(module: nn.Module, rows: Array, name: str) -> Tensor:
    """Return the module's output, a tensor of one or two axes."""
    with torch.inference_mode(False), torch.no_grad():
        y = module(torch.tensor(rows, dtype=dtype_of(module), device=device_of(module)))
    if isinstance(y, Tensor) and len(rows) == y.numel() == 1:
        y = y.reshape(1, -1) if y.ndim > 1 else y.reshape(1)  # may be squeezed
    if not isinstance(y, Tensor) or y.ndim not in (1, 2) or len(y) != len(rows):
        is_tensor = isinstance(y, Tensor)
        got = f"the shape {tuple(y.shape)}" if is_tensor else type(y).__name__
        raise ValueError(
            f"{name} must return a tensor of shape (n,) or (n, n_outputs) for "
            f"n={len(rows)} rows. Got {got} instead."
        )
    return y


def _check_rows_apart(module: nn.Module, rows: Array, y: Tensor, name: str) -> None:
    alone = [_output(module, row[None], name).reshape(y.shape[1:]) for row in rows]
    spread = (y - y.mean(dim=0)).abs().max() + y.abs().max()
    allowed = 1e3 * torch.finfo(dtype_of(module)).eps * spread
    if (y - torch.stack(alone)).abs().max() > allowed:
        raise ValueError(
            f"{name} couples the rows: its output for {len(rows)} rows together is not "
            "that of each row alone, so rows have no derivatives of their own. Use a "
            "module that treats rows independently in eval mode."
        )
