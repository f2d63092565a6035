"""Contract of what keeps reps from selling."""

from __future__ import annotations

from pandera.typing import Series

from sop_helpers.book.tables import fields as f
from sop_helpers.book.tables.fields import Contract, Month


class Leave(Contract):
    """Reps away for a part of a month: parental leave, long illness, sabbatical."""

    rep: Series[str] = f.code("Rep.", ref="reps.rep")
    month: Series[Month] = f.month("Month.")
    share: Series[float] = f.share("Share of the month away.", gt=0, le=1)
    reason: Series[str] = f.text("Why.", optional=True)

    class Config(Contract.Config):
        unique = ["rep", "month"]
        metadata = {"direction": "input", "required": False}
