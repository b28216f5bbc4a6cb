"""A Pipeline that carries derivative labels through its steps."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
from sklearn import get_config
from sklearn.pipeline import Pipeline
from sklearn.utils import check_consistent_length
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, process_routing

from ._carried import Carried, Carrier, check_end, fit_along
from ._table import table_of
from ._validation import check_jacobian


class DifferentiablePipeline(Pipeline):
    r"""Pipeline that fits its last step to derivatives given in raw units.

    A `sklearn.pipeline.Pipeline` hands what is passed to `fit` on to its last step as
    it is. Derivatives of y by the raw columns would there be taken for derivatives by
    the transformed ones, without an error. This pipeline carries them through its
    steps. Nothing else differs, and without `jacobian` it is fitted like its parent.

    Parameters
    ----------
    steps : list of tuple
        The (name, estimator) pairs that are applied one after the other. To be fitted
        to derivatives, the last has to be a `DifferentiableRegressor`, or a
        TransformedTargetRegressor or a `DifferentiablePipeline` around one.
    transform_input : list of str, default=None
        The names of metadata that the steps are to transform on the way to the step
        that takes them. It needs metadata routing, and has no use for `jacobian`.
    memory : str or object with the joblib.Memory interface, default=None
        Where fitted transformers are cached.
    verbose : bool, default=False
        Whether to print the time that each step takes to fit.

    Attributes
    ----------
    named_steps : Bunch
        The steps by their names.
    n_features_in_ : int
        The number of features, if the first step has it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, if the first step has them.

    See Also
    --------
    jacobian : The derivative of this pipeline, or of any other, in raw units.
    DifferentiableRegressor : Its `x_scaler` may be a Pipeline, to the same end.
    sklearn.pipeline.Pipeline : The parent.

    Notes
    -----
    With the steps :math:`s` and the last step :math:`g`, the prediction is
    :math:`\hat y(x) = g(s(x))`, so that a derivative by the raw column :math:`j` is
    that of :math:`g` along the direction in which the transformed row moves with it,

    .. math::

        \frac{\partial \hat y}{\partial x_j}
        = \frac{\partial g}{\partial s} \cdot \frac{\partial s}{\partial x_j} .

    The directions are those of the fitted steps at each training row. No step is
    inverted, so that it may drop columns, add some, or mix them.

    References
    ----------
    W. M. Czarnecki et al., "Sobolev training for neural networks", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sklearn_nnderiv import DifferentiablePipeline, DifferentiableRegressor
    >>> from sklearn_nnderiv import jacobian
    >>> X = np.linspace(0, 300, 15).reshape(-1, 1)
    >>> y, J = np.sin(X[:, 0] / 50), np.cos(X / 50) / 50
    >>> pipe = DifferentiablePipeline(
    ...     [
    ...         ("scale", StandardScaler()),
    ...         ("net", DifferentiableRegressor(random_state=0)),
    ...     ]
    ... ).fit(X, y, jacobian=J)
    >>> 50 * jacobian(pipe, [[75.0], [225.0]]).round(4)
    array([[ 0.07],
           [-0.21]])
    """

    # its parent hands these on, and takes none itself
    __metadata_request__score: ClassVar[dict[str, str]] = {"sample_weight": UNUSED}

    def fit(
        self, X: Any, y: Any = None, *, jacobian: Any = None, **params: Any
    ) -> Self:
        """Fit the steps, the last of them to derivatives too where some are known.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            What the first step takes.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The target.
        jacobian : array-like, default=None
            Known derivatives of y, of shape (n_samples[, n_outputs], n_features) as
            ``jacobian(pipeline, X)`` and in units of y per unit of X. NaN where
            unknown, and for columns of X that are not numbers. Labels along which the
            steps have no derivative, such as those by an imputed cell or an encoded
            number, are left out with a warning.
        **params : dict
            As in a Pipeline: parameters of the steps' `fit`, as ``step__parameter``,
            or with metadata routing what they request.

        Returns
        -------
        self : DifferentiablePipeline
            The fitted pipeline.

        Raises
        ------
        TypeError
            If the last step cannot be fitted to derivatives. No step is fitted then.
        ValueError
            If `jacobian` is of the wrong shape, is infinite, or has a label by a column
            that is not a number; or if labels are routed to the last step, past the
            others. No step is fitted then.
        NotConvertibleError
            If a step has no derivative. The last step is as it was then.
        """
        if not self.steps:
            return super().fit(X, y, **params)  # which raises
        self._check_params(params)
        carried = None if jacobian is None else self._check_labels(X, y, jacobian)
        if carried is None:
            return super().fit(X, y, **params)
        check_end(self)
        fit_along(self, carried, X, y, **params)
        return self

    def get_metadata_routing(self) -> MetadataRouter:
        """Get what the steps request, and whether this pipeline requests `jacobian`.

        Returns
        -------
        routing : MetadataRouter
            The requests.
        """
        return super().get_metadata_routing().add_self_request(self)

    def _check_params(self, params: dict[str, Any]) -> None:
        """Raise if labels would reach the last step as they are."""
        if not params:
            return
        name, last = self.steps[-1]
        if get_config()["enable_metadata_routing"]:
            routed = process_routing(self, "fit", **params)
            past = name in routed and "jacobian" in routed[name]["fit"]
        else:
            first, end = f"{name}__", "__jacobian"
            past = any(key.startswith(first) and key.endswith(end) for key in params)
        if past:
            raise ValueError(
                f"Labels were given to step {name!r} past the steps before it, which "
                "would take them for derivatives by its own columns. Give them to the "
                f"pipeline, as fit(X, y, jacobian=...), not to the "
                f"{type(last).__name__}."
            )

    def _check_labels(self, X: Any, y: Any, jacobian: Any) -> Carried | None:
        """Return the labels, along each column of X, None if there are none."""
        if y is None:
            raise ValueError("`jacobian` needs y, of which it is the derivative.")
        table = table_of(X)
        check_consistent_length(X, y)
        labels = check_jacobian(jacobian, table.width, y, table.names)
        if labels is None:
            return None
        given = ~np.isnan(labels).all(axis=(0, 1)) & ~table.is_number
        if given.any():
            columns = range(table.width) if table.names is None else table.names
            raise ValueError(
                "`jacobian` has labels by columns of X that are not numbers, by which "
                "there is no derivative: "
                f"{[columns[j] for j in np.flatnonzero(given).tolist()]}. Set them to "
                "NaN."
            )
        return Carried.of(table, labels)


@check_end.register
def _check_pipeline(pipeline: DifferentiablePipeline, place: str = "") -> None:
    name, last = pipeline.steps[-1]
    check_end(last, f"step {name!r} of the {type(pipeline).__name__}")


@fit_along.register
def _fit_pipeline(
    pipeline: DifferentiablePipeline, carried: Carried, X: Any, y: Any, **params: Any
) -> None:
    """Fit the steps as a Pipeline does, with another last step that knows more."""
    name, last = pipeline.steps[-1]

    def through(rows: Any, _: Any) -> Carried:
        return carried.through(inner.steps[:-1], X, rows)

    inner = copy(pipeline)
    inner.steps = [*pipeline.steps[:-1], (name, Carrier(last, through))]
    Pipeline.fit(inner, X, y, **params)
    pipeline.steps = [*inner.steps[:-1], (name, last)]
