"""
The derivative of a fitted cubic
================================

A network is fitted to :math:`f(x) = x^3 - 3x + 7` with a MinMaxScaler on both sides.
Its derivative is compared with :math:`f'(x) = 3x^2 - 3`. No derivative data are used.

Beside the right derivative stand two that are easily computed by mistake: the one with
respect to the *scaled* input, and the one read from ``.grad`` in a loop over the rows
that never clears it.
"""

# %%
# Fit on 100 points
# -----------------
# The two scalers are those of the story; everything else is left at its default.

import os
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch

from sklearn_nnderiv import DifferentiableRegressor


def f(x):
    """Return the function."""
    return x**3 + 7 - 3 * x


def df(x):
    """Return its derivative."""
    return 3 * x**2 - 3


rng = np.random.default_rng(0)
X = rng.uniform(1.5, 7.5, size=(100, 1))
y = f(X[:, 0])

max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
model = DifferentiableRegressor(
    x_scaler="minmax",
    y_scaler="minmax",
    max_iter="auto" if max_iter is None else int(max_iter),
    random_state=0,
    verbose=1,
)
model.fit(X, y)

# %%
# The mistakes
# ------------
# Both differentiate the network's output in units of y, as people do after they have
# undone the scaling of y, but with respect to the input that the network sees.

points = np.array(
    [
        1.872678462764552,
        2.4448616490329247,
        4.4445634270474565,
        6.139904037163629,
        2.571250050248884,
        2.817382806029692,
        3.332011539496338,
        7.201266008061427,
        2.04220977299413,
        5.550606341194321,
    ]
)
rows = points.reshape(-1, 1)
predicted, derivative = model.predict_with_jacobian(rows)
derivative = derivative[:, 0]

y_range = model.y_scaler_.data_range_[0]
scaled = torch.tensor(model.x_scaler_.transform(rows), requires_grad=True)
output = model.net_.module_(scaled) * y_range
(by_scaled_input,) = torch.autograd.grad(output.sum(), scaled)

weight = torch.tensor(model.x_scaler_.transform(rows[:1]), requires_grad=True)
accumulated = []
for row in model.x_scaler_.transform(rows):
    weight.data.copy_(torch.tensor(row).reshape(1, 1))
    (model.net_.module_(weight) * y_range).sum().backward()
    accumulated.append(weight.grad.item())  # never cleared

# %%
# The table
# ---------


def relative_error(value, truth):
    """Return the error in units of the truth."""
    return abs(value - truth) / abs(truth)


error = relative_error(predicted, f(points))
derivative_error = relative_error(derivative, df(points))
print(
    f"{'x':>8} {'f':>9} {'model':>9} {'error':>8} | {'f_prime':>8} {'model':>8} "
    f"{'error':>8} | {'d/d scaled':>10} {'.grad sum':>10}"
)
for i, x in enumerate(points):
    print(
        f"{x:8.4f} {f(x):9.4f} {predicted[i]:9.4f} {error[i]:8.1e} | {df(x):8.4f} "
        f"{derivative[i]:8.4f} {derivative_error[i]:8.1e} | "
        f"{by_scaled_input[i].item():10.3f} {accumulated[i]:10.3f}"
    )
print(
    f"\nDerivative of the model: largest relative error {derivative_error.max():.2e}, "
    f"median {np.median(derivative_error):.2e}"
)
x_range = model.x_scaler_.data_range_[0]
print(
    f"d/d scaled: too large by the range of x, {x_range:.4f}, because "
    "dy/ds = (x_max - x_min) dy/dx for s = (x - x_min) / (x_max - x_min)."
)
print(
    ".grad sum:  besides, backward() adds to .grad, so row i shows the sum over rows "
    f"1 to i; the last one is too large by {accumulated[-1] / df(points[-1]):.1f}."
)

# %%
# The picture
# -----------

grid = np.linspace(1.5, 7.5, 200)
values, slopes = model.predict_with_jacobian(grid.reshape(-1, 1))

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(grid, f(grid), color="0.6", linewidth=5, label="f(x) = x³ - 3x + 7")
left.plot(grid, values, color="C0", label="network")
left.plot(X[:, 0], y, "|", color="0.3", markersize=5, label="training points")
left.set(xlabel="x", ylabel="y", title="Value")
right.plot(grid, df(grid), color="0.6", linewidth=5, label="f'(x) = 3x² - 3")
right.plot(grid, slopes[:, 0], color="C0", label="predict_jacobian")
right.plot(
    points,
    by_scaled_input.numpy(),
    "x",
    color="C1",
    label="by the scaled input (wrong)",
)
right.set(xlabel="x", ylabel="dy/dx", title="Derivative")
for axis in (left, right):
    axis.legend(frameon=False)

if len(sys.argv) > 1:
    fig.savefig(sys.argv[1], dpi=120)
    print(f"\nThe picture is in {os.path.abspath(sys.argv[1])}")
plt.show()
