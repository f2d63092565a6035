"""Follow-up: actions carried over until done, with age and lateness at the meeting, and proposals from this month's exceptions."""

from __future__ import annotations

import pandas as pd

COLUMNS = ["action", "title", "owner", "deadline", "created", "age_days", "status", "done_on", "source", "comment"]
DAY = "datetime64[us]"
# What to do about each kind of exception; the subject is filled in.
TITLES = {
    "signal": "Find out why demand moved: {}",
    "shortage": "Secure supply of {}",
    "overload": "Relieve {}",
    "excess": "Bring down stock of {}",
    "gap to budget": "Close the gap to budget of {}",
    "KPI": "Bring {} back to its target",
    "data": "Correct the data of {}",
    "stale pipeline": "Re-date or close the stale deals of {}",
}


def meeting_day(month: pd.Timestamp, day: int = 8) -> pd.Timestamp:
    """Return the day of the month's meeting.

    >>> meeting_day(pd.Timestamp("2026-10-01"), 8).date().isoformat()
    '2026-10-08'
    """
    return pd.Timestamp(month).replace(day=day).normalize()


def follow_up(rows: pd.DataFrame, history: pd.DataFrame, day: pd.Timestamp, since: pd.Timestamp | None = None) -> pd.DataFrame:
    """Return the actions as the meeting sees them: late where the deadline has passed, carried over until done.

    Parameters
    ----------
    rows : DataFrame
        The journal's actions in their latest version: id, time, title, owner, deadline, status, done_on, source, comment.
    history : DataFrame
        All their versions: id, time; the first says since when an action stands.
    day : Timestamp
        The meeting.
    since : Timestamp, optional
        The meeting before: what was done or cancelled earlier is left out. All are kept by default.

    Returns
    -------
    DataFrame
        As the contract actions. Age runs up to the meeting, or to the day on which an action was done. Late ones come first,
        then open ones by deadline, then what is done.
    """
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    begun = history.groupby("id")["time"].min() if len(history) else rows.set_index("id")["time"]
    table = rows.rename(columns={"id": "action"})
    table["created"] = pd.to_datetime(table["action"].map(begun).fillna(table["time"])).dt.normalize()
    table["deadline"] = pd.to_datetime(table["deadline"])
    closed = table["status"].isin(["done", "cancelled"])
    # A done action without a day was done when somebody said so.
    ended = pd.to_datetime(table["done_on"]).fillna(pd.to_datetime(table["time"]).dt.normalize()).where(closed)
    table["done_on"] = ended.where(table["status"] == "done")
    late = table["deadline"] < day
    table["status"] = table["status"].where(closed, late.map({True: "late", False: "open"}))
    table["age_days"] = (ended.fillna(day).clip(upper=day) - table["created"]).dt.days.clip(lower=0).astype(float)
    if since is not None:
        table = table[~(closed & (ended <= since))]  # what was done by the last meeting was told in it
    order = table["status"].map({"late": 0, "open": 1, "done": 2, "cancelled": 3})
    table = table.assign(order=order).sort_values(["order", "deadline", "action"], kind="stable")
    for name in ("deadline", "created", "done_on"):
        table[name] = table[name].astype(DAY)
    return table[COLUMNS].reset_index(drop=True)


def propose(
    exceptions: pd.DataFrame, roster: pd.DataFrame, known: pd.DataFrame, day: pd.Timestamp, *, days: int = 21, most: int = 6, a_kind: int = 2
) -> pd.DataFrame:
    """Return actions to propose in the meeting, from the exceptions that no open action answers yet.

    Parameters
    ----------
    exceptions : DataFrame
        As the contract, ranked by money.
    roster : DataFrame
        As the contract; gives the person who answers for a function. Without it the function is named.
    known : DataFrame
        Actions there are, as the contract; an open or late one with the same source is not proposed again.
    day : Timestamp
        The meeting; proposals are due `days` after it.
    days : int
        Days to act, so that the next meeting can hear of it.
    most, a_kind : int
        Most proposals in all, and of one kind of exception.

    Returns
    -------
    DataFrame
        As the contract actions; identifiers say that they are proposals.
    """
    if exceptions.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = exceptions.assign(source=exceptions["kind"] + ": " + exceptions["subject"])
    running = known[known["status"].isin(["open", "late"])] if len(known) else known
    answered = set(running["source"].dropna().str.casefold().str.strip()) if len(running) else set()
    rows = rows[~rows["source"].str.casefold().isin(answered)].drop_duplicates("source")
    rows = rows[rows.groupby("kind").cumcount() < a_kind].head(most).reset_index(drop=True)
    people = owners(roster)
    table = pd.DataFrame({
        "action": [f"proposed-{n:02d}" for n in range(1, len(rows) + 1)],
        "title": [TITLES.get(kind, "Look into {}").format(subject) for kind, subject in zip(rows["kind"], rows["subject"], strict=True)],
        "owner": rows["function"].map(people).fillna(rows["function"]),
        "source": rows["source"],
        "comment": "Proposed: " + rows["message"],
    })
    table["deadline"] = (day + pd.Timedelta(days=days)).to_datetime64()
    table["created"], table["done_on"] = day.to_datetime64(), pd.NaT
    table = table.assign(age_days=0.0, status="open").astype({"deadline": DAY, "created": DAY, "done_on": DAY})
    return table[COLUMNS]


def owners(roster: pd.DataFrame) -> dict[str, str]:
    """Return the person who answers for each function: the first of it on the roster."""
    return {} if roster.empty else dict(zip(*(roster.drop_duplicates("function")[name] for name in ("function", "person")), strict=True))


def summary(actions: pd.DataFrame) -> str:
    """Return in one sentence how many actions are late, open and done, and which has waited longest.

    >>> summary(pd.DataFrame(columns=COLUMNS))
    'No actions stand.'
    """
    if actions.empty:
        return "No actions stand."
    count = actions["status"].value_counts()
    proposed = int(actions["action"].str.startswith("proposed-").sum())
    parts = [f"{count.get('late', 0)} late", f"{count.get('open', 0) - proposed} open", f"{count.get('done', 0)} done since the last meeting"]
    text = "Actions: " + ", ".join(parts) + (f"; {proposed} proposed from this month's exceptions" if proposed else "")
    late = actions[actions["status"] == "late"].sort_values("age_days", ascending=False, kind="stable")
    if len(late):
        first = late.iloc[0]
        text += f'. Longest late: "{first["title"]}" ({first["owner"]}, due {first["deadline"]:%Y-%m-%d})'
    return text + "."


def both(standing: pd.DataFrame, proposed: pd.DataFrame) -> pd.DataFrame:
    """Return actions that stand followed by those proposed, as one table of the contract."""
    full = [part for part in (standing, proposed) if len(part)]
    return pd.concat(full, ignore_index=True) if full else standing
