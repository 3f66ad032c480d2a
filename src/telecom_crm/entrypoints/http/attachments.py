"""Files that belong to things: how routes take them in, show them and give them out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, BinaryIO, TypeVar
from uuid import UUID

from litestar import post
from litestar.concurrency import sync_to_thread
from litestar.response import Stream

from telecom_crm.application.attaching import ATTACHMENT_LIMIT, ATTACHMENT_TYPES
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.http.access import Permission
from telecom_crm.entrypoints.http.calls import Call, Parameter
from telecom_crm.entrypoints.http.uploads import chunks, received
from telecom_crm.entrypoints.http.values import View

T = TypeVar("T")

FILE_TYPES = tuple(sorted(ATTACHMENT_TYPES))
"""What a file that is given out may be: the route's `media_types`."""
EXTENSIONS = {
    "application/pdf": ".pdf",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tiff",
    "image/webp": ".webp",
}
"""What names of files end with, for a phone to know what opens them."""
NAME = Parameter(
    name="name",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
    required=True,
    description="What the file is called.",
)


class AttachmentView(View):
    """A file of a thing."""

    id: UUID
    name: str
    media_type: str
    sha256: str
    size: int

    @classmethod
    def of(cls, attachment: Attachment) -> AttachmentView:
        """Show a file."""
        return cls(
            id=attachment.id,
            name=attachment.name,
            media_type=attachment.media_type,
            sha256=attachment.sha256,
            size=attachment.size,
        )


def takes_file(path: str, area: Area, **opts: Any) -> post:
    """Declare a route whose body is a file for a thing that is there, with its `name`."""
    return post(
        path,
        access=Permission(area, Action.WRITE),
        query=(NAME,),
        versioned=True,
        raw_body="application/octet-stream",
        request_max_body_size=ATTACHMENT_LIMIT,
        **opts,
    )


async def keep(request: Call, store: Callable[[str, Iterator[bytes]], T]) -> T:
    """Take the file in, and return what `store` makes of its name and content, in a thread."""
    name = request.given()["name"]
    async with received(request) as file:
        content: IO[bytes] = file.content
        return await sync_to_thread(lambda: store(name, chunks(content)))


def download(attachment: Attachment, content: BinaryIO) -> Stream:
    """Give a file out. The name is the uploader's, and no browser is made to show what it got."""
    name = f"{attachment.id}{EXTENSIONS.get(attachment.media_type, '')}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(chunks(content), media_type=attachment.media_type, headers=headers)
