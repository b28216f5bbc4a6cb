"""
Marginal effects on real data
=============================

How do body mass and blood pressure go with the progression of diabetes, and is it the
same for both sexes? A network and least squares are asked the same questions.
"""

# %%
# A frame with a category
# -----------------------
# The data have 442 patients. Sex comes as a number, and is made the category it is.

import os

import matplotlib.pyplot as plt
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.inspection import MarginalEffectsDisplay, marginal_effects

data = load_diabetes(as_frame=True, scaled=False)
X = data.data[["age", "sex", "bmi", "bp", "s3", "s5"]].rename(
    columns={"bp": "blood pressure", "s3": "HDL", "s5": "log triglycerides"}
)
X["sex"] = X["sex"].map({1: "first", 2: "second"}).astype("category")
y = data.target
units = {"age": "year", "bmi": "kg/m²", "blood pressure": "mmHg", "HDL": "mg/dl"}


def encoded(model):
    """Return a pipeline that encodes the category."""
    encoder = make_column_transformer(
        (OneHotEncoder(drop="first"), ["sex"]), remainder="passthrough"
    )
    return make_pipeline(encoder, model)


max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
network = encoded(
    DifferentiableRegressor(
        max_iter="auto" if max_iter is None else int(max_iter), random_state=0
    )
).fit(X, y)
linear = encoded(LinearRegression()).fit(X, y)

# %%
# Average marginal effects
# ------------------------
# In units of the target per unit of each feature. The network's standard errors are
# those of its posterior, those of least squares come from its coefficients.

print(marginal_effects(network, X))
print()
print(marginal_effects(linear, X, y))

# %%
# By group, with intervals
# ------------------------
# Hollow markers are effects that may as well be 0.

display = MarginalEffectsDisplay.from_estimator(
    network,
    X,
    by="sex",
    features=["age", "bmi", "blood pressure", "HDL"],
    units=units,
    output_names=["progression"],
)
plt.show()

# %%
# Elasticities
# ------------
# By how many per cent the target changes with one per cent of a feature: features of
# different units compare. Sex is compared by the logarithm.

relative = marginal_effects(network, X, kind="eyex", output_names=["progression"])
relative.plot()
plt.show()
