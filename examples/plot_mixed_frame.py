"""
The labelled Jacobian of a mixed frame
======================================

A table of flats has numbers, categories, text and missing values. A scikit-learn
pipeline encodes and imputes them, and a search tunes the network at its end.
:func:`sklearn_nnderiv.jacobian` takes the search and the frame as they are. Its columns
are those of the frame: exact derivatives by the numbers, and NaN where there is none.
"""

# %%
# A frame
# -------
# The rent of a flat depends on its area and its distance from the centre, on the
# quarter, and on what the advertisement says. Its derivative by the area is
# :math:`10 + 4 \exp(-s/3)` in the old town, with the distance :math:`s`, and
# :math:`10` elsewhere.

import os
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from sklearn_nnderiv import DifferentiableRegressor, jacobian

rng = np.random.default_rng(0)
n = 400
words = ["bright", "quiet", "loft", "cellar", "garden", "renovated"]
flats = pd.DataFrame(
    {
        "quarter": rng.choice(["old town", "harbour", "hill"], n),
        "area": rng.uniform(25, 140, n),
        "distance": rng.uniform(0, 9, n),
        "text": [" ".join(rng.choice(words, 3, replace=False)) for _ in range(n)],
    }
)
is_old = flats["quarter"] == "old town"
slope = 10 + 4 * is_old * np.exp(-flats["distance"] / 3)
rent = slope * flats["area"] + 300 * flats["text"].str.contains("garden")
rent += 20 * rng.normal(size=n)

# %%
# Some cells are missing, of numbers and of categories.

flats["area"] = flats["area"].mask(rng.random(n) < 0.03)
flats["quarter"] = flats["quarter"].mask(rng.random(n) < 0.03)
print(flats.head())

# %%
# A search over a pipeline
# ------------------------
# Where a missing area is filled in with the mean, the rent does not suit the area.
# The fit finds such rows and leaves them out, with a warning. Others are of
# derivatives by the indicators of the quarters, which have two levels, and of a fold
# that is not yet converged.

warnings.simplefilter("ignore", UserWarning)
columns = ColumnTransformer(
    [
        ("numbers", SimpleImputer(), ["area", "distance"]),
        (
            "categories",
            make_pipeline(
                SimpleImputer(strategy="most_frequent"),
                OneHotEncoder(drop="first", sparse_output=False),
            ),
            ["quarter"],
        ),
        (
            "words",
            make_pipeline(TfidfVectorizer(), TruncatedSVD(5, random_state=0)),
            "text",
        ),
    ]
)
max_iter = os.environ.get("SKLEARN_NNDERIV_EXAMPLE_ITER")
regressor = DifferentiableRegressor(
    activation="tanh",
    max_iter="auto" if max_iter is None else int(max_iter),
    random_state=0,
)
search = GridSearchCV(
    make_pipeline(columns, regressor),
    {"differentiableregressor__hidden_layer_sizes": [(5,), (10,)]},
    cv=2,
).fit(flats, rent)
print(f"best: {search.best_params_}, R2 in cross-validation {search.best_score_:.3f}")

# %%
# The derivative, labelled
# ------------------------
# The Jacobian has the columns of the frame, in their order, so that it takes their
# names.

J = pd.DataFrame(jacobian(search, flats), index=flats.index, columns=flats.columns)
print(J.head().round(2))

# %%
# ``quarter`` and ``text`` have no derivative and are NaN. So are the missing cells of
# ``area``: what the imputer fills in does not change with a number that is not there.
# All other entries are exact, whatever the categories of the row, which enter as
# constants:

row, step = flats.index[flats["area"].notna()][:1], 1e-3
up, down = flats.loc[row].copy(), flats.loc[row].copy()
up["area"] += step
down["area"] -= step
difference = (search.predict(up) - search.predict(down)) / (2 * step)
print(f"by area: {J.loc[row, 'area'].item():.6f}, by differences {difference[0]:.6f}")

# %%
# Derivatives by group
# --------------------
# A labelled derivative goes on as any frame does: here, the rent of one more square
# metre by quarter.

table = pd.DataFrame({"fitted": J["area"], "truth": slope})
print(table.groupby(flats["quarter"]).mean().round(2))

fig, axis = plt.subplots(figsize=(7, 4.5), layout="constrained")
for color, (name, rows) in zip(
    ("C0", "C1", "C2"), flats.groupby("quarter").groups.items(), strict=True
):
    axis.plot(flats["distance"][rows], J["area"][rows], ".", color=color, label=name)
order = np.argsort(flats["distance"])
for is_near in (True, False):
    truth = 10 + 4 * is_near * np.exp(-flats["distance"].iloc[order] / 3)
    axis.plot(flats["distance"].iloc[order], truth, color="0.6", linewidth=1)
axis.set(xlabel="distance from the centre", ylabel="rent by area")
axis.legend(frameon=False, title="fitted; truth as lines")
plt.show()
