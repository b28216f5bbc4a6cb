"""The examples, the benchmarks and the README run as they stand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# the others run with the slow tests; the documentation runs all examples in full
QUICK = {"engines", "pipelines"}


def scripts(folder, pattern):
    """Return the scripts of a folder as parameters of a test."""
    return [
        pytest.param(
            path,
            id=path.stem,
            marks=[] if path.stem in QUICK else [pytest.mark.slow],
        )
        for path in sorted((ROOT / folder).glob(pattern))
    ]


def run(path, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, path, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MPLBACKEND": "Agg", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", scripts("examples", "plot_*.py"))
def test_example(path):
    assert run(path, SKLEARN_NNDERIV_EXAMPLE_ITER="5")


def test_demo_prints_the_table_and_writes_its_picture(tmp_path):
    picture = tmp_path / "picture.png"
    out = run(ROOT / "examples" / "plot_forum_cubic.py", picture)
    assert out.count("|") == 2 * 11
    assert str(picture) in out
    assert picture.stat().st_size > 10_000
    worst, median = re.search(r"error (\S+), median (\S+)\n", out).groups()
    assert float(worst) < 0.01
    assert float(median) < 0.001


@pytest.mark.parametrize("path", scripts("benchmarks", "[!_]*.py"))
def test_benchmark_runs_and_shows_errors(path):
    out = run(path, "--quick")
    assert "relative error" in out


def test_readme_usage(capsys):
    blocks = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert len(blocks) == 1
    assert len(blocks[0].strip().splitlines()) <= 12
    exec(compile(blocks[0], "README.md", "exec"), {})
    numbers = [float(v) for v in re.findall(r"-?\d+\.\d+", capsys.readouterr().out)]
    assert numbers == pytest.approx([5.05, 3.24, 0.84], abs=0.05)
