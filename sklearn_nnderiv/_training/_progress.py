"""When to stop, and what to show meanwhile."""

from __future__ import annotations

import math
from typing import Any

from tqdm.auto import tqdm

from ..exceptions import TrainingDivergedError


class Plateau:
    """Tells when a loss has ceased to fall.

    Parameters
    ----------
    tol : float
        The loss has to fall by more than this fraction of itself ...
    patience : int
        ... within this many iterations.
    """

    def __init__(self, tol: float, patience: int) -> None:
        self.tol = tol
        self.patience = patience
        self.best = math.inf
        self.n_idle = 0

    def update(self, loss: float) -> bool:
        """Take the next loss; return whether the plateau is reached."""
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"The training loss became {loss}. Lower learning_rate_init, or scale "
                "X and y if their values are of very different size."
            )
        if loss < self.best * (1 - self.tol):
            self.best = loss
            self.n_idle = 0
        else:
            self.n_idle += 1
        return self.n_idle >= self.patience or loss == 0


class ProgressBar:
    """A bar of iterations with the current loss.

    Parameters
    ----------
    total : int
        The number of iterations at most.
    verbose : int or bool
        Whether to show anything.
    what, unit : str
        What takes so long, and what is counted.
    """

    def __init__(
        self, total: int, verbose: int | bool, what: str = "fit", unit: str = "it"
    ) -> None:
        self._bar: Any = tqdm(total=total, disable=not verbose, desc=what, unit=unit)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, **shown: float) -> None:
        """Advance by one iteration and show the numbers."""
        if self._bar.disable:
            return
        self.show(**shown)
        self._bar.update()

    def advance(self, n: int) -> None:
        """Advance by n iterations."""
        self._bar.update(n)

    def lead(self, name: str) -> None:
        """Show which candidate leads."""
        self._bar.set_description(f"fit: {name} leads", refresh=False)

    def show(self, **shown: float) -> None:
        """Show numbers."""
        numbers = {name: f"{value:.3e}" for name, value in shown.items()}
        self._bar.set_postfix(numbers, refresh=False)
