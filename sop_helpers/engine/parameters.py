"""Typed parameters of the steps: names declared, values checked, codes stay text.

papermill pastes names into code and lets any value through (``00123`` becomes 123, a date becomes text without a word), so everything is checked here
before a kernel starts. Every step has the parameters of :class:`Parameters`. A notebook may declare more in its ``parameters`` cell; the value that
stands there gives the type.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from sop_helpers.book.errors import WorkbookError

SECRET = re.compile(r"password|passwd|secret|token|api_?key|credential", re.IGNORECASE)
CREDENTIALS = re.compile(r"(\w+://[^:/@\s]*:)[^@\s]+@")
MASK = "********"


class Parameters(BaseModel):
    """Parameters that every step has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    month: str = Field("2026-10", pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="First month planned; actuals go up to the month before.")
    workbook: str = Field("workbook.toml", min_length=1, description="The workbook file or its folder.")
    scenario: str = Field("base", pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", description="base, or a scenario that the workbook defines.")


def declared(notebook: Path) -> dict[str, Any]:
    """Return the names and default values that a notebook's ``parameters`` cell declares.

    Raises
    ------
    WorkbookError
        The cell holds something else than plain assignments of plain values.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError) as error:
        raise WorkbookError(f"{notebook} is not a notebook: {error}", "Put it back as it was.") from error
    out: dict[str, Any] = {}
    for cell in cells:
        if "parameters" not in cell.get("metadata", {}).get("tags", []):
            continue
        try:
            for node in ast.parse("".join(cell["source"])).body:
                name = node.targets[0].id if isinstance(node, ast.Assign) else node.target.id
                out[name] = ast.literal_eval(node.value)
        except (SyntaxError, ValueError, AttributeError) as error:
            raise WorkbookError(
                f"the parameters cell of {notebook.name} holds more than names and plain values: {error}", 'Write lines such as month = "2026-10".'
            ) from error
    return out


def model_of(notebook: Path) -> type[Parameters]:
    """Return the model of a notebook's parameters: those of every step, and those that it declares beyond."""
    extra: dict[str, Any] = {}
    for name, value in declared(notebook).items():
        if name not in Parameters.model_fields:
            kind = type(value) if value is not None else str | None
            # A switch is a switch: 1, "no" or numpy.bool_ are not quietly taken for one.
            extra[name] = (kind, Field(value, strict=kind is bool))
    return create_model(f"Parameters_{notebook.stem}", __base__=Parameters, **extra)


def check(notebook: Path, values: dict[str, Any]) -> dict[str, Any]:
    """Check values for a notebook and return the ones to hand to it.

    Parameters
    ----------
    notebook : Path
        The step.
    values : dict
        Name and value; text is taken to the type that the notebook declares.

    Raises
    ------
    WorkbookError
        A name is unknown or a value is not of its type; names what was expected.
    """
    model = model_of(notebook)
    unknown = [name for name in values if name not in model.model_fields]
    if unknown:
        raise WorkbookError(f"{notebook.stem} has no parameter {', '.join(map(repr, unknown))}", f"Its parameters are {', '.join(model.model_fields)}.")
    try:
        known = declared(notebook)
        checked = model(**{name: _typed(known.get(name), value) for name, value in values.items()})
    except ValidationError as error:
        wrong = "; ".join(f"{e['loc'][0]}: {e['msg']} (found {_masked(str(e['loc'][0]), e['input'])!r})" for e in error.errors())
        raise WorkbookError(f"{notebook.stem} refuses a parameter: {wrong}", "Mend its value.") from error
    given = checked.model_dump()
    # A notebook that does not turn one of the common parameters is not given it.
    return {name: given[name] for name in model.model_fields if name in known or name in values}


def _typed(default: Any, value: Any) -> Any:
    """Take text from the command line to a switch or a list; leave the rest to the model."""
    if isinstance(value, str) and isinstance(default, bool):
        return {"true": True, "yes": True, "false": False, "no": False}.get(value.strip().lower(), value)
    if isinstance(value, str) and isinstance(default, list | dict | tuple):
        try:
            return ast.literal_eval(value)
        except (SyntaxError, ValueError):
            return value
    return value


def _masked(name: str, value: Any) -> Any:
    if SECRET.search(name) and value not in (None, ""):
        return MASK
    return CREDENTIALS.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value


def masked(values: dict[str, Any]) -> dict[str, Any]:
    """Return parameters fit to be shown: secrets by name, and passwords inside URLs, are masked."""
    return {name: _masked(name, value) for name, value in values.items()}


def secrets(values: dict[str, Any]) -> list[str]:
    """Return the texts that must not stand in any output, longest first."""
    found = {str(v) for name, v in values.items() if _masked(name, v) == MASK}
    found |= {match[0].split("://", 1)[1].split(":", 1)[1][:-1] for v in values.values() if isinstance(v, str) for match in CREDENTIALS.finditer(v)}
    return sorted(found, key=len, reverse=True)
