"""Errors that a planner reads: what is wrong, where, and what to do."""

from __future__ import annotations


class WorkbookError(Exception):
    """Something that people must mend; carries what to do beside what happened."""

    def __init__(self, message: str, todo: str = ""):
        super().__init__(message)
        self.message = message
        self.todo = todo

    def __str__(self) -> str:
        return f"{self.message}\n  What to do: {self.todo}" if self.todo else self.message


class DataError(WorkbookError):
    """A table that does not keep its contract; names file, table, column, rows and what was expected."""
