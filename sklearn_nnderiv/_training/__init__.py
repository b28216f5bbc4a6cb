"""Training of networks: the problem, the solvers, the skorch nets."""

from ._candidates import PLAIN, candidates, has_kernels, stack_for
from ._data import Data
from ._defaults import (
    ADAM_ACTIVATION,
    ADAM_CONSTANT_RATE,
    ADAM_HIDDEN,
    ADAM_LEARNING_RATE,
    HELD_OUT_FROM,
    adam_batch_size,
    adam_epochs,
)
from ._evidence import Hyper
from ._flat import flatten, unflatten
from ._grid import mend
from ._labels import Labels, balance
from ._lm import Run
from ._minibatch import Adam
from ._net import (
    Architecture,
    WeightedNet,
    ignore_constant_columns,
    loss_curve,
    make_net,
)
from ._outliers import far_rows, is_better, outliers
from ._posterior import MAX_POSTERIOR_PARAMETERS, Posterior, Surroundings
from ._problem import Problem, Rows
from ._progress import ProgressBar
from ._race import Entrant, Race
from ._solver import LBFGS, Solver, record
from ._standard import Standard
from ._trust import doubtful_columns, swinging_columns
from ._user_net import prepare_net, repeatable, takes_weights, train_net

SOLVERS: dict[str, type[Solver]] = {"lbfgs": LBFGS, "adam": Adam}

__all__ = [
    "ADAM_ACTIVATION",
    "ADAM_CONSTANT_RATE",
    "ADAM_HIDDEN",
    "ADAM_LEARNING_RATE",
    "HELD_OUT_FROM",
    "MAX_POSTERIOR_PARAMETERS",
    "PLAIN",
    "SOLVERS",
    "Architecture",
    "Data",
    "Entrant",
    "Hyper",
    "Labels",
    "Posterior",
    "Problem",
    "ProgressBar",
    "Race",
    "Rows",
    "Run",
    "Solver",
    "Standard",
    "Surroundings",
    "WeightedNet",
    "adam_batch_size",
    "adam_epochs",
    "balance",
    "candidates",
    "doubtful_columns",
    "far_rows",
    "flatten",
    "has_kernels",
    "ignore_constant_columns",
    "is_better",
    "loss_curve",
    "make_net",
    "mend",
    "outliers",
    "prepare_net",
    "record",
    "repeatable",
    "stack_for",
    "swinging_columns",
    "takes_weights",
    "train_net",
    "unflatten",
]
