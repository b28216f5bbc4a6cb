"""What is public, that it is documented, and that names agree with scikit-learn's."""

import importlib.metadata
import inspect

import numpydoc.validate
import pytest
from sklearn.neural_network import MLPRegressor

import sklearn_nnderiv
from sklearn_nnderiv import DifferentiableRegressor

PUBLIC = {
    "DifferentiablePipeline",
    "DifferentiableRegressor",
    "exceptions",
    "hessian",
    "hvp",
    "inspection",
    "jacobian",
    "jvp",
    "laplacian",
    "metrics",
    "register_converter",
    "register_function",
    "to_torch",
    "value_and_jacobian",
    "vjp",
}
MODULES = {"exceptions", "inspection", "metrics"}
METHODS = [
    "fit",
    "partial_fit",
    "predict",
    "predict_hessian",
    "predict_jacobian",
    "predict_with_jacobian",
]
DOCUMENTED = [
    *(f"sklearn_nnderiv.{name}" for name in sorted(PUBLIC - MODULES)),
    *(f"sklearn_nnderiv.DifferentiableRegressor.{name}" for name in METHODS),
    "sklearn_nnderiv.DifferentiablePipeline.fit",
    "sklearn_nnderiv.DifferentiablePipeline.get_metadata_routing",
    *(
        f"sklearn_nnderiv.exceptions.{name}"
        for name in sklearn_nnderiv.exceptions.__all__
    ),
    *(f"sklearn_nnderiv.metrics.{name}" for name in sklearn_nnderiv.metrics.__all__),
    *(
        f"sklearn_nnderiv.inspection.{name}"
        for name in sklearn_nnderiv.inspection.__all__
    ),
]
# EX01, SA01: methods and exceptions are shown in the examples of the class;
# GL01 to GL03: where the text begins is ruff's matter; ES01: a summary may suffice;
# RT02: results are named, as in scikit-learn
IGNORED = {"EX01", "SA01", "GL01", "GL02", "GL03", "ES01", "RT02"}


def test_public_names():
    assert set(sklearn_nnderiv.__all__) == PUBLIC


def test_version_is_that_of_the_distribution():
    version = importlib.metadata.version("sklearn-nnderiv")
    assert version == sklearn_nnderiv.__version__


@pytest.mark.parametrize("name", DOCUMENTED)
def test_docstring_is_valid_numpydoc(name):
    found = numpydoc.validate.validate(name)["errors"]
    assert [error for error in found if error[0] not in IGNORED] == []


@pytest.mark.parametrize("name", DOCUMENTED)
def test_public_object_has_a_docstring(name):
    target = sklearn_nnderiv
    for part in name.split(".")[1:]:
        target = getattr(target, part)
    assert inspect.getdoc(target)


def test_functions_and_class_have_an_example():
    for name in PUBLIC - MODULES:
        assert ">>>" in getattr(sklearn_nnderiv, name).__doc__


def test_parameters_are_keyword_only_and_named_as_in_mlp_regressor():
    parameters = inspect.signature(DifferentiableRegressor).parameters
    assert {p.kind for p in parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}
    own = {"net", "x_scaler", "y_scaler", "dtype", "device"}
    own |= {"n_candidates", "n_jobs", "jacobian_weight"}
    assert set(parameters) - own <= set(inspect.signature(MLPRegressor).parameters)


def test_defaults():
    defaults = DifferentiableRegressor().get_params()
    names = ("hidden_layer_sizes", "activation", "solver", "alpha", "max_iter")
    assert {defaults[name] for name in names} == {"auto"}
    assert defaults["n_candidates"] == 3
    assert defaults["n_jobs"] is None
