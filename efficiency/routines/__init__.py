"""Request -> Study: everything that is measured, one module per kind of request."""
