"""Named scenarios in the workbook file: added at its end and taken back, whole or not at all; what stands in the file stays as it was typed."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from sop_helpers.book.config import Scenario, Workbook, find_workbook
from sop_helpers.book.errors import WorkbookError
from sop_helpers.book.files import locked, write_atomically

_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}")
AGAIN = "Nothing was written. Choose other values or another name."


class SavedScenario(NamedTuple):
    """A scenario as it was written: the file, its name, and the very text that was added."""

    file: Path
    name: str
    text: str


def scenario_text(name: str, levers: Mapping[str, Any], description: str) -> str:
    """Return a scenario as it stands in a workbook file; levers that change nothing are left out.

    Raises
    ------
    WorkbookError
        The name cannot be a key, the description is blank, or a lever is refused by the model of the workbook.
    """
    if not _NAME.fullmatch(name) or name == "base":
        raise WorkbookError(f"a scenario cannot be called {name!r}", "Use up to 40 letters, digits, - and _, and not base.")
    if not description.strip() or not description.isprintable():
        raise WorkbookError("a scenario needs a description of one line", "Say in one sentence what is tried.")
    try:
        fields = Scenario(**levers, description=description.strip()).model_dump(exclude_defaults=True)
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'scenario'}: {e['msg']} (found {e['input']!r})" for e in error.errors())
        raise WorkbookError(f"scenario {name}: {said}", AGAIN) from error
    return "\n".join([f"[scenarios.{name}]", *(f"{key} = {_toml(value)}" for key, value in fields.items())]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    # TOML knows no halves of characters; what JSON would escape in two is written as it is, but for the one control it leaves alone.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def add_scenario(workbook: Path | str, name: str, levers: Mapping[str, Any], description: str) -> SavedScenario:
    """Add a scenario at the end of a workbook file; the file as a whole is checked before it takes the place of the old one.

    Parameters
    ----------
    workbook : Path or str
        The file or its folder.
    name : str
        Name of the scenario.
    levers : mapping
        Fields of `config.Scenario`.
    description : str
        One sentence.

    Raises
    ------
    WorkbookError
        There is a scenario of that name, or something in it is refused; nothing is written then.
    """
    file = find_workbook(workbook)
    text = scenario_text(name, levers, description)
    with _alone(file):
        before = _read(file)
        if name in tomllib.loads(before).get("scenarios", {}):
            raise WorkbookError(f"the workbook has a scenario {name} already", "Nothing was written. Choose another name.")
        newline = "\r\n" if "\r\n" in before else "\n"
        text = ("" if not before or before.endswith("\n") else newline) + newline + text.replace("\n", newline)
        _write(file, before + text)
    return SavedScenario(file, name, text)


def take_back(saved: SavedScenario) -> None:
    """Take a scenario out of its workbook file again.

    Raises
    ------
    WorkbookError
        Somebody has changed it since; the file is left as it is.
    """
    with _alone(saved.file):
        before = _read(saved.file)
        if before.count(saved.text) != 1:
            raise WorkbookError(f"scenario {saved.name} has been changed since it was saved", "Mend it in the workbook file by hand.")
        _write(saved.file, before.replace(saved.text, ""))


def _alone(file: Path):
    return locked(file.with_name(f".{file.name}.lock"), "writing the workbook file", wait=5.0)


def _read(file: Path) -> str:
    return file.read_bytes().decode("utf-8")


def _write(file: Path, text: str) -> None:
    """Replace a workbook file by a text that is a workbook."""
    try:
        Workbook(**tomllib.loads(text), root=file.parent)
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise WorkbookError(f"{file} would be no workbook any more: {error}", AGAIN) from error
    write_atomically(file, lambda part: part.write_bytes(text.encode("utf-8")))
