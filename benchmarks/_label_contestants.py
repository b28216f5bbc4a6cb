"""Ways to fit a function from its values and its derivatives.

Each takes a problem, labels of shape (n, k, d) where NaN is unknown, and settings, and
returns functions for the values and for the Jacobian as those of `_contestants` do.
"""

import contextlib
import inspect
import io

import numpy as np
from _contestants import jenn, kriging_jacobian, ravel_one, smt

from sklearn_nnderiv import DifferentiableRegressor

# of kriging, with its extra points: factorising more, again and again, takes minutes
MOST_ROWS = 1000


def all_labels(problem):
    return problem.jacobian


def quarter_missing(problem):
    """Return the labels without a quarter of the entries, at random."""
    labels = problem.jacobian.copy()
    drawn = np.random.default_rng(problem.seed + 11).permutation(labels.size)
    labels.flat[drawn[: labels.size // 4]] = np.nan
    return labels


def one_input(problem):
    """Return the labels of one input alone, drawn at random."""
    labels = np.full_like(problem.jacobian, np.nan)
    j = np.random.default_rng(problem.seed + 13).integers(labels.shape[2])
    labels[:, :, j] = problem.jacobian[:, :, j]
    return labels


def ours(problem, labels, **parameters):
    model = DifferentiableRegressor(random_state=problem.seed, **parameters)
    y, known = ravel_one(problem.y), {}
    if labels is not None:
        known = {"jacobian": labels[:, 0] if y.ndim == 1 else labels}
    model.fit(problem.X, y, **known)
    shape = problem.jacobian.shape[1:]
    return (
        lambda X: model.predict(X).reshape(len(X), -1),
        lambda X: model.predict_jacobian(X).reshape(len(X), *shape),
    )


def jacobian_enhanced(problem, labels, hidden, rates, **settings):
    """Fit JENN at one learning rate after the other, each from where the last ended."""
    _, k, d = labels.shape
    model = jenn.NeuralNet([d, *hidden, k])
    for i, rate in enumerate(rates):
        model.fit(
            problem.X.T,
            problem.y.T,
            labels.transpose(1, 2, 0),
            is_normalize=True,
            is_warmstart=i > 0,
            alpha=rate,
            random_state=problem.seed,
            **settings,
        )
    return (
        lambda X: model.predict(X.T).T,
        lambda X: model.predict_partials(X.T).transpose(2, 0, 1),
    )


def genn(problem, labels, **settings):
    model = smt.GENN(print_global=False, seed=problem.seed, **settings)
    model.set_training_values(problem.X, problem.y)
    inputs = range(labels.shape[2])
    for j in inputs:
        model.set_training_derivatives(problem.X, labels[:, :, j], j)
    model.train()
    return model.predict_values, lambda X: np.stack(
        [model.predict_derivatives(X, j) for j in inputs], axis=2
    )


def gekpls(problem, labels, extra_points, n_comp, delta_x):
    """Fit one process for each output, with points beside those of the design."""
    n, k, d = labels.shape
    extra_points = min(extra_points, d, MOST_ROWS // n - 1)
    models = []
    for i in range(k):
        model = smt.GEKPLS(
            print_global=False,
            n_start=1 if n * (1 + extra_points) > 200 else 3,
            extra_points=extra_points,
            n_comp=min(n_comp, d),
            delta_x=delta_x,
            seed=problem.seed,
        )
        model.set_training_values(problem.X, problem.y[:, i : i + 1])
        for j in range(d):
            model.set_training_derivatives(problem.X, labels[:, i : i + 1, j], j)
        with contextlib.redirect_stdout(io.StringIO()):
            model.train()
        models.append(model)
    return (
        lambda X: np.hstack([model.predict_values(X) for model in models]),
        lambda X: np.stack([kriging_jacobian(model, X) for model in models], axis=1),
    )


# by contestant: how it is fitted, and which labels it is given
OURS = {
    "values": (ours, lambda problem: None),
    "labels": (ours, all_labels),
    "labels-3/4": (ours, quarter_missing),
    "labels-one": (ours, one_input),
}
PEERS = {
    "jenn": (jacobian_enhanced, all_labels),
    "genn": (genn, all_labels),
    "gekpls": (gekpls, all_labels),
    # the same at the usual settings, with nothing but gamma tuned
    "jenn-gamma": (jacobian_enhanced, all_labels),
    "genn-gamma": (genn, all_labels),
}
CONTESTANTS = {**OURS, **PEERS}

TAKES_LABELS = "jacobian" in inspect.signature(DifferentiableRegressor.fit).parameters
PRESENT = {
    "values": True,
    **dict.fromkeys(("labels", "labels-3/4", "labels-one"), TAKES_LABELS),
    **dict.fromkeys(("jenn", "jenn-gamma"), jenn is not None),
    **dict.fromkeys(("genn", "genn-gamma"), None not in (jenn, smt)),
    "gekpls": smt is not None,
}
MISSING = [name for name, present in PRESENT.items() if not present]

HIDDEN = [[12, 12], [24], [48], [24, 24], [12, 12, 12]]
GAMMA = [1.0, 0.1, 10.0, 100.0, 1000.0]
# what a peer is tuned over, one after the other, each from its first value on
SEARCH = {
    "jenn": {
        "hidden": HIDDEN,
        "gamma": GAMMA,
        "rates": [[0.05, 0.01, 0.002], [0.05], [0.2, 0.02, 0.002]],
        "lambd": [0.0, 1e-4, 1e-2],
        "max_iter": [1000, 3000],
    },
    "genn": {
        "hidden_layer_sizes": HIDDEN,
        "gamma": GAMMA,
        "alpha": [0.05, 0.02, 0.005],
        "lambd": [1e-2, 1e-4, 0.0],
        "num_iterations": [2000, 6000],
    },
    "gekpls": {
        "extra_points": [2, 0, 1, 5, 10],
        "n_comp": [2, 3, 5],
        "delta_x": [1e-4, 1e-3, 1e-5],
    },
    "jenn-gamma": {
        "hidden": [[12, 12]],
        "gamma": GAMMA,
        "rates": [[0.05]],
        "max_iter": [2000],
    },
    "genn-gamma": {"gamma": GAMMA, "num_iterations": [2000]},
}
QUICK_SEARCH = {
    "jenn": {"hidden": [[8]], "gamma": [1.0, 0.1], "rates": [[0.05]], "max_iter": [50]},
    "genn": {"hidden_layer_sizes": [[8]], "gamma": [1.0], "num_iterations": [50]},
    "gekpls": {"extra_points": [1], "n_comp": [2], "delta_x": [1e-4]},
}
QUICK_SEARCH |= {f"{name}-gamma": QUICK_SEARCH[name] for name in ("jenn", "genn")}
