"""Random regressors, alone and around others."""

from functools import partial

import numpy as np
from hypothesis import strategies as st
from sklearn import linear_model as lm
from sklearn.compose import TransformedTargetRegressor
from sklearn.cross_decomposition import CCA, PLSCanonical, PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.feature_selection import RFE
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process import kernels as gp
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsRegressor, RadiusNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVR, LinearSVR, NuSVR

from sklearn_nnderiv import DifferentiableRegressor

from .random_kinds import SEEDS, YES_OR_NO, kind, one_of, unit, up_to_columns

ALPHAS = one_of(0.01, 1.0)
linear = partial(kind, fit_intercept=YES_OR_NO)
scaled = partial(unit, fit_intercept=YES_OR_NO)
few_folds = st.just(2)

LINEAR = [
    linear(lm.LinearRegression, positive=YES_OR_NO),
    linear(lm.Ridge, alpha=ALPHAS),
    linear(lm.RidgeCV),
    linear(lm.Lasso, alpha=ALPHAS, positive=YES_OR_NO),
    linear(lm.LassoCV, cv=few_folds, alphas=st.just(3)),
    linear(lm.ElasticNet, alpha=ALPHAS, l1_ratio=one_of(0.2, 0.8)),
    linear(lm.ElasticNetCV, cv=few_folds, alphas=st.just(3)),
    linear(lm.MultiTaskLasso, alpha=ALPHAS),
    linear(lm.MultiTaskElasticNet, alpha=ALPHAS),
    linear(lm.MultiTaskLassoCV, cv=few_folds, alphas=st.just(3)),
    linear(lm.MultiTaskElasticNetCV, cv=few_folds, alphas=st.just(3)),
    linear(lm.Lars, least=2),
    linear(lm.LarsCV, least=2, cv=few_folds),
    linear(lm.LassoLars, least=2, alpha=ALPHAS),
    linear(lm.LassoLarsCV, least=2, cv=few_folds),
    linear(lm.LassoLarsIC, least=2, most=10, criterion=one_of("aic", "bic")),
    linear(lm.OrthogonalMatchingPursuit, least=2, n_nonzero_coefs=st.just(1)),
    linear(lm.OrthogonalMatchingPursuitCV, least=2, cv=few_folds),
    scaled(lm.BayesianRidge),
    scaled(lm.ARDRegression),
    scaled(lm.HuberRegressor, epsilon=one_of(1.1, 2.0)),
    scaled(lm.QuantileRegressor, alpha=ALPHAS, quantile=one_of(0.3, 0.5)),
    scaled(
        lm.TheilSenRegressor, most=4, max_subpopulation=st.just(20), random_state=SEEDS
    ),
    scaled(
        lm.SGDRegressor,
        loss=one_of("squared_error", "huber", "epsilon_insensitive"),
        penalty=one_of("l2", "l1", "elasticnet", None),
        average=YES_OR_NO,
        random_state=SEEDS,
    ),
    scaled(LinearSVR, C=one_of(0.1, 10.0), random_state=SEEDS),
    kind(lm.RANSACRegressor, most=6, min_samples=st.just(0.5), random_state=SEEDS),
    scaled(lm.PoissonRegressor, alpha=ALPHAS),
    scaled(lm.GammaRegressor, alpha=ALPHAS),
    scaled(
        lm.TweedieRegressor,
        alpha=ALPHAS,
        power=one_of(0, 1.5, 3),
        link=one_of("auto", "log"),
    ),
]


def kernels(n, d):
    """Kernels of Gaussian processes, and sums and products of two."""
    one = st.one_of(
        st.builds(gp.RBF, st.lists(st.floats(0.5, 3), min_size=d, max_size=d)),
        st.builds(gp.Matern, st.floats(0.5, 3), nu=one_of(0.5, 1.5, 2.5, np.inf)),
        st.builds(gp.RationalQuadratic, st.floats(0.5, 3), st.floats(0.5, 3)),
        st.builds(gp.DotProduct, st.floats(0.5, 2)),
        st.builds(gp.ExpSineSquared, st.floats(0.5, 3), st.floats(3, 9)),
        st.builds(gp.ConstantKernel, st.floats(0.5, 2)),
        st.builds(gp.PairwiseKernel, metric=one_of("rbf", "laplacian")),
    )
    return st.one_of(
        one,
        st.builds(gp.Sum, one, one),
        st.builds(gp.Product, one, one),
        st.builds(gp.Exponentiation, one, st.just(2)),
        st.builds(gp.Sum, one, st.builds(gp.WhiteKernel, st.floats(0.1, 1))),
    )


GAMMAS = one_of(None, 0.1, 0.5)
SVM_GAMMAS = one_of("scale", "auto", 0.3)
SVM_KERNELS = one_of("linear", "poly", "rbf", "sigmoid")
OTHERS = [
    unit(
        MLPRegressor,
        hidden_layer_sizes=st.lists(st.integers(1, 8), max_size=3).map(tuple),
        activation=one_of("identity", "logistic", "tanh", "relu"),
        loss=one_of("squared_error", "poisson"),
        max_iter=st.just(15),
        random_state=SEEDS,
    ),
    kind(
        DifferentiableRegressor,
        hidden_layer_sizes=st.lists(st.integers(1, 8), max_size=2).map(tuple),
        activation=one_of("tanh", "silu", "softplus", "sin"),
        solver=st.just("lbfgs"),
        alpha=st.just(1e-3),
        max_iter=st.just(5),
        # the power alone makes columns of little spread constant up to rounding
        x_scaler=one_of(
            "standard", "minmax", make_pipeline(StandardScaler(), PowerTransformer())
        ),
        random_state=SEEDS,
    ),
    kind(DummyRegressor, strategy=one_of("mean", "median")),
    unit(
        KNeighborsRegressor,
        n_neighbors=st.integers(1, 6),
        weights=one_of("uniform", "distance"),
        p=one_of(1, 2, 3),
        algorithm=one_of("kd_tree", "brute"),
    ),
    unit(
        RadiusNeighborsRegressor,
        radius=st.just(20.0),
        weights=one_of("uniform", "distance"),
    ),
    unit(SVR, kernel=SVM_KERNELS, gamma=SVM_GAMMAS, C=one_of(0.1, 10.0)),
    unit(NuSVR, kernel=SVM_KERNELS, gamma=SVM_GAMMAS, nu=one_of(0.2, 0.8)),
    unit(
        KernelRidge,
        alpha=one_of(0.1, 1.0),
        kernel=one_of("linear", "poly", "rbf", "laplacian", "sigmoid", "cosine"),
        gamma=GAMMAS,
    ),
    unit(
        GaussianProcessRegressor,
        kernel=kernels,
        alpha=one_of(0.01, 0.1),
        optimizer=st.none(),
        normalize_y=YES_OR_NO,
    ),
    unit(PLSRegression, n_components=up_to_columns, scale=YES_OR_NO),
    unit(PLSCanonical, n_components=st.just(1), scale=YES_OR_NO),
    unit(CCA, n_components=st.just(1), scale=YES_OR_NO),
    kind(IsotonicRegression, most=1, out_of_bounds=st.just("clip")),
]
RIDGES = st.builds(lm.Ridge, alpha=ALPHAS)
# what stands inside of others: quick, and of one or of several targets
INNER = st.one_of(
    RIDGES,
    st.builds(lm.LinearRegression),
    st.builds(
        MLPRegressor,
        st.just("squared_error"),
        st.just((4,)),
        one_of("tanh", "logistic"),
        max_iter=st.just(10),
        random_state=SEEDS,
    ),
)
PAIRS = st.tuples(INNER, INNER).map(lambda pair: [("one", pair[0]), ("two", pair[1])])
SCALERS_OF_TARGETS = one_of(
    StandardScaler(),
    MinMaxScaler(),
    PowerTransformer(),
    QuantileTransformer(n_quantiles=5),
    FunctionTransformer(np.log, np.exp, check_inverse=False),
)
AROUND = [
    unit(TransformedTargetRegressor, regressor=INNER, transformer=SCALERS_OF_TARGETS),
    unit(VotingRegressor, estimators=PAIRS, weights=one_of(None, [1, 3])),
    unit(
        StackingRegressor,
        estimators=PAIRS,
        final_estimator=INNER,
        cv=few_folds,
        passthrough=YES_OR_NO,
    ),
    unit(
        BaggingRegressor,
        estimator=INNER,
        n_estimators=st.integers(1, 3),
        max_features=one_of(0.5, 1.0),
        bootstrap_features=YES_OR_NO,
        random_state=SEEDS,
    ),
    unit(
        AdaBoostRegressor,
        estimator=INNER,
        n_estimators=st.integers(1, 3),
        random_state=SEEDS,
    ),
    unit(RFE, least=2, estimator=RIDGES, n_features_to_select=st.just(1)),
    unit(MultiOutputRegressor, estimator=INNER),
    unit(RegressorChain, estimator=INNER, order=one_of(None, [1, 0])),
    unit(GridSearchCV, estimator=INNER, param_grid=st.just({}), cv=few_folds),
    unit(
        RandomizedSearchCV,
        estimator=INNER,
        param_distributions=st.just({}),
        n_iter=st.just(1),
        cv=few_folds,
    ),
]
REGRESSORS = [LINEAR, OTHERS, AROUND]
# of two targets only, and of one target only
OF_TWO = (MultiOutputRegressor, RegressorChain)
OF_ONE = (VotingRegressor, StackingRegressor, AdaBoostRegressor, IsotonicRegression)
