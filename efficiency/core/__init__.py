"""The words everything else speaks: values, errors, units. Imports nothing of ours and no torch."""
