"""Contestants of this package and of others, and a kernel without checks."""

import os

import numpy as np
from _engines_problem import Contestant, Skip, needed, rows

import sklearn_nnderiv


def method(name):
    return Contestant(lambda net, X: getattr(net.model, name))


def second(name):
    """Return the contestant of a method that returns values and derivatives."""
    return Contestant(lambda net, X: lambda X: getattr(net.model, name)(X)[1])


def function(name):
    def make(net, X):
        of_fitted = getattr(sklearn_nnderiv, name)
        return lambda X: of_fitted(net.model, X)

    return Contestant(make)


def set_weights(network, net):
    """Give the weights to a network of JENN, whose own scalers do nothing then."""
    if net.activation != "tanh":
        raise Skip(f"JENN has no {net.activation}")
    network.parameters.initialize(0)
    for i, (weight, bias) in enumerate(net.layers, start=1):
        network.parameters.W[i][:] = weight
        network.parameters.b[i][:] = bias[:, None]


def jenn_partials(net, X):
    network = needed("jenn").NeuralNet([net.shape.d, *net.shape.hidden, net.shape.k])
    set_weights(network, net)
    return lambda X: network.predict_partials(X.T).transpose(2, 0, 1)


def genn_derivatives(net, X):
    d, k, hidden = net.shape
    genn = needed("smt.surrogate_models").GENN(
        print_global=False, hidden_layer_sizes=list(hidden), num_iterations=1
    )
    few = rows(net.shape, 5, "float64")
    genn.set_training_values(few, few[:, :1] * np.ones(k))
    genn.train()
    set_weights(genn.model, net)
    p = genn.model.parameters
    for own, neutral in ((p.mu_x, 0), (p.mu_y, 0), (p.sigma_x, 1), (p.sigma_y, 1)):
        own[:] = neutral
    return lambda X: np.stack(
        [genn.predict_derivatives(X, j) for j in range(d)], axis=2
    )


def jenn_units(net):
    # in float64 whatever the rows are, and for all layers at once
    return 8 / net.itemsize * 2 * net.shape.d * sum(net.shape.hidden)


def onnx_model(net):
    onnx = needed("onnx")
    tensor = onnx.numpy_helper.from_array
    element = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(net.dtype))
    nodes, weights, last = [], [], len(net.layers) - 1
    for i, pair in enumerate(net.layers):
        names = [f"w{i}", f"b{i}"]
        weights += [
            tensor(a.astype(net.dtype), name)
            for a, name in zip(pair, names, strict=True)
        ]
        z, a = ("y" if i == last else f"z{i}"), f"a{i}"
        before = f"a{i - 1}" if i else "x"
        nodes.append(onnx.helper.make_node("Gemm", [before, *names], [z], transB=1))
        if i < last:
            nodes.append(onnx.helper.make_node("Tanh", [z], [a]))
    ends = [
        [onnx.helper.make_tensor_value_info(name, element, ["n", size])]
        for name, size in (("x", net.shape.d), ("y", net.shape.k))
    ]
    graph = onnx.helper.make_graph(nodes, "net", *ends, weights)
    opset = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, opset_imports=opset, ir_version=9)


def onnx_runtime(net, X):
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    model = onnx_model(net).SerializeToString()
    session = runtime.InferenceSession(model, options, ["CPUExecutionProvider"])
    return lambda X: session.run(["y"], {"x": X})[0]


def bare_kernel(net, X):
    """Return the closed form of one row by NumPy alone, without any check.

    To time a kernel of `sklearn_nnderiv._engines` instead, return it here.
    """
    layers = [[a.astype(net.dtype) for a in pair] for pair in net.layers]
    (*hidden, (last, _)) = layers

    def jacobian(X):
        a, slopes = X[0], []
        for weight, bias in hidden:
            a = np.dot(weight, a)
            a += bias
            np.tanh(a, out=a)
            slopes.append(1 - a * a)
        result = last
        for (weight, _), slope in zip(reversed(hidden), reversed(slopes), strict=True):
            result = np.dot(result * slope, weight)
        return result

    return jacobian


PREDICT = method("predict")
OWN_JACOBIAN = {"predict_jacobian": method("predict_jacobian")}
OWN_HESSIAN = {"predict_hessian": method("predict_hessian")}
OWN_LAPLACIAN = {"laplacian": function("laplacian")}
ONNX_VALUE = {"onnxruntime": Contestant(onnx_runtime)}
SURROGATES = {
    "JENN predict_partials": Contestant(jenn_partials, jenn_units),
    "SMT GENN": Contestant(genn_derivatives, jenn_units),
}
ONE_ROW = {
    **OWN_JACOBIAN,
    "predict_with_jacobian": second("predict_with_jacobian"),
    "jacobian(model, X)": function("jacobian"),
    "bare kernel": Contestant(bare_kernel),
}
