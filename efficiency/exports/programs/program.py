"""A program to take away: what a page shows of it, and the file it becomes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The source of one program, what it is called (the row that it belongs to), and its file."""

    title: str
    file_name: str
    source: str
