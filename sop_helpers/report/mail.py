"""The recap as an e-mail file: text and HTML from templates/mail, to the people on the roster. Written, and sent only on demand."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pandas as pd

from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import write_atomically
from sop_helpers.planning.options import amount

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "mail"
PARTS = ["last month", "issues now", "outlook", "decisions"]


def one_line(text: str) -> str:
    """Return a text that fits a header: line ends and other control characters become one space.

    >>> one_line("Weber\\r\\nBcc: thief@example.com")
    'Weber Bcc: thief@example.com'
    """
    return re.sub(r"[\s\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text).strip()


def recipients(roster: pd.DataFrame) -> list[Address]:
    """Return the addresses of the roster, each once; who has none is left out.

    Raises
    ------
    WorkbookError
        An address is not one.
    """
    known: dict[str, Address] = {}
    if len(roster) == 0:
        return []
    for person, address in zip(roster["person"], roster["email"], strict=True):
        if pd.isna(address) or not str(address).strip():
            continue
        if not re.fullmatch(r"[^@\s,;<>\"()\[\]:\\]+@[^@\s,;<>\"()\[\]:\\]+", str(address)):
            raise WorkbookError(f"{address!r} of {person} is not an e-mail address", "Mend it in the roster.")
        user, _, domain = str(address).partition("@")
        try:
            user.encode("ascii")
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            said = f"{address!r} of {person} cannot be written to: before the @ only ASCII letters are delivered everywhere"
            raise WorkbookError(said, "Mend it in the roster.") from None
        known.setdefault(str(address).casefold(), Address(one_line(str(person)), user, domain))
    return list(known.values())


def recap(
    *, company: str, month: pd.Timestamp, day: pd.Timestamp, opening: str, agenda: pd.DataFrame, decisions: pd.DataFrame, actions: pd.DataFrame,
    minutes: pd.DataFrame, to: list[Address], currency: str, sender: str = "sop@localhost",
) -> EmailMessage:
    """Return the recap of a month's meeting as a message with a text and an HTML part.

    Parameters
    ----------
    company : str
        Name in the subject.
    month, day : Timestamp
        The month planned and the day of the meeting.
    opening : str
        First sentence.
    agenda, decisions, actions : DataFrame
        As the contracts.
    minutes : DataFrame
        section, entry (from `meeting.minutes_of`); may be empty.
    to : list of Address
        From `recipients`; may be empty, the message is then addressed to nobody.
    currency : str
        Written behind amounts.
    sender : str
        Address it comes from.
    """
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = one_line(f"{company}: S&OP {month:%Y-%m}, meeting of {day:%Y-%m-%d}")
    message["From"] = one_line(sender)
    if to:
        message["To"] = to
    # The meeting's own day, not the clock: the same month gives the same file.
    message["Date"] = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    content = {
        "company": company, "month": f"{month:%Y-%m}", "day": f"{day:%Y-%m-%d}", "opening": opening, "minutes": int(round(agenda["minutes"].sum())),
        "agenda": _plain(agenda.assign(place=agenda["part"].map({name: n for n, name in enumerate(PARTS)}))), "decisions": _options(decisions, currency),
        "actions": _plain(actions.assign(deadline=actions["deadline"].map("{:%Y-%m-%d}".format), proposed=actions["action"].str.startswith("proposed-"))
                          if len(actions) else actions),
        "minutes_of": _plain(minutes),
    }
    message.set_content(_fill("recap.txt.j2", content))
    message.add_alternative(_fill("recap.html.j2", content), subtype="html")
    # A random boundary would make every run a different file.
    message.set_boundary(f"sop-{month:%Y-%m}-recap")
    return message


def write_message(path: str | Path, message: EmailMessage) -> Path:
    """Write a message as an .eml file that mail programs open, whole or not at all."""
    write_atomically(Path(path), lambda part: part.write_bytes(bytes(message)))
    return Path(path)


def send(message: EmailMessage, host: str, port: int = 25, timeout: float = 30.0) -> dict[str, tuple[int, bytes]]:
    """Send a message by an SMTP server; return the recipients that it refused.

    Raises
    ------
    WorkbookError
        The message is addressed to nobody, or the server cannot be reached or takes none of the recipients.
    """
    import smtplib

    if not message["To"]:
        raise WorkbookError("the recap is addressed to nobody", "Bring a roster with e-mail addresses.")
    try:
        with smtplib.SMTP(host, port, timeout=timeout) as server:
            return server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise WorkbookError(f"the recap was not sent by {host}:{port}: {error}", "Check the server's name and port, or send recap.eml by hand.") from error


def _fill(name: str, content: dict[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # HTML escapes whatever comes from data; plain text needs none.
    shelf = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=name.endswith(".html.j2"), undefined=StrictUndefined, keep_trailing_newline=True)
    return shelf.get_template(name).render(content)


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as dictionaries in which what is missing is None."""
    return [{key: None if pd.api.types.is_scalar(value) and pd.isna(value) else value for key, value in row.items()} for row in frame.to_dict("records")]


def _options(decisions: pd.DataFrame, currency: str) -> list[tuple[str, list[dict[str, Any]]]]:
    groups = decisions.groupby("decision", sort=False) if len(decisions) else []
    listed = []
    for _, rows in groups:
        options = [row | {"money": f"{amount(row['money'], signed=True)} {currency}" if row["money"] is not None else None} for row in _plain(rows)]
        listed.append((rows["question"].iloc[0], options))
    return listed
