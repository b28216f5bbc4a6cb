"""
Second derivatives: an optimum, and a Laplacian
===============================================

``predict_hessian`` returns the curvature of a fitted surface. This example climbs to
the optimum of one with Newton's steps. :func:`sklearn_nnderiv.laplacian` returns the
sum of the unmixed second derivatives, here that of a potential of which only values are
known: by Poisson's equation, it shows the charges.
"""

# %%
# The optimum of a fitted surface
# -------------------------------
# 120 noisy measurements of a yield, by temperature and concentration. Newton's step
# :math:`x - H^{-1} g` needs neither a step size nor a common unit of the two. It leads
# to a point of slope zero, which is a maximum if both eigenvalues of :math:`H` are
# negative. They have to be so where the search begins, too: begin near the optimum, at
# the best row or, as here, at today's setting.

import os

import matplotlib.pyplot as plt
import numpy as np

from sklearn_nnderiv import DifferentiableRegressor, laplacian

OPTIMUM = np.array([352.0, 2.6])


def reaction(X):
    """Return the yield in per cent."""
    t, c = ((X - OPTIMUM) / [12, 0.5]).T
    return 80 * np.exp(-(t**2 + c**2 + 0.9 * t * c) / 2)


def fitted(X, y):
    """Return a regressor."""
    max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
    model = DifferentiableRegressor(
        max_iter="auto" if max_iter is None else int(max_iter),
        tol=0.01,
        random_state=0,
    )
    return model.fit(X, y)


rng = np.random.default_rng(0)
X = rng.uniform([330, 1.5], [370, 3.5], size=(120, 2))
y = reaction(X) + rng.standard_normal(120)
surface = fitted(X, y)

path = [np.array([347.0, 2.8])]
print("H in units of the spread of X")
print(f"{'kelvin':>8} {'mol/l':>6} {'yield':>6}   eigenvalues of H")
for _ in range(4):
    x = path[-1].reshape(1, -1)
    slope, curvature = surface.predict_jacobian(x)[0], surface.predict_hessian(x)[0]
    scaled = curvature * np.outer(X.std(axis=0), X.std(axis=0))
    eigenvalues = np.linalg.eigvalsh(scaled).round(1)
    found = surface.predict(x)[0]
    print(f"{x[0, 0]:8.2f} {x[0, 1]:6.3f} {found:6.2f}   {eigenvalues}")
    path.append(path[-1] - np.linalg.solve(curvature, slope))
path = np.array(path)

# %%
# The first step goes a little too far, the third has hardly anything left to do.

grid = np.meshgrid(np.linspace(330, 370, 81), np.linspace(1.5, 3.5, 81))
height = surface.predict(np.stack(grid, axis=-1).reshape(-1, 2)).reshape(81, 81)

fig, axis = plt.subplots(figsize=(6.5, 4.8), layout="constrained")
lines = axis.contour(*grid, height, levels=range(10, 80, 10), colors="#0072B2")
axis.clabel(lines, fmt="%d %%", fontsize=9)
axis.plot(*X.T, ".", color="0.55", markersize=3, label="rows")
axis.plot(*path.T, "o-", color="#D55E00", markersize=5, label="Newton's steps")
axis.plot(*OPTIMUM, "k+", markersize=14, markeredgewidth=2, label="true optimum")
axis.set(xlabel="temperature in K", ylabel="concentration in mol/l")
axis.set_title("Fitted yield")
axis.legend(loc="lower left")
plt.show()

# %%
# The Laplacian of a potential
# ----------------------------
# Two Gaussian bumps of opposite sign. The fit sees 400 values of the potential, with
# noise of standard deviation 0.001. Its second derivatives are exact for the fit, so
# their error is that of the fit alone.

CHARGES = [(1.0, (0.5, 0.3), 0.3), (-0.8, (-0.6, -0.4), 0.4)]


def potential(P):
    """Return the potential and its Laplacian."""
    value, second = np.zeros(len(P)), np.zeros(len(P))
    for height, center, width in CHARGES:
        square = ((P - center) ** 2).sum(axis=1)
        bump = height * np.exp(-square / width)
        value += bump
        second += bump * 4 * (square / width - 1) / width
    return value, second


P = rng.uniform(-1.5, 1.5, size=(400, 2))
model = fitted(P, potential(P)[0] + 0.001 * rng.standard_normal(400))

grid = np.meshgrid(np.linspace(-1.4, 1.4, 71), np.linspace(-1.4, 1.4, 71))
points = np.stack(grid, axis=-1).reshape(-1, 2)
truth = potential(points)[1]
found = laplacian(model, points)
error = found - truth
rms = np.sqrt((error**2).mean())
print(f"Laplacian: standard deviation {truth.std():.2f}, rms error {rms:.3f}")

# %%
# The error is drawn with a scale of its own. It is largest at the edges of the data, as
# errors of derivatives are.

fig, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained", sharey=True)
widest = abs(truth).max()
parts = [
    (axes[0], truth, widest, "Truth"),
    (axes[1], found, widest, "laplacian(model, X)"),
    (axes[2], error, np.quantile(abs(error), 0.99), "Error (another scale)"),
]
for axis, values, limit, title in parts:
    image = axis.pcolormesh(
        *grid, values.reshape(71, 71), cmap="PuOr", vmin=-limit, vmax=limit
    )
    axis.plot(*P.T, ".", color="black", markersize=1.5, alpha=0.5)
    axis.set(
        title=title, xlabel="x", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), aspect="equal"
    )
    fig.colorbar(image, ax=axis, shrink=0.85)
axes[0].set_ylabel("y")
plt.show()
