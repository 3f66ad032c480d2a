"""
Processes that need not load what they are made of: they are forked from one that has.

Each is a process of its own all the same: its memory, its exit code and its end.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory

import attrs

import telecom_crm.adapters.postgres
import telecom_crm.entrypoints.cli

LOADED = [__name__]
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(LOADED)

for package in (telecom_crm.adapters.postgres, telecom_crm.entrypoints.cli):
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
import_module("telecom_crm.entrypoints.container")


@attrs.frozen
class Ended:
    """How a process ended, and what it said."""

    code: int | None
    out: str
    err: str


def command_line(
    words: tuple[str, ...], *, where: Path, environment: dict[str, str], said: str = ""
) -> Ended:
    """Carry out a command line in a process of its own, which is told something."""
    with TemporaryDirectory() as place:
        files = [Path(place) / name for name in ("in", "out", "err")]
        files[0].write_text(said, "utf-8")
        process = PROCESSES.Process(target=_carry_out, args=(words, where, environment, files))
        process.start()
        process.join(120)
        if process.exitcode is None:
            process.kill()
            process.join()
        return Ended(process.exitcode, *(file.read_text("utf-8") for file in files[1:]))


def _carry_out(
    words: tuple[str, ...], where: Path, environment: dict[str, str], files: list[Path]
) -> None:
    from telecom_crm.entrypoints.cli.main import main

    for number, file in enumerate(files):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False)
        for number in range(3)
    )
    os.chdir(where)
    os.environ.clear()
    os.environ.update(environment)
    main(words)
