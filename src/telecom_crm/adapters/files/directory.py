"""Files in a directory of the machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from telecom_crm.adapters.files.spool import Spool
from telecom_crm.application.ports import NewId, StoredFile
from telecom_crm.domain.errors import NotFound, Unavailable


class DirectoryFiles:
    """
    Files under their ids, in folders by the id's last digits, readable by this user alone.

    A path is made of an id and nothing else. A file appears whole or not at all: it is written
    beside its place, synced to disk and renamed. Several processes may share a directory.
    """

    def __init__(self, directory: Path, *, new_id: NewId) -> None:
        self._directory = directory
        self._new_id = new_id

    def put(self, content: Iterable[bytes], *, limit: int) -> StoredFile:
        """Store a stream of bytes, durably; raise `InvalidValue` past `limit` bytes."""
        file_id = self._new_id()
        place = self._place(file_id)
        part = place.with_suffix(".part")
        spool = Spool(content, limit=limit)
        try:
            stream = self._create(part)
            try:
                with stream:
                    for chunk in spool:
                        _write(stream, chunk)
                    _sync(stream)
                _rename(part, place)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        except _DiskError as error:
            raise Unavailable("file store") from error.__cause__
        return spool.stored_as(file_id)

    def open(self, file_id: UUID) -> BinaryIO:
        """Open for reading; raise `NotFound`."""
        try:
            return self._place(file_id).open("rb")
        except FileNotFoundError:
            raise NotFound("file", str(file_id)) from None

    def delete(self, file_id: UUID) -> None:
        """Remove; again is no error."""
        try:
            self._place(file_id).unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable("file store") from error

    def _place(self, file_id: UUID) -> Path:
        # Through UUID, so that a text which somebody passed off as an id cannot become a path.
        name = str(UUID(str(file_id)))
        # A UUIDv7 begins with its time; its end is random and fills the folders evenly.
        return self._directory / name[-2:] / name[-4:-2] / name

    def _create(self, part: Path) -> BinaryIO:
        try:
            part.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb", 0)
        except OSError as error:
            raise _DiskError from error


class _DiskError(Exception):
    """The disk failed, as opposed to the stream that is being stored."""


def _write(stream: BinaryIO, chunk: bytes) -> None:
    try:
        left = memoryview(chunk)
        while left:  # unbuffered, so a write may take a part
            left = left[stream.write(left) :]
    except OSError as error:
        raise _DiskError from error


def _sync(stream: BinaryIO) -> None:
    try:
        os.fsync(stream.fileno())
    except OSError as error:
        raise _DiskError from error


def _rename(part: Path, place: Path) -> None:
    """Give the file its name, and make the name durable with the folders that lead to it."""
    try:
        part.rename(place)
        for folder in (place.parent, place.parent.parent, place.parent.parent.parent):
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
    except OSError as error:
        raise _DiskError from error
