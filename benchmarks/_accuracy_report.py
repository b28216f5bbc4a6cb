"""The table and the picture of `accuracy.py`."""

import numpy as np
from matplotlib.figure import Figure

WIDTH = 10
# colours of Okabe and Ito, told apart by the colour-blind, and one marker each
FAMILIES = [
    ("this package", "#D55E00", "o", {"ours", "ours-long"}),
    ("Gaussian process, kriging", "#0072B2", "s", {"gp", "krg", "kpls"}),
    ("other networks", "#555555", "^", {"skorch", "mlp", "mlp-32", "mlp-64"}),
    ("gradient-enhanced networks, from values", "#009E73", "D", {"genn", "jenn"}),
    ("polynomial", "#CC79A7", "v", {"poly-3"}),
]


def medians(rows, field):
    """Return the medians over the seeds by function and contestant."""
    groups = {}
    for row in rows:
        key = row["function"], row["contestant"]
        groups.setdefault(key, []).append(row[field])
    return {key: float(np.median(values)) for key, values in groups.items()}


def line(label, values, shape):
    cells = ["-" if value is None else format(value, shape) for value in values]
    print(f"{label:20}" + "".join(f"{cell:>{WIDTH}}" for cell in cells))


def over_functions(cells, functions, contestant):
    """Return the median over functions, if the contestant has been run on all."""
    values = [cells.get((name, contestant)) for name in functions]
    return None if None in values else float(np.median(values))


def beaten(errors, functions):
    """Print on how many functions the long fit is better than GP and kriging."""
    rivals = "gp", "krg"
    triples = [
        [errors.get((name, one)) for one in ("ours-long", *rivals)]
        for name in functions
    ]
    triples = [values for values in triples if None not in values]
    if triples:
        n_won = sum(own < min(others) for own, *others in triples)
        print(f"ours-long beats both GP and kriging on {n_won} of {len(triples)}")


def time_ratio(seconds, functions):
    ratios = [
        seconds[name, "ours"] / seconds[name, "mlp-64"]
        for name in functions
        if {(name, "ours"), (name, "mlp-64")} <= seconds.keys()
    ]
    if ratios:
        ratio = np.median(ratios)
        print(f"CPU time of ours in units of that of mlp-64, median: {ratio:.2f}")


def grid_ratios(errors, names, contestants):
    """Print what a design on few levels costs, one line for each."""
    designs = [name.removesuffix("-grid") for name in names if name.endswith("-grid")]
    designs = [name for name in designs if f"{name}-even" in names]
    if designs:
        print("error on few levels, in units of that with the same rows spread evenly")
    for design in designs:
        pairs = [
            [errors.get((f"{design}-{kind}", one)) for kind in ("grid", "even")]
            for one in contestants
        ]
        line(design, [None if None in p else p[0] / p[1] for p in pairs], ".2f")


def report(rows, contestants, usual, apart):
    """Print the table of one size and noise, and the figures drawn from it."""
    errors, seconds = medians(rows, "error"), medians(rows, "seconds")
    sizes = {row["function"]: row["n"] for row in rows}
    usual, apart = ([name for name in some if name in sizes] for some in (usual, apart))
    print(f"{'':20}" + "".join(f"{name:>{WIDTH}}" for name in contestants))

    def lines(names):
        for name in names:
            cells = [errors.get((name, one)) for one in contestants]
            line(f"{name} {sizes[name]}", cells, ".1e")

    lines(usual)
    if len(usual) > 1:
        for label, cells, shape in (
            (f"median of {len(usual)}", errors, ".1e"),
            ("CPU seconds, median", seconds, ".2f"),
        ):
            line(label, [over_functions(cells, usual, c) for c in contestants], shape)
    if apart:
        print("apart")
        lines(apart)
    grid_ratios(errors, apart, contestants)
    beaten(errors, usual)
    time_ratio(seconds, usual)


def quartiles(cells, functions, contestant):
    return np.quantile(
        [cells[name, contestant] for name in functions], [0.25, 0.5, 0.75]
    )


def draw(rows, contestants, usual, path):
    """Draw error against time, a cross of quartiles over the functions for each."""
    errors, seconds = medians(rows, "error"), medians(rows, "seconds")
    present = {row["function"] for row in rows}
    functions = [name for name in usual if name in present]
    figure = Figure(figsize=(8, 6), layout="constrained")
    ax = figure.subplots()
    for family, colour, marker, members in FAMILIES:
        label = family
        for name in contestants:
            complete = all((function, name) in errors for function in functions)
            if name not in members or not complete or not functions:
                continue
            x = quartiles(seconds, functions, name)
            y = quartiles(errors, functions, name)
            ax.plot(x[[0, 2]], y[[1, 1]], color=colour, lw=1, alpha=0.6)
            ax.plot(x[[1, 1]], y[[0, 2]], color=colour, lw=1, alpha=0.6)
            ax.plot(x[1], y[1], marker, color=colour, ms=8, ls="", label=label)
            ax.annotate(
                name,
                (x[1], y[1]),
                xytext=(6, 6),
                textcoords="offset points",
                color=colour,
                weight="bold" if "ours" in name else "normal",
            )
            label = None
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="CPU seconds of a fit",
        ylabel="relative error of the Jacobian",
        title=f"Medians and quartiles over {len(functions)} functions",
    )
    ax.grid(alpha=0.3)
    if ax.lines:
        ax.legend(loc="best", frameon=True, fontsize="small")
    figure.savefig(path, dpi=150)
