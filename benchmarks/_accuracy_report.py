"""The table and the picture of `accuracy.py`."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

WIDTH = 10
# colours of Okabe and Ito, told apart by the colour-blind, and one marker each
FAMILIES = [
    ("this package", "#D55E00", "o", {"ours", "ours-long"}),
    ("Gaussian process, kriging", "#0072B2", "s", {"gp", "krg", "kpls"}),
    ("other networks", "#555555", "^", {"skorch", "mlp", "mlp-32", "mlp-64"}),
    ("gradient-enhanced networks, from values", "#009E73", "D", {"genn", "jenn"}),
    ("polynomial", "#CC79A7", "v", {"poly-3"}),
]
# of a name from its point, in points, in the order of preference
OFFSETS = [
    (side * dx, dy, "left" if side > 0 else "right")
    for dx, dy in ((8, 6), (8, -6), (8, 18), (8, -18), (16, 30), (16, -30))
    for side in (1, -1)
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
            ("CPU seconds, median", seconds, ".2g"),
        ):
            line(label, [over_functions(cells, usual, c) for c in contestants], shape)
    if apart:
        print("apart")
        lines(apart)
    grid_ratios(errors, apart, contestants)
    beaten(errors, usual)
    time_ratio(seconds, usual)


def points(rows, contestants, functions):
    """Return the quartiles of seconds and error over functions, by contestant."""
    result = {}
    for name in contestants:
        axes = []
        for field in ("seconds", "error"):
            cells = medians(rows, field)
            axes.append([cells.get((function, name)) for function in functions])
        if functions and None not in axes[0]:
            result[name] = np.quantile(axes, [0.25, 0.5, 0.75], axis=1)
    return result


def annotate(ax, places, colours):
    """Write each name beside its point, where it covers no other name nor point."""
    ax.figure.draw_without_rendering()
    spots = ax.transData.transform(list(places.values()))
    taken = [Bbox.from_extents(*(spot - 6), *(spot + 6)) for spot in spots]
    for name, place in places.items():
        for dx, dy, side in OFFSETS:
            text = ax.annotate(
                name,
                place,
                (dx, dy),
                textcoords="offset points",
                horizontalalignment=side,
                verticalalignment="center",
                color=colours[name],
                weight="bold" if "ours" in name else "normal",
            )
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                break
            if (dx, dy, side) != OFFSETS[-1]:
                text.remove()
        taken.append(box)


def draw(rows, contestants, usual, label, path):
    """Draw error against time, a cross of quartiles over the functions for each."""
    present = {row["function"] for row in rows}
    functions = [name for name in usual if name in present]
    crosses = points(rows, contestants, functions)
    figure = Figure(figsize=(8, 6), layout="constrained")
    ax = figure.subplots()
    colours = {}
    for family, colour, marker, members in FAMILIES:
        members = [name for name in crosses if name in members]
        for i, name in enumerate(members):
            (x0, x, x1), (y0, y, y1) = crosses[name].T
            ax.plot([x0, x1], [y, y], color=colour, lw=1, alpha=0.4)
            ax.plot([x, x], [y0, y1], color=colour, lw=1, alpha=0.4)
            group = family if i == 0 else None
            ax.plot(x, y, marker, color=colour, ms=8, ls="", label=group)
            colours[name] = colour
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="CPU seconds of a fit",
        ylabel="relative error of the Jacobian",
        title=f"Medians and quartiles over {len(functions)} functions, {label}",
    )
    ax.margins(x=0.12)  # room for the names
    ax.grid(alpha=0.3)
    if crosses:
        ax.legend(fontsize="small")
        annotate(ax, {name: cross[1] for name, cross in crosses.items()}, colours)
    figure.savefig(path, dpi=150)
