"""Pictures of a Study: each function takes values from core and returns a plotly Figure."""
