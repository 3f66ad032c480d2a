"""Files in memory: for tests, and for trying things out."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable
from typing import BinaryIO
from uuid import UUID

from telecom_crm.adapters.files.spool import Spool
from telecom_crm.application.ports import NewId, StoredFile
from telecom_crm.domain.errors import NotFound


class MemoryFiles:
    """Files that are gone with the process. Serves all threads."""

    def __init__(self, *, new_id: NewId) -> None:
        self._new_id = new_id
        self._content: dict[UUID, bytes] = {}
        self._lock = threading.Lock()

    def put(self, content: Iterable[bytes], *, limit: int) -> StoredFile:
        """Store a stream of bytes; raise `InvalidValue` past `limit` bytes."""
        spool = Spool(content, limit=limit)
        whole = b"".join(spool)
        stored = spool.stored_as(self._new_id())
        with self._lock:
            self._content[stored.id] = whole
        return stored

    def open(self, file_id: UUID) -> BinaryIO:
        """Open for reading; raise `NotFound`."""
        with self._lock:
            whole = self._content.get(file_id)
        if whole is None:
            raise NotFound("file", str(file_id))
        return io.BytesIO(whole)

    def delete(self, file_id: UUID) -> None:
        """Remove; again is no error."""
        with self._lock:
            self._content.pop(file_id, None)
