"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

__all__: list[str] = []
