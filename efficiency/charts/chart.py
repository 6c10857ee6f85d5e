"""A figure and how to read it: what pages and files show of a study."""

from dataclasses import dataclass

import plotly.graph_objects as go


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A figure with its short name, its title, and how to read it."""

    name: str
    title: str
    reading: str
    figure: go.Figure
