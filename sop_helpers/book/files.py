"""Files that are whole or not there: atomic writes, locks, and months published by rename."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sop_helpers.book.errors import WorkbookError

try:
    import fcntl
except ImportError:  # Windows has no flock; msvcrt locks a byte instead.
    fcntl = None

CREATED = dt.datetime(2026, 1, 1)  # said in every spreadsheet, so that the same tables give the same bytes: when they were made is in the manifest


def write_atomically(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file so that its name always shows a whole one: the old or the new.

    Parameters
    ----------
    path : Path
        The file; its folder is made.
    write : callable
        Writes to the path that it is given.

    Raises
    ------
    WorkbookError
        The disk is full or the folder cannot be written to; the old file is kept.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
        sync_folder(path.parent)
    except OSError as error:
        raise WorkbookError(f"{path} could not be written: {error}", "Make room on the disk or mend its permissions; what was there before is kept.") from error
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically, readable and with sorted keys."""
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def read_json(path: Path) -> dict[str, Any]:
    """Return the content of a JSON file; empty where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise WorkbookError(f"{path} is not JSON: {error}", "Put back the file as it was, or remove it and run the month again.") from error


def digest_file(path: Path) -> str | None:
    """Return the SHA-256 of a file, or None where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder last through a power cut, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _try_lock(handle: int) -> bool:
    try:
        if fcntl:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            os.lseek(handle, 4096, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        return True
    except OSError:
        return False


@contextlib.contextmanager
def locked(path: Path, what: str, wait: float = 0.0) -> Iterator[None]:
    """Hold a lock file while working; the system lets go of it when the process dies, however it dies.

    Parameters
    ----------
    path : Path
        The lock file; it stays, and names who held it last.
    what : str
        What is done under the lock, for the message to the one who comes second.
    wait : float
        Seconds to wait for it.

    Raises
    ------
    WorkbookError
        Somebody else holds it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise WorkbookError(f"{path.parent} cannot be written to: {error.strerror}", "Mend its permissions, or name another output folder.") from error
    try:
        end = time.monotonic() + wait
        while not _try_lock(handle):
            if time.monotonic() >= end:
                holder = os.read(handle, 200).decode(errors="replace").strip() or "another process"
                raise WorkbookError(f"{what} is under way already: {holder}", "Wait until it is done, then try again.")
            time.sleep(0.02)
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}\n".encode())
        yield
    finally:
        os.close(handle)


def changed_since_closing(folder: Path) -> list[str]:
    """Return the files of a closed month that are not what they were when it was closed."""
    kept = read_json(folder / "closed.json").get("files", {})
    return [name for name, digest in kept.items() if digest_file(folder / name) != digest]


def lock_of(output: Path, label: str) -> Path:
    """Return the lock file of a month."""
    return output / f".lock-{label}"


FAILED = "failed.json"
"""In a failed run's folder: which scenario it ran."""


def new_stage(output: Path, label: str, goes_on: bool = True) -> Path:
    """Return a new staging folder for a month: a copy of what is published, and where a run goes on with the failed one that came after, that over it.

    Tables are hard links, which costs nothing and is safe because tables are only ever replaced; all else is copied.
    """
    stage = output / f".stage-{label}-{os.getpid()}-{time.time_ns()}"
    stage.mkdir(parents=True)
    for source in (output / label, *([failed_folder(output, label)] if goes_on else [])):
        if source.is_dir():
            shutil.copytree(source, stage, copy_function=_link_or_copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.part"))
    for note in ("error.html", FAILED):
        (stage / note).unlink(missing_ok=True)
    return stage


def _link_or_copy(source: str, target: str) -> str:
    Path(target).unlink(missing_ok=True)
    if source.endswith(".parquet"):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return target
    return shutil.copy2(source, target)


def failed_folder(output: Path, label: str) -> Path:
    """Return the folder in which a failed run is kept to be looked at."""
    return output / "failed" / label


def publish(stage: Path, target: Path, ends_failure: bool = True) -> None:
    """Put a finished stage in the place of the month, by rename; a failed run that it went on with is over then.

    Between the two renames the month has no folder; recover() mends that if the process dies just there.
    """
    old = target.with_name(stage.name.replace(".stage-", ".old-", 1))
    sync_folder(stage)
    if target.exists():
        os.rename(target, old)
    os.rename(stage, target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)
    if ends_failure:
        shutil.rmtree(failed_folder(target.parent, target.name), ignore_errors=True)


def recover(output: Path, label: str) -> None:
    """Finish or undo a publication that was killed between its two renames. Call it under the month's lock."""
    target = output / label
    for old in sorted(output.glob(f".old-{label}-*")):
        stage = output / old.name.replace(".old-", ".stage-", 1)
        if not target.exists():
            # The stage was whole before the first rename, so going on is as safe as going back.
            os.rename(stage if stage.exists() else old, target)
            sync_folder(output)
        shutil.rmtree(old, ignore_errors=True)


def clean(output: Path, label: str) -> None:
    """Recover, then remove the stages that killed runs left. Call it under the month's lock."""
    recover(output, label)
    for stage in output.glob(f".stage-{label}-*"):
        shutil.rmtree(stage, ignore_errors=True)


def recover_if_needed(output: Path, label: str) -> None:
    """Recover a month from a killed publication when somebody opens it; leave a run that is at work alone."""
    if (output / label).exists() or not any(output.glob(f".old-{label}-*")):
        return
    try:
        with locked(lock_of(output, label), f"the run of {label}", wait=0.5):
            recover(output, label)
    except WorkbookError:
        # A run is at work: its two renames are microseconds apart, so the folder is back by now.
        return
