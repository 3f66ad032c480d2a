"""
What commands say, and where: answers on standard output, progress and complaints on standard error.

Long work is a bar in a terminal, and a line now and then elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Protocol

from cyclopts import Parameter

from telecom_crm.domain.errors import InvalidValue

LINE_SECONDS = 5.0

Json = Annotated[bool, Parameter(name="--json")]


class Tell(Protocol):
    """Says how far the work has come, as often as it likes."""

    def __call__(self, done: int, total: int | None = None) -> None: ...


def say(text: str) -> None:
    """Tell how far it is, beside the output."""
    print(f"· {text}", file=sys.stderr, flush=True)


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Show how far the work has come."""
    if not sys.stderr.isatty():
        yield _in_lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


def _in_lines(what: str) -> Tell:
    last = time.monotonic()

    def tell(done: int, total: int | None = None) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_SECONDS:
            last = time.monotonic()
            of = "" if total is None else f" of {total:,}"
            print(f"{what}: {done:,}{of}", file=sys.stderr, flush=True)

    return tell


@contextmanager
def replaced(field: str, file: Path) -> Iterator[BinaryIO]:
    """
    Give a stream to write a file with, which is then whole, or as it was where something fails.

    Raise `InvalidValue` for `field`, before anything is written, where it could not be.
    """
    part = file.parent / f"{file.name}.part"
    try:
        if file.is_dir():
            raise IsADirectoryError(None, "it is a directory")
        stream = part.open("wb")
    except OSError as error:
        message = f"{file} cannot be written ({error.strerror})"
        raise InvalidValue.of(field, "file", message, file) from error
    try:
        with stream:
            yield stream
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
