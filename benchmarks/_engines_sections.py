"""The sections of the benchmark: who runs on what."""

import os
import warnings
from dataclasses import dataclass, replace
from itertools import product

import _engines_jax as by_jax
import _engines_others as others
import _engines_torch as by_torch
from _engines_measure import cell
from _engines_problem import Contestant, Shape, make_net, rows
from _engines_report import print_cell

SHAPES = (
    Shape(1, 1, (64, 64)),
    Shape(8, 1, (64, 64)),
    Shape(8, 4, (128, 128)),
    Shape(50, 1, (128, 128, 128)),
    Shape(50, 10, (256, 256)),
    Shape(200, 3, (256, 256)),
    Shape(50, 10, (256, 8, 256)),
)
SECOND_SHAPES = (Shape(8, 1, (64, 64)), Shape(50, 1, (128, 128, 128)))
SIZES = (1, 100, 10_000, 200_000)
SECOND_SIZES = (1, 100, 1000, 10_000)
DTYPES = ("float32", "float64")
QUICK_SIZES = {1: 1, 10_000: 300}


@dataclass(frozen=True)
class Section:
    """Cells of one quantity.

    `threads` are the numbers of threads, 0 for as many as there are cores.
    """

    quantity: str
    contestants: dict[str, Contestant]
    shapes: tuple[Shape, ...] = SHAPES
    sizes: tuple[int, ...] = SIZES
    activations: tuple[str, ...] = ("tanh",)
    dtypes: tuple[str, ...] = DTYPES
    threads: tuple[int, ...] = (1, 0)

    def shortened(self):
        """Return a section that is done in seconds."""
        return replace(
            self,
            contestants={
                name: contestant
                for name, contestant in self.contestants.items()
                if not contestant.slow_to_start
            },
            shapes=self.shapes[:1],
            sizes=tuple(QUICK_SIZES[n] for n in self.sizes if n in QUICK_SIZES)
            or (300,),
        )

    def thread_counts(self):
        """Return the numbers of threads that this machine has cores for."""
        n_cores = core_count()
        return sorted({n or n_cores for n in self.threads if n <= n_cores})


JACOBIAN = {
    **others.OWN_JACOBIAN,
    **by_torch.JACOBIAN,
    **by_jax.JACOBIAN,
    **others.SURROGATES,
}
IN_SHORT = ("predict_jacobian", "vmap(jacrev)", *by_jax.JACOBIAN)
VALUE = {
    "predict": others.PREDICT,
    **by_torch.VALUE,
    **by_jax.VALUE,
    **others.ONNX_VALUE,
}
ONE_ROW_JACOBIAN = {
    **others.ONE_ROW,
    "grad per output": JACOBIAN["grad per output"],
    "JAX jit(vmap(jacrev))": JACOBIAN["JAX jit(vmap(jacrev))"],
    **by_jax.ONE_ROW_JACOBIAN,
}
ONE_ROW = {"shapes": (SHAPES[2], SHAPES[1], SHAPES[4]), "sizes": (1,), "threads": (1,)}

SECTIONS = {
    "jacobian": Section("jacobian", JACOBIAN),
    "activations": Section(
        "jacobian",
        {name: JACOBIAN[name] for name in IN_SHORT},
        shapes=(SHAPES[1], SHAPES[4]),
        sizes=(10_000,),
        activations=("silu", "softplus", "gelu", "tanh"),
    ),
    "hessian": Section(
        "hessian",
        {**others.OWN_HESSIAN, **by_torch.HESSIAN, **by_jax.HESSIAN},
        shapes=SECOND_SHAPES,
        sizes=SECOND_SIZES,
    ),
    "laplacian": Section(
        "laplacian",
        {**others.OWN_LAPLACIAN, **by_torch.LAPLACIAN, **by_jax.LAPLACIAN},
        shapes=SECOND_SHAPES,
        sizes=SECOND_SIZES,
    ),
    "predict": Section("value", VALUE),
    "one-row-jacobian": Section("jacobian", ONE_ROW_JACOBIAN, **ONE_ROW),
    "one-row-value": Section("value", {**VALUE, **by_jax.ONE_ROW_VALUE}, **ONE_ROW),
    "threads": Section(
        "jacobian",
        others.OWN_JACOBIAN,
        shapes=(SHAPES[4], SHAPES[1]),
        sizes=(200_000,),
        threads=(1, 2),
    ),
}


def core_count():
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def run(name, threads, n_rounds, quick):
    """Return the results of one section, in a process with that many threads."""
    # of torch's compiler, about its own code
    warnings.simplefilter("ignore", FutureWarning)
    section = SECTIONS[name].shortened() if quick else SECTIONS[name]
    results = []
    for keys in product(section.shapes, section.activations, section.dtypes):
        net, known = make_net(*keys), {}
        for n in section.sizes:
            X = rows(net.shape, n, net.dtype)
            label = {
                "section": name,
                "shape": str(net.shape),
                "activation": net.activation,
                "dtype": net.dtype,
                "n": n,
                "threads": threads,
            }
            found = cell(section.quantity, section.contestants, net, X, n_rounds, known)
            results += [{**label, **row} for row in found]
            print_cell(results[-len(found) :])
    return results
