"""
Pictures of derivatives
=======================

Derivatives are asked for to be read. This example fits a network to the diabetes data
of scikit-learn, in a frame with a category, and a second one with two outputs to the
irises, and shows tables and pictures of their derivatives.
"""

# %%
# A frame with a category
# -----------------------
# The progression of the disease after a year, for 442 patients, by ten measurements.
# The two values of ``sex`` stand for a category. A quarter of the rows is held out.

import os

import matplotlib.pyplot as plt
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.inspection import (
    DerivativeCheckDisplay,
    JacobianHeatmapDisplay,
    PartialDerivativeDisplay,
    jacobian_frame,
)

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X["sex"] = X["sex"].map({1: "first", 2: "second"}).astype("category")
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)

max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
regressor = DifferentiableRegressor(
    hidden_layer_sizes=(4,),
    activation="tanh",
    max_iter="auto" if max_iter is None else int(max_iter),
    random_state=0,
)
columns = make_column_transformer(
    (OneHotEncoder(drop="first", sparse_output=False), ["sex"]),
    remainder="passthrough",
)
model = make_pipeline(columns, regressor).fit(X_train, y_train)
print(f"R2 on the rows held out: {model.score(X_test, y_test):.2f}")

# %%
# A table
# -------
# The columns say what they are, the rows keep their index, and the last column says
# which rows lie beyond the training data, where a derivative is a guess. A category has
# no derivative.

names = {"output_names": ["progression"]}
table = jacobian_frame(model, X_test, **names)
print(table.iloc[:5, [1, 2, -1]].round(2))

# %%
# In the long layout, pandas groups and averages:

long = jacobian_frame(model, X_test, layout="long", **names)
print(long.groupby("feature", sort=False)["derivative"].describe().round(2))

# %%
# Along one feature
# -----------------
# Every row is moved along the feature while its other columns stay as they are. Where
# the curves of rows differ, the feature interacts with others. Dots are beyond the
# training data.

units = {"bmi": "kg/m²", "bp": "mmHg", "age": "years", "progression": "points"}
PartialDerivativeDisplay.from_estimator(
    model, X_test, ["bmi", "bp", "s5"], units=units, **names
)
plt.show()

# %%
# Over two features
# -----------------
# The mean derivative by the first of two features as colours, and both derivatives as
# arrows that point uphill:

display = PartialDerivativeDisplay.from_estimator(
    model,
    X_test,
    [("bmi", "bp"), ("s5", "bmi")],
    units=units,
    percentiles=(0, 1),
    grid_resolution=30,
    **names,
)
plt.show()

# %%

display.plot(method="quiver")
plt.show()

# %%
# All features at once
# --------------------
# The rows from the lowest to the highest prediction. Per standard deviation of the
# feature, the colours of different features compare.

JacobianHeatmapDisplay.from_estimator(
    model, X_test, scale="features", units=units, **names
)
plt.show()

# %%
# Are they right?
# ---------------
# Nobody has measured a derivative here. What there is are slopes between rows that were
# not in the fit. Patients differ by far more than the ten measurements explain, so that
# a single slope says little: the error is that which noise alone has. Means of many
# slopes say more.

DerivativeCheckDisplay.from_estimator(
    model, X_test, y_test, features=["age", "bmi", "bp"], units=units, **names
)
plt.show()

# %%
# Several outputs
# ---------------
# Of 150 irises, the length and the width of the petals, by those of the sepals and the
# species. In standard deviations of both, the mean derivatives compare.

iris = load_iris(as_frame=True)
petals = [name for name in iris.feature_names if name.startswith("petal")]
flowers = iris.data.drop(columns=petals)
flowers.insert(0, "species", iris.target_names[iris.target])
flower_columns = make_column_transformer(
    (OneHotEncoder(drop="first", sparse_output=False), ["species"]),
    remainder="passthrough",
)
flower_model = make_pipeline(flower_columns, regressor)
flower_model.fit(flowers, iris.data[petals])
JacobianHeatmapDisplay.from_estimator(
    flower_model, flowers, scale="both", output_names=petals
)
plt.show()

# %%
# A pair of rows for a slope agrees in its species.

DerivativeCheckDisplay.from_estimator(
    flower_model,
    flowers,
    iris.data[petals],
    target="petal length (cm)",
    output_names=petals,
)
plt.show()

# %%
# The sepals are measured to a millimetre, so that the grid of a feature is its values.

PartialDerivativeDisplay.from_estimator(
    flower_model,
    flowers,
    ["sepal length (cm)", "sepal width (cm)"],
    target="petal length (cm)",
    output_names=petals,
)
plt.show()
