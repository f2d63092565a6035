"""A table from a PostgreSQL database: a throwaway server on the loopback, owned by an ordinary user."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from sop_helpers.book.coerce import TableError
from sop_helpers.book.config import Company, JournalSettings, Source, Sources, Workbook
from sop_helpers.book.journal import ConflictError, Journal
from sop_helpers.book.sources import read_table

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
psycopg = pytest.importorskip("psycopg")
PASSWORD = "not-a-secret"


def _as_user(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as an ordinary user: the server refuses to run as root."""
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
    return subprocess.run(
        [*prefix, *command], capture_output=True, text=True, timeout=120, check=True, cwd="/", env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    )


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """Start a server in a folder of its own on a free port, and stop that very server in the end."""
    if not BINARIES:
        pytest.skip("PostgreSQL's server programs are not installed")
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("the tests run as root and setpriv is not there to leave it")
    with tempfile.TemporaryDirectory(prefix="sop-pg-") as home:
        if os.geteuid() == 0:
            os.chown(home, 65534, 65534)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        secret = Path(home) / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        data, binaries = f"{home}/data", BINARIES[-1]
        _as_user([f"{binaries}/initdb", "-D", data, "-U", "planner", "-A", "scram-sha-256", f"--pwfile={secret}", "-E", "UTF8", "--no-sync"])
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={home} -c fsync=off"
        _as_user([f"{binaries}/pg_ctl", "-D", data, "-w", "-t", "60", "-l", f"{home}/log", "-o", options, "start"])
        try:
            yield port
        finally:
            _as_user([f"{binaries}/pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"])


@pytest.fixture()
def erp(server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workbook:
    """A workbook whose sales come from the server's order lines."""
    with psycopg.connect(host="127.0.0.1", port=server, user="planner", password=PASSWORD, dbname="postgres") as connection:
        # only a server that holds nothing of anybody's is written to
        assert connection.execute("SELECT count(*) FROM pg_database WHERE NOT datistemplate").fetchone() == (1,)
        connection.execute("DROP TABLE IF EXISTS orders")
        connection.execute("CREATE TABLE orders (ordered timestamptz, item text, qty numeric(12, 3), amount numeric(14, 2), region text)")
        rows = [
            ("2026-08-31 23:59+00", "007", "5.500", "50.25", "N'ord"),
            ("2026-09-01 00:00+00", "1E5", "1", "9.99", "N'ord"),
            ("2026-10-01 00:00+00", "007", "8", "80", "N'ord"),
        ]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO orders VALUES (%s, %s, %s, %s, %s)", rows)
    monkeypatch.setenv("SOP_TEST_PASSWORD", PASSWORD)
    (tmp_path / "sales.sql").write_text(
        "SELECT date_trunc('month', ordered AT TIME ZONE 'UTC')::date AS month, item AS product, region, sum(qty) AS units, sum(amount) AS revenue\n"
        "FROM orders WHERE ordered AT TIME ZONE 'UTC' < :month GROUP BY 1, 2, 3 ORDER BY 1"
    )
    (tmp_path / "data").mkdir()
    url = f"postgresql+psycopg://planner:${{SOP_TEST_PASSWORD}}@127.0.0.1:{server}/postgres"
    return Workbook(company=Company(name="x"), sources=Sources(tables={"sales": Source(query="sales.sql", url=url)}), root=tmp_path)


def test_the_query_runs_in_the_database(erp: Workbook):
    frame = read_table(erp, "sales", pd.Timestamp("2026-10-01"))
    assert frame[["month", "product", "region", "units", "revenue"]].to_numpy().tolist() == [
        [pd.Timestamp("2026-08-01"), "007", "N'ord", 5.5, 50.25],
        [pd.Timestamp("2026-09-01"), "1E5", "N'ord", 1, 9.99],
    ]
    assert read_table(erp, "sales", pd.Timestamp("2026-09-01")).shape[0] == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("DROP TABLE orders", "read-only transaction"),
        ("DELETE FROM orders RETURNING item", "read-only transaction"),
        ("SELECT colour FROM orders", "does not exist"),
    ],
)
def test_it_can_only_read_and_says_what_is_wrong(erp: Workbook, server: int, query: str, said: str):
    (erp.root / "sales.sql").write_text(query)
    with pytest.raises(TableError, match=said):
        read_table(erp, "sales", pd.Timestamp("2026-10-01"))
    with psycopg.connect(host="127.0.0.1", port=server, user="planner", password=PASSWORD, dbname="postgres") as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def test_a_wrong_password_is_said_and_never_shown(erp: Workbook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SOP_TEST_PASSWORD", "wrong-word")
    with pytest.raises(TableError, match="authentication failed") as error:
        read_table(erp, "sales", pd.Timestamp("2026-10-01"))
    assert "wrong-word" not in str(error.value) and PASSWORD not in str(error.value)


def test_the_journal_on_a_server_writes_together_or_not_at_all(erp: Workbook):
    erp = erp.model_copy(update={"journal": JournalSettings(url=erp.sources.tables["sales"].url)})
    ours, theirs = Journal(erp, "2026-10"), Journal(erp, "2026-10")
    span = {"start_month": "2026-10", "end_month": "2026-12"}
    key = ours.add("override", author="Ann", units=10, **span)
    with ours.together():
        ours.add("override", id="two", author="Ann", units=20, **span)
        assert theirs.read("override")["units"].tolist() == [10]
    theirs.change("override", key, version=1, author="Bob", units=11)
    with pytest.raises(ConflictError, match="11"), ours.together():
        ours.add("override", author="Ann", units=30, **span)
        ours.change("override", key, version=1, author="Ann", units=12)  # the server's transaction still answers what Bob wrote
    assert sorted(theirs.history("override")["units"]) == [10, 11, 20]
