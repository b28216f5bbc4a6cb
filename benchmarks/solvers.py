"""SciPy's L-BFGS-B against torch's L-BFGS, on the cubic of the guide.

Both minimise the same loss of the same network from the same initial parameters, for
the same number of iterations. torch's tolerances are absolute, so its loss is scaled
up and they are switched off; without that it is shown too.
"""

import argparse
import time

import numpy as np
import torch
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

POINTS = torch.linspace(1.6, 7.4, 50, dtype=torch.float64).reshape(-1, 1)


def network(seed):
    torch.manual_seed(seed)
    sizes = [nn.Linear(1, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh()]
    return nn.Sequential(*sizes, nn.Linear(50, 1)).double()


def problem(seed):
    x = np.random.default_rng(seed).uniform(1.5, 7.5, (100, 1))
    y = x**3 - 3 * x + 7
    scale = [(a.min(), np.ptp(a)) for a in (x, y)]
    return [torch.tensor((a - m) / r) for a, (m, r) in zip((x, y), scale, strict=True)]


def loss(net, x, y):
    return (net(x) - y).square().mean() / 2


def by_scipy(net, x, y, n_iter, n_pairs):
    parameters = list(net.parameters())

    def function(theta):
        vector_to_parameters(torch.tensor(theta), parameters)
        value = loss(net, x, y)
        gradient = torch.autograd.grad(value, parameters)
        return value.item(), parameters_to_vector(gradient).numpy()

    start = parameters_to_vector(parameters).detach().numpy()
    options = {"maxiter": n_iter, "maxfun": 20 * n_iter, "ftol": 0, "gtol": 0}
    result = minimize(
        function,
        start,
        jac=True,
        method="L-BFGS-B",
        options={**options, "maxcor": n_pairs, "maxls": 50},
    )
    vector_to_parameters(torch.tensor(result.x), parameters)


def by_torch(net, x, y, n_iter, n_pairs, factor=1e6):
    tolerances = {"tolerance_grad": 0, "tolerance_change": 0} if factor > 1 else {}
    optimizer = torch.optim.LBFGS(
        net.parameters(),
        max_iter=n_iter,
        max_eval=20 * n_iter,
        history_size=n_pairs,
        line_search_fn="strong_wolfe",
        **tolerances,
    )

    def closure():
        optimizer.zero_grad()
        value = factor * loss(net, x, y)
        value.backward()
        return value

    optimizer.step(closure)


def derivative_error(net, seed):
    x = np.random.default_rng(seed).uniform(1.5, 7.5, (100, 1))
    y = x**3 - 3 * x + 7
    scaled = ((POINTS - x.min()) / np.ptp(x)).requires_grad_(True)
    (slope,) = torch.autograd.grad(net(scaled).sum(), scaled)
    truth = 3 * POINTS**2 - 3
    return ((slope * np.ptp(y) / np.ptp(x) - truth).norm() / truth.norm()).item()


CONTESTANTS = {
    "scipy, 10 pairs": lambda *a: by_scipy(*a, 10),
    "scipy, 20 pairs": lambda *a: by_scipy(*a, 20),
    "torch scaled, 10 pairs": lambda *a: by_torch(*a, 10),
    "torch scaled, 20 pairs": lambda *a: by_torch(*a, 20),
    "torch as it comes": lambda *a: by_torch(*a, 20, factor=1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few iterations, one seed")
    quick = parser.parse_args().quick
    n_iter, seeds = (50, range(1)) if quick else (2000, range(5))
    torch.set_num_threads(1)
    threadpool_limits(1)
    results = {name: [] for name in CONTESTANTS}
    for seed in seeds:
        for name, train in CONTESTANTS.items():
            net, (x, y) = network(seed), problem(seed)
            start = time.process_time()
            train(net, x, y, n_iter)
            seconds = time.process_time() - start
            row = seconds, loss(net, x, y).item(), derivative_error(net, seed)
            results[name].append(row)
    print(f"{n_iter} iterations, medians over {len(seeds)} seeds")
    print(f"{'':24} {'CPU s':>7} {'loss':>9} {'relative error of the derivative':>33}")
    for name, rows in results.items():
        seconds, value, error = np.median(rows, axis=0)
        print(f"{name:24} {seconds:7.2f} {value:9.1e} {error:33.1e}")


if __name__ == "__main__":
    main()
