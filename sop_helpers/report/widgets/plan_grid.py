"""A grid of months in which one column is written in: what is typed comes back as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import pandas as pd
import traitlets

HERE = Path(__file__).resolve().parent


class PlanGrid(anywidget.AnyWidget):
    """Months as rows; the column ``plan`` can be edited, and the column ``lock`` ticked, with the keyboard alone as well.

    Attributes
    ----------
    caption : str
        What the grid is about, and in which unit.
    columns : list of dict
        key, label of each column shown.
    rows : list of dict
        month and one value (or None) for each column.
    version : str
        State of the plan that the rows show; edits are made against it.
    edits : dict
        Month (2026-10) -> units, for what was typed and differs from the plan.
    locks : dict
        Month -> whether it is locked, for what was ticked or unticked.
    wrong : list of str
        Months in which something was typed that is no number.
    locked : bool
        Whether nothing can be typed, such as in a closed month.
    """

    _esm = HERE / "plan_grid.js"
    _css = HERE / "plan_grid.css"
    caption = traitlets.Unicode("").tag(sync=True)
    columns = traitlets.List([]).tag(sync=True)
    rows = traitlets.List([]).tag(sync=True)
    version = traitlets.Unicode("").tag(sync=True)
    edits = traitlets.Dict({}).tag(sync=True)
    locks = traitlets.Dict({}).tag(sync=True)
    wrong = traitlets.List([]).tag(sync=True)
    locked = traitlets.Bool(False).tag(sync=True)

    def show(self, sheet: pd.DataFrame, labels: dict[str, str], caption: str, version: str) -> None:
        """Show a sheet and forget what was typed.

        Parameters
        ----------
        sheet : DataFrame
            month and the columns of `labels`.
        labels : dict
            Column -> its heading; ``plan`` is the one written in, ``lock`` (true or false) the one ticked.
        caption : str
            See the attribute.
        version : str
            See the attribute.
        """
        values = sheet[list(labels)].astype(object).where(sheet[list(labels)].notna(), None)
        rows: list[dict[str, Any]] = values.to_dict("records")
        for row, month in zip(rows, sheet["month"], strict=True):
            row["month"] = f"{month:%Y-%m}"
        with self.hold_sync():
            self.caption, self.version = caption, version
            self.columns = [{"key": key, "label": label} for key, label in labels.items()]
            self.rows, self.edits, self.locks, self.wrong = rows, {}, {}, []
