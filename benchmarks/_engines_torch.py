"""Contestants in torch."""

import os
import shutil
from functools import cache

import torch
from _engines_problem import Contestant, Skip, torch_module
from torch.func import hessian, jacfwd, jacrev, vmap

# rows at once; the numbers of rows of the benchmark are multiples of it
CHUNK = 1000
HESSIAN_CHUNK = 100


def from_rows(function):
    """Turn a function of tensors into one of arrays, without copies."""
    return lambda X: function(torch.from_numpy(X)).numpy()


def eager(net, X):
    return from_rows(torch.inference_mode()(torch_module(net)))


def forum_loop(net, X):
    module, jacobian = torch_module(net), torch.autograd.functional.jacobian
    return from_rows(lambda x: torch.stack([jacobian(module, row) for row in x]))


def grad_per_output(net, X):
    module = torch_module(net)

    def jacobian(x):
        # a tensor of its own: the flag must not stay on the caller's
        x = x.detach().requires_grad_()
        sums = module(x).sum(dim=0)
        columns = [torch.autograd.grad(s, x, retain_graph=True)[0] for s in sums]
        return torch.stack(columns, dim=1)

    return from_rows(jacobian)


def by_vmap(derivative, chunk_size=None):
    def make(net, X):
        if chunk_size and len(X) <= chunk_size:
            raise Skip("one chunk has all rows")
        function = derivative(torch_module(net))
        return from_rows(vmap(function, chunk_size=chunk_size))

    return make


@cache
def compiled_jacobian(net):
    return torch.compile(vmap(jacrev(torch_module(net))), dynamic=False)


def by_compile(net, X):
    if not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        raise Skip("there is no C++ compiler")
    jacobian = compiled_jacobian(net)
    return from_rows(lambda x: torch.cat([jacobian(part) for part in x.split(CHUNK)]))


def differences(net, X):
    """Return central differences in the precision of the net, of its best step."""
    module = torch_module(net)
    step = torch.finfo(getattr(torch, net.dtype)).eps ** (1 / 3)
    scales = net.model.x_scaler_.scale_

    @torch.inference_mode()
    def jacobian(x):
        columns = []
        for j, h in enumerate(step * scales):
            high, low = x.clone(), x.clone()
            high[:, j] += h
            low[:, j] -= h
            columns.append((module(high) - module(low)) / (high - low)[:, j, None])
        return torch.stack(columns, dim=2)

    return from_rows(jacobian)


def scalar_hessian(module):
    return hessian(lambda row: module(row)[0])


def scalar_laplacian(module):
    return lambda row: scalar_hessian(module)(row).trace()


def units(net):
    return 2 * sum(net.shape.hidden)


def reverse_units(net):
    return 3 * net.shape.k * max(net.shape.hidden)


def forward_units(net):
    return 3 * net.shape.d * max(net.shape.hidden)


def second_units(net):
    return 4 * net.shape.d * sum(net.shape.hidden)


VALUE = {"torch eager": Contestant(eager, units)}
JACOBIAN = {
    "autograd.functional, row by row": Contestant(forum_loop),
    "grad per output": Contestant(grad_per_output, units),
    "vmap(jacrev)": Contestant(by_vmap(jacrev), reverse_units),
    "vmap(jacrev), chunks": Contestant(by_vmap(jacrev, CHUNK)),
    "vmap(jacfwd)": Contestant(by_vmap(jacfwd), forward_units),
    "torch.compile": Contestant(by_compile, slow_to_start=True),
    "central differences": Contestant(differences, units),
}
HESSIAN = {
    "vmap(hessian)": Contestant(by_vmap(scalar_hessian), second_units),
    "vmap(hessian), chunks": Contestant(by_vmap(scalar_hessian, HESSIAN_CHUNK)),
}
LAPLACIAN = {
    "vmap(hessian)": Contestant(by_vmap(scalar_laplacian), second_units),
    "vmap(hessian), chunks": Contestant(by_vmap(scalar_laplacian, HESSIAN_CHUNK)),
}
