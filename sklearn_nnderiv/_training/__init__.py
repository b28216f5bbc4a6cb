"""Training of networks: the problem, the solvers, the skorch nets."""

from ._net import loss_curve, make_net
from ._problem import Problem, Rows
from ._solver import SOLVERS, Solver
from ._user_net import prepare_net, train_net

__all__ = [
    "SOLVERS",
    "Problem",
    "Rows",
    "Solver",
    "loss_curve",
    "make_net",
    "prepare_net",
    "train_net",
]
