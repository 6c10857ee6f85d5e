"""What each of PyTorch's operators computes, by formulas of the shapes of its operands."""

from efficiency.measure.formulas.table import operator

__all__ = ["operator"]
