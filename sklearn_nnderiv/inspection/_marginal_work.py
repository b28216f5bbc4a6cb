"""Estimates and standard errors of marginal effects, over all scenarios and groups."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from .._uncertainty import Moves
from .._validation import Array, warn
from ..exceptions import DerivativeWarning
from ._averages import averages, errors_by_doubt, errors_by_refits, sampled_rows
from ._delta import LinearDoubt
from ._effects import Doubt, Effects
from ._model import Model
from ._sampled_rows import share_beyond
from ._scenarios import Scenario
from ._terms import Term


class Fit(NamedTuple):
    """What standard errors of the fit are by."""

    method: str
    targets: Any
    weight: Any
    n_resamples: int


class Work:
    """Estimates and errors of shape (n_scenarios and groups, n_outputs, n_terms)."""

    def __init__(
        self,
        model: Model,
        terms: list[Term],
        kind: str,
        scenarios: list[Scenario],
        rng: np.random.RandomState,
        verbose: int | bool,
    ) -> None:
        self._model, self._terms, self._kind = model, terms, kind
        self._scenarios, self._verbose = scenarios, verbose
        self._rng = rng

    def estimates(self, model: Model, verbose: Any = None) -> tuple[Array, Array]:
        """Return averages, and their errors by the rows alone."""
        verbose = self._verbose if verbose is None else verbose
        effects = Effects(model, self._terms, self._kind)
        found = [averages(effects, model, s, verbose) for s in self._scenarios]
        if effects.n_without and model is self._model:
            warn(
                f"{effects.n_without} relative effects were left out of the averages: "
                "the predictions are 0 there, or change their sign. kind='dydx' has "
                "effects everywhere.",
                DerivativeWarning,
            )
        means, errors = zip(*found, strict=True)
        return np.concatenate(means), np.concatenate(errors)

    def errors(self, fit: Fit) -> Array:
        """Return standard errors of the fit."""
        model = self._model
        if fit.method == "bootstrap":
            return errors_by_refits(
                lambda other: self.estimates(other, verbose=0)[0],
                model,
                fit.targets,
                fit.weight,
                fit.n_resamples,
                self._rng,
                self._verbose,
            )
        if fit.method == "posterior":
            doubt: Doubt = Moves(model.estimator, model.table)
        else:
            targets = fit.targets.reshape(len(model.table), -1)
            weight = model.weight(fit.weight)
            doubt = LinearDoubt(model, targets, weight)
        effects = Effects(model, self._terms, self._kind)
        numbers = model.n_outputs * len(self._terms) * doubt.n_directions
        chosen = [sampled_rows(s, self._rng, numbers) for s in self._scenarios]
        total = sum(len(rows) for some in chosen for rows in some)
        with tqdm(
            total=total, desc=fit.method, unit="rows", disable=not self._verbose
        ) as bar:
            found = [
                errors_by_doubt(effects, model, scenario, some, doubt, bar.update)
                for scenario, some in zip(self._scenarios, chosen, strict=True)
            ]
        return np.concatenate(found)

    def extrapolating(self, X_train: Any) -> Array | None:
        """Return which part of the rows lies beyond the training data."""
        shares = []
        for scenario in self._scenarios:
            for rows in sampled_rows(scenario, self._rng):
                part = scenario.set(scenario.table.take(rows))
                share = share_beyond(self._model, part, X_train)
                if share is None:
                    return None
                shares.append(share)
        return np.array(shares)
