"""
The derivative of a Gaussian process
====================================

A Gaussian process that scikit-learn has fitted has a derivative, which is a Gaussian
process as well: it has a mean and a standard deviation in closed form. This example
draws both, in the units of the data, for a process at the end of a pipeline.
"""

# %%
# Noisy rows, with a gap
# ----------------------
# :math:`f(x) = x \sin 2x` of :math:`x` in thousands, with noise of standard deviation
# 0.2. No rows lie between 3200 and 4000.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_nnderiv import value_and_jacobian


def f(x):
    """Return the function."""
    return x / 1000 * np.sin(x / 500)


def df(x):
    """Return its derivative."""
    return np.sin(x / 500) / 1000 + x / 1000 * np.cos(x / 500) / 500


def draw(seed):
    """Return 60 rows."""
    rng = np.random.default_rng(seed)
    x = 1000 * np.concatenate([rng.uniform(0, 3.2, 36), rng.uniform(4, 6, 24)])
    return x.reshape(-1, 1), f(x) + 0.2 * rng.standard_normal(60)


def fitted(X, y):
    """Return a pipeline."""
    kernel = 1.0 * RBF() + WhiteKernel(0.01)
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    return make_pipeline(StandardScaler(), process).fit(X, y)


X, y = draw(0)
pipe = fitted(X, y)
print(pipe[-1].kernel_)

# %%
# Value and derivative with their standard deviations
# ---------------------------------------------------
# ``return_std`` returns four arrays. The noise that the ``WhiteKernel`` has learnt is
# part of the standard deviation of the value, as scikit-learn has it, for it is that of
# a new measurement. The derivative is that of the function without the noise.

grid = np.linspace(-300, 6300, 331).reshape(-1, 1)
value, slope, value_std, slope_std = value_and_jacobian(pipe, grid, return_std=True)
print(
    "as scikit-learn:", np.allclose(value_std, pipe.predict(grid, return_std=True)[1])
)

# %%
# 1.645 standard deviations to either side hold 90% of a normal distribution.

fig, axes = plt.subplots(2, 1, figsize=(8, 6.5), sharex=True, layout="constrained")
parts = [
    (axes[0], f(grid), value, value_std, "y", "Value, with the noise of a measurement"),
    (axes[1], df(grid), slope[:, 0], slope_std[:, 0], "dy/dx", "Derivative"),
]
for axis, truth, mean, std, label, title in parts:
    half = 1.645 * std
    axis.fill_between(
        grid[:, 0], mean - half, mean + half, color="#56B4E9", alpha=0.45, label="90%"
    )
    axis.plot(grid, truth, color="black", linestyle="--", linewidth=1.2, label="truth")
    axis.plot(grid, mean, color="#0072B2", linewidth=1.8, label="process")
    axis.set(ylabel=label, title=title)
axes[0].plot(X[:, 0], y, ".", color="0.35", markersize=4, label="rows")
bottom = np.full(60, axes[1].get_ylim()[0])
axes[1].plot(X[:, 0], bottom, "|", color="0.35", clip_on=False)
axes[1].set_xlabel("x")
axes[0].legend(frameon=False, ncols=4, loc="upper left")
plt.show()

# %%
# It is not the derivative of the standard deviation
# --------------------------------------------------
# That one is about zero where the band of the value is about as wide as it is nearby,
# whatever the uncertainty of the slope. Of how many slopes is the error within 1.645
# times the one and the other, on twenty other sets of rows?

among = (grid[:, 0] >= 0) & (grid[:, 0] <= 6000)
inside, inside_other = [], []
for seed in range(1, 21):
    _, slope, value_std, slope_std = value_and_jacobian(
        fitted(*draw(seed)), grid, return_std=True
    )
    error = abs(slope - df(grid))[among, 0]
    other = abs(np.gradient(value_std, grid[:, 0]))[among]
    inside.append(error < 1.645 * slope_std[among, 0])
    inside_other.append(error < 1.645 * other)
print(f"standard deviation of the derivative: {np.mean(inside):.0%}")
print(f"derivative of the standard deviation: {np.mean(inside_other):.0%}")

# %%
# The first is a little less than 90%: the kernel was tuned on the same rows, and what
# is uncertain about it is not in the standard deviation.
