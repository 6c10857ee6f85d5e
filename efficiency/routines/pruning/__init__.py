"""Pruning in parts; `efficiency.routines.prune` puts them together."""
