"""Time to values, Jacobians, Hessians and Laplacians, against other ways to them.

All contestants have the same weights, take rows as a NumPy array and return a NumPy
array, in raw units. Each is first held against the truth in float64. Then rounds are
interleaved; medians are shown. Ratios are of CPU time on one thread, where other work
of the machine disturbs it least, and of wall time on more. JENN and SMT always compute
in float64.

Every number of threads is a process of its own. OMP_NUM_THREADS and its like limit BLAS
and torch. JAX has no such setting that works: it starts a thread for each core that the
process may run on, so the process is bound to as many cores.
"""

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import _engines_memory as memory
from _engines_report import draw, print_floors, print_scaling, write_csv
from _engines_sections import SECTIONS, core_count, run
from _engines_summary import print_summary

APART = ["scaling", "memory"]
LIMITS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]


@contextmanager
def process(n_threads):
    """Yield an executor of one new process with that many threads."""
    os.environ.update(dict.fromkeys(LIMITS, str(n_threads)), JAX_PLATFORMS="cpu")
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if cores:
        # the last: the first serves the interrupts, and often others bound to it
        os.sched_setaffinity(0, sorted(cores)[-n_threads:])
    try:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as executor:
            yield executor
    finally:
        if cores:
            os.sched_setaffinity(0, cores)


def run_sections(options):
    """Yield the results of each section and number of threads."""
    names = [name for name in options.only if name in SECTIONS]
    # before the process is bound to fewer cores
    counts = {name: SECTIONS[name].thread_counts() for name in names}
    settings = sorted(set().union(*counts.values()))
    if options.threads:
        settings = [options.threads]
    for n_threads in settings[: 1 if options.quick else None]:
        with process(n_threads) as executor:
            for name in names:
                if n_threads in counts[name]:
                    arguments = name, n_threads, options.rounds, options.quick
                    yield executor.submit(run, *arguments).result()


def run_apart(options, folder):
    """Yield the result of each measurement that has a process of its own."""
    n_cores, rounds = core_count(), options.rounds
    sizes = [1000, 10_000] if options.quick else memory.SIZES
    jobs = {
        "scaling": [(memory.scaling, n, rounds, folder) for n in sizes],
        "memory": [(memory.in_memory, min(sizes[-1], memory.IN_MEMORY[1]), rounds)],
    }
    asked = [job for name in options.only for job in jobs.get(name, [])]
    # starting a process takes seconds
    for group in [asked] if options.quick else [[job] for job in asked]:
        with process(n_cores) as executor:
            for job in group:
                yield [{**executor.submit(*job).result(), "threads": n_cores}]


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    names = [*SECTIONS, *APART]
    parser.add_argument(
        "--only", default=",".join(names), help="sections, with commas between"
    )
    parser.add_argument("--quick", action="store_true", help="few rows, one shape")
    parser.add_argument("--rounds", type=int, help="default: 7, or 2 of a quick run")
    parser.add_argument("--threads", type=int, help="this number of threads alone")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.only = options.only.split(",")
    if not set(options.only) <= set(names):
        parser.error(f"--only takes some of {', '.join(names)}")
    return options


def main():
    options = parse()
    folder = Path("output/engines", "quick" if options.quick else "")
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for generator in (run_sections(options), run_apart(options, folder)):
        for found in generator:
            results += found
            # as it goes: a long run may be stopped
            write_csv(results, folder / "rows.csv")
    print_floors(results)
    print_scaling(results)
    print_summary(results)
    draw(results, folder / "engines.png")
    print(f"\nrows and picture are in {folder}")


if __name__ == "__main__":
    main()
