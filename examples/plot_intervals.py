"""
Bands for a function and its derivative
=======================================

The regressor that predicts a value and a derivative returns a standard deviation of
each. This example fits 80 noisy rows with a gap between them, and draws bands of
nominal 90% around the fit and around its derivative, within the data and a little
outside.
"""

# %%
# Noisy rows, with a gap
# ----------------------
# :math:`f(x) = x \sin 2x` with noise of standard deviation 0.2. No rows lie between 3.2
# and 4, below 0 or above 6.

import os

import matplotlib.pyplot as plt
import numpy as np

from sklearn_nnderiv import DifferentiableRegressor


def f(x):
    """Return the function."""
    return x * np.sin(2 * x)


def df(x):
    """Return its derivative."""
    return np.sin(2 * x) + 2 * x * np.cos(2 * x)


def draw(seed):
    """Return 80 rows."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.uniform(0, 3.2, 48), rng.uniform(4, 6, 32)])
    return x.reshape(-1, 1), f(x) + 0.2 * rng.standard_normal(80)


def fitted(X, y):
    """Return a regressor."""
    max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
    model = DifferentiableRegressor(
        max_iter="auto" if max_iter is None else int(max_iter), random_state=0
    )
    return model.fit(X, y)


X, y = draw(0)
model = fitted(X, y)

# %%
# Value and derivative with their standard deviations
# ---------------------------------------------------
# 1.645 standard deviations to either side hold 90% of a normal distribution. The bands
# are those of the function: the noise of a single row is not in them.

grid = np.linspace(-0.6, 6.6, 361)
value, value_std = model.predict(grid.reshape(-1, 1), return_std=True)
slope, slope_std = model.predict_jacobian(grid.reshape(-1, 1), return_std=True)
slope, slope_std = slope[:, 0], slope_std[:, 0]

# %%
# Where the data say little
# -------------------------
# The bands open where there are no rows, most at the edges of the data, and that of the
# derivative sooner than that of the function.

fig, axes = plt.subplots(2, 1, figsize=(8, 6.5), sharex=True, layout="constrained")
parts = [
    (axes[0], f(grid), value, value_std, "y", "Function"),
    (axes[1], df(grid), slope, slope_std, "dy/dx", "Derivative"),
]
for axis, truth, fit, std, label, title in parts:
    half = 1.645 * std
    axis.fill_between(
        grid, fit - half, fit + half, color="#56B4E9", alpha=0.45, label="90% band"
    )
    axis.plot(grid, truth, color="black", linestyle="--", linewidth=1.2, label="truth")
    axis.plot(grid, fit, color="#0072B2", linewidth=1.8, label="fit")
    axis.set(ylabel=label, title=title)
axes[0].plot(X[:, 0], y, ".", color="0.35", markersize=4, label="rows")
bottom = np.full(80, axes[1].get_ylim()[0])
axes[1].plot(X[:, 0], bottom, "|", color="0.35", clip_on=False)
axes[1].set_xlabel("x")
axes[0].legend(frameon=False, ncols=4, loc="upper left")
plt.show()

# %%
# How often the truth is inside
# -----------------------------
# The errors at neighbouring points are alike, so a single fit says little about the
# nominal 90%. Twenty other sets of rows say more.

among = ((grid >= 0) & (grid <= 3.2)) | ((grid >= 4) & (grid <= 6))
inside = []
for seed in range(1, 21):
    slope, std = fitted(*draw(seed)).predict_jacobian(
        grid.reshape(-1, 1), return_std=True
    )
    inside.append(abs(slope[:, 0] - df(grid)) < 1.645 * std[:, 0])
share = np.mean(inside, axis=0)
print(f"derivative inside its band, among the rows {share[among].mean():.0%},")
print(f"in the gap and outside {share[~among].mean():.0%}")
