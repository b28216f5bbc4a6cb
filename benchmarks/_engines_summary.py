"""The figures by which the engines are judged."""

from itertools import pairwise

from _engines_report import cell_label, seconds, timed

JAX = "JAX"  # its contestants begin so
SMALL, OTHER = "(8, 1, [64, 64])", "(8, 4, [128, 128])"
WIDE, NARROW = "(50, 10, [256, 256])", "(50, 10, [256, 8, 256])"
DEEP = "(50, 1, [128, 128, 128])"


def find(rows, name, **keys):
    """Return the fastest row whose contestant's name begins so, None without one."""
    found = [
        row
        for row in timed(rows)
        if row["contestant"].startswith(name)
        if keys.items() <= row.items()
    ]
    return min(found, key=seconds, default=None)


def ratio(row, own):
    return "-" if None in (row, own) else f"{seconds(row) / seconds(own):.2f}"


def line(label, value, what=""):
    print(f"{label:72}{value:>8}  {what}".rstrip())


def against(rows, rivals, own="predict_jacobian", **keys):
    """Print how many times as long as ours the rivals take."""
    where = f"{keys['section']} {cell_label({'activation': 'tanh', **keys})}"
    unit = find(rows, own, **keys)
    for name in rivals:
        rival = find(rows, name, **keys)
        label = rival["contestant"] if rival else name
        line(where, ratio(rival, unit), label)


def one_row(rows):
    keys = {"section": "one-row-jacobian", "shape": OTHER, "dtype": "float32"}
    own, bare, by_jax = (
        find(rows, name, **keys) for name in ("predict_jacobian", "bare", JAX)
    )
    label = f"one row, {OTHER}, float32"
    over = "-"
    if own and bare:
        over = f"{(seconds(own) - seconds(bare)) * 1e6:.1f}"
    line(f"{label}: public method minus bare kernel", over, "us")
    line(f"{label}: JAX, NumPy to NumPy, over ours", ratio(by_jax, own))


def memory(rows):
    found = [row for row in rows if row["section"] == "memory"]
    for row in found:
        extra = max(row["resident"], row["traced"]) / 1e6
        line(
            f"{row['shape']}, {row['n']:,} rows: beyond the result",
            f"{extra:.1f}",
            "MB",
        )


def two_threads(rows):
    for shape in (WIDE, SMALL):
        for dtype in ("float32", "float64"):
            keys = {"section": "threads", "shape": shape, "dtype": dtype}
            one, two = (
                find(rows, "predict_jacobian", threads=n, **keys) for n in (1, 2)
            )
            if one and two:
                speed = f"{one['wall'] / two['wall']:.2f}"
                line(f"{shape}, {one['n']:,} rows, {dtype}: two threads", speed)


def growth(rows):
    found = [row for row in rows if row["section"] == "scaling"]
    for few, many in pairwise(found):
        per_row = many["wall"] / many["n"] / (few["wall"] / few["n"])
        line(f"time per row, {many['n']:,} rows over {few['n']:,}", f"{per_row:.2f}")


def print_summary(rows):
    """Print the ratios; more than 1 means that ours is faster."""
    print("\nsummary: time over ours, or as stated")
    jacobian = {"section": "jacobian", "dtype": "float32"}
    keys = {**jacobian, "shape": SMALL, "n": 10_000, "threads": 1}
    against(rows, ["vmap(jacrev)", JAX], **keys)
    for threads in sorted({row["threads"] for row in rows}):
        keys = {**jacobian, "shape": WIDE, "n": 200_000, "threads": threads}
        against(rows, ["vmap(jacrev)", JAX], **keys)
    memory(rows)
    keys = {**jacobian, "shape": NARROW, "n": 10_000, "threads": 1}
    against(rows, [JAX], **keys)
    one_row(rows)
    for section, own in (("hessian", "predict_hessian"), ("laplacian", "laplacian")):
        for dtype in ("float32", "float64"):
            keys = {"section": section, "dtype": dtype, "shape": DEEP, "n": 1000}
            against(rows, ["vmap(hessian)", JAX], own, threads=1, **keys)
    keys = {"section": "predict", "dtype": "float32", "shape": SMALL, "n": 10_000}
    against(rows, ["torch eager"], "predict", threads=1, **keys)
    two_threads(rows)
    growth(rows)
