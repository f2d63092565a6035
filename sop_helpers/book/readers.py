"""Files to cells: CSV, XLSX and Parquet, nothing interpreted yet.

Each reader returns a frame whose index holds the rows' numbers in the file, so that a message can name them.
"""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pandas as pd

from sop_helpers.book.config import Source

HINTS = "utf-8-sig, cp932 (Japanese Excel), cp1252 (Western Excel), utf-16"


class Unreadable(Exception):
    """A file that cannot be read; the message is a sentence for people, `todo` what to do."""

    def __init__(self, message: str, todo: str = ""):
        super().__init__(message)
        self.todo = todo


def read_file(path: Path, source: Source) -> tuple[pd.DataFrame, int]:
    """Read a file as cells.

    Parameters
    ----------
    path : Path
        File ending in .csv, .txt, .tsv, .xlsx, .xlsm or .parquet.
    source : Source
        Encoding, delimiter, sheet, header row.

    Returns
    -------
    tuple
        The frame, as text where the file is text; and the Excel date epoch (0 where it is no spreadsheet).

    Raises
    ------
    Unreadable
        The file is empty, broken, wrongly encoded or has no usable header.
    """
    try:
        return _read(path, source)
    except OSError as error:
        raise Unreadable(f"the file cannot be read: {error.strerror or error}", "Mend its permissions, or export it again.") from None


def _read(path: Path, source: Source) -> tuple[pd.DataFrame, int]:
    suffix = path.suffix.lower()
    if suffix in (".csv", ".txt", ".tsv"):
        return read_csv(path, source), 0
    if suffix in (".xlsx", ".xlsm"):
        return read_xlsx(path, source)
    if suffix == ".parquet":
        return read_parquet(path), 0
    raise Unreadable(f"files ending in {suffix!r} are not read", "Save it as CSV, XLSX or Parquet.")


def check_encoding(data: bytes, encoding: str) -> None:
    """Refuse bytes that are not text in the encoding configured; it is never guessed."""
    if data.startswith(b"\xef\xbb\xbf") and not encoding.lower().replace("_", "-").startswith("utf-8"):
        raise Unreadable(f"the file begins with the mark of UTF-8 and is configured as {encoding}", "Set encoding = \"utf-8-sig\".")
    try:
        text = data.decode(encoding)
    except LookupError:
        raise Unreadable(f"no encoding is called {encoding!r}", f"Set encoding to one of {HINTS}.") from None
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        todo = f"Set encoding to what the exporting program writes, such as {HINTS}; it is not guessed, for a wrong guess makes garbage."
        raise Unreadable(f"row {row} is not {encoding}: byte 0x{data[error.start]:02x}", todo) from None
    if not text[:1000].strip("\ufeff \t\r\n") and not text.strip("\ufeff \t\r\n"):
        raise Unreadable("the file is empty", "Export it again, with its header.")
    if "\x00" in text:
        row = text.count("\n", 0, text.index("\x00")) + 1
        raise Unreadable(f"row {row} holds a null character; this is not text in {encoding}", f"Set encoding to one of {HINTS}.")


def read_csv(path: Path, source: Source) -> pd.DataFrame:
    """Read a CSV as text, every cell as it stands."""
    data = path.read_bytes()
    check_encoding(data, source.encoding)
    try:
        cells = pd.read_csv(io.BytesIO(data), header=None, dtype=str, na_filter=False, skip_blank_lines=False, skiprows=source.header_row - 1,
                            encoding=source.encoding, sep=source.delimiter)
    except pd.errors.EmptyDataError:
        raise Unreadable(f"the file has no row {source.header_row} to take the column names from", "Set header_row.") from None
    except pd.errors.ParserError as error:
        todo = "Quote texts that hold the delimiter, or set delimiter and header_row as the file has them."
        raise Unreadable(_parser_message(str(error), source), todo) from None
    header = [name.strip().lstrip("\ufeff") for name in cells.iloc[0]]
    if len(header) == 1 and (other := [d for d in ";\t|," if d in header[0] and d != source.delimiter]):
        raise Unreadable(f"the header is one column, {header[0][:60]!r}", f"The columns seem to be divided by {other[0]!r}: set delimiter.")
    cells = cells.iloc[1:]
    cells.index = cells.index + source.header_row
    return name_columns(drop_blank_rows(cells), header)


def _parser_message(message: str, source: Source) -> str:
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        return f"row {int(found[2])} has {found[3]} cells where the header has {found[1]}"
    if found := re.search(r"EOF inside string starting at row (\d+)", message):
        return f"a quotation mark opened in row {int(found[1]) + source.header_row} is never closed"
    return message.splitlines()[0]


def drop_blank_rows(cells: pd.DataFrame) -> pd.DataFrame:
    """Drop rows in which nothing stands, keeping the numbers of the others."""
    first = cells.iloc[:, 0]
    maybe = first.isna() | first.map(lambda v: isinstance(v, str) and not v.strip()).astype(bool)
    if not maybe.any():
        return cells
    blank = cells[maybe].map(lambda v: v is None or str(v).strip() == "").all(axis=1)
    return cells.drop(index=blank.index[blank])


def name_columns(cells: pd.DataFrame, header: list[str]) -> pd.DataFrame:
    """Give the columns their names; a column without name is dropped when empty and refused when not, and so is a name used twice."""
    keep = []
    for position, name in enumerate(header):
        if name:
            keep.append(position)
        elif not cells.iloc[:, position].isin(["", None]).all():
            todo = "Name it in the header row, or set header_row to the row that holds the names."
            raise Unreadable(f"column {position + 1} holds data and its header cell is blank", todo)
    names = [header[p] for p in keep]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise Unreadable(f"the header names {', '.join(map(repr, twice))} more than once", "Give each column its own name.")
    named = cells.iloc[:, keep]
    named.columns = names
    return named


def read_xlsx(path: Path, source: Source) -> tuple[pd.DataFrame, int]:
    """Read a sheet by calamine; refuse merged header cells and formulas whose value was never calculated."""
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
    except calamine.CalamineError as error:
        raise Unreadable(f"this is not a readable XLSX file ({error})", "Save it anew as XLSX, without password.") from None
    name = source.sheet or book.sheet_names[0]
    if name not in book.sheet_names:
        raise Unreadable(f"there is no sheet {name!r}; there are {', '.join(book.sheet_names)}", "Set sheet.")
    sheet = book.get_sheet_by_name(name)
    rows = sheet.to_python(skip_empty_area=False)
    if len(rows) < source.header_row:
        what = f"has no row {source.header_row} to take the column names from" if rows else "is empty"
        raise Unreadable(f"sheet {name!r} {what}", "Fill it in, or set sheet and header_row.")
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or []:
        if top <= source.header_row - 1 <= bottom and right > left:
            first = str(rows[top][left])[:40]
            todo = "Unmerge them and name each column, or set header_row to the row with one name a column."
            raise Unreadable(f"sheet {name!r}: the header row {source.header_row} has merged cells in columns {left + 1} to {right + 1} ({first!r})", todo)
    epoch, uncached, wrong = _inspect(path, name)
    if wrong:
        raise Unreadable(f"sheet {name!r}: {', '.join(wrong[:3])} ({len(wrong)} in all) hold errors of a formula", "Mend the formulas, or clear the cells.")
    if uncached:
        todo = "Open the file in a spreadsheet program and save it, or paste values."
        raise Unreadable(f"sheet {name!r}: the formulas in {', '.join(uncached[:3])} ({len(uncached)} in all) have no calculated value", todo)
    header = [str(v).strip() for v in rows[source.header_row - 1]]
    cells = pd.DataFrame(rows[source.header_row:], columns=range(len(header)), dtype=object)
    cells.index = cells.index + source.header_row + 1
    return name_columns(drop_blank_rows(cells), header), epoch


def _inspect(path: Path, sheet: str) -> tuple[int, list[str], list[str]]:
    """Return the date epoch of a workbook, the cells of a sheet that hold a formula without value, and those that hold an error such as #N/A."""
    from xml.etree import ElementTree

    with zipfile.ZipFile(path) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
        targets = {link.get("Id"): link.get("Target", "") for link in links}
        epoch, target = 1900, ""
        for element in book.iter():
            if element.tag.endswith("}workbookPr") and element.get("date1904") in ("1", "true"):
                epoch = 1904
            if element.tag.endswith("}sheet") and element.get("name") == sheet:
                target = targets.get(next(v for k, v in element.attrib.items() if k.endswith("}id")), "")
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        xml = archive.read(part) if part in archive.namelist() else b""
    cells = re.findall(rb'<c ([^>]*)>\s*<f[^>]*?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>)?\s*</c>', xml) if b"<f" in xml else []
    found = re.findall(rb'<c ([^>]*\bt="e"[^>]*)>.*?<v>([^<]*)</v>', xml, re.DOTALL) if b't="e"' in xml else []
    place = re.compile(rb'r="([A-Z]+[0-9]+)"')
    wrong = [f"{place.search(c)[1].decode()} {text.decode()}" for c, text in found]
    return epoch, [re.search(rb'r="([A-Z]+\d+)"', c)[1].decode() for c in cells if b't="str"' not in c], wrong


def filled_sheets(path: Path) -> list[str]:
    """Return the sheets of an XLSX file that hold more than a header."""
    import python_calamine as calamine

    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
    except calamine.CalamineError:
        return []
    return [n for n in book.sheet_names if any(any(str(v).strip() for v in row) for row in book.get_sheet_by_name(n).to_python(skip_empty_area=False)[1:])]


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file with the dtypes it has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise Unreadable(f"this is not a readable Parquet file ({str(error).splitlines()[0]})", "Export it again.") from None
    return arrow_frame(table)


def arrow_frame(table) -> pd.DataFrame:
    """Turn an Arrow table into a frame without losing anything: integers stay exact beside nulls, decimals become floats."""
    import pyarrow as pa

    for position, item in enumerate(table.schema):
        if pa.types.is_decimal(item.type):
            table = table.set_column(position, item.name, table.column(position).cast(pa.float64()))
        elif pa.types.is_dictionary(item.type):
            table = table.set_column(position, item.name, table.column(position).cast(item.type.value_type))
    exact = {kind: pd.Int64Dtype() for kind in (pa.int64(), pa.int32(), pa.int16(), pa.int8(), pa.uint8(), pa.uint16(), pa.uint32())}
    frame = table.to_pandas(types_mapper=exact.get, date_as_object=False, ignore_metadata=True)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame
