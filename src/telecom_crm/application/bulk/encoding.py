"""
In which encoding a file is: by its marks, by strict UTF-8, and else by the letters it would have.

CP1251 and KOI8-R give every byte a meaning, so a file in one can always be read in the other, as
nonsense. They are told apart by likelihood: how often each letter is used in Russian, and whether
the capitals stand where capitals stand. Where neither is much likelier, the file is refused: a
wrong guess would register people under nonsense names.
"""

from __future__ import annotations

import codecs
import re
from math import log
from typing import BinaryIO

from telecom_crm.domain.errors import Fault, InvalidValue

_PIECE = 1 << 16
_SAMPLE = 1 << 18
"""How many bytes, of pieces that are not plain ASCII, are weighed."""
_SURE = 3.0
"""How much likelier the winner has to be, as a natural logarithm: about 20 to 1."""
_MIXED = 0.2
"""The share of words in two scripts at once from which on a reading is nonsense."""

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r")
"""What a file may be in."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def refused(code: str, message: str, *, line: int = 1) -> InvalidValue:
    """Return the error for a file that cannot be read at all, and where that shows."""
    return InvalidValue((Fault("line", code, f"line {line}: {message}", str(line)),))


def find_encoding(stream: BinaryIO) -> str:
    """Return the encoding of a file, read whole in bounded memory; raise `InvalidValue`."""
    head = stream.read(_PIECE)
    if not head:
        raise refused("file_empty", "the file is empty")
    if head.startswith(b"PK\x03\x04"):
        raise refused("spreadsheet", "this is a spreadsheet or an archive; save it as CSV")
    if head.startswith(_UTF_32):
        raise refused("encoding", "UTF-32 is not read; save the file as UTF-8")
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if wide := _wide(head):
        return wide
    stream.seek(0)
    line = _not_utf8(stream)
    if line is None:
        return "utf-8"
    stream.seek(0)
    return _likelier(_sample(stream), line)


def _wide(head: bytes) -> str | None:
    """Return which UTF-16 it is, without a mark: header names have a NUL in every second byte."""
    start = head[:24]
    if len(start) < 4 or len(head) % 2:
        return None
    even, odd = start[::2].count(0), start[1::2].count(0)
    enough = len(start) // 2 * 0.7
    if odd >= enough and not even:
        return "utf-16-le"
    return "utf-16-be" if even >= enough and not odd else None


def _not_utf8(stream: BinaryIO) -> int | None:
    """Return the line of the first byte that is not UTF-8, or None."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    while piece := stream.read(_PIECE):
        held = decoder.getstate()[0]
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            return line + (held + piece)[: error.start].count(b"\n")
        line += piece.count(b"\n")
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return line
    return None


def _sample(stream: BinaryIO) -> bytes:
    kept = b""
    while len(kept) < _SAMPLE and (piece := stream.read(_PIECE)):
        kept += b"" if piece.isascii() else piece
    return kept


def _likelier(sample: bytes, line: int) -> str:
    scores = {encoding: _score(sample, encoding) for encoding in ("cp1251", "koi8-r")}
    best, other = sorted(scores, key=lambda encoding: scores[encoding], reverse=True)
    if scores[best] == _NONSENSE or scores[best] - scores[other] < _SURE:
        message = "not UTF-8, and not surely CP1251 or KOI8-R; save the file as UTF-8"
        raise refused("encoding", message, line=line)
    return best


def _score(sample: bytes, encoding: str) -> float:
    """Return the logarithm of how likely somebody is to have written this text."""
    try:
        text = sample.decode(encoding)
    except UnicodeDecodeError:
        return _NONSENSE
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    mixed = sum(1 for word in words if not _CYRILLIC.fullmatch(word))
    if not words or mixed > _MIXED * len(words):
        return _NONSENSE
    strange = sum(1 for char in text if not char.isascii() and not char.isalpha())
    strange -= sum(text.count(mark) for mark in _USUAL)
    return sum(_word_score(word) for word in words) + strange * _STRANGE


def _word_score(word: str) -> float:
    if word.istitle() or word.islower():
        case = _OFTEN
    else:
        case = _SOMETIMES if word.isupper() else _HARDLY_EVER
    return case + sum(_LETTERS.get(letter, _RARE) for letter in word.lower())


_NONSENSE = float("-inf")
_WORD = re.compile(r"[^\W\d_]+")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]+")
_USUAL = "«»„“”‘’–—…№\u00a0"
_STRANGE = log(0.0005)
_RARE = log(0.0002)
_OFTEN, _SOMETIMES, _HARDLY_EVER = log(0.45), log(0.1), log(0.0005)
# Letters of Russian texts by frequency, of ten thousand (Russian National Corpus, rounded).
_FREQUENCIES = (
    "о1097 е845 а801 и735 н670 т626 с547 р473 в454 л440 к349 м321 д298 п281 у262 я201 ы190 ь174 "
    "г170 з165 б159 ч144 й121 х97 ж94 ш73 ю64 ц48 щ36 э32 ф26 ё20 ъ4"
)
_LETTERS = {entry[0]: log(int(entry[1:]) / 10_000) for entry in _FREQUENCIES.split()}
