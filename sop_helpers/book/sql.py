"""Queries as sources: over files by the embedded engine, over a database through SQLAlchemy. Values are bound, never pasted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pandas as pd

from sop_helpers.book.config import Workbook, fill_environment
from sop_helpers.book.readers import Unreadable, arrow_frame

BY_STATISTICS = "filter_pushdown,statistics_propagation,join_filter_pushdown,row_group_pruner,top_n,late_materialization"
"""Optimisations that drop rows by what a file says of its minima and maxima."""
FILES = (".csv", ".tsv", ".txt", ".parquet", ".json", ".ndjson", ".gz")


def query_files(sql: str, folders: list[Path], month: pd.Timestamp | None) -> pd.DataFrame:
    """Run one SELECT over files.

    Parameters
    ----------
    sql : str
        The query. File names are relative to the folders, the first that has the file; ``$month`` is the first day of the cycle's month.
    folders : list of Path
        Folders that it may read; nothing else can be read, and nothing written.
    month : Timestamp or None
        The cycle's month.

    Raises
    ------
    Unreadable
        The query is not one SELECT, fails, or reaches out of the folders.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        allowed = ", ".join(f"'{_quoted(folder)}'" for folder in folders)
        connection.execute(f"SET allowed_directories = [{allowed}]")
        for setting in ("autoinstall_known_extensions", "autoload_known_extensions", "enable_external_access"):
            connection.execute(f"SET {setting} = false")
        text, files, bare = _absolute(sql, folders)
        if any(_misleading_statistics(connection, file) for file in files):
            connection.execute(f"SET disabled_optimizers = '{BY_STATISTICS}'")
        connection.execute("SET lock_configuration = true")
        for file in bare:
            _check_guesses(connection, file, re.sub(r"'(?:[^']|'')*'", "", sql).lower())
        statements = connection.extract_statements(text)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise Unreadable(f"the query must be one SELECT; found {[str(s.type).split('.')[-1] for s in statements]}", "Write one SELECT a file.")
        wanted = set(statements[0].named_parameters)
        if wanted - {"month"}:
            others = ", $".join(sorted(wanted - {"month"}))
            raise Unreadable(f"the query uses ${others}; only $month is known", "Use $month, the first day of the cycle's month.")
        if wanted and month is None:
            raise Unreadable("the query uses $month and no month was given", "Give the month.")
        values = {"month": month.date()} if wanted else None
        return arrow_frame(_arrow(connection, statements[0], values))
    except duckdb.Error as error:
        text = _first_lines(error)
        if found := re.search(r'Cannot access file "([^"]+)"', text):
            text = f"it reads {found[1]!r}, which is not a file of the folders that queries may read"
        raise Unreadable(text, "Mend the query; it may read " + " and ".join(map(str, folders)) + ".") from None
    finally:
        connection.close()


def _misleading_statistics(connection, file: str) -> bool:
    """Tell whether a Parquet file keeps minima and maxima of INT96 times: old writers got them wrong, and a filter on such a time loses rows in silence."""
    if not file.lower().endswith(".parquet"):
        return False
    found = connection.execute(
        "SELECT count(*) FROM parquet_metadata($file) WHERE type = 'INT96' AND coalesce(stats_min, stats_min_value) IS NOT NULL", {"file": file}
    )
    return found.fetchone()[0] > 0


def _check_guesses(connection, file: str, query: str) -> None:
    """Refuse a CSV file, read without a word on how it is written, of which the engine would change codes or guess the order of day and month.

    Only columns that the query (in small letters, without its literals) names are looked at, or all where it takes them all.
    """
    import duckdb

    name = Path(file).name
    cells = "FROM read_csv($file, all_varchar = true, ignore_errors = true)"
    try:
        columns, *forms = connection.execute("SELECT Columns, DateFormat, TimestampFormat FROM sniff_csv($file)", {"file": file}).fetchone()
        used = [c for c in columns if "*" in query or re.search(rf"\b{re.escape(c['name'].lower())}\b", query)]
        for column in (c["name"] for c in used if c["type"] == "DOUBLE"):
            asked = f"SELECT {_name(column)} {cells} WHERE regexp_full_match({_name(column)}, '\\d+[eE]\\d+') LIMIT 1"
            if code := connection.execute(asked, {"file": file}).fetchone():
                todo = f"Say that it is text: read_csv('{name}', types = {{'{column}': 'VARCHAR'}}); or 'DOUBLE' where it is a number."
                raise Unreadable(f"{column} of {name} holds {code[0]!r}, which may be a code and would be read as the number {float(code[0]):,.0f}", todo)
        for kind, option, form in zip(("DATE", "TIMESTAMP"), ("dateformat", "timestampformat"), forms, strict=True):
            days = [c["name"] for c in used if c["type"] == kind]
            if not days or not form or form.startswith("%Y") or "%d" not in form or "%m" not in form:
                continue
            other = form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
            both = " OR ".join(f"try_strptime({_name(c)}, $form) <> try_strptime({_name(c)}, $other)" for c in days)
            one = " OR ".join(f"({_name(c)} IS NOT NULL AND try_strptime({_name(c)}, $other) IS NULL)" for c in days)
            told = connection.execute(f"SELECT bool_or({both}), bool_or({one}) {cells}", {"file": file, "form": form, "other": other}).fetchone()
            if told[0] and not told[1]:
                todo = f"Say which it is: read_csv('{name}', {option} = '{form}'), or '{other}'."
                raise Unreadable(f"the dates in {days[0]} of {name} can be read in two ways, as day and month or month and day", todo)
    except duckdb.Error:
        return  # the query fails by itself and says why


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _arrow(connection, statement, values):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return connection.execute(statement, values).to_arrow_table()


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


def _first_lines(error: Exception) -> str:
    return " ".join(line.strip() for line in str(error).splitlines()[:2] if line.strip())


def _absolute(sql: str, folders: list[Path]) -> tuple[str, list[str], list[str]]:
    """Write file names in a query out in full, so that the engine's guard sees them and the current folder does not matter.

    Returns
    -------
    str, list of str, list of str
        The query, the files written out, and the CSV files (those of a pattern one by one) that it reads without any option.
    """
    import duckdb

    tokens = duckdb.tokenize(sql)
    raw = sql.encode()
    ends = [start for start, _ in tokens[1:]] + [len(raw)]
    parts, files, bare, last = [], [], [], 0
    for (start, kind), end in zip(tokens, ends, strict=True):
        literal = raw[start:end].decode()
        name = literal.strip()
        if kind != duckdb.token_type.string_const or not (name.startswith("'") and name.endswith("'")):
            continue
        inner = name[1:-1].replace("''", "'")
        plain = re.search(r"\.(csv|tsv|txt)(\.gz)?$", inner.lower()) and not raw[end:].lstrip().startswith(b",")
        if not inner.lower().endswith(FILES) or os.path.isabs(inner):
            bare += [inner] if plain and os.path.isabs(inner) and any(Path(inner).is_relative_to(folder) for folder in folders) else []
            continue
        for folder in folders:
            if (folder / inner).is_file() or ("*" in inner and any(folder.glob(inner))):
                parts += [raw[last:start], f"'{_quoted(folder / inner)}'".encode() + literal[len(literal.rstrip()) :].encode()]
                files.append(str(folder / inner))
                bare += sorted(map(str, folder.glob(inner))) if plain else []
                last = end
                break
    return (b"".join(parts) + raw[last:]).decode(), files, bare


def query_database(sql: str, url: str, workbook: Workbook, month: pd.Timestamp | None) -> pd.DataFrame:
    """Run a query over a database, read only where the database knows how.

    Parameters
    ----------
    sql : str
        The query; ``:month`` is the first day of the cycle's month.
    url : str
        SQLAlchemy URL; ``${NAME}`` is filled from the environment. A SQLite file must lie inside the workbook or its data folder.

    Raises
    ------
    Unreadable
        The environment lacks a name, the database cannot be reached, or the query fails. No message shows the password.
    """
    import sqlalchemy as sa

    filled = fill_environment(url)
    if not filled:
        raise Unreadable(f"the database URL {url!r} needs an environment variable that is not set", "Set it before running.")
    try:
        address = sa.make_url(filled)
        engine = _engine(address, workbook)
        with engine.connect() as connection:
            if address.get_backend_name() == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            statement = sa.text(sql)
            wanted = set(statement.compile().params)
            if wanted - {"month"} or (wanted and month is None):
                todo = "Use :month, the first day of the cycle's month."
                raise Unreadable(f"the query uses :{', :'.join(sorted(wanted))}; only :month is known, and only where a month is given", todo)
            if wanted:
                statement = statement.bindparams(sa.bindparam("month", type_=sa.Date))
            result = connection.execute(statement, {"month": month.date()} if wanted else {})
            frame = pd.DataFrame(result.fetchall(), columns=list(result.keys()), dtype=object)
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        text = _first_lines(getattr(error, "orig", None) or error)
        password = sa.make_url(filled).password if "://" in filled and not isinstance(error, sa.exc.ArgumentError) else None
        raise Unreadable(text.replace(str(password), "***") if password else text, "Mend the query or the URL.") from None
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _engine(address, workbook: Workbook):
    import sqlite3

    import sqlalchemy as sa

    if address.get_backend_name() != "sqlite":
        return sa.create_engine(address)
    file = (workbook.root / (address.database or "")).resolve()
    homes = [workbook.root.resolve(), *([workbook.data_folder] if workbook.data_folder else [])]
    if not any(file.is_relative_to(home) for home in homes):
        raise Unreadable(f"the SQLite file {address.database!r} lies outside the workbook", "Move it inside, or name its folder under [sources] data.")
    if not file.is_file():
        raise Unreadable(f"there is no SQLite file {address.database!r}", "Mend the URL; a relative file is looked for in the workbook's folder.")
    return sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True))
