"""
A file of comma-separated values as rows with their lines, in bounded memory.

Nothing here holds more than one row; a row is at most 64 Ki characters, however long the file is.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import BinaryIO

import attrs

from telecom_crm.application.bulk.encoding import find_encoding, refused
from telecom_crm.application.phones import in_e164
from telecom_crm.application.ports import ReadPhone
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.importing import SEPARATORS
from telecom_crm.domain.text import is_digits

ROW_LIMIT = 65_536
"""The most characters of one row."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""

HIDDEN = "***"
"""What stands for a secret where others may read; no reader takes it for one."""

Record = tuple[int, list[str]]
"""The first physical line of a row, from 1, and its cells."""


@attrs.frozen(kw_only=True)
class Columns:
    """
    The columns that a kind of file has.

    Where some are `secret`, others that we do not know are taken for secret too.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    """Those that hold phone numbers."""
    personal: bool = False
    """Whether the rows are people's, with what belongs to nobody else."""
    public: tuple[str, ...] = ()
    """Those of a person's row that tell nothing about the person."""

    def tells_of_people(self, column: str) -> bool:
        """Tell whether a value is personal; of people's rows also one of a column unknown."""
        return self.personal and column not in self.public

    def named(self, header: Sequence[str]) -> dict[str, int]:
        """Return where each column is; case, spaces and punctuation of names do not matter."""
        known = {_plain(name): name for name in (*self.required, *self.optional)}
        places: dict[str, int] = {}
        for place, name in enumerate(header):
            if column := known.get(_plain(name)):
                places.setdefault(column, place)
        return places

    def without_secrets(self, cells: Sequence[str], header: Sequence[str]) -> Sequence[str]:
        """Return a row's cells with `HIDDEN` for what is not for everybody to see."""
        if not self.secret:
            return cells
        shown = {place for name, place in self.named(header).items() if name not in self.secret}
        if len(cells) != len(header):
            shown = set()  # who knows what is in which column
        return [
            HIDDEN if cell.strip() and place not in shown else cell
            for place, cell in enumerate(cells)
        ]


@attrs.define
class WrongHeader(InvalidValue):
    """A file's first line is not the header of its kind: what it has there."""

    header: Sequence[str]


@attrs.frozen(kw_only=True)
class Layout:
    """How a file is to be read, found once for the whole of it."""

    encoding: str
    separator: str
    header: tuple[str, ...]
    places: Mapping[str, int]
    phones: tuple[str, ...] = ()
    read_phone: ReadPhone = MSISDN

    def row(self, cells: Sequence[str]) -> dict[str, str]:
        """
        Return the cells of the known columns by name, phone numbers in E.164 where they can be
        read; there are as many cells as the header has.
        """
        row = {name: cells[place] for name, place in self.places.items()}
        for name in self.phones:
            row[name] = in_e164(row[name].strip(), self.read_phone)
        return row


def find_layout(
    stream: BinaryIO,
    columns: Columns,
    *,
    encoding: str | None,
    separator: str | None,
    read_phone: ReadPhone = MSISDN,
) -> Layout:
    """Find out how a file is to be read; raise `InvalidValue` with every fault of its header."""
    encoding = encoding or find_encoding(stream)
    stream.seek(0)
    candidates = (separator,) if separator else SEPARATORS
    headers = {mark: _header(stream, encoding, mark) for mark in candidates}
    mark = max(candidates, key=lambda one: len(columns.named(headers[one])))
    header, places = headers[mark], columns.named(headers[mark])
    _check_header(header, places, columns)
    return Layout(
        encoding=encoding,
        separator=mark,
        header=tuple(header),
        places=places,
        phones=tuple(name for name in columns.phones if name in places),
        read_phone=read_phone,
    )


def records(stream: BinaryIO, layout: Layout) -> Iterator[Record]:
    """
    Go through the rows of a file, header and empty lines left out.

    Raise `InvalidValue` with the line where the rest cannot be read: an unclosed quote, a NUL, a
    row over the limit, bytes that are not in the encoding.
    """
    stream.seek(0)
    rows = _records(stream, layout.encoding, layout.separator)
    next(rows)
    return rows


def neutral(cell: str) -> str:
    """
    Return a cell that a spreadsheet shows as it is and never runs; `plain_cell` takes it back.

    +996555123456 stays a number.
    """
    bare = cell.lstrip("'")
    if not bare.startswith(FORMULA) or (cell[0] == "+" and is_digits(cell[1:])):
        return cell
    return f"'{cell}"


def plain_cell(cell: str) -> str:
    """Return what a cell was before `neutral`."""
    if cell[:1] == "'" and cell.lstrip("'").startswith(FORMULA):
        return cell[1:]
    return cell


class _Lines:
    """The physical lines of a text, counted; refuses what no row can be."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._read = text.readline
        self._size = 0
        self._quotes = 0
        self.first = 1
        self.last = 0
        self.marked = False
        """Whether the row has an apostrophe, which `neutral` may have put there."""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._read(ROW_LIMIT + 1)
        if not line:
            raise StopIteration
        self.last += 1
        self._size += len(line)
        if '"' in line:
            self._quotes += line.count('"')
        if self._size > ROW_LIMIT:
            raise self._too_long()
        if "\0" in line:
            raise refused("nul", "a NUL byte, which no text has", line=self.last)
        if "'" in line:
            self.marked = True
        return line

    def begin(self) -> None:
        """Begin the next row behind the last line that was read."""
        self.first = self.last + 1
        self._size = self._quotes = 0
        self.marked = False

    def unclosed(self) -> Exception:
        """Return the error for a row that begins and does not end."""
        return refused("quote_unclosed", "a quote is opened and not closed", line=self.first)

    def _too_long(self) -> Exception:
        if self._quotes % 2:
            return self.unclosed()
        message = f"a row of more than {ROW_LIMIT} characters"
        return refused("row_too_long", message, line=self.first)


def _records(stream: BinaryIO, encoding: str, separator: str) -> Generator[Record, None, None]:
    text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline="")
    lines = _Lines(text)
    try:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        for cells in reader:
            if cells:
                yield lines.first, [plain_cell(c) for c in cells] if lines.marked else cells
            lines.begin()
    except csv.Error as error:
        if "end of data" in str(error):
            raise lines.unclosed() from None
        raise refused("quotes", f"the quotes are wrong: {error}", line=lines.first) from None
    except UnicodeError:
        message = f"here or a little behind are bytes that are not {encoding}"
        raise refused("encoding", message, line=lines.last + 1) from None
    finally:
        if not stream.closed:
            text.detach()


def _header(stream: BinaryIO, encoding: str, separator: str) -> list[str]:
    stream.seek(0)
    rows = _records(stream, encoding, separator)
    try:
        _, header = next(rows, (1, None))
    finally:
        rows.close()
    stream.seek(0)
    if header is None:
        raise refused("file_empty", "the file has no header")
    return header


def _check_header(header: Sequence[str], places: Mapping[str, int], columns: Columns) -> None:
    """Raise `InvalidValue` with everything that is wrong with a header."""
    right = f"right is {', '.join(columns.required)}, in any order"
    if columns.optional:
        right += f", and perhaps {', '.join(columns.optional)}"
    if not places:
        fault = Fault("line", "header_missing", f"this is not the header: {right}", "1")
        raise WrongHeader((fault,), header)
    faults = Faults()
    if missing := [name for name in columns.required if name not in places]:
        told = f"missing {', '.join(missing)}; found {_shown(header)}; {right}"
        faults.add("header", "column_missing", told, ", ".join(missing))
    plain = [_plain(name) for name in header]
    if repeated := [name for name in places if plain.count(_plain(name)) > 1]:
        told = f"{', '.join(repeated)} more than once; found {_shown(header)}"
        faults.add("header", "column_repeated", told, ", ".join(repeated))
    if faults.found:
        raise WrongHeader(tuple(faults.found), header)


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def _shown(header: Sequence[str]) -> str:
    """Return a header as it is told: whatever was taken for one, in a line of bounded length."""
    names = ", ".join(name.strip()[:40] for name in header[:40])
    return "".join(char if char.isprintable() else "\ufffd" for char in names)
