"""What a file is, found in its content: names and headers are only claims."""

from __future__ import annotations

import codecs

HEAD = 8192
"""How many bytes of the beginning are looked at."""
TAIL = 65_536
"""How many of the end: there a ZIP archive lists what is in it."""

UNKNOWN = "application/octet-stream"

_STARTS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SEPARATORS = ",;\t|"
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f") | {"\x7f"}


def media_type(head: bytes, tail: bytes) -> str:
    """Return the media type by the first `HEAD` and the last `TAIL` bytes of a file."""
    for start, found in _STARTS:
        if head.startswith(start):
            return found
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(_ZIP):
        return _XLSX if b"xl/workbook.xml" in tail else "application/zip"
    text = _decoded(head)
    if text is None:
        return UNKNOWN
    first = text.split("\n", 1)[0]
    return "text/csv" if any(mark in first for mark in _SEPARATORS) else "text/plain"


def _decoded(head: bytes) -> str | None:
    """Return the text, or None where the bytes are none in UTF-8, UTF-16 or Windows-1251."""
    if not head:
        return None
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return _text(head[len(bom) :], encoding)
    return _text(head, "utf-8") or _text(head, "cp1251")


def _text(raw: bytes, encoding: str) -> str | None:
    try:
        # The head may end inside a character, which is no fault of the text.
        text = codecs.getincrementaldecoder(encoding)().decode(raw, final=False)
    except UnicodeDecodeError:
        return None
    return None if _CONTROLS.intersection(text) else text
