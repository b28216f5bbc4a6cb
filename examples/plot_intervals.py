"""
Bands for a function and its derivative
=======================================

The same regressor that predicts a value and a derivative returns a standard deviation for
each. This example fits 60 noisy rows, leaves a gap between them, and draws bands of
nominal 90% around the fit and around its derivative, within the data and a little
outside.
"""

# %%
# Noisy rows, with a gap
# ----------------------
# :math:`f(x) = x \sin 2x` with noise of standard deviation 0.15. No rows lie between 3.2
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


rng = np.random.default_rng(0)
x = np.concatenate([rng.uniform(0, 3.2, 35), rng.uniform(4, 6, 25)])
y = f(x) + 0.15 * rng.standard_normal(60)

max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
model = DifferentiableRegressor(
    max_iter="auto" if max_iter is None else int(max_iter), random_state=0
)
model.fit(x.reshape(-1, 1), y)

# %%
# Value and derivative with their standard deviations
# ---------------------------------------------------
# 1.645 standard deviations to either side hold 90% of a normal distribution. The bands are
# those of the function: the noise of a single row is not in them.

grid = np.linspace(-0.6, 6.6, 361)
rows = grid.reshape(-1, 1)
value, value_std = model.predict(rows, return_std=True)
slope, slope_std = model.predict_jacobian(rows, return_std=True)
slope, slope_std = slope[:, 0], slope_std[:, 0]

known = ((grid >= 0) & (grid <= 3.2)) | ((grid >= 4) & (grid <= 6))
inside = abs(slope - df(grid)) < 1.645 * slope_std
print(f"{'':26} {'among rows':>10} {'elsewhere':>10}")
print(
    f"{'median std of the slope':26} {np.median(slope_std[known]):10.3f} "
    f"{np.median(slope_std[~known]):10.3f}"
)
print(
    f"{'truth inside the band':26} {inside[known].mean():10.0%} "
    f"{inside[~known].mean():10.0%}"
)

# %%
# Where the data say little
# -------------------------
# The band of the derivative is wider in relation to its size than that of the function,
# and opens where there are no rows, at the edges of the data first.

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
    axis.set_ylim(truth.min() - 2.5, truth.max() + 2.5)
axes[0].plot(x, y, ".", color="0.35", markersize=4, label="rows")
axes[1].plot(x, np.full(60, axes[1].get_ylim()[0]), "|", color="0.35", clip_on=False)
axes[1].set_xlabel("x")
axes[0].legend(frameon=False, ncols=4, loc="upper left")
plt.show()
