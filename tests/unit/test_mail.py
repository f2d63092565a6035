"""The recap: headers that nothing can be injected into, a text and an HTML part that say the same, sent only on demand."""

from __future__ import annotations

import email
import socket
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pandas as pd
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from sop_helpers.book.conform import conform, empty
from sop_helpers.book.errors import WorkbookError
from sop_helpers.report import mail

MONTH, DAY = pd.Timestamp("2026-10-01"), pd.Timestamp("2026-10-08")
HOSTILE = "Acme\r\nBcc: thief@example.com\r\n\r\n<script>alert(1)</script>"


def _roster(**changed) -> pd.DataFrame:
    given = {
        "function": ["sales", "supply", "finance"],
        "person": ["Hugo Duval", "Zoë, née Lund", "Karin"],
        "email": ["hugo@example.com", "zoe@example.com", None],
        "mandatory": True,
    } | changed
    return conform("roster", pd.DataFrame(given))


def _recap(text: str = "plain", **changed) -> EmailMessage:
    agenda = conform(
        "agenda",
        pd.DataFrame(
            {
                "order": [1.0, 2.0],
                "part": ["last month", "decisions"],
                "topic": [text, "What then?"],
                "minutes": [30.0, 60.0],
                "owner": [text, None],
                "material": "x",
            }
        ),
    )
    decisions = conform(
        "decisions",
        pd.DataFrame(
            {
                "decision": "d",
                "question": text,
                "option": [text, "other"],
                "money": [-1500.0, None],
                "consequence": text,
                "owner": text,
                "chosen": [True, False],
            }
        ),
    )
    actions = conform(
        "actions",
        pd.DataFrame(
            {
                "action": ["a1", "proposed-01"],
                "title": text,
                "owner": text,
                "deadline": DAY,
                "created": DAY,
                "age_days": 0.0,
                "status": ["late", "open"],
            }
        ),
    )
    given = {
        "company": text,
        "month": MONTH,
        "day": DAY,
        "opening": text,
        "agenda": agenda,
        "decisions": decisions,
        "actions": actions,
        "minutes": pd.DataFrame({"section": ["Said"], "entry": [text]}),
        "to": mail.recipients(_roster()),
        "currency": "EUR",
    }
    return mail.recap(**given | changed)


def _read(message: EmailMessage, folder: Path) -> EmailMessage:
    file = mail.write_message(folder / "recap.eml", message)
    return email.message_from_bytes(file.read_bytes(), policy=policy.default)


def test_it_says_the_same_in_text_and_html(tmp_path: Path) -> None:
    back = _read(_recap("Größe ✓"), tmp_path)
    assert back["Subject"] == "Größe ✓: S&OP 2026-10, meeting of 2026-10-08"
    text, page = (back.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for words in ("Größe ✓", "What then?", "-1.5 k EUR", "2026-10-08", "late", "proposed", "90 minutes"):
        assert words in text and words in page, words
    assert "(x) Größe ✓: -1.5 k EUR" in text and "( ) other" in text and "Chosen: " in page
    assert "None" not in text and "None" not in page and "nan" not in text.lower()


def test_addresses_are_the_rosters_and_names_with_commas_stay_one(tmp_path: Path) -> None:
    back = _read(_recap(), tmp_path)
    assert [a.addr_spec for a in back["To"].addresses] == ["hugo@example.com", "zoe@example.com"]
    assert back["To"].addresses[1].display_name == "Zoë, née Lund"


def test_nothing_is_injected_into_headers_or_html(tmp_path: Path) -> None:
    to = mail.recipients(_roster(person=[HOSTILE, "b", "c"]))
    back = _read(_recap(HOSTILE, to=to, sender="sop@localhost\r\nX-Evil: 1"), tmp_path)
    assert set(back.keys()) == {"Subject", "From", "To", "Date", "MIME-Version", "Content-Type"}
    assert [a.addr_spec for a in back["To"].addresses] == ["hugo@example.com", "zoe@example.com"]
    page = back.get_body(("html",)).get_content()
    assert "<script" not in page and "&lt;script&gt;" in page


@pytest.mark.parametrize("address", ["a@b,c@d", "a@b\r\nBcc: x@y", "<a@b>", "a b@c", "ab", "a@b@c"])
def test_bad_addresses_are_refused(address: str) -> None:
    roster = _roster().assign(email=[address, None, None])
    with pytest.raises(WorkbookError, match="not an e-mail address"):
        mail.recipients(roster)


def test_without_roster_it_is_addressed_to_nobody(tmp_path: Path) -> None:
    message = _recap(to=mail.recipients(empty("roster")))
    assert _read(message, tmp_path)["To"] is None
    with pytest.raises(WorkbookError, match="nobody"):
        mail.send(message, "localhost", 1)


def test_empty_month_still_gives_a_recap(tmp_path: Path) -> None:
    words = pd.DataFrame(columns=["section", "entry"])
    back = _read(_recap(decisions=empty("decisions"), actions=empty("actions"), minutes=words), tmp_path)
    assert "DECISIONS\n" not in back.get_body(("plain",)).get_content().replace("\r\n", "\n").replace(" DECISIONS", "")


def test_the_same_month_gives_the_same_file(tmp_path: Path) -> None:
    one, two = (mail.write_message(tmp_path / name, _recap()).read_bytes() for name in ("a.eml", "b.eml"))
    assert one == two and b"\r\n" in one


class _Kept:
    """Keeps what the server is given."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 kept"


def test_send_delivers_to_everybody_on_the_roster() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = _Kept()
    server = Controller(kept, hostname="127.0.0.1", port=port)
    server.start()
    try:
        assert mail.send(_recap("Größe"), "127.0.0.1", port) == {}
    finally:
        server.stop()
    envelope = kept.envelopes[0]
    assert len(kept.envelopes) == 1 and envelope.rcpt_tos == ["hugo@example.com", "zoe@example.com"]
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "Größe: S&OP 2026-10, meeting of 2026-10-08"


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(WorkbookError, match="127.0.0.1:1"):
        mail.send(_recap(), "127.0.0.1", 1, timeout=5)
