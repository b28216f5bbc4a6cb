"""DifferentiableRegressor: a network between scalers, with its Jacobian."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, Self

import numpy as np
import skorch
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._assembly import compose, train
from ._choices import MAX_RESIDUALS_LM
from ._converters import register_converter
from ._engines import evaluate, single_threaded
from ._intervals import Intervals
from ._maps import Map
from ._parameters import CONSTRAINTS
from ._sklearn_compat import fit_context, validate_data
from ._training import MAX_POSTERIOR_PARAMETERS, ProgressBar, Rows
from ._validation import (
    Array,
    check_jacobian,
    check_label_weight,
    check_out,
    check_weights,
    is_ready,
    warn_of_nan,
)

# rows from which `verbose` shows the progress of a prediction
_LONG = 1_000_000


def _can_fit_partially(estimator: DifferentiableRegressor) -> bool:
    if estimator.net is None and estimator.solver in ("lbfgs", "lm"):
        raise AttributeError(
            f"partial_fit needs mini-batches, but solver={estimator.solver!r} works on "
            "all rows at once. Use solver='adam'."
        )
    return True


class DifferentiableRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    r"""Neural-network regressor with exact derivatives in the units of the data.

    A feed-forward network is fitted between a scaler of X and a scaler of y. Both
    scalers are converted to torch, so that the derivative of a prediction with respect
    to X is that of the whole composition, in units of y per unit of X. No derivative
    data are needed; those that are known can be given to `fit`. By default, a few small
    networks are trained by the Levenberg-Marquardt method under Bayesian evidence, and
    the one of the highest evidence is kept, with standard deviations of values and
    derivatives.

    Parameters
    ----------
    hidden_layer_sizes : "auto", int or array-like of int, default="auto"
        The number of neurons of each hidden layer. Empty for a linear model. "auto"
        leaves it to the race of "lm", which may end with a linear model; it is
        ``(50, 50)`` for "lbfgs" and ``(64, 64, 64, 64)`` for "adam".
    activation : str or type, default="auto"
        Activation of the hidden layers: "tanh", "silu", "softplus", "gelu",
        "logistic", "elu", "sin", "relu", "identity"; several of these joined by "+",
        such as "softplus+sin", among which the units of each layer are shared out; or
        a `torch.nn.Module` class that is constructed without arguments. "relu" and its
        kin give a warning: the derivative of such a network is a step function. "auto"
        leaves it to the race of "lm"; it is "tanh" for "lbfgs" and "silu" for "adam".
    net : skorch.NeuralNet, default=None
        An unfitted skorch net to train in place of the built-in one. It is cloned and
        can be tuned as ``net__lr`` or ``net__module__<name>``. Its module has to be a
        class; ``n_features_in`` and ``n_outputs`` are passed to its constructor if it
        takes them, and it maps (n, n_features_in) to (n, n_outputs). Beside it, only
        `x_scaler`, `y_scaler`, `jacobian_weight`, `dtype`, `device`, `random_state`,
        `verbose` and sample weights apply; the last of these need a criterion with a
        parameter ``reduction``, which is set to "none". Fits with `net` take turns
        where several threads of a process fit at once.
    x_scaler : str or transformer, default="standard"
        Scaler of X: "standard", "minmax", "robust", "maxabs", "passthrough", or an
        instance of StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler,
        PowerTransformer, QuantileTransformer, FunctionTransformer (of a smooth numpy
        or scipy.special ufunc), a Pipeline of these, or a class registered with
        `register_converter`. It is cloned and can be tuned, as in
        ``x_scaler__feature_range``.
    y_scaler : str or transformer, default="standard"
        Scaler of y, chosen from the same. Its ``inverse_transform`` has to undo its
        ``transform``.
    solver : {"auto", "lm", "lbfgs", "adam"}, default="auto"
        "lm" is Levenberg-Marquardt with geodesic acceleration, in float64 on the CPU,
        and the most exact; it needs an activation with a name. "lbfgs" works on all
        rows at once too, "adam" on mini-batches. "auto" takes "lm" wherever it can, up
        to 10,000 values of y, or some 4,400 where the features are 50 or more; up to
        20,000 values and known derivatives together where there are some.
        Otherwise it takes "lbfgs" up to 10,000 rows, and "adam"
        beyond and for ``early_stopping=True``.
    alpha : "auto" or float, default="auto"
        "auto" leaves the penalty to the evidence of "lm", by which every input and
        every unit has a strength of its own; for "lbfgs" and "adam" it is 1e-4. A
        number is the strength of an L2 penalty on all weights, biases excluded. The
        loss is then
        ``sum(w * (f(x) - y)**2) / (2 * sum(w)) + alpha / (2 * sum(w)) * |weights|**2``
        in scaled units, ``w`` being the sample weights and the square summed over
        outputs.
    n_candidates : int, default=3
        The number of networks that "lm" races. They differ in what is "auto" of
        `hidden_layer_sizes` and `activation`, and in their initial parameters.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch of "adam"; "auto" is from 200 to 1,024 by the number of
        rows.
    learning_rate_init : float or "auto", default="auto"
        Largest step size of "adam", which rises to it and falls to zero in the course
        of a fit; constant in `partial_fit`. "auto" is 0.01, and 0.003 in `partial_fit`.
    max_iter : "auto" or int, default="auto"
        Iterations of "lm" and "lbfgs" at most, or epochs of "adam". "auto" is 200 for
        "lm", 1,000 for "lbfgs", and about 5,000 steps in 10 to 250 epochs for "adam".
    tol : float, default=1e-3
        Training by "lm" ends when the log evidence has changed by less than this per
        residual within `n_iter_no_change` iterations. That by "lbfgs" ends when the
        loss has fallen by less than this fraction of itself; so is the held-out loss
        of "adam" judged. It is a fraction, where MLPRegressor has an absolute number,
        because derivatives go on improving when the loss is small.
    early_stopping : bool or "auto", default="auto"
        Whether "adam" withholds a shuffled part of the rows, lets the step size fall
        when their loss has ceased to fall, and keeps the parameters at which it was
        lowest. "auto" is True for "adam" from 10,000 rows on.
    validation_fraction : float, default=0.1
        The part of the rows that `early_stopping` withholds.
    n_iter_no_change : int, default=10
        See `tol`.
    jacobian_weight : "auto", float or array-like, default="auto"
        How much the squared error of a derivative that `fit` is given counts, relative
        to that of a value, both in units of their spread: all derivatives have one
        common scale, after a step of one standard deviation in each feature. "auto" is
        1; where "lm" finds noise under ``alpha="auto"``, the evidence then balances the
        two. An array has to broadcast to the shape of the labels; 0 is as good as no
        label.
    dtype : {"float64", "float32"}, default="float64"
        Floating-point type of the network. Scaling is done in float64 in any case, and
        so are all results.
    device : str, default="cpu"
        "cpu", "cuda", "cuda:<index>", or "auto" for a GPU if there is one. A fitted
        regressor can be pickled on one device and loaded on another.
    n_jobs : int or None, default=None
        Threads in which "lm" trains its candidates side by side; None is one, -1 all
        cores. The result does not depend on it.
    warm_start : bool, default=False
        Whether `fit` goes on from the previous fit: from its scalers, which stay as
        they are, and from its network. There is no race then.
    random_state : int, RandomState instance or None, default=None
        Determines the initial parameters, the order of the rows and the split of
        `early_stopping`. With an int, the fit repeats bit by bit on one machine,
        whatever runs beside it.
    verbose : int or bool, default=0
        Whether to show a progress bar with the loss, or with the evidence and the
        candidate that leads.

    Attributes
    ----------
    module_ : torch.nn.Module
        The fitted function from raw X to raw y, of shape ``(..., n_features_in_)`` to
        ``(..., n_outputs_)``, in float64. It can be differentiated in torch,
        twice too, and shares its parameters with `net_`.
    net_ : skorch.NeuralNet
        The trained net, in scaled units.
    x_scaler_, y_scaler_ : transformer
        The fitted scalers.
    loss_curve_ : list of float
        The loss after every iteration. Of "lm", that of the winner, with the penalty
        of the moment.
    n_iter_ : int
        The number of iterations, those of earlier fits included if `warm_start` or
        `partial_fit` went on from them.
    solver_, hidden_layer_sizes_, activation_, alpha_
        What the parameters of these names resolved to. Absent with `net`. Where the
        evidence chose the penalties, `alpha_` is their geometric mean over the weights.
    candidates_ : dict of str to list
        What "lm" raced, as columns of a table with the winner first:
        "hidden_layer_sizes", "activation", "skip" (whether outputs are linear in the
        inputs besides), "log_evidence", "n_iter" and "fit_time" in seconds. Candidates
        that were begun twice are listed twice. Like the next two, absent after other
        solvers.
    log_evidence_ : float
        The logarithm of the evidence of the fit, up to a constant that is the same for
        all fits to the same rows with the same `y_scaler`.
    relevance_ : ndarray of shape (`n_features_in_`,)
        The prior scale of the weights of each input, for columns of unit variance and
        in units of the largest. An input near 0 was found to have no effect.
    n_features_in_ : int
        The number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        The names of the features, if X had any.
    n_outputs_ : int
        The number of outputs.

    See Also
    --------
    jacobian : The derivative of a Pipeline, a search or a TransformedTargetRegressor
        around this regressor.
    to_torch : The same as a torch module.
    sklearn.neural_network.MLPRegressor : A network without derivatives.

    Notes
    -----
    With the scalers :math:`s` and :math:`t` and the network :math:`g`, the prediction
    is :math:`\hat y(x) = t^{-1}(g(s(x)))` and its derivative

    .. math::

        \frac{\partial \hat y}{\partial x}
        = \frac{\partial t^{-1}}{\partial g} \,
        \frac{\partial g}{\partial s} \, \frac{\partial s}{\partial x} .

    Leaving out the outer two factors is the classic mistake.

    Standard deviations are those of the linearised Laplace posterior, in which the
    distance to the runner-up of the race counts as one direction more. They hold for
    the fitted function, without the noise of single rows, and are kept of networks of
    up to 2,000 parameters.

    Equal rows are merged into one with their summed weight before "lm" or "lbfgs"
    trains, up to 10 million numbers in X and y together, so that a weight of 2 equals a
    repeated row. Under ``alpha="auto"`` weights are counts of rows: it matters whether
    their mean is 1. Scalers that take no weights see every distinct row once. The
    built-in network does not depend on columns that are constant in training: their
    derivative is 0.

    Up to 2,000 training rows are kept, drawn at random and in scaled units, for
    `inspection.extrapolation_score`.

    A fit that fails or is interrupted (Ctrl-C) leaves the regressor as it was. The
    predicting methods change nothing and may be called from many threads.

    References
    ----------
    .. [1] M. K. Transtrum and J. P. Sethna, "Improvements to the Levenberg-Marquardt
       algorithm for nonlinear least-squares minimization", 2012.
    .. [2] D. J. C. MacKay, "A practical Bayesian framework for backpropagation
       networks", Neural Computation 4, 1992.
    .. [3] F. D. Foresee and M. T. Hagan, "Gauss-Newton approximation to Bayesian
       learning", ICNN 1997.
    .. [4] A. Immer, M. Korzepa and M. Bauer, "Improving predictions of Bayesian neural
       nets via local linearization", AISTATS 2021.
    .. [5] D. C. Liu and J. Nocedal, "On the limited memory BFGS method for large scale
       optimization", Mathematical Programming 45, 1989.
    .. [6] D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", 2014.
    .. [7] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep
       feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_nnderiv import DifferentiableRegressor
    >>> X = np.linspace(0, 3, 50).reshape(-1, 1)
    >>> model = DifferentiableRegressor(random_state=0).fit(X, np.sin(X).ravel())
    >>> model.predict_jacobian([[0.5], [1.5]]).round(4)
    array([[0.8776],
           [0.0707]])
    >>> np.cos([0.5, 1.5]).round(4)
    array([0.8776, 0.0707])
    """

    _parameter_constraints = CONSTRAINTS
    _y_ndim: int

    def __init__(
        self,
        *,
        hidden_layer_sizes: str | int | Sequence[int] = "auto",
        activation: str | type = "auto",
        net: skorch.NeuralNet | None = None,
        x_scaler: Any = "standard",
        y_scaler: Any = "standard",
        solver: str = "auto",
        alpha: str | float = "auto",
        n_candidates: int = 3,
        batch_size: int | str = "auto",
        learning_rate_init: str | float = "auto",
        max_iter: str | int = "auto",
        tol: float = 1e-3,
        early_stopping: bool | str = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        jacobian_weight: Any = "auto",
        dtype: str = "float64",
        device: str = "cpu",
        n_jobs: int | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int | bool = 0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.net = net
        self.x_scaler = x_scaler
        self.y_scaler = y_scaler
        self.solver = solver
        self.alpha = alpha
        self.n_candidates = n_candidates
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.jacobian_weight = jacobian_weight
        self.dtype = dtype
        self.device = device
        self.n_jobs = n_jobs
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, jacobian: Any = None
    ) -> Self:
        """Fit the scalers and the network, to derivatives too where some are known.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers, in their own units.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. Rows of weight zero are left out.
        jacobian : array-like, default=None
            Known derivatives of y, of shape (n_samples[, n_outputs], n_features) as
            ``predict_jacobian(X)`` and in units of y per unit of X. NaN where unknown:
            of any rows, features or outputs. `sample_weight` applies to them too.

        Returns
        -------
        self : DifferentiableRegressor
            The fitted regressor.

        Raises
        ------
        ValueError
            If the data or a parameter are unsuited; the message says how.
        NotConvertibleError
            If a scaler cannot be converted to torch.
        TrainingDivergedError
            If the loss becomes NaN or infinite.
        """
        resume = self.warm_start and hasattr(self, "net_")
        return self._fit(X, y, sample_weight, jacobian, resume=resume, one_epoch=False)

    @fit_context(prefer_skip_nested_validation=False)
    def _fit_along(
        self, X: Any, y: Any, sample_weight: Any, jacobian: Array, directions: Array
    ) -> Self:
        """Fit to derivatives along directions of the features.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        jacobian : ndarray of shape (n_samples, n_outputs, n_directions)
            NaN where unknown, in units of y per length of a direction, which is to be
            such that y changes by something like its standard deviation.
        directions : ndarray of shape (n_samples or 1, n_directions, n_features)
            A single set of them is that of all rows.
        """
        resume = self.warm_start and hasattr(self, "net_")
        given = (X, y, sample_weight, jacobian, directions)
        return self._fit(*given, resume=resume, one_epoch=False)

    @available_if(_can_fit_partially)
    @fit_context(prefer_skip_nested_validation=False)
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, jacobian: Any = None
    ) -> Self:
        """Train for one epoch of mini-batches on a part of the data.

        The scalers are fitted to the first batch and stay as they are, so the first
        should be typical of the whole.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Finite numbers, in their own units.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights, not all zero. Rows of weight zero are left out.
        jacobian : array-like, default=None
            Known derivatives of y, of shape (n_samples[, n_outputs], n_features) as
            ``predict_jacobian(X)`` and in units of y per unit of X. NaN where unknown:
            of any rows, features or outputs. `sample_weight` applies to them too.

        Returns
        -------
        self : DifferentiableRegressor
            The fitted regressor.
        """
        resume = hasattr(self, "net_")
        return self._fit(X, y, sample_weight, jacobian, resume=resume, one_epoch=True)

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        jacobian: Any,
        directions: Array | None = None,
        *,
        resume: bool,
        one_epoch: bool,
    ) -> Self:
        with _all_or_nothing(self), single_threaded():
            if resume and self._y_ndim != np.ndim(y):
                raise ValueError(
                    f"y had {self._y_ndim} dimensions when the fit began, and has "
                    f"{np.ndim(y)} now. Give it the same number each time."
                )
            if not resume:
                _forget(self)
            X, y = validate_data(
                self,
                X,
                y,
                multi_output=True,
                y_numeric=True,
                dtype=np.float64,
                order="C",  # sums round by the order in memory
                reset=not resume,
            )
            weight = check_weights(sample_weight, X)
            if directions is None:
                names = vars(self).get("feature_names_in_")
                jacobian = check_jacobian(jacobian, X.shape[1], y, names)
            targets = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
            own = None
            if jacobian is not None:
                shape = (*targets.shape[: max(1, np.ndim(y))], jacobian.shape[2])
                own = check_label_weight(self.jacobian_weight, shape)
                if own is not None:  # as good as unknown, or equal rows would not merge
                    jacobian = np.where(own > 0, jacobian, np.nan)
            rows = Rows(X, targets, weight, jacobian, directions, own)
            rows = rows.of_positive_weight()
            train(self, rows, resume=resume, one_epoch=one_epoch)
            self._y_ndim = np.ndim(y)
        return self

    def predict(self, X: Any, return_std: bool = False) -> Array | tuple[Array, Array]:
        """Predict y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.
        return_std : bool, default=False
            Whether to return the standard deviation too, which `solver` "lm" provides.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the y that was fitted, and of its number of dimensions. NaN,
            with a warning, where a row is outside the domain of a scaler.
        y_std : ndarray of the shape of y
            Only with `return_std`. The standard deviation of the fitted function under
            its linearised Laplace posterior, without the noise of single measurements.

        Raises
        ------
        ValueError
            If `return_std` is asked of a fit without a posterior.
        """
        module, rows = self._checked(X)
        intervals = self._intervals("return_std") if return_std else None
        values = np.empty((len(rows), self.n_outputs_))
        self._evaluate(module, rows, {"values": values})
        if intervals is None:
            return self._squeezed(values)
        return self._squeezed(values), self._squeezed(intervals.value_std(rows))

    def predict_jacobian(
        self, X: Any, *, out: NDArray[Any] | None = None, return_std: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], Array]:
        r"""Compute the derivative of the prediction with respect to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.
        out : ndarray, default=None
            Array of float32 or float64 and of the result's shape, such as a memory map,
            to write the result into.
        return_std : bool, default=False
            Whether to return the standard deviation too, which `solver` "lm" provides.

        Returns
        -------
        jacobian : ndarray of shape (n_samples[, n_outputs], n_features)
            The shape is that of ``predict(X)`` with the features appended. The last
            index is the feature, in units of y per unit of that feature; each row is a
            local ``coef_``. At a kink (of a clipping scaler, say) it is one of the
            one-sided derivatives.
        jacobian_std : ndarray of the shape of jacobian
            Only with `return_std`. The standard deviation of every entry under the
            linearised Laplace posterior of the fit.

        Raises
        ------
        ValueError
            If `return_std` is asked of a fit without a posterior.

        See Also
        --------
        predict_with_jacobian : Values and derivatives in one pass.
        sample_jacobian : Draws from the same posterior.
        """
        module, rows = self._checked(X)
        outputs = () if self._y_ndim == 1 else (self.n_outputs_,)
        jacobian = check_out(out, (len(rows), *outputs, self.n_features_in_))
        # before `out` is written to, which may share memory with X
        std = self._intervals("return_std").jacobian_std(rows) if return_std else None
        if out is not None and np.may_share_memory(rows, jacobian):
            rows = rows.copy()  # else a chunk would overwrite rows still to be read
        # a view: (n, d) has the same layout as (n, 1, d)
        full = jacobian[:, None] if self._y_ndim == 1 else jacobian
        self._evaluate(module, rows, {"jacobian": full})
        return jacobian if std is None else (jacobian, self._squeezed(std))

    def sample_jacobian(
        self,
        X: Any,
        n_samples: int = 100,
        random_state: int | np.random.RandomState | None = 0,
    ) -> Array:
        r"""Draw Jacobians from the posterior of the fit, to propagate its uncertainty.

        Every draw is the Jacobian of one function at all rows, so that differences,
        means and products over rows and features have the right spread.

        Parameters
        ----------
        X : array-like of shape (n_samples_X, n_features)
            Finite numbers, in their own units.
        n_samples : int, default=100
            The number of draws.
        random_state : int, RandomState instance or None, default=0
            Determines the draws. With an int, draw i is the same function in every
            call.

        Returns
        -------
        jacobians : ndarray of shape (n_samples, n_samples_X[, n_outputs], n_features)
            In units of y per unit of each feature. Their mean and standard deviation
            are those of `predict_jacobian` with ``return_std=True``.

        Raises
        ------
        ValueError
            If the fit has no posterior.
        """
        intervals = self._intervals("sample_jacobian")
        _, rows = self._checked(X)
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        seed = check_random_state(random_state).randint(2**31 - 1)
        draws = intervals.sample_jacobian(rows, int(n_samples), seed)
        return draws[:, :, 0] if self._y_ndim == 1 else draws

    def _intervals(self, asked: str) -> Intervals:
        check_is_fitted(self)
        posterior = getattr(self, "_posterior", None)
        if posterior is None:
            raise ValueError(_why_without_posterior(self, asked))
        return Intervals(posterior, self._x_map, self._y_map)

    def _squeezed(self, values: Array) -> Array:
        return values[:, 0] if self._y_ndim == 1 else values

    def predict_with_jacobian(self, X: Any) -> tuple[Array, Array]:
        r"""Predict y and compute its derivative with respect to X in one pass.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As `predict` returns it.
        jacobian : ndarray of shape (n_samples[, n_outputs], n_features)
            As `predict_jacobian` returns it.
        """
        module, rows = self._checked(X)
        values = np.empty((len(rows), self.n_outputs_))
        jacobian = np.empty((*values.shape, self.n_features_in_))
        self._evaluate(module, rows, {"values": values, "jacobian": jacobian})
        return self._squeezed(values), self._squeezed(jacobian)

    def predict_hessian(self, X: Any) -> Array:
        r"""Compute the second derivatives of the prediction with respect to X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers, in their own units.

        Returns
        -------
        hessian : ndarray of shape (n_samples[, n_outputs], n_features, n_features)
            The shape is that of ``predict(X)`` with the features appended twice, in
            units of y per unit of both features. Zero for an activation of straight
            pieces such as "relu".

        See Also
        --------
        predict_jacobian : First derivatives.
        hessian, laplacian, hvp : The same for any fitted regressor, its trace, and
            its product with a vector.
        """
        module, rows = self._checked(X)
        d = self.n_features_in_
        hessian = np.empty((len(rows), self.n_outputs_, d, d))
        self._evaluate(module, rows, {"hessian": hessian})
        return self._squeezed(hessian)

    def _checked(self, X: Any) -> tuple[Map, Array]:
        """Return the map, and rows in float64."""
        module: Map | None = vars(self).get("module_")
        if module is None:
            check_is_fitted(self)
            module = self.module_
        if is_ready(X, self.n_features_in_) and "feature_names_in_" not in vars(self):
            return module, np.asarray(X, np.float64)
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return module, X

    def _evaluate(self, module: Map, rows: Array, results: dict[str, Any]) -> None:
        n = len(rows)
        if self.verbose and n >= _LONG:
            with ProgressBar(n, self.verbose, "predict", "rows") as bar:
                n_unknown = evaluate(module, rows, results, progress=bar.advance)
        else:
            n_unknown = evaluate(module, rows, results)
        warn_of_nan(n_unknown, n)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be composed again on whatever device is there."""
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key != "module_"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Compose the parts again."""
        super().__setstate__(state)
        if "net_" not in state:
            return
        if torch.is_inference_mode_enabled():
            # tensors made in this mode could never be differentiated
            with torch.inference_mode(False):
                for name in ("net_", "_x_map", "_y_map"):
                    setattr(self, name, copy.deepcopy(getattr(self, name)))
        self.module_ = compose(self)


def _why_without_posterior(estimator: DifferentiableRegressor, asked: str) -> str:
    solver = getattr(estimator, "solver_", None)  # absent with a net of the user's
    if solver != "lm":
        given = "a net of your own" if solver is None else f"solver={solver!r}"
        return (
            f"{asked} needs the posterior of a fit by solver='lm', and this fit is by "
            f"{given}. Fit with solver='lm' (the default on up to "
            f"{MAX_RESIDUALS_LM} values of y)."
        )
    return (
        f"{asked} needs the posterior of the fit, which is not kept of networks of "
        f"more than {MAX_POSTERIOR_PARAMETERS} parameters, or where a scaler of y "
        "mixes the outputs. Use smaller hidden_layer_sizes, or a y_scaler of single "
        "columns."
    )


@contextmanager
def _all_or_nothing(estimator: Any) -> Iterator[None]:
    """Put the attributes back if the body raises, Ctrl-C included."""
    before = dict(vars(estimator))
    grad_enabled = torch.is_grad_enabled()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        # an interrupt may fall into torch's own bookkeeping
        torch.set_grad_enabled(grad_enabled)
        raise


def _forget(estimator: Any) -> None:
    """Remove what an earlier fit has left, some of which the next may not set."""
    for name in list(vars(estimator)):
        if name.endswith("_") and not name.startswith("_"):
            delattr(estimator, name)


@register_converter(DifferentiableRegressor, "predict")
def _differentiable_regressor(fitted: DifferentiableRegressor) -> Map:
    return fitted.module_
