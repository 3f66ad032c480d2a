"""Files in requests: taken in piece by piece, kept on disk past a megabyte."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import IO, Any

import attrs
from litestar import Request
from litestar.concurrency import sync_to_thread
from litestar.datastructures import UploadFile

from telecom_crm.domain.errors import Fault
from telecom_crm.entrypoints.http.problems import Malformed

IN_MEMORY_BYTES = 1_000_000
CHUNK_BYTES = 64 * 1024


@attrs.frozen
class Received:
    """A file, at its beginning, and the name that came along, if any."""

    content: IO[bytes]
    name: str = ""


@asynccontextmanager
async def received(request: Request[Any, Any, Any]) -> AsyncIterator[Received]:
    """
    Give the file that a request brings: the body itself, or a form's only file.

    Raise `Malformed` for a form without a file. Past the route's limit the framework answers 413.
    """
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        form = await request.form()
        files = [part for part in form.values() if isinstance(part, UploadFile)]
        if len(files) != 1:
            raise Malformed((Fault("file", "missing", "one file in the form"),))
        await files[0].seek(0)
        yield Received(files[0].file, files[0].filename)
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as file:
        async for chunk in request.stream():
            if file.tell() + len(chunk) > IN_MEMORY_BYTES:
                await sync_to_thread(file.write, chunk)
            else:
                file.write(chunk)
        file.seek(0)
        yield Received(file)


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file piece by piece, and close it."""
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
