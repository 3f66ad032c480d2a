"""A file that belongs to a thing: a contract's document, a ticket's picture, a scan."""

from __future__ import annotations

import re

import attrs

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import DocumentId

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@attrs.frozen
class Attachment:
    """A stored file; `size` is in bytes, `media_type` was found by content."""

    id: DocumentId
    file_id: str
    name: str
    media_type: str
    sha256: str = attrs.field()
    size: int = attrs.field()

    @sha256.validator
    def _check(self, _: object, value: str) -> None:
        if not _SHA256.fullmatch(value):
            raise InvalidValue.of("sha256", "sha256", "64 hexadecimal digits", value)

    @size.validator
    def _check_size(self, _: object, value: int) -> None:
        if value < 0:
            raise InvalidValue.of("size", "size", "zero bytes or more", value)
