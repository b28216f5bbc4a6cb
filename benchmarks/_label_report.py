"""The tables of `derivative_labels.py`, in markdown, and what they show."""

import math
from typing import NamedTuple

import numpy as np
from _functions import FUNCTIONS
from _label_contestants import PEERS

TITLES = {
    "error": "relative error of the Jacobian",
    "value_error": "relative error of the values",
    "seconds": "CPU seconds of the fit",
}
# of which the best counts
GROUPS = {
    "best peer": list(PEERS),
    "best network": ["jenn", "genn"],
    "gamma tuned": ["jenn-gamma", "genn-gamma"],
}
MORE = "values, 3 x rows"
LESS = [("labels-3/4", "values"), ("labels-one", "values")]


class Claim(NamedTuple):
    """That of one contestant, times a factor, is less than that of another."""

    text: str
    field: str
    one: str
    other: str
    factor: float = 1
    part: float = 7 / 8  # of the functions on which it has to hold
    functions: tuple[str, ...] = tuple(FUNCTIONS)


FAR = ("branin", "otl", "borehole")
CLAIMS = [
    Claim(
        "Jacobian 50 times better than JENN and GENN: " + ", ".join(FAR),
        *("error", "labels", "best network", 50, 1, FAR),
    ),
    Claim(
        "the same, where their gamma alone is tuned",
        *("error", "labels", "gamma tuned", 50, 1, FAR),
    ),
    Claim("Jacobian better than JENN, GENN", "error", "labels", "best network", part=1),
    Claim("values better", "value_error", "labels", "best network", part=1),
    Claim("less CPU time", "seconds", "labels", "best network", part=1),
    Claim("Jacobian better than any peer", "error", "labels", "best peer", part=1),
    Claim("values better", "value_error", "labels", "best peer", part=1),
    Claim("less CPU time", "seconds", "labels", "best peer", part=1),
    Claim("Jacobian better than by values at 3 x rows", "error", "labels", MORE),
    Claim("values better", "value_error", "labels", MORE),
    Claim("1/4 of labels NaN: Jacobian better than without", "error", *LESS[0]),
    Claim("values better", "value_error", *LESS[0]),
    Claim("one input labelled: Jacobian better than without", "error", *LESS[1]),
    Claim("values better", "value_error", *LESS[1]),
]


def markdown(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def number(value, shape):
    return "-" if value is None else format(value, shape)


def ratio(above, below):
    return None if None in (above, below) else above / below


class Medians:
    """Medians over the seeds; the errors and the time of a failed fit are infinite."""

    def __init__(self, rows):
        self.groups = {}
        for row in rows:
            per_input = row["n"] // FUNCTIONS[row["function"]].n_inputs
            key = row["function"], per_input, row["contestant"]
            self.groups.setdefault(key, []).append(row)

    def __call__(self, field, function, size, name):
        """Return the median, None if nothing was run."""
        if name == MORE:
            return self(field, function, 3 * size, "values")
        if name in GROUPS:
            # the time is that of the peer whose Jacobian is the best
            by = "error" if field == "seconds" else field
            run = [one for one in GROUPS[name] if (function, size, one) in self.groups]
            best = min(run, key=lambda one: self(by, function, size, one), default=name)
            return self(field, function, size, best) if run else None
        rows = self.groups.get((function, size, name))
        if rows is None:
            return None
        return float(np.median([row.get(field, math.inf) for row in rows]))

    def pairs(self, claim, size, functions):
        """Return what a claim compares, by the functions that have both."""
        names = [name for name in functions if name in claim.functions]
        found = {
            name: [
                self(claim.field, name, size, one) for one in (claim.one, claim.other)
            ]
            for name in names
        }
        return {name: pair for name, pair in found.items() if None not in pair}


def verdict(pairs, claim):
    if not pairs:
        return "-"
    n_held = sum(claim.factor * one < other for one, other in pairs.values())
    holds = n_held >= math.ceil(claim.part * len(pairs))
    return f"{'yes' if holds else 'no'}, {n_held} of {len(pairs)}"


def worst(pairs):
    if not pairs:
        return "-"
    ratios = {name: one / other for name, (one, other) in pairs.items()}
    name = max(ratios, key=ratios.get)
    return f"{ratios[name]:.2g} ({name})"


def compare(medians, field, names, ratios, options):
    """Print a table of contestants, and of ratios between two of them."""
    print(f"\n{TITLES[field]}\n")
    shape = ".2f" if field == "seconds" else ".1e"
    rows = []
    for function in options.functions:
        for size in options.per_input:
            cells = [medians(field, function, size, name) for name in names]
            shares = [
                ratio(*(medians(field, function, size, name) for name in pair))
                for pair in ratios
            ]
            n = str(size * FUNCTIONS[function].n_inputs)
            shown = [number(cell, shape) for cell in cells]
            rows.append(
                [function, n, *shown, *(number(cell, ".3g") for cell in shares)]
            )
    heads = [f"{above} / {below}" for above, below in ratios]
    markdown(["function", "rows", *names, *heads], rows)


def report(rows, options):
    """Print all tables, then a line for each claim."""
    medians = Medians(rows)
    for field in TITLES:
        names = ["values", "labels", *PEERS]
        ratios = [(group, "labels") for group in GROUPS]
        compare(medians, field, names, ratios, options)
    print("\nLabels at n rows against values at 3 n, and some of the labels only")
    for field in TITLES:
        names = ["values", MORE, "labels", "labels-3/4", "labels-one"]
        ratios = [(MORE, "labels"), *LESS]
        compare(medians, field, names, ratios, options)
    print("\nWhether it holds, by rows per input\n")
    lines = []
    for claim in CLAIMS:
        found = [medians.pairs(claim, n, options.functions) for n in options.per_input]
        lines.append([claim.text, *(verdict(pairs, claim) for pairs in found)])
        if (claim.one, claim.other) in LESS:
            lines.append(["its worst ratio", *map(worst, found)])
    markdown(["", *map(str, options.per_input)], lines)


def report_settings(rows):
    print("\nSettings of the peers, by the error of the Jacobian on the test points\n")
    chosen = {(row["function"], row["contestant"]): row["settings"] for row in rows}
    markdown(
        ["function", "peer", "settings"],
        [[*key, settings] for key, settings in chosen.items() if settings != "{}"],
    )
