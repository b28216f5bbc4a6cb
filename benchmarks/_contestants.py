"""Ways to fit a function from its values, all with a derivative in closed form.

Each takes a problem, fits it and returns a function for the values, of shape (n, k),
and one for the Jacobian, of shape (n, k, d), both in the units of the data.
"""

import contextlib
import copy
import importlib
import io

import numpy as np
import torch
from scipy.spatial.distance import cdist
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import PolynomialFeatures
from skorch import NeuralNetRegressor

from sklearn_nnderiv import DifferentiableRegressor


def optional(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


# here and not where they are used, lest an import counts as time of a fit
smt = optional("smt.surrogate_models")
jenn = optional("jenn")


def standard(A):
    return A.mean(axis=0), A.std(axis=0)


def min_max(A):
    return A.min(axis=0), np.ptp(A, axis=0)


def between(units, problem, fit):
    """Fit in scaled units and return the functions for raw ones."""
    (x0, dx), (y0, dy) = units(problem.X), units(problem.y)
    predict, jacobian = fit((problem.X - x0) / dx, (problem.y - y0) / dy)

    def raw_jacobian(X):
        return jacobian((X - x0) / dx) * dy[:, None] / dx

    return lambda X: predict((X - x0) / dx) * dy + y0, raw_jacobian


def ravel_one(y):
    return y.ravel() if y.shape[1] == 1 else y


def mlp_jacobian(model, X):
    activate, slope = {
        "relu": (lambda z: np.maximum(z, 0), lambda h: h > 0),
        "tanh": (np.tanh, lambda h: 1 - h**2),
    }[model.activation]
    *hidden, last = model.coefs_
    slopes, h = [], X
    for weight, bias in zip(hidden, model.intercepts_, strict=False):
        h = activate(h @ weight + bias)
        slopes.append(slope(h))
    result = last.T
    for weight, one in zip(reversed(hidden), reversed(slopes), strict=True):
        result = (result * one[:, None]) @ weight.T
    return result


def mlp(problem, **parameters):
    def fit(X, y):
        model = MLPRegressor(random_state=problem.seed, **parameters)
        model.fit(X, ravel_one(y))
        return (
            lambda X: model.predict(X).reshape(len(X), -1),
            lambda X: mlp_jacobian(model, X),
        )

    return between(standard, problem, fit)


def mlp_lbfgs(problem, hidden):
    return mlp(
        problem,
        hidden_layer_sizes=hidden,
        activation="tanh",
        solver="lbfgs",
        alpha=1e-1 if problem.noise else 1e-6,
        tol=1e-12,
        max_iter=5000,
        max_fun=50_000,
    )


def plain_skorch(problem):
    """Fit as tutorials do: ReLU, Adam, inputs and outputs scaled to [0, 1]."""

    def fit(X, y):
        torch.manual_seed(problem.seed)
        layers = [torch.nn.Linear(X.shape[1], 64), torch.nn.ReLU()]
        layers += [torch.nn.Linear(64, 64), torch.nn.ReLU()]
        net = NeuralNetRegressor(
            torch.nn.Sequential(*layers, torch.nn.Linear(64, y.shape[1])),
            optimizer=torch.optim.Adam,
            lr=1e-3,
            max_epochs=200,
            batch_size=128,
            iterator_train__shuffle=True,
            verbose=0,
        )
        net.fit(X.astype(np.float32), y.astype(np.float32))
        # the same network in double, so that differences of it can be taken
        module = copy.deepcopy(net.module_).double().requires_grad_(False)

        def jacobian(X):
            rows = torch.tensor(X, requires_grad=True)
            y = module(rows)
            slopes = [
                torch.autograd.grad(one.sum(), rows, retain_graph=True)[0]
                for one in y.T
            ]
            return torch.stack(slopes, dim=1).numpy()

        return lambda X: module(torch.tensor(X)).numpy(), jacobian

    return between(min_max, problem, fit)


def gp_jacobian(model, X):
    """Differentiate the mean, a sum of Gaussians around the training rows."""
    signal = model.kernel_.k1
    weights = signal(X, model.X_train_) * model.alpha_
    pull = weights @ model.X_train_ - weights.sum(axis=1, keepdims=True) * X
    return pull / np.square(signal.k2.length_scale)


def gaussian_process(problem):
    """Fit one process for each output, with a length scale for each input."""

    def one_output(X, y):
        scales = RBF(np.full(X.shape[1], 0.5), (1e-2, 1e3))
        kernel = ConstantKernel(1.0, (1e-3, 1e5)) * scales
        kernel += WhiteKernel(1e-4, (1e-12, 1))
        return GaussianProcessRegressor(
            kernel, alpha=1e-12, n_restarts_optimizer=5, random_state=problem.seed
        ).fit(X, y)

    mean, unit = standard(problem.y)
    models = [one_output(problem.X, y) for y in ((problem.y - mean) / unit).T]

    def predict(X):
        return np.stack([model.predict(X) for model in models], axis=1) * unit + mean

    def jacobian(X):
        slopes = [gp_jacobian(model, X) for model in models]
        return np.stack(slopes, axis=1) * unit[:, None]

    return predict, jacobian


def kriging_jacobian(model, X):
    """Differentiate the mean; SMT's own derivative takes minutes for 2,000 points."""
    theta, weights = model.optimal_theta, model.optimal_par["gamma"].T
    if model.name in ("KPLS", "GEKPLS"):
        theta = model.coeff_pls**2 @ theta
    X = (X - model.X_offset) / model.X_scale
    distances = cdist(X * np.sqrt(theta), model.X_norma * np.sqrt(theta), "sqeuclidean")
    weights = weights * np.exp(-distances)
    pull = weights @ model.X_norma - weights.sum(axis=1, keepdims=True) * X
    return 2 * theta * pull * model.y_std / model.X_scale


def kriging(problem, name, **options):
    models = []
    for y in problem.y.T:
        model = getattr(smt, name)(
            print_global=False,
            hyper_opt="Cobyla",
            eval_noise=bool(problem.noise),
            **options,
        )
        model.set_training_values(problem.X, y[:, None])
        # it prints all eigenvalues of a covariance that is not positive
        with contextlib.redirect_stdout(io.StringIO()):
            model.train()
        models.append(model)
    return (
        lambda X: np.hstack([model.predict_values(X) for model in models]),
        lambda X: np.stack([kriging_jacobian(model, X) for model in models], axis=1),
    )


def krg(problem):
    # 3 starts are for the small problems, where they cost little
    return kriging(problem, "KRG", n_start=1 if len(problem.X) > 200 else 3)


def kpls(problem):
    n_comp = min(3, problem.X.shape[1])
    return kriging(problem, "KPLS", n_start=3, n_comp=n_comp)


def genn(problem):
    model = smt.GENN(
        print_global=False,
        hidden_layer_sizes=[32, 32],
        gamma=0.0,
        lambd=1e-4,
        num_iterations=2000,
        seed=problem.seed,
    )
    model.set_training_values(problem.X, problem.y)
    model.train()
    inputs = range(problem.X.shape[1])
    return model.predict_values, lambda X: np.stack(
        [model.predict_derivatives(X, j) for j in inputs], axis=2
    )


def jacobian_enhanced(problem):
    (_, d), (_, k) = problem.X.shape, problem.y.shape
    model = jenn.NeuralNet([d, 32, 32, k])
    model.fit(
        problem.X.T,
        problem.y.T,
        is_normalize=True,
        gamma=0.0,
        max_iter=2000,
        random_state=problem.seed,
    )
    return (
        lambda X: model.predict(X.T).T,
        lambda X: model.predict_partials(X.T).transpose(2, 0, 1),
    )


def cubic_polynomial(problem):
    def fit(X, y):
        terms = PolynomialFeatures(3, include_bias=False).fit(X)
        ridge = RidgeCV(np.logspace(-10, 2, 13)).fit(terms.transform(X), y)
        weights = ridge.coef_.reshape(y.shape[1], -1)

        def jacobian(X):
            columns = []
            for j, power in enumerate(terms.powers_.T):
                lower = terms.powers_ - np.eye(len(X.T), dtype=int)[j]
                slopes = power * np.prod(X[:, None] ** np.maximum(lower, 0), axis=2)
                columns.append(slopes @ weights.T)
            return np.stack(columns, axis=2)

        def predict(X):
            return ridge.predict(terms.transform(X)).reshape(len(X), -1)

        return predict, jacobian

    return between(standard, problem, fit)


def ours(problem, **parameters):
    model = DifferentiableRegressor(random_state=problem.seed, **parameters)
    model.fit(problem.X, ravel_one(problem.y))
    shape = (problem.y.shape[1], problem.X.shape[1])
    return (
        lambda X: model.predict(X).reshape(len(X), -1),
        lambda X: model.predict_jacobian(X).reshape(len(X), *shape),
    )


CONTESTANTS = {
    "skorch": plain_skorch,
    "mlp": mlp,
    "mlp-32": lambda problem: mlp_lbfgs(problem, (32, 32)),
    "mlp-64": lambda problem: mlp_lbfgs(problem, (64, 64)),
    "gp": gaussian_process,
    "krg": krg,
    "kpls": kpls,
    "genn": genn,
    "jenn": jacobian_enhanced,
    "poly-3": cubic_polynomial,
    "ours": ours,
    "ours-long": lambda problem: ours(problem, n_candidates=8, max_iter=600),
}
NEEDS = {"krg": smt, "kpls": smt, "genn": smt, "jenn": jenn}
MISSING = [name for name, module in NEEDS.items() if module is None]
# factorising the covariance of more rows, again and again, takes many minutes
MOST_ROWS = {"gp": 1000, "krg": 1000, "kpls": 1000}
