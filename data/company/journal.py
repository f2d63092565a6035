"""What the sample company's people wrote down in the last two months: the seed of its journal."""

from __future__ import annotations

ATTENDANCE = {
    "2026-08": {"marketing": ("Ines Ibarra", "delegate"), "production": ("Rosa Auer", "absent")},
    "2026-09": {"finance": ("Paul Steiner", "delegate")},
}
PEOPLE = {
    "general management": "Elena Weber",
    "sales": "Hugo Duval",
    "marketing": "Clara Costa",
    "product": "Felix Fuchs",
    "finance": "Karin Keller",
    "supply": "Lukas Lund",
    "production": "Rosa Auer",
    "purchasing": "Marta Lopez",
    "demand planning": "Jonas Jansen",
}
STEPS = [
    ("demand", "demand planning", "Jonas Jansen"),
    ("supply", "supply", "Lukas Lund"),
    ("sales", "sales", "Hugo Duval"),
    ("finance", "finance", "Karin Keller"),
    ("meeting", "general management", "Elena Weber"),
]
# identifier, month, question, options (text, money, consequence, chosen), owner
DECISIONS = [
    (
        "D-2026-08-1",
        "2026-08",
        "Who covers Machines in November and December, when Linz assembly is over its hours?",
        [
            ("Build 600 Piccolo ahead in August and September", -9500, "Stock rises by 43,000 EUR until December", True),
            ("Overtime in November only", -14500, "Saturday shifts; no stock ahead", False),
        ],
        "Lukas Lund",
    ),
    (
        "D-2026-08-2",
        "2026-08",
        "When does Classic 98 end?",
        [
            ("Last production in November, last sale in December", -12000, "Left-over housings are scrapped", True),
            ("Keep it until March", -30000, "One line change a week more", False),
        ],
        "Felix Fuchs",
    ),
    (
        "D-2026-09-1",
        "2026-09",
        "Do we wait for the French customer after the strike?",
        [
            ("Hold 150 Lento Duo for the catch-up until October", -1500, "Held in Lyon", True),
            ("Release them to other regions", 4000, "The catch-up would come late", False),
        ],
        "Hugo Duval",
    ),
]
# identifier, month, title, owner, deadline, source, history of (time, author, status, done_on, comment)
ACTIONS = [
    (
        "action-0001",
        "2026-08",
        "Agree Saturday shifts for November with the works council",
        "Rosa Auer",
        "2026-09-30",
        "D-2026-08-1",
        [
            ("2026-08-07T15:10", "Jonas Jansen", "open", None, "Asked for in the August meeting"),
            ("2026-09-04T09:00", "Rosa Auer", "open", None, "First talk held, answer expected at the end of September"),
        ],
    ),
    (
        "action-0002",
        "2026-08",
        "Place the last order of housings for Classic 98",
        "Marta Lopez",
        "2026-09-15",
        "D-2026-08-2",
        [("2026-08-07T15:12", "Jonas Jansen", "open", None, ""), ("2026-09-11T16:40", "Marta Lopez", "done", "2026-09-11", "Ordered, arrives in October")],
    ),
    (
        "action-0003",
        "2026-08",
        "Find a second source for large boilers",
        "Marta Lopez",
        "2026-10-31",
        "exception: late receipts of C-110",
        [("2026-08-07T15:15", "Jonas Jansen", "open", None, ""), ("2026-09-18T11:05", "Marta Lopez", "open", None, "Two offers in, samples in October")],
    ),
    (
        "action-0004",
        "2026-09",
        "Confirm with the French customer when orders come back",
        "Hugo Duval",
        "2026-09-25",
        "signal: Lento Duo in FRANCE",
        [
            ("2026-09-08T16:00", "Jonas Jansen", "open", None, ""),
            ("2026-09-24T10:20", "Hugo Duval", "done", "2026-09-24", "Normal orders again, 18 % more in October"),
        ],
    ),
    (
        "action-0005",
        "2026-09",
        "Check the entry of descaler in NORDICS in March",
        "Jonas Jansen",
        "2026-09-30",
        "signal: 03010 in NORDICS",
        [("2026-09-08T16:03", "Jonas Jansen", "open", None, "")],
    ),
    (
        "action-0006",
        "2026-09",
        "Clean up deals past their expected close",
        "Ben Maier",
        "2026-10-15",
        "pipeline review",
        [("2026-09-08T16:08", "Jonas Jansen", "open", None, "")],
    ),
]
# identifier, versions of (month, time, author, reason, fields)
OVERRIDES = [
    (
        "override-0001",
        [
            (
                "2026-09",
                "2026-09-04T10:30",
                "Hugo Duval",
                "The French customer catches up after the strike",
                {"product": "10020", "region": "FRANCE", "start_month": "2026-10", "end_month": "2026-10", "change_pct": 10, "expires_month": "2026-11"},
            )
        ],
    ),
    (
        "override-0002",
        [
            (
                "2026-08",
                "2026-08-06T14:00",
                "Felix Fuchs",
                "Listings say more than the like product does",
                {"product": "10080", "region": "DACH", "start_month": "2026-11", "end_month": "2027-01", "units": 260, "expires_month": "2027-02"},
            ),
            (
                "2026-09",
                "2026-09-07T09:15",
                "Felix Fuchs",
                "Two chains more have listed it",
                {"product": "10080", "region": "DACH", "start_month": "2026-11", "end_month": "2027-01", "units": 290, "expires_month": "2027-02"},
            ),
        ],
    ),
    (
        "override-0003",
        [
            (
                "2026-08",
                "2026-08-06T11:20",
                "Clara Costa",
                "The campaign in August will sell more than the model says",
                {"family": "Grinders", "region": "NORDICS", "start_month": "2026-08", "end_month": "2026-08", "change_pct": 8, "expires_month": "2026-09"},
            )
        ],
    ),
]
COMMENTS = [
    ("comment-0001", "2026-08", "2026-08-07T16:05", "Karin Keller", "budget", "The second half stays as budgeted; no reforecast before October."),
    (
        "comment-0002",
        "2026-09",
        "2026-09-08T17:00",
        "Elena Weber",
        "Lento Mini",
        "Launch stands for November if 800 pieces are in stock by the end of October.",
    ),
]


def entries() -> list[dict]:
    """Return the entries, oldest first: kind, id, month, author, time, reason, fields."""
    out: list[dict] = []

    def add(kind: str, entry: str, month: str, author: str, time: str, reason: str, fields: dict) -> None:
        out.append({"kind": kind, "id": entry, "month": month, "author": author, "time": time, "reason": reason, "fields": fields})

    for entry, versions in OVERRIDES:
        for month, time, author, reason, fields in versions:
            add("override", entry, month, author, time, reason, fields)
    for month, special in ATTENDANCE.items():
        for number, (function, person) in enumerate(PEOPLE.items(), 1):
            present, status = special.get(function, (person, "present"))
            add(
                "attendance",
                f"attendance-{month}-{number:02d}",
                month,
                "Jonas Jansen",
                f"{month}-08T14:00",
                "",
                {"function": function, "person": present, "status": status},
            )
        for number, (step, role, person) in enumerate(STEPS, 1):
            add(
                "sign_off",
                f"sign_off-{month}-{number:02d}",
                month,
                person,
                f"{month}-08T1{number + 3}:30",
                "",
                {"step": step, "role": role, "status": "signed"},
            )
    for decision, month, question, options, owner in DECISIONS:
        for number, (option, money, consequence, chosen) in enumerate(options, 1):
            add(
                "decision",
                f"{decision}-{number}",
                month,
                "Elena Weber",
                f"{month}-08T16:30",
                "decided in the meeting",
                {
                    "decision": decision,
                    "question": question,
                    "option": option,
                    "money": money,
                    "consequence": consequence,
                    "owner": owner,
                    "chosen": chosen,
                },
            )
    for action, month, title, owner, deadline, source, history in ACTIONS:
        for time, author, status, done_on, comment in history:
            add(
                "action",
                action,
                max(month, time[:7]),
                author,
                time,
                comment,
                {
                    "title": title,
                    "owner": owner,
                    "deadline": deadline,
                    "status": status,
                    "done_on": done_on,
                    "source": source,
                    "comment": comment or None,
                },
            )
    for comment, month, time, author, topic, text in COMMENTS:
        add("comment", comment, month, author, time, "", {"topic": topic, "text": text})
    return sorted(out, key=lambda row: (row["time"], row["id"]))
