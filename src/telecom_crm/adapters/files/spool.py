"""Reading a stream once: its size, its digest and what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from uuid import UUID

from telecom_crm.adapters.files.content import HEAD, TAIL, media_type
from telecom_crm.application.ports import StoredFile
from telecom_crm.domain.errors import InvalidValue


class Spool:
    """Passes bytes on and takes their measure; raises `InvalidValue` past `limit` bytes."""

    def __init__(self, content: Iterable[bytes], *, limit: int) -> None:
        self._content = content
        self._limit = limit
        self._size = 0
        self._digest = hashlib.sha256()
        self._head = b""
        self._tail = b""

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._content:
            self._size += len(chunk)
            if self._size > self._limit:
                message = f"at most {self._limit} bytes"
                raise InvalidValue.of("file", "file_too_large", message)
            self._digest.update(chunk)
            if len(self._head) < HEAD:
                self._head += chunk[: HEAD - len(self._head)]
            self._tail = (self._tail + chunk)[-TAIL:] if len(chunk) < TAIL else chunk[-TAIL:]
            yield chunk

    def stored_as(self, file_id: UUID) -> StoredFile:
        """Return what was read, under an id."""
        return StoredFile(
            id=file_id,
            size=self._size,
            sha256=self._digest.hexdigest(),
            media_type=media_type(self._head, self._tail),
        )
