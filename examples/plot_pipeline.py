"""
The derivative of a pipeline
============================

A ``Pipeline`` passes ``predict`` on to its last step, but not ``predict_jacobian``.
Asking the last step with scaled rows gives the derivative with respect to the *scaled*
input, which is wrong by the scale of every column. :func:`sklearn_nnderiv.jacobian`
differentiates the whole pipeline, and a search around it as well.
"""

# %%
# A function with a known gradient
# --------------------------------
# :math:`f(x_1, x_2) = x_2 \sin x_1` has the gradient
# :math:`(x_2 \cos x_1, \sin x_1)`. The columns have different ranges, so a pipeline
# scales them first.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_nnderiv import DifferentiableRegressor, jacobian

rng = np.random.default_rng(0)
X = rng.uniform([0, 0], [3, 12], size=(200, 2))
y = X[:, 1] * np.sin(X[:, 0])
gradient = np.column_stack([X[:, 1] * np.cos(X[:, 0]), np.sin(X[:, 0])])

# %%
# A search over pipelines
# -----------------------

max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
pipe = make_pipeline(
    StandardScaler(),
    DifferentiableRegressor(
        max_iter="auto" if max_iter is None else int(max_iter), random_state=0
    ),
)
grid = {"differentiableregressor__hidden_layer_sizes": [(10,), "auto"]}
search = GridSearchCV(pipe, grid, cv=3).fit(X, y)
print(f"best: {search.best_params_}, R2 in cross-validation {search.best_score_:.5f}")

# %%
# Two derivatives
# ---------------
# ``jacobian`` takes the search as it is, and raw rows. The other way takes the best
# pipeline apart.

right = jacobian(search, X)

scaler, regressor = search.best_estimator_
wrong = regressor.predict_jacobian(scaler.transform(X))

print(f"\n{'':22} {'column 1':>10} {'column 2':>10}")


def show(name, columns):
    """Print one line of the table."""
    print(f"{name:22} {columns[0]:10.4g} {columns[1]:10.4g}")


spread = gradient.std(axis=0)
show("error of jacobian", np.median(abs(right - gradient), axis=0) / spread)
show("error of last step", np.median(abs(wrong - gradient), axis=0) / spread)
show("last step / jacobian", np.median(wrong / right, axis=0))
show("scale_ of the scaler", scaler.scale_)
print("(errors: median, in units of the standard deviation of the true derivative)")

# %%
# The last two lines are equal: what is missing is the chain rule's factor for the
# scaler. The factor of the first column is near 1, so that this column alone would look
# right.

fig, axes = plt.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
for j, axis in enumerate(axes):
    ends = [gradient[:, j].min(), gradient[:, j].max()]
    axis.plot(ends, ends, color="0.7", linewidth=5, label="truth")
    axis.plot(gradient[:, j], right[:, j], ".", color="C0", label="jacobian(search, X)")
    axis.plot(
        gradient[:, j],
        wrong[:, j],
        "x",
        color="C1",
        markersize=4,
        label="last step, scaled rows (wrong)",
    )
    axis.set(
        xlabel=f"true derivative by x{j + 1}",
        ylabel=f"derivative by x{j + 1}",
        title=f"Column {j + 1}, scale {scaler.scale_[j]:.2f}",
    )
    axis.legend(frameon=False)
plt.show()
