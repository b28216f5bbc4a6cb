"""scikit-learn's own checks, on six configurations, with none expected to fail."""

import pytest
import skorch
import torch
from sklearn.preprocessing import PowerTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_nnderiv import DifferentiableRegressor


class Net(torch.nn.Module):
    """A residual network that is told its sizes."""

    def __init__(self, n_features_in, n_outputs, hidden=16):
        super().__init__()
        self.inner = torch.nn.Linear(n_features_in, hidden)
        self.outer = torch.nn.Linear(hidden, n_outputs)
        self.skip = torch.nn.Linear(n_features_in, n_outputs)

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x))) + self.skip(x)


CONFIGURATIONS = {
    "default": DifferentiableRegressor(),
    "lbfgs": DifferentiableRegressor(solver="lbfgs", max_iter=30),
    "adam": DifferentiableRegressor(
        solver="adam",
        hidden_layer_sizes=(20,),
        learning_rate_init=0.02,
        max_iter=50,
    ),
    "passthrough": DifferentiableRegressor(
        y_scaler="passthrough", alpha=1e-3, max_iter=30
    ),
    "power": DifferentiableRegressor(y_scaler=PowerTransformer(), max_iter=30),
    "net": DifferentiableRegressor(
        net=skorch.NeuralNet(
            Net,
            criterion=torch.nn.MSELoss,
            optimizer=torch.optim.Adam,
            lr=0.05,
            max_epochs=40,
            batch_size=-1,
            train_split=None,
        )
    ),
}


@pytest.mark.filterwarnings("ignore")  # the checks look at warnings themselves
@parametrize_with_checks(list(CONFIGURATIONS.values()))
def test_scikit_learn_check(estimator, check):
    check(estimator)
