"""Several networks raced on log evidence by successive halving."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from joblib import Parallel, delayed

from .._engines import single_threaded
from ._candidates import initial_parameters, stack_for
from ._data import Data
from ._evidence import FIRST_BETA
from ._lm import Run
from ._net import Architecture
from ._progress import ProgressBar

# parts of max_iter after which the field is reduced, and what part of it goes on
_RUNGS = ((0.1, 2 / 3), (0.3, 3 / 8), (1.0, 0.0))
# if a candidate explains little of the data, or has become a straight line, the smooth
# start may have held it back: all begin once more, with details at once
_RESTART_BETA = 1e3
# a precision of the noise below which there is some: 0.5% of the spread
_NOISY_BETA = 4e4
# of slopes to begin with: as of values, or such that values are learnt first
_FIRST_PRECISIONS = (1.0, 0.01)
# more rows than these are not needed to tell candidates apart, nor, of more, so many if
# slopes are among them
_RACE_ROWS, _RACE_ROWS_WITH_SLOPES = 3_000, 1_500
# by how much a plain network has to be better than the winner. Laplace's approximation
# is rough, and a smaller difference says little
_CLEARLY = 30.0
# iterations between two updates of the progress bar
_SLICE = 10


@dataclass
class Entrant:
    """A candidate in the race, and what it has cost."""

    architecture: Architecture
    run: Run
    first_beta: float = FIRST_BETA
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)

    @property
    def n_iter(self) -> int:
        """Return the iterations so far, on all rows or some."""
        return len(self.losses)

    @property
    def score(self) -> float:
        """Return the log evidence per residual."""
        return self.run.score / self.run.data.count

    def advance(self, upto: int, tol: float, window: int, bar: ProgressBar) -> None:
        """Go on until `upto` iterations in all."""
        begun = time.perf_counter()
        with single_threaded():  # in this thread too, which may be one of a pool
            while self.n_iter < upto and not self.run.done:
                before = len(self.run.losses)
                self.run.advance(min(_SLICE, upto - self.n_iter), tol, window)
                self.losses += self.run.losses[before:]
                bar.advance(len(self.run.losses) - before)
        self.seconds += time.perf_counter() - begun

    def on(self, data: Data, seed: Sequence[int]) -> None:
        """Begin anew with all rows: what fits some of them is a poor start."""
        run = self.run
        if data is not run.data:
            theta = initial_parameters(run.stack, data.X, seed)
            hyper = replace(run.prior.first, beta=self.first_beta)
            self.run = Run(run.stack, theta, data, run.alpha, hyper)


@dataclass(frozen=True)
class Race:
    """Trains candidates and keeps the one of the highest evidence.

    Attributes
    ----------
    max_iter : int
        Iterations of the winner at most.
    tol : float
        The winner ends earlier where the evidence changes by less than this per
        residual ...
    n_iter_no_change : int
        ... within so many iterations.
    n_jobs : int or None
        Threads.
    verbose : int or bool
        Whether to show a progress bar.
    """

    max_iter: int
    tol: float
    n_iter_no_change: int
    n_jobs: int | None = None
    verbose: int | bool = 0

    def run(
        self,
        architectures: Sequence[Architecture],
        data: Data,
        alpha: float | None,
        seed: int,
        plain: Sequence[Architecture] = (),
    ) -> list[Entrant]:
        """Return all entrants, the winner first.

        Parameters
        ----------
        architectures : sequence of Architecture
        data : Data
        alpha : float or None
            See `Prior`.
        seed : int
        plain : sequence of Architecture, default=()
            Networks that are tried in the end if the winner leaves much unexplained.
        """
        some = _some_rows(data, seed) if len(architectures) > 1 else data
        pool = [
            _enter(one, some, alpha, [seed, i]) for i, one in enumerate(architectures)
        ]
        entrants = list(pool)
        with ProgressBar(self.max_iter * len(pool), self.verbose) as bar:
            for part, kept in _RUNGS:
                upto = max(1, round(part * self.max_iter))
                n_kept = max(1, round(kept * len(architectures)))
                if not kept:
                    for entrant in pool:
                        entrant.on(data, [seed, 0])
                self._advance(pool, upto, bar, last=not kept)
                again: list[Entrant] = []
                if part == _RUNGS[0][0] and any(map(_poor, pool)):
                    again = [_again(e, [seed, i]) for i, e in enumerate(pool)]
                    self._advance(again, upto, bar, last=False)
                    entrants += again
                pool, again = _ranked(pool), _ranked(again)
                bar.lead(str(pool[0].architecture))
                bar.show(evidence=pool[0].run.score)
                if kept:
                    # early, the evidence of a rougher start is no match for the others'
                    pool = pool[:n_kept] + again[:n_kept]
            winner = pool[0]
            if plain and _poor(winner):
                extra = [_enter(one, data, alpha, [seed, 0]) for one in plain]
                self._advance(extra, self.max_iter, bar, last=True)
                entrants += extra
                winner = _clearly_best(winner, extra)
        return [winner, *_ranked([e for e in entrants if e is not winner])]

    def go_on(self, entrant: Entrant) -> Entrant:
        """Train one network alone for `max_iter` iterations more."""
        with ProgressBar(self.max_iter, self.verbose) as bar:
            self._advance([entrant], self.max_iter, bar, last=True)
        return entrant

    def balance(self, entrant: Entrant, seed: int) -> Entrant:
        """Begin anew with a precision of slopes of their own, if there is noise.

        Without noise, what is left are errors of the network, which say nothing of how
        far values and slopes are to be trusted.
        """
        run = entrant.run
        noisy = run.alpha is None and run.state.beta < _NOISY_BETA
        if not (noisy and run.data.n_slopes):
            return entrant
        theta = initial_parameters(run.stack, run.data.X, [seed, 0])
        found = [entrant]
        for precision in _FIRST_PRECISIONS:
            hyper = replace(
                run.prior.first, beta=entrant.first_beta, precision=precision
            )
            other = Run(run.stack, theta, run.data, None, hyper, balances=True)
            found.append(self.go_on(replace(entrant, run=other, losses=[])))
        return max(found, key=lambda e: e.run.score)

    def _advance(
        self, pool: list[Entrant], upto: int, bar: ProgressBar, *, last: bool
    ) -> None:
        tol = self.tol if last or len(pool) == 1 else 0.0
        Parallel(self.n_jobs, prefer="threads")(
            delayed(e.advance)(upto, tol, self.n_iter_no_change, bar) for e in pool
        )


def _enter(
    architecture: Architecture,
    data: Data,
    alpha: float | None,
    seed: Sequence[int],
) -> Entrant:
    stack = stack_for(architecture, data.X.shape[1], data.y.shape[1])
    theta = initial_parameters(stack, data.X, seed)
    return Entrant(architecture, Run(stack, theta, data, alpha))


def _again(entrant: Entrant, seed: Sequence[int]) -> Entrant:
    """Return the same candidate, with a weaker prior at the beginning."""
    run = entrant.run
    theta = initial_parameters(run.stack, run.data.X, seed)
    hyper = replace(run.prior.first, beta=_RESTART_BETA)
    new = Run(run.stack, theta, run.data, run.alpha, hyper)
    return Entrant(entrant.architecture, new, _RESTART_BETA)


def _ranked(pool: list[Entrant]) -> list[Entrant]:
    return sorted(pool, key=lambda e: e.score, reverse=True)


def _clearly_best(winner: Entrant, others: Sequence[Entrant]) -> Entrant:
    """Return the best of the others if it is clearly better, else the winner."""
    scores = [other.run.settled_score() for other in others]
    gain = max(scores) - winner.run.settled_score()
    return others[int(np.argmax(scores))] if gain > _CLEARLY else winner


def _poor(entrant: Entrant) -> bool:
    """Whether the prior may have held the network back from the data."""
    return entrant.run.alpha is None and entrant.run.is_poor


def _some_rows(data: Data, seed: int) -> Data:
    n, count = len(data.X), len(data.y)  # slopes are rows of y too
    if count <= _RACE_ROWS:
        return data
    most = _RACE_ROWS_WITH_SLOPES if data.n_slopes else _RACE_ROWS
    n_some = n * most // count
    rows = np.random.default_rng(seed).choice(n, max(1, n_some), replace=False)
    return data.rows(np.sort(rows))
