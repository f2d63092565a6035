"""Helpers of the S&OP workbook: the notebooks tell the story, this package does the work.

``from sop_helpers import open_cycle`` is the first line of every notebook. Heavy libraries are imported only when
something that needs them is used, so that ``sop --help`` answers at once.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sop_helpers.book.cycle import open_cycle

__all__ = ["open_cycle"]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "open_cycle":
        from sop_helpers.book.cycle import open_cycle

        return open_cycle
    raise AttributeError(f"module 'sop_helpers' has no attribute {name!r}")
