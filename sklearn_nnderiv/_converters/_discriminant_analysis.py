"""Linear discriminant analysis."""

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from .._maps import Affine, Map
from .._sklearn_compat import discriminant_components
from ..exceptions import NotConvertibleError
from ._registry import register_converter


@register_converter(LinearDiscriminantAnalysis, "transform")
def _discriminants(fitted: LinearDiscriminantAnalysis) -> Map:
    if fitted.solver == "lsqr":
        raise NotConvertibleError(
            "LinearDiscriminantAnalysis with solver='lsqr' has no 'transform'. Use "
            "solver='svd' or 'eigen'."
        )
    weight = fitted.scalings_[:, : discriminant_components(fitted)].T
    return Affine(weight, center=fitted.xbar_ if fitted.solver == "svd" else None)
