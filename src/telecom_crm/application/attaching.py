"""Files that belong to things: checked by their content, and gone again where none is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import BinaryIO, TypeVar
from uuid import UUID

from telecom_crm.application.ports import AuditRecord, Files, NewId, UnitOfWork
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.errors import InvalidValue, NotFound, TelecomCrmError, Unavailable
from telecom_crm.domain.identifiers import DocumentId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.text import read_text

ATTACHMENT_LIMIT = 20 * 1024 * 1024
"""A file's most bytes."""
ATTACHMENT_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/tiff"}
)
"""What a file may be, by its content."""

T = TypeVar("T")


def attached(
    files: Files,
    new_id: NewId,
    *,
    name: str,
    content: Iterable[bytes],
    bind: Callable[[Attachment], tuple[T, bool]],
) -> T:
    """
    Store a file and bind it to its thing: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

    `bind` returns the thing, and whether the file is needed: one that is not, or that could not be
    bound, is removed. Raise `InvalidValue` for another kind of file.
    """
    attachment = stored(files, new_id, name=name, content=content)
    try:
        thing, is_needed = bind(attachment)
    except Unavailable:
        raise  # nobody knows whether it was bound: rather a file too many than one too few
    except TelecomCrmError:
        files.delete(UUID(attachment.file_id))
        raise
    if not is_needed:
        files.delete(UUID(attachment.file_id))
    return thing


def stored(files: Files, new_id: NewId, *, name: str, content: Iterable[bytes]) -> Attachment:
    """Store a file that may be kept with something; raise `InvalidValue` for any other kind."""
    title = read_text(name, field="name", limit=255, required=True)
    kept = files.put(content, limit=ATTACHMENT_LIMIT)
    if kept.media_type not in ATTACHMENT_TYPES:
        files.delete(kept.id)
        message = "a PDF, PNG, JPEG, WEBP or TIFF file"
        raise InvalidValue.of("content", "media_type", message, kept.media_type)
    return Attachment(
        id=DocumentId(new_id()),
        file_id=str(kept.id),
        name=title,
        media_type=kept.media_type,
        sha256=kept.sha256,
        size=kept.size,
    )


def opened(
    files: Files,
    uow: UnitOfWork,
    attachments: Iterable[Attachment],
    attachment_id: DocumentId,
    *,
    action: str,
    thing_id: UUID,
    by: Actor,
    at: datetime,
) -> tuple[Attachment, BinaryIO]:
    """
    Open one of a thing's files for reading, and write down who did; raise `NotFound`.

    `action` is the audit's, such as `ticket.attachment`: it begins with what the thing is.
    """
    attachment = next((one for one in attachments if one.id == attachment_id), None)
    if attachment is None:
        raise NotFound("document", str(attachment_id))
    look = AuditRecord(
        action=action,
        thing=action.partition(".")[0],
        thing_id=str(thing_id),
        by=by,
        at=at,
        detail=str(attachment.id),
    )
    with uow() as tx:
        tx.audit.record(look)
    return attachment, files.open(UUID(attachment.file_id))
