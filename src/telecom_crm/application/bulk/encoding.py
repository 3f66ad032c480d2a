"""
In which encoding a file is: by its marks, by strict UTF-8, and else by the letters it would have.

CP1251, KOI8-R and others give nearly every byte a meaning, so a file in one can be read in another,
as nonsense. They are told apart by likelihood: how often each letter is used in Russian, and
whether the capitals stand where capitals stand. Where none is much likelier, or the likeliest is
one that we do not read, the file is refused: a wrong guess would register people under nonsense
names.
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
_CYRILLIC_ONES = {
    "cp1251": 0.0,
    "koi8-r": 0.0,
    "cp866": -2.0,
    "mac-cyrillic": -2.0,
    "iso8859-5": -2.0,
    "ptcp154": -2.0,
}
"""
What may be meant by bytes over 127, and how much less often than by most, as a natural logarithm.
"""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")  # xlsx and zip, xls, gzip
_NO_TEXTS = (b"%PDF-", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"MZ\x90")  # and programs
_UTF_32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def refused(code: str, message: str, *, line: int = 1) -> InvalidValue:
    """Return the error for a file that cannot be read at all, and where that shows."""
    return InvalidValue((Fault("line", code, message, str(line)),))


def find_encoding(stream: BinaryIO) -> str:
    """Return the encoding of a file, read whole in bounded memory; raise `InvalidValue`."""
    head = stream.read(_PIECE)
    if not head:
        raise refused("file_empty", "the file is empty")
    if head.startswith(_SPREADSHEETS):
        raise refused("spreadsheet", "this is a spreadsheet or an archive; save it as CSV")
    if head.startswith(_NO_TEXTS):
        raise refused("no_table", "this is a picture, a document or a program, and no CSV")
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
    # What an encoding has no letter for counts against it, and does not rule it out: a file in
    # CP1251 with one bad byte is no KOI8-R, where every byte is a letter.
    texts = {name: sample.decode(name, "replace") for name in _CYRILLIC_ONES}
    scores = {name: _score(text) + _CYRILLIC_ONES[name] for name, text in texts.items()}
    best = max(scores, key=lambda name: scores[name])
    rivals = [scores[name] for name, text in texts.items() if text != texts[best]]
    if scores[best] == _NONSENSE or scores[best] - max(rivals, default=_NONSENSE) < _SURE:
        message = "not UTF-8, and not surely CP1251 or KOI8-R; save the file as UTF-8"
        raise refused("encoding", message, line=line)
    if best not in ENCODINGS:
        message = f"this looks like {best}, which is not read; save the file as UTF-8"
        raise refused("encoding", message, line=line)
    return best


def _score(text: str) -> float:
    """Return the logarithm of how likely somebody is to have written this text."""
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    mixed = sum(1 for word in words if not _CYRILLIC.fullmatch(word))
    if not words or mixed > _MIXED * len(words):
        return _NONSENSE
    strange = sum(1 for char in text if not char.isascii() and not char.isalpha())
    strange -= len(_USUAL.findall(text))
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
_USUAL = re.compile(r"(?<!\w)[«„“‘](?=\w)|(?<=[\w.!?])[»”’…](?!\w)|(?<!\w)[№–—](?!\w)|\u00a0")
"""Marks where people put them: a quote that opens stands before a word, and not within it."""
_STRANGE = log(0.00002)
_RARE = log(0.0002)
_OFTEN, _SOMETIMES, _HARDLY_EVER = log(0.45), log(0.1), log(0.0005)
# Letters of Russian texts by frequency, of ten thousand (Russian National Corpus, rounded); and the
# three that Kyrgyz has besides, as in a file of names from here.
_FREQUENCIES = (
    "о1097 е845 а801 и735 н670 т626 с547 р473 в454 л440 к349 м321 д298 п281 у262 я201 ы190 ь174 "
    "г170 з165 б159 ч144 й121 х97 ж94 ш73 ю64 ц48 щ36 э32 ф26 ё20 ъ4 "
    "ү60 ө50 ң30"
)
_LETTERS = {entry[0]: log(int(entry[1:]) / 10_000) for entry in _FREQUENCIES.split()}
