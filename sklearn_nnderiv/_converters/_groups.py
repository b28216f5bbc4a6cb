"""Classes of scikit-learn that are not converted: evaluated as they are, or refused.

Whatever is registered is converted. A class is named as users import it.
"""

from __future__ import annotations

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why a class has no derivative here, and what to do."""

    reason: str
    remedy: str


# what the output of `transform` is, which has no derivative by its input
BOUND: dict[str, str] = {
    "sklearn.feature_extraction.DictVectorizer": "features of dicts",
    "sklearn.feature_extraction.FeatureHasher": "hashed features",
    "sklearn.feature_extraction.text.CountVectorizer": "counts of words",
    "sklearn.feature_extraction.text.HashingVectorizer": "hashed words",
    "sklearn.feature_extraction.text.TfidfVectorizer": "weighted counts of words",
    "sklearn.ensemble.RandomTreesEmbedding": "leaves of trees",
    "sklearn.neighbors.KNeighborsTransformer": "a graph of neighbours",
    "sklearn.neighbors.RadiusNeighborsTransformer": "a graph of neighbours",
    "sklearn.preprocessing.LabelBinarizer": "indicators of labels",
    "sklearn.preprocessing.LabelEncoder": "codes of labels",
    "sklearn.preprocessing.MultiLabelBinarizer": "indicators of labels",
    "sklearn.preprocessing.OneHotEncoder": "indicators of categories",
    "sklearn.preprocessing.OrdinalEncoder": "codes of categories",
    "sklearn.preprocessing.TargetEncoder": "means of categories",
}

_ITERATIVE = "its transform solves a problem of its own for every row, by iteration"
_GRAPH = "its transform depends on a graph of neighbours, which changes by jumps"
_TOPICS = Refusal(_ITERATIVE, "Use PCA or TruncatedSVD instead.")
_TREES = Refusal(
    "its predictions are constant between the splits of its trees, so that their "
    "derivative is zero almost everywhere",
    "Use a regressor that is smooth, such as DifferentiableRegressor, "
    "GaussianProcessRegressor or SVR.",
)
_CLASSES = Refusal(
    "it predicts classes, which have no derivative",
    "Use a regressor, or method='transform' where there is one.",
)
_CLASSIFIERS = Refusal(
    "its output is that of classifiers, and this package is for regression",
    "Use its counterpart for regression.",
)

REFUSED: dict[str, dict[str, Refusal]] = {
    "transform": {
        "sklearn.decomposition.LatentDirichletAllocation": _TOPICS,
        "sklearn.decomposition.MiniBatchNMF": _TOPICS,
        "sklearn.decomposition.NMF": _TOPICS,
        "sklearn.ensemble.StackingClassifier": _CLASSIFIERS,
        "sklearn.ensemble.VotingClassifier": _CLASSIFIERS,
        "sklearn.feature_extraction.image.PatchExtractor": Refusal(
            "it makes several rows of one", "Extract the patches before the fit."
        ),
        "sklearn.manifold.Isomap": Refusal(_GRAPH, "Use KernelPCA instead."),
        "sklearn.manifold.LocallyLinearEmbedding": Refusal(
            _GRAPH, "Use KernelPCA instead."
        ),
        "sklearn.manifold.TSNE": Refusal(
            "it places the rows that it was fitted on and has no map for others",
            "Use KernelPCA instead.",
        ),
    },
    "inverse_transform": {},
    "predict": {
        "sklearn.base.ClassifierMixin": _CLASSES,
        "sklearn.base.ClusterMixin": _CLASSES,
        "sklearn.base.OutlierMixin": _CLASSES,
        "sklearn.ensemble.ExtraTreesRegressor": _TREES,
        "sklearn.ensemble.GradientBoostingRegressor": _TREES,
        "sklearn.ensemble.HistGradientBoostingRegressor": _TREES,
        "sklearn.ensemble.RandomForestRegressor": _TREES,
        "sklearn.tree.DecisionTreeRegressor": _TREES,
    },
}
