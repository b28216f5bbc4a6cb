"""Intervals of the derivative: how often they hold the truth, and what they cost.

The coverage is that of the nominal 90% interval of each entry of the Jacobian, over
1,000 new points, of the default fit. Times are of 10,000 rows of eight inputs. The
standard deviations of a small network are held against those of the linearised
posterior by automatic differentiation, with no formula of the package.
"""

import os

# before numpy is loaded, which reads them once
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import time
import warnings

import numpy as np
import torch
from _functions import Problem
from torch.func import functional_call, jacrev, vmap

from sklearn_nnderiv import DifferentiableRegressor

CASES = {"branin": 100, "otl": 100, "friedman": 500}
EXTRA = {"borehole": 500}
NOISES = [0.0, 0.02, 0.1]
Z90 = 1.6449
ALPHA = 1e-3


def coverage(name, n, noise, seed, n_points=1000):
    """Return the part of all derivatives that lie in their interval."""
    problem = Problem(name, n, noise, seed)
    model = DifferentiableRegressor(random_state=seed)
    model.fit(problem.X, problem.y.ravel())
    X, truth = problem.X_test[:n_points], problem.jacobian_test[:n_points, 0]
    jacobian, std = model.predict_jacobian(X, return_std=True)
    return float((abs(jacobian - truth) < Z90 * std).mean())


def coverages(cases, noises, n_seeds):
    """Print the coverage by function and noise; return the means over seeds."""
    means = []
    for name, n in cases.items():
        for noise in noises:
            found = [coverage(name, n, noise, seed) for seed in range(n_seeds)]
            means.append(np.mean(found))
            shown = "  ".join(f"{one:.2f}" for one in found)
            print(f"{name:9} {n:4} {noise:6.0%} {means[-1]:9.2f}   {shown}", flush=True)
    return means


def seconds(function, n_rounds):
    times = []
    for _ in range(n_rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return np.median(times)


def print_times(n_rows, n_rounds):
    problem = Problem("borehole", 200, 0.02)
    model = DifferentiableRegressor(random_state=0).fit(problem.X, problem.y.ravel())
    X = np.random.default_rng(1).random((n_rows, 8))
    n_parameters = sum(p.numel() for p in model.net_.module_.parameters())
    print(f"\n{n_rows:,} rows of 8 inputs, {n_parameters} parameters: seconds")
    print(f"{'':18} {'alone':>7} {'with std':>9}")
    for name in ("predict", "predict_jacobian"):
        method = getattr(model, name)
        method(X[:10], return_std=True)
        alone = seconds(lambda m=method: m(X), n_rounds)
        both = seconds(lambda m=method: m(X, return_std=True), n_rounds)
        print(f"{name:18} {alone:7.4f} {both:9.4f}")


def exact_std(model, X, y, at):
    """Return standard deviations of values and Jacobian, by automatic differentiation.

    Parameters are a Gaussian around the fit, with the precision J'J + alpha in units of
    the noise; the prior of biases is 1e-6.
    """
    module = model.module_.requires_grad_(True)
    parameters = {k: p.detach() for k, p in module.named_parameters()}
    unit = float(model.y_scaler_.scale_[0])

    def value(theta, row):
        return functional_call(module, theta, (row[None],))[0, 0]

    def gradients(function, rows):
        parts = vmap(jacrev(function), (None, 0))(parameters, torch.from_numpy(rows))
        flat = [parts[k].flatten(-parameters[k].ndim) for k in parameters]
        return torch.cat(flat, dim=-1).detach().numpy()

    J = gradients(value, X) / unit
    prior = np.concatenate(
        [np.full(p.numel(), ALPHA if p.ndim > 1 else 1e-6) for p in parameters.values()]
    )
    covariance = np.linalg.inv(J.T @ J + np.diag(prior))
    gamma = len(prior) - prior @ np.diagonal(covariance)
    error = ((model.predict(X) - y) ** 2).sum() / unit**2
    noise = error / (len(X) - gamma)
    results = []
    for function in (value, jacrev(value, argnums=1)):
        G = gradients(function, at)
        variance = noise * np.einsum("...i,ij,...j->...", G, covariance, G)
        results.append(np.sqrt(variance))
    return results


def distances(n_seeds):
    """Print the largest relative error against the exact linearised posterior."""
    worst = [0.0, 0.0]
    for seed in range(n_seeds):
        rng = np.random.default_rng(seed)
        # of fewer than 20 rows, and without a rival, there are no corrections
        X = rng.uniform(-1, 1, (19, 2))
        y = np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1] + 0.1 * rng.standard_normal(19)
        model = DifferentiableRegressor(
            hidden_layer_sizes=(3,),
            activation="tanh",
            alpha=ALPHA,
            n_candidates=1,
            tol=0,
            random_state=seed,
        ).fit(X, y)
        at = rng.uniform(-1, 1, (50, 2))
        exact = exact_std(model, X, y, at)
        for i, method in enumerate((model.predict, model.predict_jacobian)):
            std = method(at, return_std=True)[1]
            worst[i] = max(worst[i], float(abs(std / exact[i] - 1).max()))
    print(
        "\nrelative error of std against the exact linearised posterior: "
        f"values {worst[0]:.1e}, derivatives {worst[1]:.1e}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one fit of each part")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    print("coverage of the nominal 90% interval of the Jacobian")
    print(f"{'function':9} {'rows':>4} {'noise':>6} {'coverage':>9}   by seed")
    if quick:
        coverages({"branin": 100}, [0.0], 1)
    else:
        means = coverages(CASES, NOISES, 3)
        print(f"mean of these {len(means)}: {np.mean(means):.2f}")
        coverages(EXTRA, NOISES, 3)
    print_times(*((500, 1) if quick else (10_000, 5)))
    distances(1 if quick else 5)


if __name__ == "__main__":
    main()
