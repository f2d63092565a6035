"""What the journal keeps: the kinds of entry, their fields, and what a value of each may be."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sop_helpers.book.errors import WorkbookError

if TYPE_CHECKING:
    import pandas as pd

# Kind -> field -> type. A flag is yes/no, a month is its label, a day its date, in the answers to read() both are timestamps.
A_MONTH = r"\d{4}-\d\d(?:-\d\d)?"
A_DAY = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?"
KINDS: dict[str, dict[str, str]] = {
    "override": {
        "family": "text", "product": "text", "region": "text", "start_month": "month", "end_month": "month",
        "units": "number", "change_pct": "number", "expires_month": "month", "locked": "flag",
    },
    "insight": {
        "function": "text", "kind": "text", "family": "text", "product": "text", "region": "text", "start_month": "month", "end_month": "month",
        "effect_pct": "number", "effect_units": "number", "confidence": "number", "expires_month": "month", "note": "text", "raised_on": "day",
    },
    "correction": {
        "product": "text", "region": "text", "cause": "text", "start_month": "month", "end_month": "month", "accepted": "flag",
    },
    "attendance": {"function": "text", "person": "text", "status": "text"},
    "sign_off": {"step": "text", "role": "text", "status": "text"},
    "decision": {
        "decision": "text", "question": "text", "option": "text", "money": "number", "consequence": "text", "owner": "text", "chosen": "flag",
    },
    "action": {
        "title": "text", "owner": "text", "deadline": "day", "status": "text", "done_on": "day", "source": "text", "comment": "text",
    },
    "comment": {"topic": "text", "text": "text"},
    "closing": {"status": "text"},
}
REQUIRED: dict[str, list[str]] = {
    "override": ["start_month", "end_month"],
    "insight": ["function", "kind", "start_month", "end_month"],
    "correction": ["start_month", "end_month", "accepted"],
    "attendance": ["function", "person", "status"],
    "sign_off": ["step", "role", "status"],
    "decision": ["decision", "question", "option"],
    "action": ["title", "owner", "deadline"],
    "comment": ["topic", "text"],
    "closing": ["status"],
}
ALLOWED: dict[tuple[str, str], list[str]] = {
    ("correction", "cause"): [
        "returns", "entry error", "partial month", "stock-out", "promotion", "event", "outlier", "level shift",
    ],
    ("attendance", "status"): ["invited", "present", "delegate", "absent"],
    ("action", "status"): ["open", "done", "late", "cancelled"],
    ("closing", "status"): ["closed", "reopened"],
    ("insight", "function"): ["marketing", "product", "sales", "finance", "supply"],
    ("insight", "kind"): ["promotion", "launch", "phase_out", "price", "competitor", "campaign", "leads", "strike", "customer", "other"],
}
RANGES: dict[str, tuple[float, float]] = {
    "confidence": (0, 1), "effect_pct": (-100, float("inf")), "change_pct": (-100, float("inf")), "units": (0, float("inf")),
}
# These belong to the meeting of one month; the others hold until changed, done or expired.
MONTHLY = {"attendance", "sign_off", "decision", "comment", "closing"}
STAMP = ["id", "version", "month", "author", "time", "reason"]


class ConflictError(WorkbookError):
    """Somebody else changed the entry first; carries both values.

    Attributes
    ----------
    theirs : dict
        The entry as it now stands.
    yours : dict
        The fields that were refused.
    """

    def __init__(self, kind: str, entry: str, theirs: dict, yours: dict):
        when, why = f"{theirs['time']:%Y-%m-%d %H:%M}", theirs["reason"] or "no reason given"
        parts = [f"{name}: theirs {theirs.get(name)!r}, yours {value!r}" for name, value in yours.items()]
        super().__init__(
            f"{kind} {entry} was changed by {theirs['author']} on {when} ({why}); {'; '.join(parts)}",
            f"Look at version {theirs['version']} and change that one if you still want to.",
        )
        self.theirs = theirs
        self.yours = yours


def _whole(value: Any, pattern: str) -> str:
    """Return a text that is all of a pattern; what stands behind a month or a day is not cut off in silence."""
    text = str(value).strip()
    if not re.fullmatch(pattern, text):
        raise ValueError(text)
    return text


def as_day(value: Any, kind: str, field: str) -> date:
    """Return a day given as a date or as ``2026-10-31``."""
    try:
        return value.date() if isinstance(value, datetime) else value if isinstance(value, date) else date.fromisoformat(_whole(value, A_DAY)[:10])
    except ValueError as error:
        raise WorkbookError(f"{kind}: {field} {value!r} is not a day", "Write it as 2026-10-31.") from error


def clean(kind: str, field: str, value: Any) -> Any:
    """Return a value as its field holds it, or say why it cannot be."""
    what = KINDS[kind][field]
    if value is None or value != value or (isinstance(value, str) and not value.strip()) or type(value).__name__ in ("NAType", "NaTType"):
        return None
    match what:
        case "number":
            try:
                if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
                    raise ValueError(value)
                number = float(value)
            except (TypeError, ValueError) as error:
                raise WorkbookError(f"{kind}: {field} {value!r} is not a number") from error
            if number in (float("inf"), float("-inf")):
                raise WorkbookError(f"{kind}: {field} must be finite, found {value!r}")
            least, most = RANGES.get(field, (float("-inf"), float("inf")))
            if not least <= number <= most:
                wanted = f"be at least {least:g}" if most == float("inf") else f"lie between {least:g} and {most:g}"
                raise WorkbookError(f"{kind}: {field} must {wanted}, found {value!r}")
            return number
        case "flag":
            known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
            if str(value).strip().lower() not in known:
                raise WorkbookError(f"{kind}: {field} {value!r} is neither yes nor no")
            return known[str(value).strip().lower()]
        case "month":
            text = f"{value:%Y-%m}" if isinstance(value, date) else str(value).strip()
            try:
                return f"{date.fromisoformat(_whole(text, A_MONTH)[:7] + '-01'):%Y-%m}"
            except ValueError as error:
                raise WorkbookError(f"{kind}: {field} {text!r} is not a month", "Write it as 2026-10.") from error
        case "day":
            return as_day(value, kind, field)
    text = str(value)
    allowed = ALLOWED.get((kind, field))
    if allowed and text not in allowed:
        raise WorkbookError(f"{kind}: {field} {text!r} is unknown", f"Choose one of {', '.join(allowed)}.")
    return text


def checked(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Refuse unknown names; return the values as they are held.

    Raises
    ------
    WorkbookError
        A field is unknown, or a value is not of its type, not one of those allowed, or out of range.
    """
    known = fields_of(kind)
    unknown = [name for name in fields if name not in known]
    if unknown:
        raise WorkbookError(f"{kind} has no field {', '.join(unknown)}", f"Its fields are {', '.join(known)}.")
    return {name: clean(kind, name, value) for name, value in fields.items()}


def fields_of(kind: str) -> dict[str, str]:
    """Return the fields of a kind and their types, or say which kinds there are."""
    if kind not in KINDS:
        raise WorkbookError(f"the journal keeps no {kind!r}", f"It keeps {', '.join(KINDS)}.")
    return KINDS[kind]


def require_complete(kind: str, row: dict[str, Any]) -> None:
    """Refuse an entry that lacks what its kind cannot do without."""
    missing = [name for name in REQUIRED[kind] if row.get(name) is None]
    if missing:
        raise WorkbookError(f"{kind} needs {', '.join(missing)}")
    if row.get("start_month") and row["start_month"] > row["end_month"]:
        raise WorkbookError(f"{kind}: start_month {row['start_month']} is after end_month {row['end_month']}")
    if kind == "override" and (row.get("units") is None) == (row.get("change_pct") is None):
        raise WorkbookError("override needs either units or change_pct, not both")
    if kind == "override" and row.get("locked") and row.get("units") is None:
        raise WorkbookError("override: only units can be locked, not a change in per cent", "Say the units that shall stand, or leave locked out.")


def refuse_past(kind: str, fields: dict[str, Any], month: str) -> None:
    """Refuse an override of months that are past: their plan was decided on, and they are closed or will be."""
    if kind == "override" and (last := fields.get("end_month")) and last < month:
        raise WorkbookError(f"override: its last month {last} is past; the first month that is planned is {month}", f"Name months from {month} on.")


def typed(kind: str, frame: pd.DataFrame, withdrawn: bool = False) -> pd.DataFrame:
    """Give each column the dtype of its kind."""
    import pandas as pd

    out: dict[str, pd.Series] = {
        "id": frame["id"].astype("str"), "version": frame["version"].astype("int64"), "month": frame["month"].astype("str"),
        "author": frame["author"].astype("str"), "time": pd.to_datetime(frame["time"]).astype("datetime64[us]"), "reason": frame["reason"].astype("str"),
    }
    for name, what in KINDS[kind].items():
        column = frame[name]
        match what:
            case "number":
                out[name] = pd.to_numeric(column).astype("float64")
            case "month" | "day":
                out[name] = pd.to_datetime(column).astype("datetime64[us]")
            case "flag":
                out[name] = column.map(lambda value: bool(value) if value is not None and value == value else False).astype("bool")
            case _:
                out[name] = column.astype("str")
    if withdrawn:
        out["withdrawn"] = frame["withdrawn"].astype("bool")
    return pd.DataFrame(out)
