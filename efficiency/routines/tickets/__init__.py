"""The lottery ticket experiment in parts; `efficiency.routines.lottery` puts them together."""
