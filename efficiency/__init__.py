"""Efficiency Lab: measure what makes neural networks cheaper, on the machine at hand."""

__version__ = "0.1.0"
