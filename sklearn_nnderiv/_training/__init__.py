"""Training of networks: the problem, the solvers, the skorch nets."""

from ._net import WeightedNet, ignore_constant_columns, loss_curve, make_net
from ._problem import Problem, Rows
from ._solver import SOLVERS, Solver
from ._user_net import prepare_net, repeatable, takes_weights, train_net

__all__ = [
    "SOLVERS",
    "Problem",
    "Rows",
    "Solver",
    "WeightedNet",
    "ignore_constant_columns",
    "loss_curve",
    "make_net",
    "prepare_net",
    "repeatable",
    "takes_weights",
    "train_net",
]
