"""
An optimum in fewer evaluations, and whether to trust it
========================================================

:func:`sklearn_nnderiv.inspection.as_scipy` gives a fitted regressor the form that
`scipy.optimize.minimize` takes. This example finds the optimum of a fitted network
without derivatives, with the gradient, and with second derivatives too, and counts the
points that each looks at. Where the network is part of a larger simulation, each of
these points is dear.
"""

# %%
# A curved valley
# ---------------
# 150 noisy measurements of the cost of a process, by two settings. The optimum is at
# the bottom of a curved valley, which is hard to follow without derivatives.

import os

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import minimize

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.inspection import as_scipy, extrapolation_score, linearize


def cost(X):
    """Return the cost of settings."""
    u, v = X.T
    return 1 + 4 * (v - u**2) ** 2 + (u - 0.5) ** 2


LOW, HIGH = np.array([-1.5, -0.5]), np.array([1.5, 2.0])
rng = np.random.default_rng(0)
X = rng.uniform(LOW, HIGH, size=(150, 2))
y = cost(X) + 0.02 * rng.standard_normal(150)
max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
model = DifferentiableRegressor(
    max_iter="auto" if max_iter is None else int(max_iter), tol=0.01, random_state=0
).fit(X, y)

# %%
# ``fun`` and ``jac`` share one pass of the network: asked for the value and then for
# the gradient at the same point, they compute both once.

functions = as_scipy(model)
with_slope = {"jac": functions.jac}
with_curvature = {"jac": functions.jac, "hess": functions.hess}
METHODS = {
    "Nelder-Mead": ("without derivatives", {}),
    "COBYLA": ("without derivatives", {"tol": 1e-6}),
    "BFGS": ("gradient", with_slope),
    "trust-exact": ("gradient and Hessian", with_curvature),
}
start = np.array([-1.2, 1.5])
visited = {}
print(f"{'method':<12} {'by':<21} {'points':>6} {'u':>7} {'v':>7} {'cost':>7}")
for method, (by, derivatives) in METHODS.items():
    points = [start]

    def counted(x, points=points):
        """Return the value, and remember the point."""
        if not np.array_equal(x, points[-1]):
            points.append(np.array(x))
        return functions.fun(x)

    found = minimize(counted, start, method=method, **derivatives)
    visited[method] = np.array(points)
    settings = " ".join(f"{value:7.4f}" for value in found.x)
    print(f"{method:<12} {by:<21} {len(points):6d} {settings} {found.fun:7.4f}")

# %%
# All of them find the same optimum of the fitted network. The true one is at
# (0.5, 0.25): the rest is the error of the fit, which no optimiser can mend.

best = min(functions.fun(points[-1]) for points in visited.values())
grid = np.meshgrid(*[np.linspace(a, b, 81) for a, b in zip(LOW, HIGH, strict=True)])
height = model.predict(np.stack(grid, axis=-1).reshape(-1, 2)).reshape(81, 81)
SHOWN = {
    "Nelder-Mead": ("#56B4E9", ".", ":"),
    "BFGS": ("#D55E00", "s", "--"),
    "trust-exact": ("#0072B2", "o", "-"),
}

fig, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
levels = np.quantile(height, np.linspace(0, 0.95, 12))
axes[0].contour(*grid, height, levels=levels, colors="0.75", linewidths=0.8)
for method, (colour, marker, line) in SHOWN.items():
    points = visited[method]
    style = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4}
    label = f"{method}: {len(points)} points"
    axes[0].plot(*points.T, linewidth=1, label=label, **style)
    gap = [functions.fun(point) - best for point in points]
    so_far = np.maximum(np.minimum.accumulate(gap), 1e-10)
    axes[1].semilogy(range(1, len(points) + 1), so_far, label=label, **style)
axes[0].plot(0.5, 0.25, "k+", markersize=14, markeredgewidth=2, label="true optimum")
axes[0].set(xlabel="setting u", ylabel="setting v", title="Points looked at")
axes[0].set(xlim=(LOW[0], HIGH[0]), ylim=(LOW[1], HIGH[1]))
axes[1].set(xlabel="points looked at", ylabel="cost above the optimum")
axes[1].set_title("Best so far")
axes[0].legend(loc="upper center", fontsize=9)
axes[1].legend(fontsize=9)
plt.show()

# %%
# Is it backed by data?
# ---------------------
# An optimiser goes where the fitted function is low, inside the data or not. Of every
# optimum, ask how far it is from the training rows: above 1 it lies beyond them, and
# what the network says there is a guess.

optimum = visited["trust-exact"][-1]
asked = np.array([optimum, [2.5, 6.0]])
for row, score in zip(asked, extrapolation_score(model, asked), strict=True):
    verdict = "beyond the data" if score > 1 else "within the data"
    print(f"u = {row[0]:.3f}, v = {row[1]:.3f}: score {score:.2f}, {verdict}")

# %%
# A linear stand-in
# -----------------
# A controller takes a linear model at today's setting. `error` is the largest deviation
# from the network that was found in the box around it.

print(linearize(model, [1.0, 0.8], radius=[0.05, 0.05], feature_names=["u", "v"]))
