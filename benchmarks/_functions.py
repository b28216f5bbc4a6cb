"""Test functions on the unit cube, with their derivatives, and designs to sample them.

Most are from the virtual library of simulation experiments of Surjanovic and Bingham.
The inputs of every function are in [0, 1] and are scaled to its own ranges within.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import qmc

N_TEST = 2000
PI = math.pi


def columns(u, *ranges):
    """Return the inputs in their own ranges, one tensor each."""
    low, high = torch.tensor(ranges, dtype=u.dtype).T
    return (low + u * (high - low)).T


def cubic(u):
    (x,) = columns(u, (1.8, 7.3))
    return x**3 - 3 * x + 7


def wiggly(u):
    (x,) = columns(u, (0, 6))
    return torch.sin(3 * x) + x / 2


def branin(u):
    a, b = columns(u, (-5, 10), (0, 15))
    valley = b - 5.1 / (4 * PI**2) * a**2 + 5 / PI * a - 6
    return valley**2 + 10 * (1 - 1 / (8 * PI)) * torch.cos(a) + 10


def rosenbrock(u):
    x = 4 * u - 2
    here, after = x[:, :-1], x[:, 1:]
    return (100 * (after - here**2) ** 2 + (1 - here) ** 2).sum(dim=1)


def ishigami(u):
    a, b, c = PI * (2 * u - 1).T
    return torch.sin(a) + 7 * torch.sin(b) ** 2 + 0.1 * c**4 * torch.sin(a)


def otl_circuit(u):
    ranges = (50, 150), (25, 70), (0.5, 3), (1.2, 2.5), (0.25, 1.2), (50, 300)
    b1, b2, f, c1, c2, beta = columns(u, *ranges)
    gain = beta * (c2 + 9)
    middle = (12 * b2 / (b1 + b2) + 0.74) * gain / (gain + f)
    return middle + 11.35 * f / (gain + f) + 0.74 * f * gain / ((gain + f) * c1)


def piston(u):
    ranges = (30, 60), (0.005, 0.02), (0.002, 0.01), (1e3, 5e3), (9e4, 1.1e5)
    mass, area, v0, k, p0, ta, t0 = columns(u, *ranges, (290, 296), (340, 360))
    gas = p0 * v0 / t0 * ta
    force = p0 * area + 19.62 * mass - k * v0 / area
    volume = area / (2 * k) * (torch.sqrt(force**2 + 4 * k * gas) - force)
    return 2 * PI * torch.sqrt(mass / (k + area**2 * gas / volume**2))


def borehole(u):
    ranges = (0.05, 0.15), (100, 50000), (63070, 115600), (990, 1110), (63.1, 116)
    ranges += (700, 820), (1120, 1680), (9855, 12045)
    rw, r, tu, hu, tl, hl, length, kw = columns(u, *ranges)
    log = torch.log(r / rw)
    loss = 1 + 2 * length * tu / (log * rw**2 * kw) + tu / tl
    return 2 * PI * tu * (hu - hl) / (log * loss)


def wing_weight(u):
    ranges = (150, 200), (220, 300), (6, 10), (-10, 10), (16, 45), (0.5, 1)
    ranges += (0.08, 0.18), (2.5, 6), (1700, 2500), (0.025, 0.08)
    sw, wf, a, sweep, q, taper, tc, nz, wd, wp = columns(u, *ranges)
    cos = torch.cos(sweep * PI / 180)
    shape = (a / cos**2) ** 0.6 * taper**0.04 * (100 * tc / cos) ** -0.3
    return 0.036 * sw**0.758 * wf**0.0035 * q**0.006 * shape * (nz * wd) ** 0.49 + (
        sw * wp
    )


def robot_arm(u):
    angle, length = torch.cumsum(2 * PI * u[:, :4], dim=1), u[:, 4:]
    x, y = (length * torch.cos(angle)).sum(1), (length * torch.sin(angle)).sum(1)
    return torch.sqrt(x**2 + y**2)


def friedman(u):
    a, b, c, d, e = u[:, :5].T
    return 10 * torch.sin(PI * a * b) + 20 * (c - 0.5) ** 2 + 10 * d + 5 * e


def two_link_arm(u):
    a, b, l1, l2 = columns(u, (0, PI / 2), (0, PI), (0.5, 1), (0.5, 1))
    x = l1 * torch.cos(a) + l2 * torch.cos(a + b)
    return torch.stack([x, l1 * torch.sin(a) + l2 * torch.sin(a + b)], dim=1)


def black_scholes(u):
    ranges = (60, 140), (80, 120), (0.1, 2), (0, 0.08), (0.1, 0.5)
    spot, strike, years, rate, vol = columns(u, *ranges)
    spread = vol * torch.sqrt(years)
    d1 = (torch.log(spot / strike) + (rate + vol**2 / 2) * years) / spread
    discounted = strike * torch.exp(-rate * years)
    normal = torch.special.ndtr
    return spot * normal(d1) - discounted * normal(d1 - spread)


def ackley(u):
    x = 3 * u - 1.5
    bowl = 20 - 20 * torch.exp(-0.2 * torch.sqrt((x**2).mean(dim=1)))
    return bowl + math.e - torch.exp(torch.cos(2 * PI * x).mean(dim=1))


def kinked(u):
    a, b, c = u.T
    return abs(a - 0.3) + torch.sin(2 * b) * c + torch.exp(-a * c) / 2


def five_inputs(u):
    a, b, c, d, e = u.T
    return (
        torch.sin(3 * a + 2 * b) + c * torch.exp(-d) + (1 + b * c) * torch.cos(2.5 * e)
    )


def gas_density(u):
    """Return the density of carbon dioxide in mol/m3 by its second virial coefficient.

    The inputs are pressure, 0.1 to 10 MPa, and temperature, 320 to 700 K; the
    coefficient is van der Waals'.
    """
    pressure, temperature = columns(u, (1e5, 1e7), (320, 700))
    rt = 8.314 * temperature
    virial = 4.27e-5 - 0.364 / rt
    return pressure / (rt + virial * pressure)


def evenly(n, d, seed):
    return qmc.LatinHypercube(d, seed=1000 + seed).random(n)


def lattice(*shapes):
    """Return a design that has the levels of that shape which has n points."""
    by_size = {math.prod(shape): shape for shape in shapes}

    def design(n, d, seed):
        axes = [np.linspace(0, 1, n_levels) for n_levels in by_size[n]]
        return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(n, d)

    return design


def last_on_levels(n_levels):
    """Return a design where the last input has few levels, the others are even."""

    def design(n, d, seed):
        X = evenly(n, d, seed)
        X[:, -1] = np.floor(X[:, -1] * n_levels) / (n_levels - 1)
        return X

    return design


@dataclass(frozen=True)
class Function:
    """A function with its main and its second number of rows, and its design."""

    value: Callable
    n_inputs: int
    sizes: tuple[int, int]
    design: Callable = evenly

    def evaluate(self, X):
        """Return values of shape (n, k) and the Jacobian of shape (n, k, d)."""
        u = torch.tensor(X, requires_grad=True)
        y = self.value(u).reshape(len(X), -1)
        slopes = [
            torch.autograd.grad(one.sum(), u, retain_graph=True)[0] for one in y.T
        ]
        return y.detach().numpy(), torch.stack(slopes, dim=1).numpy()


# the functions that medians are taken over
USUAL = {
    "cubic": Function(cubic, 1, (30, 60)),
    "wiggly": Function(wiggly, 1, (30, 60)),
    "branin": Function(branin, 2, (100, 200)),
    "rosenbrock-2": Function(rosenbrock, 2, (100, 200)),
    "rosenbrock-5": Function(rosenbrock, 5, (500, 125)),
    "ishigami": Function(ishigami, 3, (500, 125)),
    "otl": Function(otl_circuit, 6, (100, 200)),
    "piston": Function(piston, 7, (500, 125)),
    "borehole": Function(borehole, 8, (500, 125)),
    "wing": Function(wing_weight, 10, (500, 125)),
    "friedman": Function(friedman, 10, (500, 125)),
    "two-link": Function(two_link_arm, 4, (500, 125)),
    "black-scholes": Function(black_scholes, 5, (500, 125)),
}
CUBES, TABLES = (729, 343), (240, 96)
# too hard for all, not smooth, or on few levels; every -grid has an -even beside it
APART = {
    "robot": Function(robot_arm, 8, (2000, 500)),
    "ackley": Function(ackley, 3, (500, 125)),
    "kinked": Function(kinked, 3, (500, 125)),
    "ishigami-grid": Function(ishigami, 3, CUBES, lattice((9, 9, 9), (7, 7, 7))),
    "ishigami-even": Function(ishigami, 3, CUBES),
    "levels-grid": Function(five_inputs, 5, (500, 125), last_on_levels(6)),
    "levels-even": Function(five_inputs, 5, (500, 125)),
    "table-grid": Function(gas_density, 2, TABLES, lattice((20, 12), (12, 8))),
    "table-even": Function(gas_density, 2, TABLES),
}
FUNCTIONS = {**USUAL, **APART}


class Problem:
    """Rows of a function to fit, and the truth on other points.

    Noise has the standard deviation `noise` in units of that of the function; it is
    added to the values and not to the Jacobian.
    """

    def __init__(self, name, n, noise=0.0, seed=0):
        function = FUNCTIONS[name]
        self.noise, self.seed = noise, seed
        self.X = function.design(n, function.n_inputs, seed)
        self.X_test = np.random.default_rng(99).random((N_TEST, function.n_inputs))
        self.y, self.jacobian = function.evaluate(self.X)
        self.y_test, self.jacobian_test = function.evaluate(self.X_test)
        self.unit = self.y_test.std(axis=0)
        rng = np.random.default_rng(seed + 7)
        self.y = self.y + noise * self.unit * rng.standard_normal(self.y.shape)

    def errors(self, values, jacobian):
        """Return the RMSE of the values and the relative error of the Jacobian."""
        residual = (values - self.y_test) / self.unit
        truth = self.jacobian_test / self.unit[:, None]
        wrong = jacobian / self.unit[:, None] - truth
        relative = np.linalg.norm(wrong) / np.linalg.norm(truth)
        return float(np.sqrt((residual**2).mean())), float(relative)


def to_differences(predict, jacobian, X, steps):
    """Return the relative difference of the Jacobian to central differences.

    It is that of the best step: rounding asks for a long one, curvature for a short
    one. None would mend a wrong derivative.
    """
    result, errors = jacobian(X), []
    for step in steps:
        columns = []
        for h in step * np.eye(X.shape[1]):
            near, far = (predict(X + i * h) - predict(X - i * h) for i in (1, 2))
            columns.append((8 * near - far) / (12 * step))
        errors.append(np.linalg.norm(np.stack(columns, axis=2) - result))
    return float(min(errors) / np.linalg.norm(result))
