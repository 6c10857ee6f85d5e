"""A Study as files to take away: HTML, CSV, JSON, the command line, and zipped variants."""
