"""Elementwise functions on tensors: activations, power laws, a table of ufuncs."""
