"""Quantization: how a model becomes int8, and what can be found out about it then."""
