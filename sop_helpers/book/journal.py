"""People's words: overrides, insights, attendance, sign-offs, decisions, actions, comments and closings.

Each kind is one append-only table whose key is ``(id, version)``. A change is a new version; the key itself refuses a second
version of the same number, so that of two people who change the same version one is told what the other wrote. Nothing is
updated in place and nothing is deleted: the rows are the audit trail.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sop_helpers.book import files
from sop_helpers.book.entries import KINDS, MONTHLY, STAMP, ConflictError, checked, fields_of, refuse_past, require_complete, typed
from sop_helpers.book.errors import WorkbookError

if TYPE_CHECKING:
    import pandas as pd

    from sop_helpers.book.config import Workbook

@cache
def _metadata() -> Any:
    """Build the tables, one for each kind."""
    import sqlalchemy as sa

    types = {"text": sa.Text, "number": sa.Float, "month": lambda: sa.String(7), "day": sa.Date, "flag": sa.Boolean}
    metadata = sa.MetaData()
    for kind, fields in KINDS.items():
        sa.Table(
            f"journal_{kind}", metadata,
            sa.Column("id", sa.String(80), primary_key=True), sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("month", sa.String(7), nullable=False), sa.Column("author", sa.Text, nullable=False),
            sa.Column("time", sa.DateTime, nullable=False), sa.Column("reason", sa.Text, nullable=False),
            sa.Column("withdrawn", sa.Boolean, nullable=False),
            *(sa.Column(name, types[what](), nullable=True) for name, what in fields.items()),
        )
    return metadata


def _lacking(there: Any) -> list[Any]:
    """Return the columns that the tables of a journal lack, by its inspector."""
    known = {name: {column["name"] for column in columns} for (_, name), columns in there.get_multi_columns().items()}
    return [column for name, table in _metadata().tables.items() if name in known for column in table.columns if column.name not in known[name]]


@cache
def _engine(url: str) -> Any:
    import sqlalchemy as sa

    engine = sa.create_engine(url, connect_args={"timeout": 30} if url.startswith("sqlite") else {})
    if url.startswith("sqlite"):

        @sa.event.listens_for(engine, "connect")
        def _pragmas(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA synchronous=FULL")

    return engine


class Journal:
    """The journal of a workbook as one month sees it. Opened lazily: nothing is created until it is written to.

    Parameters
    ----------
    workbook : Workbook
        Gives the database and the seed.
    month : str
        Label such as ``"2026-10"``; words written in later months are not seen, what is written now belongs to this month.
    note : callable, optional
        Told the name and digest of what is read, for the lineage.
    """

    def __init__(self, workbook: Workbook, month: str, note: Callable[[str, str], None] | None = None):
        self.workbook = workbook
        self.month = month
        self._note = note
        self._held: Any = None  # connection of a transaction that `together` began
        self._held_at: datetime | None = None  # its time, the same for all that it writes

    @property
    def file(self) -> Path | None:
        """The SQLite file, or None where the journal is on a server."""
        return None if self.workbook.journal.url else self.workbook.output_folder / "journal.sqlite"

    def _open(self) -> Any:
        """Connect; make the tables and import the seed when the journal is new."""
        import sqlalchemy as sa

        from sop_helpers.book.config import fill_environment

        url = self.workbook.journal.url
        if url:
            filled = fill_environment(url)
            if not filled:
                raise WorkbookError("the journal's url names a variable that the environment does not have", "Set it, or mend [journal] url.")
        else:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WorkbookError(f"the journal cannot be opened: {error.strerror}", f"Mend the permissions of {self.file.parent.parent}.") from error
            filled = f"sqlite:///{self.file}"
        engine = _engine(filled)
        try:
            # A journal begun by an earlier version lacks the kinds and fields that were added since.
            there = sa.inspect(engine)
            if not {*_metadata().tables, "journal_seeded"} <= set(there.get_table_names()) or _lacking(there):
                self._create(engine)
        except sa.exc.DatabaseError as error:
            raise WorkbookError(f"the journal cannot be opened: {error.orig}", "Check [journal] url, or that the output folder can be written to.") from error
        return engine

    def _create(self, engine: Any) -> None:
        """Make the tables and import the seed in one transaction; the loser of a race finds them there."""
        import sqlalchemy as sa

        # SQLite does not wait for the switch to its write-ahead log, so a file lock does.
        alone = files.locked(self.file.with_name(".journal.lock"), "making the journal", wait=30) if self.file else contextlib.nullcontext()
        with alone, engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(20261001)"))
            _metadata().create_all(connection)
            for column in _lacking(sa.inspect(connection)):
                connection.execute(sa.DDL(f"ALTER TABLE {column.table.name} ADD COLUMN {sa.schema.CreateColumn(column).compile(dialect=engine.dialect)}"))
            if not sa.inspect(connection).has_table("journal_seeded"):
                for kind, row in self._seed():
                    connection.execute(_metadata().tables[f"journal_{kind}"].insert().values(row))
                connection.execute(sa.schema.CreateTable(sa.Table("journal_seeded", sa.MetaData(), sa.Column("time", sa.DateTime))))
            connection.commit()

    def _seed(self) -> list[tuple[str, dict[str, Any]]]:
        """Read the entries that a new journal starts with: ``[{"kind", "id", "month", "author", "time", "reason", "fields": {...}}]``."""
        if not self.workbook.journal.seed:
            return []
        file = self.workbook.inside(self.workbook.journal.seed)
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WorkbookError(f"the journal's seed {file} cannot be read: {error}", "Mend it, or take [journal] seed out.") from error
        rows: list[tuple[str, dict[str, Any]]] = []
        count: dict[tuple[str, str], int] = {}
        for place, entry in enumerate(entries, 1):
            try:
                # An insight has a kind of its own, so fields may stand apart or beside the stamp.
                fields = entry.get("fields") or {k: v for k, v in entry.items() if k not in {"kind", *STAMP}}
                kind, entry_id = entry["kind"], str(entry["id"])
                values = dict.fromkeys(fields_of(kind)) | checked(kind, fields)
                require_complete(kind, values)
                count[kind, entry_id] = count.get((kind, entry_id), 0) + 1
                time = datetime.fromisoformat(entry["time"]).replace(tzinfo=None)
                rows.append((kind, {
                    "id": entry_id, "version": count[kind, entry_id], "month": str(entry["month"])[:7], "author": entry["author"], "time": time,
                    "reason": entry.get("reason", ""), "withdrawn": False, **values,
                }))
            except (KeyError, TypeError, ValueError, AttributeError, WorkbookError) as error:
                what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
                raise WorkbookError(f"entry {place} of the journal's seed {file}: {what}", "Mend that entry.") from error
        return rows

    def read(self, kind: str, /, *, expired: bool = False, all_months: bool = False) -> pd.DataFrame:
        """Return the entries that hold in this month, each in its latest version, oldest first.

        Parameters
        ----------
        kind : str
            ``override``, ``insight``, ``correction``, ``attendance``, ``sign_off``, ``decision``, ``action``, ``comment`` or ``closing``.
        expired : bool
            Give expired overrides and insights too.
        all_months : bool
            Give the attendance, sign-offs, decisions, comments and closings of earlier months too.

        Returns
        -------
        DataFrame
            Columns ``id``, ``version``, ``month``, ``author``, ``time``, ``reason`` and the fields of the kind; months and days as
            datetime64[us].
        """
        fields = fields_of(kind)
        frame = self._frame(kind)
        frame = frame.sort_values(["id", "version"], kind="stable").groupby("id", sort=False).tail(1)
        frame = frame[~frame["withdrawn"].astype(bool)].sort_values(["time", "id"], kind="stable").reset_index(drop=True)
        if "expires_month" in fields and not expired:
            # Labels of months sort as text; a blank one never expires.
            frame = frame[~(frame["expires_month"].fillna("9999-12") <= self.month)].reset_index(drop=True)
        if kind in MONTHLY and not all_months:
            frame = frame[frame["month"] == self.month].reset_index(drop=True)
        return typed(kind, frame)

    def history(self, kind: str, entry: str | None = None, /) -> pd.DataFrame:
        """Return every version ever written up to this month of an entry, or of all entries of a kind: the audit trail."""
        frame = self._frame(kind)
        frame = frame if entry is None else frame[frame["id"] == entry]
        return typed(kind, frame.sort_values(["id", "version"], kind="stable").reset_index(drop=True), withdrawn=True)

    def _frame(self, kind: str) -> pd.DataFrame:
        import pandas as pd

        rows = self._rows(kind)
        if self._note:
            self._note(f"journal/{kind}", _digest(rows))
        return pd.DataFrame(rows, columns=[c.name for c in _metadata().tables[f"journal_{kind}"].columns])

    def _rows(self, kind: str) -> list[tuple]:
        """Return all versions written up to this month."""
        import sqlalchemy as sa

        fields_of(kind)
        table = _metadata().tables[f"journal_{kind}"]
        if self.file is not None and not self.file.exists():  # reading creates nothing
            seeded = [tuple(row[c.name] for c in table.columns) for its_kind, row in self._seed() if its_kind == kind and row["month"] <= self.month]
            return sorted(seeded, key=lambda row: row[:2])
        with self._reading() as connection:
            return [tuple(row) for row in connection.execute(sa.select(table).where(table.c.month <= self.month).order_by(table.c.id, table.c.version))]

    def digest(self, kind: str, /) -> str:
        """Return a digest of all that this month sees of a kind, so that a run knows whether people's words have changed."""
        return _digest(self._rows(kind))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Write all entries of the block or none: one transaction, taken back when the block raises.

        All of them bear one time, by which they are known as one save. Others wait to write until the block ends, so keep it short.
        """
        engine = self._open()
        with engine.connect() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # savepoints need a transaction around them, and SQLite's driver begins none for them
            self._held, self._held_at = connection, _now()
            try:
                yield
                connection.commit()
            except BaseException:
                connection.rollback()
                raise
            finally:
                self._held = self._held_at = None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Any]:
        if self._held is not None:
            yield self._held
            return
        with self._open().connect() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Any]:
        if self._held is not None:
            with self._held.begin_nested():
                yield self._held
            return
        with self._open().begin() as connection:
            yield connection

    def add(self, kind: str, /, *, author: str, reason: str = "", id: str | None = None, **fields: Any) -> str:
        """Write a new entry and return its id.

        Parameters
        ----------
        kind : str
            Kind of entry.
        author : str
            Who says so.
        reason : str
            Why.
        id : str, optional
            Own id; by default the next free one, such as ``action-0007``.
        **fields
            The kind's fields; those left out are blank.

        Raises
        ------
        WorkbookError
            A field is unknown, missing or not of its type; the id is taken.
        """
        import sqlalchemy as sa

        values = dict.fromkeys(fields_of(kind)) | checked(kind, fields)
        if kind == "action" and values["status"] is None:
            values["status"] = "open"
        if kind == "insight" and values["raised_on"] is None:
            values["raised_on"] = _now().date()
        require_complete(kind, values)
        refuse_past(kind, values, self.month)
        table = _metadata().tables[f"journal_{kind}"]
        for _ in range(100):
            with self._reading() as connection:
                taken = id or f"{kind}-{connection.scalar(sa.select(sa.func.count(sa.distinct(table.c.id)))) + 1:04d}"
                # A hand-given id may sit where the next number would be.
                while id is None and connection.scalar(sa.select(sa.func.count()).where(table.c.id == taken)):
                    taken = f"{kind}-{int(taken.rsplit('-', 1)[1]) + 1:04d}"
            if self._insert(table, taken, 1, author, reason, False, values):
                return taken
            if id is not None:
                raise WorkbookError(f"{kind} {id} is there already", "Change it, or give another id.")
        raise WorkbookError(f"no free id for the {kind} was found", "Try again; many people are writing at once.")

    def change(self, kind: str, id: str, /, *, version: int, author: str, reason: str = "", **fields: Any) -> int:
        """Write the next version of an entry; fields left out stay as they are. Return the new version.

        Parameters
        ----------
        version : int
            Version that you saw and mean to change.

        Raises
        ------
        ConflictError
            Somebody changed it since; shows both values.
        WorkbookError
            The entry or a field is unknown.
        """
        values = checked(kind, fields)
        refuse_past(kind, values, self.month)
        return self._next(kind, id, version, author, reason, False, values)

    def withdraw(self, kind: str, id: str, /, *, version: int, author: str, reason: str = "") -> int:
        """Take an entry back: it is no longer read, and stays in the history."""
        return self._next(kind, id, version, author, reason, True, {})

    def _next(self, kind: str, id: str, version: int, author: str, reason: str, withdrawn: bool, fields: dict[str, Any]) -> int:
        import sqlalchemy as sa

        names = fields_of(kind)
        table = _metadata().tables[f"journal_{kind}"]
        with self._reading() as connection:
            versions = [dict(row._mapping) for row in connection.execute(sa.select(table).where(table.c.id == id).order_by(table.c.version))]
        seen = next((row for row in versions if row["version"] == version), None)
        if seen is None:
            last = f"; the latest is {versions[-1]['version']}" if versions else ""
            raise WorkbookError(f"the journal has no {kind} {id} version {version}{last}", "Read it again.")
        values = {name: seen[name] for name in names} | fields
        require_complete(kind, values)
        if versions[-1]["version"] == version and self._insert(table, id, version + 1, author, reason, withdrawn, values):
            return version + 1
        with self._reading() as connection:
            latest = connection.execute(sa.select(table).where(table.c.id == id).order_by(table.c.version.desc()).limit(1)).one()
        theirs = {name: latest._mapping[name] for name in STAMP} | {name: latest._mapping[name] for name in names}
        raise ConflictError(kind, id, theirs, fields)

    def _insert(self, table: Any, id: str, version: int, author: str, reason: str, withdrawn: bool, values: dict[str, Any]) -> bool:
        """Insert one version; False where that version is there already. The primary key decides, not a look before."""
        import sqlalchemy as sa

        if not str(author).strip():
            raise WorkbookError("the journal needs the name of who says so", "Give author.")
        time = self._held_at or _now()
        row = {"id": id, "version": version, "month": self.month, "author": str(author), "time": time, "reason": str(reason), "withdrawn": withdrawn}
        try:
            with self._writing() as connection:
                connection.execute(table.insert().values(**row, **values))
        except sa.exc.IntegrityError:
            return False
        return True


def _digest(rows: list[tuple]) -> str:
    return hashlib.sha256("\n".join(map(repr, rows)).encode()).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


