"""Every class of scikit-learn is converted, bound or refused, and only one of these."""

import warnings
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
import sklearn
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from sklearn.decomposition import NMF
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils import all_estimators

from sklearn_nnderiv import jacobian, to_torch
from sklearn_nnderiv._converters._groups import BOUND, REFUSED
from sklearn_nnderiv._converters._lookup import REGISTRY, _imported, group_of
from sklearn_nnderiv.exceptions import NotConvertibleError

assert enable_halving_search_cv
assert enable_iterative_imputer


def classes(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {cls for _, cls in all_estimators(kind)}


@pytest.mark.newest
@pytest.mark.parametrize(
    ("kind", "role"), [("transformer", "transform"), ("regressor", "predict")]
)
def test_every_class_is_in_a_group(kind, role):
    unknown = {c.__name__ for c in classes(kind) if group_of(c, role) is None}
    assert unknown == set(), (
        f"new in scikit-learn {sklearn.__version__}: write a converter, or add it to "
        "_converters/_groups.py"
    )


@pytest.mark.newest
def test_meta_estimators_without_a_kind_are_converted():
    for cls in classes(None):
        if cls.__name__.endswith("SearchCV") or cls.__name__ == "Pipeline":
            assert {group_of(cls, role) for role in REGISTRY} == {"converted"}


def test_no_class_is_in_two_groups():
    for role, registered in REGISTRY.items():
        converted = {_imported(c) if isinstance(c, str) else c for c in registered}
        bound = {_imported(name) for name in BOUND} if role == "transform" else set()
        refused = {_imported(name) for name in REFUSED[role]}
        for one, other in ((converted, bound), (converted, refused), (bound, refused)):
            assert one & other - {None} == set()  # those not imported are None


@pytest.mark.newest
def test_the_tables_name_classes_that_exist():
    classes(None)  # imports all of scikit-learn
    names = [*BOUND, *(name for table in REFUSED.values() for name in table)]
    assert [name for name in names if not isinstance(_imported(name), type)] == []


@pytest.mark.newest
def test_the_table_of_the_user_guide_has_every_class():
    tables = run_path(str(Path(__file__).parents[1] / "docs" / "supported.py"))
    text = tables["tables"]()
    missing = [
        cls.__name__
        for cls in classes("transformer") | classes("regressor")
        if f"``{cls.__name__}``" not in text and f".{cls.__name__}" not in text
    ]
    assert missing == ["ExtraTreeRegressor"]  # by its parent


def test_refusals_name_the_step_the_reason_and_the_remedy(rng):
    X = abs(rng.normal(size=(20, 3)))
    pipe = make_pipeline(make_pipeline(NMF(2, max_iter=500)), Ridge()).fit(X, X[:, 0])
    message = (
        r"^step 'pipeline' of the Pipeline: step 'nmf' of the Pipeline: 'transform' of "
        r"sklearn.decomposition._nmf.NMF .* by iteration. Use PCA or TruncatedSVD"
    )
    for call in (lambda: jacobian(pipe, X), lambda: to_torch(pipe)):
        with pytest.raises(NotConvertibleError, match=message):
            call()
    with pytest.raises(NotConvertibleError, match="it predicts classes, which have no"):
        jacobian(LogisticRegression().fit(X, X[:, 0] > 1), X)
    forest = RandomForestRegressor(2).fit(X, X[:, 0])
    with pytest.raises(NotConvertibleError, match=r"zero almost everywhere\. Use a re"):
        jacobian(forest, X)


def test_what_is_bound_needs_rows():
    X = np.array([["a"], ["b"], ["a"]], dtype=object)
    pipe = make_pipeline(OneHotEncoder(), Ridge()).fit(X, [0, 1, 2])
    with pytest.raises(NotConvertibleError, match=r"indicators of categories.*jacobi"):
        to_torch(pipe)
    assert np.isnan(jacobian(pipe, X)).all()


class Unknown(RegressorMixin, TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = 3
        return self

    def transform(self, X):
        return X

    def predict(self, X):
        return X[:, 0]


def test_unknown_classes_are_refused_also_by_the_test_above(rng):
    X = rng.normal(size=(5, 3))
    assert group_of(Unknown, "transform") is group_of(Unknown, "predict") is None
    with pytest.raises(NotConvertibleError, match=r"@register_converter\(Unknown, 'pr"):
        jacobian(Unknown().fit(X), X)
    with pytest.raises(NotConvertibleError, match=r"@register_converter\(Unknown, 'tr"):
        jacobian(Unknown().fit(X), X, method="transform")


class Renamed(OneHotEncoder):
    pass


def test_subclasses_are_in_the_group_of_their_parent():
    assert group_of(Renamed, "transform") == "bound"
    assert group_of(type("T", (NMF,), {}), "transform") == "refused"
    assert group_of(type("T", (NMF,), {}), "predict") is None
