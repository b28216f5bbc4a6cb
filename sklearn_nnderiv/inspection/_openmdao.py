"""Fitted estimators as components of OpenMDAO."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_scalar

from .._validation import Array, Index
from ._extrapolation import known_range
from ._model import chosen_names, default_outputs
from ._point import Function


def openmdao_component(
    estimator: Any,
    *,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    units: dict[str, str] | None = None,
    vector: bool = False,
    n_points: int = 1,
    x0: Any = None,
) -> Any:
    """Make an OpenMDAO component of a fitted estimator, with exact partials.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything fitted that `to_torch` converts; or a module, which needs
        `feature_names`. Later changes of an estimator have no effect.
    feature_names : sequence of str, default=None
        The names of the inputs, in the order of the columns. By default those of the
        frame that the estimator was fitted to, or "x0", "x1" and so on. OpenMDAO
        accepts letters, digits and "_".
    output_names : sequence of str, default=None
        The names of the outputs, by default "y", or "y0", "y1" and so on.
    units : dict of str to str, default=None
        The units of inputs and outputs by their names, as OpenMDAO writes them. They
        are those of the data that the estimator was fitted to.
    vector : bool, default=False
        Whether there is one input "x" with all features and one output "y" with all
        outputs, in place of one each.
    n_points : int, default=1
        The number of rows that are evaluated at a time. Every input and output has as
        many entries, of which those of different rows do not depend on each other.
    x0 : array-like of shape (n_features,), default=None
        Initial values of the inputs. By default the middle of the range of the training
        data, where an estimator keeps it, or else 1.

    Returns
    -------
    component : openmdao.api.ExplicitComponent
        To be added as a subsystem. Inputs and outputs are of shape (n_points,); with
        `vector`, of (n_features,) and (n_outputs,), after (n_points,) if it is not 1.

    Raises
    ------
    ImportError
        If OpenMDAO is not installed.
    NotConvertibleError
        If the estimator has no derivative, or a column that is not a number.
    ValueError
        If names are unsuited, or units are given to what is not there.

    See Also
    --------
    as_scipy : What `scipy.optimize.minimize` takes.

    Notes
    -----
    Partials are computed from the formula, not by differences. The complex step is
    refused, as a network takes no complex numbers: check partials with
    ``method="fd", form="central"``, as forward differences are off at an optimum.

    References
    ----------
    J. S. Gray et al., "OpenMDAO: An open-source framework for multidisciplinary design,
    analysis, and optimization", Structural and Multidisciplinary Optimization 59, 2019.

    Examples
    --------
    >>> import numpy as np
    >>> import openmdao.api as om
    >>> from sklearn_nnderiv import DifferentiableRegressor
    >>> from sklearn_nnderiv.inspection import openmdao_component
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(60, 2))
    >>> model = DifferentiableRegressor(random_state=0).fit(X, X[:, 0] * X[:, 1])
    >>> names = {"feature_names": ["width", "depth"], "output_names": ["area"]}
    >>> component = openmdao_component(model, **names)
    >>> problem = om.Problem(reports=False)
    >>> _ = problem.model.add_subsystem("beam", component, promotes=["*"])
    >>> _ = problem.setup()
    >>> problem["width"], problem["depth"] = 0.5, 0.4
    >>> problem.run_model()
    >>> problem["area"].round(2)
    array([0.2])
    >>> problem.compute_totals("area", "width", return_format="array").round(2)
    array([[0.4]])
    """
    component = _component_class()
    function = Function(estimator)
    inputs = _inputs(estimator, function, feature_names)
    start = _start(estimator, x0, len(inputs))
    k = function(start[None], 0)[0].shape[1]
    outputs = chosen_names(output_names, "output_names", default_outputs(k))
    check_scalar(n_points, "n_points", Integral, min_val=1)
    ports = _Ports(inputs, outputs, int(n_points), is_vector=vector)
    ports.check(units or {})
    return component(function, ports, start, units or {})


def _inputs(estimator: Any, function: Function, given: Any) -> list[str]:
    """Return the names of the inputs."""
    d = function.n_features
    if d is None:
        if given is None:
            raise ValueError(
                f"{function.name} does not say how many columns it takes. Give their "
                "names as `feature_names`."
            )
        d = len(given)
    known = getattr(estimator, "feature_names_in_", None)
    default = [f"x{j}" for j in range(d)] if known is None else list(known)
    return chosen_names(given, "feature_names", default)


def _start(estimator: Any, x0: Any, d: int) -> Array:
    """Return initial values."""
    if x0 is not None:
        start = np.asarray(x0, dtype=np.float64)
        if start.shape != (d,):
            raise ValueError(f"`x0` must have the shape ({d},). Got {start.shape}.")
        return start
    known = known_range(estimator)
    return np.ones(d) if known is None else (known[0] + known[1]) / 2


class _Ports:
    """Which columns go through which inputs and outputs.

    Parameters
    ----------
    inputs, outputs : list of str
    n_points : int
    is_vector : bool
        Whether all columns go through one.
    """

    def __init__(
        self, inputs: list[str], outputs: list[str], n_points: int, *, is_vector: bool
    ) -> None:
        self.n_points, self._is_vector = n_points, is_vector
        self.inputs, self.outputs = (
            self._places(inputs, "x"),
            self._places(outputs, "y"),
        )

    def _places(self, names: list[str], name: str) -> dict[str, slice]:
        if self._is_vector:
            return {name: slice(0, len(names))}
        return {name: slice(j, j + 1) for j, name in enumerate(names)}

    def check(self, units: dict[str, str]) -> None:
        """Raise if OpenMDAO or this component cannot have the names."""
        names = [*self.inputs, *self.outputs]
        bad = [name for name in names if not name.isidentifier()]
        if bad:
            raise ValueError(
                f"OpenMDAO accepts letters, digits and '_' in names. Got {bad}. Pass "
                "others as `feature_names` and `output_names`."
            )
        if len(set(names)) < len(names):
            raise ValueError(
                f"Inputs and outputs must have distinct names. Got {names}."
            )
        unknown = sorted(set(units) - set(names))
        if unknown:
            raise ValueError(f"`units` has {unknown}, but the names are {names}.")

    def shape(self, places: slice) -> tuple[int, ...]:
        """Return the shape of a variable."""
        if not self._is_vector:
            return (self.n_points,)
        return (places.stop,) if self.n_points == 1 else (self.n_points, places.stop)

    def shaped(self, rows: Array, places: slice) -> Array:
        """Return some columns of rows (n_points, n) as a variable has them."""
        return rows[:, places].reshape(self.shape(places))

    def rows(self, inputs: Any) -> Array:
        """Return what the inputs hold as rows (n_points, n_features)."""
        parts = [np.reshape(inputs[name], (self.n_points, -1)) for name in self.inputs]
        return np.hstack(parts)

    def sparsity(self, output: slice, given: slice) -> tuple[Index, Index]:
        """Return rows and columns of the partials, in the order of a Jacobian."""
        k, d = output.stop - output.start, given.stop - given.start
        point, i, j = np.indices((self.n_points, k, d))
        return (point * k + i).ravel(), (point * d + j).ravel()


@cache
def _component_class() -> Any:
    """Return the class, which OpenMDAO is needed for."""
    try:
        from openmdao.api import ExplicitComponent
    except ImportError as error:
        raise ImportError(
            "openmdao_component needs OpenMDAO, which is not installed here: "
            "pip install 'sklearn-nnderiv[openmdao]'."
        ) from error
    return type("FittedComponent", (_Fitted, ExplicitComponent), {})


class _Fitted:
    """What OpenMDAO asks of a component.

    Parameters
    ----------
    function : Function
    ports : _Ports
    start : ndarray of shape (n_features,)
        Initial values.
    units : dict of str to str
    """

    # of OpenMDAO
    add_input: Any
    add_output: Any
    declare_partials: Any

    def __init__(
        self, function: Function, ports: _Ports, start: Array, units: dict[str, str]
    ) -> None:
        super().__init__()
        self._function, self._ports = function, ports
        self._start, self._units = start, units

    def setup(self) -> None:
        ports, units = self._ports, self._units
        rows: Any = np.tile(self._start, (ports.n_points, 1))
        for name, places in ports.inputs.items():
            value = ports.shaped(rows, places)
            self.add_input(name, val=value, units=units.get(name))
        for name, places in ports.outputs.items():
            self.add_output(name, shape=ports.shape(places), units=units.get(name))

    def setup_partials(self) -> None:
        for of, output in self._ports.outputs.items():
            for wrt, given in self._ports.inputs.items():
                rows, cols = self._ports.sparsity(output, given)
                self.declare_partials(of, wrt, rows=rows, cols=cols)

    def compute(self, inputs: Any, outputs: Any, *_: Any) -> None:
        values = self._function(self._rows(inputs), 0)[0]
        for name, places in self._ports.outputs.items():
            outputs[name] = self._ports.shaped(values, places)

    def compute_partials(self, inputs: Any, partials: Any, *_: Any) -> None:
        jacobian = self._function(self._rows(inputs), 1)[1]
        for of, output in self._ports.outputs.items():
            for wrt, given in self._ports.inputs.items():
                partials[of, wrt] = jacobian[:, output, given].ravel()

    def _rows(self, inputs: Any) -> Array:
        rows = self._ports.rows(inputs)
        if np.iscomplexobj(rows):
            raise ValueError(
                "The complex step is not possible through a fitted estimator, which "
                "takes no complex numbers. Use method='fd'; its own partials are exact."
            )
        return np.ascontiguousarray(rows, dtype=np.float64)
