"""Training of networks: the problem, the solvers, the skorch nets."""

from ._defaults import (
    ADAM_LEARNING_RATE,
    adam_architecture,
    adam_batch_size,
    adam_epochs,
)
from ._minibatch import Adam
from ._net import WeightedNet, ignore_constant_columns, loss_curve, make_net
from ._problem import Problem, Rows
from ._solver import LBFGS, Solver
from ._user_net import prepare_net, repeatable, takes_weights, train_net

SOLVERS: dict[str, type[Solver]] = {"lbfgs": LBFGS, "adam": Adam}

__all__ = [
    "ADAM_LEARNING_RATE",
    "SOLVERS",
    "Problem",
    "Rows",
    "Solver",
    "WeightedNet",
    "adam_architecture",
    "adam_batch_size",
    "adam_epochs",
    "ignore_constant_columns",
    "loss_curve",
    "make_net",
    "prepare_net",
    "repeatable",
    "takes_weights",
    "train_net",
]
