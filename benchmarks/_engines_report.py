"""The tables and the picture of `engines.py`."""

import csv

from matplotlib.figure import Figure

FIELDS = ["section", "shape", "activation", "dtype", "n", "threads", "contestant"]
FIELDS += ["error", "wall", "cpu", "floor", "resident", "traced", "skipped"]
# colours of Okabe and Ito, told apart by the colour-blind
STYLES = {
    "predict_jacobian": ("#D55E00", "o"),
    "vmap(jacrev)": ("#0072B2", "s"),
    "vmap(jacrev), chunks": ("#0072B2", "D"),
    "torch.compile": ("#56B4E9", "P"),
    "JAX jit(vmap(jacrev))": ("#009E73", "^"),
    "JAX at its best": ("#009E73", "v"),
    "JENN predict_partials": ("#CC79A7", "x"),
    "central differences": ("#555555", "+"),
}


def seconds(row):
    """Return CPU time on one thread, which others do not disturb, else wall time."""
    return row["cpu"] if row["threads"] == 1 else row["wall"]


def timed(rows):
    return [row for row in rows if "wall" in row]


def plural(n, word):
    return f"{n:,} {word}{'s' if n > 1 else ''}"


def cell_label(row):
    return (
        f"{row['shape']} {row['activation']} {row['dtype']}, "
        f"{plural(row['n'], 'row')}, {plural(row['threads'], 'thread')}"
    )


def print_cell(rows):
    """Print the contestants of one cell; the first is the unit of the ratios."""
    own = seconds(rows[0])
    print(f"\n{rows[0]['section']} {cell_label(rows[0])}")
    print(f"{'':32}{'wall ms':>11}{'CPU ms':>11}{'ratio':>8}  relative error")
    for row in rows:
        if "skipped" in row:
            print(f"{row['contestant']:32}  skipped: {row['skipped']}")
        else:
            print(
                f"{row['contestant']:32}{row['wall'] * 1e3:11.4g}"
                f"{row['cpu'] * 1e3:11.4g}{seconds(row) / own:8.2f}"
                f"{row['error']:10.1e}",
                flush=True,
            )


def cells(rows, section):
    """Return the timed rows of a section, cell by cell."""
    groups = {}
    for row in timed(rows):
        if row["section"] == section:
            groups.setdefault(cell_label(row), []).append(row)
    return groups


def print_floors(rows):
    """Print the times in units of the floor: the first, and the best of the others."""
    for section in ("jacobian", "predict"):
        print(f"\n{section}: time over the floor of matrix products and writing")
        print(f"{'':58}{'floor ms':>9}{'ours':>9}{'best':>9}  which")
        for label, group in cells(rows, section).items():
            own, *others = group
            best = min(others, key=seconds)
            over, best_over = (seconds(row) / own["floor"] for row in (own, best))
            print(
                f"{label:58}{own['floor'] * 1e3:9.3g}"
                f"{over:9.1f}{best_over:9.1f}  {best['contestant']}"
            )


def print_scaling(rows):
    rows = [row for row in rows if "resident" in row]
    if rows:
        print("\nlarge results, and memory beyond X and the result")
        print(
            f"{'':44}{'rows':>12}{'us per row':>12}{'resident MB':>13}{'traced MB':>11}"
        )
    for row in rows:
        where = "memory map" if row["section"] == "scaling" else "array"
        print(
            f"{where + ' ' + row['shape'] + ' ' + row['dtype']:44}{row['n']:12,}"
            f"{row['wall'] / row['n'] * 1e6:12.3f}{row['resident'] / 1e6:13.1f}"
            f"{row['traced'] / 1e6:11.1f}"
        )


def write_csv(rows, path):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)


def draw(rows, path):
    """Draw time per row against the number of rows, float32 on one thread."""
    rows = [row for row in timed(rows) if row["section"] == "jacobian"]
    rows = [row for row in rows if (row["dtype"], row["threads"]) == ("float32", 1)]
    shapes = list(dict.fromkeys(row["shape"] for row in rows))
    if not shapes:
        return
    n_columns = min(4, len(shapes))
    n_rows = -(-len(shapes) // n_columns)
    size = max(8, 4 * n_columns), 3.5 * n_rows + 1
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False, sharex=True).ravel()
    for ax in axes[len(shapes) :]:
        ax.remove()
    for ax, shape in zip(axes, shapes, strict=False):
        draw_shape(ax, [row for row in rows if row["shape"] == shape])
        ax.set(title=shape, xscale="log", yscale="log")
        ax.grid(alpha=0.3)
    figure.supxlabel("rows")
    figure.supylabel("CPU time per row, µs")
    drawn = [zip(*ax.get_legend_handles_labels(), strict=True) for ax in axes]
    handles = {label: handle for pairs in drawn for handle, label in pairs}
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=150)


def draw_shape(ax, rows):
    for name, (colour, marker) in STYLES.items():
        own = [row for row in rows if row["contestant"] == name]
        if own:
            ax.plot(
                [row["n"] for row in own],
                [row["cpu"] / row["n"] * 1e6 for row in own],
                color=colour,
                marker=marker,
                label=name,
            )
