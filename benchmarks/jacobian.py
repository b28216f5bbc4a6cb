"""Time to the Jacobian of a fitted regressor, against other ways to get it.

All contestants take the raw rows as a NumPy array and return the Jacobian in raw units
as one. Before anything is timed, each is held against central differences of `predict`.
Rounds are interleaved; medians are shown.
"""

import argparse
import time

import numpy as np
import torch

from sklearn_nnderiv import DifferentiableRegressor

SHAPES = [(1, 1, (64, 64)), (8, 4, (128, 128)), (50, 10, (256, 256))]


def fitted(d, k, hidden):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, d)) * 3 + 10
    y = np.sin(X @ rng.normal(size=(d, k)))
    model = DifferentiableRegressor(
        hidden_layer_sizes=hidden, tol=0.5, n_iter_no_change=2, random_state=0
    )
    return model.fit(X, y)


def central_differences(model, X, step=1e-5):
    columns = []
    for j in range(X.shape[1]):
        shift = np.zeros(X.shape[1])
        shift[j] = step
        difference = model.predict(X + shift) - model.predict(X - shift)
        columns.append(difference / (2 * step))
    return np.stack(columns, axis=-1)


def by_package(model):
    return model.predict_jacobian


def by_vmap(model):
    jacobian = torch.func.vmap(torch.func.jacrev(model.module_))
    return lambda X: jacobian(torch.from_numpy(X)).detach().numpy()


def by_loop(model):
    def jacobian(X):
        rows = torch.from_numpy(X)
        return torch.stack(
            [torch.autograd.functional.jacobian(model.module_, row) for row in rows]
        ).numpy()

    return jacobian


def by_differences(model):
    return lambda X: central_differences(model, X)


CONTESTANTS = {
    "predict_jacobian": by_package,
    "vmap(jacrev)": by_vmap,
    "central differences": by_differences,
    "autograd.functional, row by row": by_loop,
}
SLOW = {"autograd.functional, row by row": 100}


def jax_contestant():
    """Return the contestant that needs the `bench` extra, if it is installed."""
    try:
        import jax
    except ImportError:
        return {}
    jax.config.update("jax_enable_x64", True)

    def by_jax(model):
        layers = [m for m in model.net_.module_ if isinstance(m, torch.nn.Linear)]
        weights = [(p.weight.detach().numpy(), p.bias.detach().numpy()) for p in layers]
        x, y = model.x_scaler_, model.y_scaler_

        def function(row):
            h = (row - x.mean_) / x.scale_
            for w, b in weights[:-1]:
                h = jax.numpy.tanh(w @ h + b)
            w, b = weights[-1]
            return (w @ h + b) * y.scale_ + y.mean_

        jacobian = jax.jit(jax.vmap(jax.jacrev(function)))
        return lambda X: np.asarray(jacobian(X))

    return {"jax.jit(vmap(jacrev))": by_jax}


def medians(functions, X, n_rounds):
    times = {name: [] for name in functions}
    for _ in range(n_rounds):
        for name, function in functions.items():
            rows = X[: SLOW.get(name, len(X))]
            start = time.perf_counter()
            function(rows)
            seconds = time.perf_counter() - start
            times[name].append(seconds * len(X) / len(rows))
    return {name: np.median(seconds) for name, seconds in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows, one shape")
    quick = parser.parse_args().quick
    n, n_rounds, shapes = (50, 1, SHAPES[:1]) if quick else (10_000, 7, SHAPES)
    contestants = {**CONTESTANTS, **({} if quick else jax_contestant())}
    for d, k, hidden in shapes:
        model = fitted(d, k, hidden)
        X = np.random.default_rng(1).normal(size=(n, d)) * 3 + 10
        truth = central_differences(model, X[:20])
        functions = {name: make(model) for name, make in contestants.items()}
        print(f"\n{d} inputs, {k} outputs, hidden {hidden}, {n} rows, float64")
        errors = {}
        for name, function in functions.items():
            result = function(X[:20])
            errors[name] = abs(result - truth).max() / abs(truth).max()
            assert errors[name] < 1e-6, (name, errors[name])
        seconds = medians(functions, X, n_rounds)
        own = seconds["predict_jacobian"]
        print(f"{'':34} {'ms':>9} {'ratio':>7} {'relative error':>15}")
        for name, value in seconds.items():
            print(
                f"{name:34} {value * 1e3:9.2f} {value / own:7.2f} {errors[name]:15.1e}"
            )


if __name__ == "__main__":
    main()
