"""
Twenty points, with and without their derivatives
=================================================

An adjoint solver, or automatic differentiation, returns all derivatives of a result at
about the cost of the result itself. This example fits a surface to twenty points of it,
once to the values alone and once to the derivatives too, and shows how the errors fall
with the number of points for three functions.
"""

# %%
# The functions
# -------------
# Branin's function of two inputs, the voltage of a push-pull circuit [1]_ of six, and
# the price of a call option after Black and Scholes, of five. They are written in
# torch, whose reverse mode plays the adjoint solver: one sweep backwards for all
# inputs. Every input is in its own units.

import math
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.colors import PowerNorm
from scipy.stats import qmc
from sklearn.exceptions import ConvergenceWarning

from sklearn_nnderiv import DifferentiableRegressor


def branin(x):
    """Return the surface of three valleys."""
    a, b = x.T
    valley = b - 5.1 / (4 * math.pi**2) * a**2 + 5 / math.pi * a - 6
    return valley**2 + 10 * (1 - 1 / (8 * math.pi)) * torch.cos(a) + 10


def circuit(x):
    """Return the midpoint voltage of a circuit without output transformer."""
    b1, b2, f, c1, c2, beta = x.T
    gain = beta * (c2 + 9)
    middle = (12 * b2 / (b1 + b2) + 0.74) * gain / (gain + f)
    return middle + 11.35 * f / (gain + f) + 0.74 * f * gain / ((gain + f) * c1)


def option(x):
    """Return the price of a call from spot, strike, years, rate and volatility."""
    spot, strike, years, rate, volatility = x.T
    spread = volatility * torch.sqrt(years)
    d1 = (torch.log(spot / strike) + (rate + volatility**2 / 2) * years) / spread
    paid = strike * torch.exp(-rate * years)
    return spot * torch.special.ndtr(d1) - paid * torch.special.ndtr(d1 - spread)


RANGES = {
    branin: [(-5, 10), (0, 15)],
    circuit: [(50, 150), (25, 70), (0.5, 3), (1.2, 2.5), (0.25, 1.2), (50, 300)],
    option: [(60, 140), (80, 120), (0.1, 2), (0, 0.08), (0.1, 0.5)],
}


def evaluate(function, X):
    """Return values and derivatives."""
    x = torch.tensor(X, requires_grad=True)
    y = function(x)
    (jacobian,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy(), jacobian.numpy()


def design(function, n, seed):
    """Return points of a Latin hypercube."""
    low, high = np.transpose(RANGES[function])
    return low + qmc.LatinHypercube(len(low), seed=seed).random(n) * (high - low)


def fitted(X, y, jacobian=None, max_iter=200, **parameters):
    """Return a regressor; derivatives are one argument more."""
    max_iter = int(os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER", max_iter))
    model = DifferentiableRegressor(max_iter=max_iter, random_state=0, **parameters)
    with warnings.catch_warnings():  # it could still become more exact
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, jacobian=jacobian)


def errors(model, X, y, jacobian):
    """Return those of values and derivatives, relative to the truth."""
    found, slopes = model.predict_with_jacobian(X)
    value = np.linalg.norm(found - y) / np.linalg.norm(y - y.mean())
    step = X.std(axis=0)  # so that inputs have a common unit
    return value, np.linalg.norm((slopes - jacobian) * step) / np.linalg.norm(
        jacobian * step
    )


# %%
# The same twenty points
# ----------------------
# ``jacobian`` has a row for every point and a column for every input, in units of ``y``
# per unit of the input.

X = design(branin, 20, seed=1)
y, J = evaluate(branin, X)
print("labels:", J.shape)
models = {"values alone": fitted(X, y), "with derivatives": fitted(X, y, J)}

new = design(branin, 2000, seed=99)
truth = evaluate(branin, new)
found = {name: errors(model, new, *truth) for name, model in models.items()}
for name, (value, slope) in found.items():
    print(f"{name:17} error of values {value:.2g}, of derivatives {slope:.2g}")

# %%
# The error of the values is relative to their spread, that of the derivatives to their
# size. These twenty values do not show that there are three valleys; with their
# derivatives they do, and where.

grid = np.meshgrid(np.linspace(-5, 10, 121), np.linspace(0, 15, 121))
points = np.stack(grid, axis=-1).reshape(-1, 2)
height = evaluate(branin, points)[0]
panels = [("Truth", height)]
for name, model in models.items():
    title = f"Fit, {name}\nerror {100 * found[name][0]:.2g}%"
    panels.append((title, model.predict(points)))

levels = [0, 5, 10, 20, 35, 55, 80, 110, 150, 200, 300]
fig, axes = plt.subplots(1, 3, figsize=(11, 4.2), layout="constrained", sharey=True)
for axis, (title, surface) in zip(axes, panels, strict=True):
    image = axis.contourf(
        *grid,
        surface.reshape(121, 121),
        levels,
        cmap="viridis",
        norm=PowerNorm(0.5, 0, 300),
        extend="both",
    )
    axis.plot(*X.T, "o", color="white", markeredgecolor="black", markersize=6)
    axis.set(title=title, xlabel="first input", aspect="equal")
axes[0].set_ylabel("second input")
fig.colorbar(image, ax=axes, shrink=0.85, ticks=levels, label="y")
plt.show()

# %%
# Error against number of points
# ------------------------------
# Medians over three designs. To be quick, two networks are raced, not three, and their
# training ends a little sooner than by default.

sizes = [10, 20, 40]
curves = {}
print("               values alone    with derivatives")
print("function   n  values  slopes    values  slopes")
for function in RANGES:
    new = design(function, 2000, seed=99)
    truth = evaluate(function, new)
    for n in sizes:
        rows = []
        for seed in range(3):
            X = design(function, n, seed)
            y, J = evaluate(function, X)
            for labels in (None, J):
                model = fitted(X, y, labels, 120, n_candidates=2, tol=0.03)
                rows.append(errors(model, new, *truth))
        median = np.median(np.reshape(rows, (3, 4)), axis=0)
        curves.setdefault(function.__name__, []).append(median[[1, 3]])
        numbers = "{:8.2g}{:8.2g}{:10.2g}{:8.2g}".format(*median)
        print(f"{function.__name__:9}{n:3}{numbers}")

# %%
# The errors of the derivatives, on logarithmic axes:

colors = ["#0072B2", "#D55E00", "#009E73"]
fig, axis = plt.subplots(figsize=(6.8, 4.6), layout="constrained")
for (name, curve), color, marker in zip(curves.items(), colors, "os^", strict=True):
    alone, labelled = np.transpose(curve)
    axis.loglog(sizes, alone, marker + "--", color=color, mfc="white")
    axis.loglog(sizes, labelled, marker + "-", color=color, label=name)
axis.plot([], [], "k--", label="values alone")
axis.plot([], [], "k-", label="with derivatives")
axis.set_xticks(sizes, sizes)
axis.minorticks_off()
axis.set(xlabel="points", ylabel="relative error of the derivatives")
axis.legend(frameon=False)
plt.show()

# %%
# Half as many points or fewer do with derivatives what all do without. How much is
# gained depends on the function, and on the derivatives being exact: give less
# ``jacobian_weight`` to labels that are noisier than the values.
#
# .. [1] E. N. Ben-Ari and D. M. Steinberg, "Modeling data from computer experiments",
#    Quality Engineering 19, 2007.
