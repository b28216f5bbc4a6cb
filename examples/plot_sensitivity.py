"""
Which features matter, and how
==============================

Means of derivatives tell which features a fitted network needs, along which direction
its predictions vary, and which features act together.
"""

# %%
# A function whose answer is known
# --------------------------------
# The mean squared derivatives of the Ishigami function are 7.72, 24.5 and 10.99.

import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.inspection import (
    SensitivityDisplay,
    active_subspace,
    dgsm,
    interaction_strength,
)

max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
regressor = DifferentiableRegressor(
    max_iter="auto" if max_iter is None else int(max_iter), random_state=0
)

rng = np.random.default_rng(0)
X = rng.uniform(-np.pi, np.pi, size=(600, 3))
sine = np.sin(X[:, 0])
y = sine + 7 * np.sin(X[:, 1]) ** 2 + 0.1 * X[:, 2] ** 4 * sine
regressor.fit(X, y)

# rows are drawn from the distributions, here uniform ones
print(dgsm(regressor, distributions=[(-np.pi, np.pi)] * 3, random_state=0))

# %%
# Real data, with a category
# --------------------------
# The target is the progression of diabetes. Two features are left in their units, and
# sex is made the category it is, which has no derivative.

data = load_diabetes(as_frame=True, scaled=False)
frame = data.data[["age", "sex", "bmi", "bp", "s1", "s3", "s5", "s6"]].rename(
    columns={
        "bp": "blood pressure",
        "s1": "cholesterol",
        "s3": "HDL",
        "s5": "log triglycerides",
        "s6": "glucose",
    }
)
frame["sex"] = frame["sex"].map({1: "first", 2: "second"}).astype("category")
encoder = make_column_transformer((OneHotEncoder(), ["sex"]), remainder="passthrough")
model = make_pipeline(encoder, regressor).fit(frame, data.target)

# %%
# Mean squared derivatives have units, so that they do not compare; their bounds on the
# total Sobol indices do. They ask for the distributions of the features, to which the
# columns give normal ones here.

distributions = {name: "normal" for name in frame.columns if name != "sex"}
display = SensitivityDisplay.from_estimator(
    model, frame, distributions=distributions, output_names=["progression"]
)
plt.show()

# %%
# Directions
# ----------
# If predictions lie on a line in the summary plot, then one combination of the features
# says nearly all of them.

subspace = active_subspace(model, frame, output_names=["progression"], random_state=0)
subspace.plot()
plt.show()

print("the first direction, in standard deviations of the features:")
weights = zip(subspace.feature_names, subspace.eigenvectors[:, 0], strict=True)
for name, weight in weights:
    print(f"{name:18} {weight:6.2f}")

# %%
# Pairs
# -----
# By how much the effect of one feature changes with another, both in standard
# deviations.

pairs = interaction_strength(model, frame, output_names=["progression"])
pairs.plot()
plt.show()
