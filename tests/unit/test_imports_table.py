"""Reading files: every encoding and separator comes out right, or is refused with its line."""

import csv
import gc
import io

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from telecom_crm.application.bulk.collecting import rare_collections
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import (
    ROW_LIMIT,
    Columns,
    find_layout,
    neutral,
    plain_cell,
    records,
)
from telecom_crm.domain.errors import InvalidValue

COLUMNS = Columns(required=("full_name", "phone"), optional=("city",))
SEPARATORS = (",", ";", "\t")
NAMES = ("Асанов Азамат", "Рахимова Чолпон", "Ли Виктория", "Эсенов Бакыт", "Цой Анна")
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1251", "koi8-r")


def text_of(rows, separator=",", end="\r\n"):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


def read(raw, encoding=None, separator=None):
    stream = io.BytesIO(raw)
    layout = find_layout(stream, COLUMNS, encoding=encoding, separator=separator)
    return layout, list(records(stream, layout))


def faults(raw, **told):
    with pytest.raises(InvalidValue) as error:
        read(raw, **told)
    return [(fault.code, fault.value) for fault in error.value.faults]


HEADER = ["full_name", "phone"]
CELLS = st.lists(
    st.sampled_from([*NAMES, "", "a,b;c\td", 'say "hi"', "two\nlines", "two\r\nlines", "'", " "]),
    min_size=2,
    max_size=2,
)


@given(
    st.lists(CELLS, max_size=8),
    st.sampled_from(ENCODINGS),
    st.sampled_from(SEPARATORS),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_was_written_is_read(rows, encoding, separator, end):
    rows = [["Иванова Мария", "1"], *rows]  # without a letter there is nothing to tell by
    layout, found = read(text_of([HEADER, *rows], separator, end).encode(encoding))
    assert layout.separator == separator
    assert [cells for _, cells in found] == rows
    if encoding in ("cp1251", "koi8-r"):
        assert layout.encoding == encoding


@given(st.lists(CELLS, min_size=1, max_size=8), st.sampled_from(SEPARATORS))
def test_lines_are_those_of_the_file(rows, separator):
    text = text_of([HEADER, *rows], separator, "\n")
    _, found = read(text.encode())
    lines = text.splitlines(keepends=True) if "\r" not in text else text.split("\n")
    assert [line for line, _ in found] == sorted({line for line, _ in found})
    for line, cells in found:
        start = io.StringIO("\n".join(part.rstrip("\n") for part in lines[line - 1 :]), newline="")
        assert next(csv.reader(start, delimiter=separator)) == cells


@given(st.lists(st.sampled_from(NAMES), min_size=1), st.sampled_from(["cp1251", "koi8-r"]))
@example(["ЛИ"], "cp1251")
@example(["ы"], "koi8-r")
def test_letters_tell_the_encoding_or_it_is_refused(names, encoding):
    raw = text_of([HEADER, *([name, "1"] for name in names)]).encode(encoding)
    try:
        layout, found = read(raw)
    except InvalidValue as error:
        assert error.faults[0].code == "encoding"  # noqa: PT017
    else:
        assert layout.encoding == encoding
        assert [cells[0] for _, cells in found] == names


RUSSIAN = ("Ёлкин Ёж", "ЩУКИНА ЮЛИЯ", "сидорова мария", "Иванов Иван Петрович", "Цой Эльвира")


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_names_as_people_write_them_are_read(encoding):
    rows = [HEADER, *([name, "1"] for name in RUSSIAN)]
    layout, found = read(text_of(rows).encode(encoding))
    assert layout.encoding == encoding
    assert [cells[0] for _, cells in found] == list(RUSSIAN)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_kyrgyz_names_are_read(encoding):
    names = ["Өмүрбеков Үсөн", "Ыманалиева Жаңыл", "ЭРМЕКОВА ҮМҮТ"]
    layout, found = read(text_of([HEADER, *([name, "1"] for name in names)]).encode(encoding))
    assert layout.encoding == encoding
    assert [cells[0] for _, cells in found] == names


@pytest.mark.parametrize("encoding", ["cp866", "mac-cyrillic", "iso8859-5", "ptcp154"])
@given(st.lists(st.sampled_from([*RUSSIAN, *NAMES]), min_size=2, unique=True))
def test_a_cyrillic_encoding_that_is_not_read_is_never_taken_for_one_that_is(encoding, names):
    kyrgyz = ["Өмүрбеков Үсөн"] if encoding == "ptcp154" else []  # the rest of it is CP1251
    raw = text_of([HEADER, *([name, "1"] for name in [*names, *kyrgyz])]).encode(encoding)
    try:
        _, found = read(raw)
    except InvalidValue as error:
        assert error.faults[0].code == "encoding"  # noqa: PT017
    else:
        assert [cells[0] for _, cells in found] == names  # small letters alone may be the same


def test_a_byte_that_cp1251_does_not_have_makes_it_no_koi8():
    text = text_of([HEADER, *([name, "1"] for name in RUSSIAN)])
    raw = text.encode("cp1251").replace(b"\xc8\xe2\xe0\xed\xee\xe2", b"\xc8\xe2\x98\xed\xee\xe2")
    assert faults(raw)[0][0] == "encoding"


@pytest.mark.parametrize("name", ["Zoë", "Müller", "Þór"])
def test_latin_letters_are_never_read_as_cyrillic(name):
    raw = text_of([HEADER, ["Anna", "1"], [name, "1"]]).encode("cp1252")
    assert faults(raw) == [("encoding", "3")]


def test_columns_come_in_any_order_and_dress():
    raw = b" PHONE ;City;Remark;Full Name\n1;Osh;x;Anna\n"
    layout, found = read(raw)
    assert layout.row(found[0][1]) == {"phone": "1", "city": "Osh", "full_name": "Anna"}


def test_every_missing_and_repeated_column_is_told():
    assert faults(b"city,x\n") == [("column_missing", "full_name, phone")]
    assert faults(b"phone,full_name,Phone\n") == [("column_repeated", "phone")]
    assert faults(b"city,City\n") == [
        ("column_missing", "full_name, phone"),
        ("column_repeated", "city"),
    ]
    with pytest.raises(InvalidValue) as caught:
        read(b"Phone, Full\tName X,City\n")
    assert [fault.message for fault in caught.value.faults] == [
        "missing full_name; found Phone, Full\ufffdName X, City;"
        " right is full_name, phone, in any order, and perhaps city"
    ]
    assert faults("Асанов Азамат,1\n".encode()) == [("header_missing", "1")]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", ("file_empty", "1")),
        (b"\n\n", ("file_empty", "1")),
        (b"PK\x03\x04rest", ("spreadsheet", "1")),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ("spreadsheet", "1")),
        (b"%PDF-1.7\n\x98", ("no_table", "1")),
        (b"full_name,phone\na,1\nb\0,2\n", ("nul", "3")),
        (b'full_name,phone\na,1\n"b,2\nc,3\n', ("quote_unclosed", "3")),
        (b'full_name,phone\na,1\n"b"x,2\n', ("quotes", "3")),
        (b"full_name,phone\na,1\n\x98,2\n", ("encoding", "3")),
        (b"\xff\xfe\x00\x00f", ("encoding", "1")),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_line(raw, fault):
    assert faults(raw) == [fault]


class Endless(io.RawIOBase):
    """A file of one row, as long as one likes, that counts how much of it was read."""

    def __init__(self, start, fill):
        self.start, self.fill, self.read_bytes = start, fill, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self.start_left = self.start
        self.read_bytes = 0
        return 0

    def readinto(self, buffer):
        left = self.start[self.read_bytes :][: len(buffer)]
        part = left or self.fill * len(buffer)
        buffer[: len(part)] = part
        self.read_bytes += len(part)
        return len(part)


@pytest.mark.parametrize(
    ("start", "code"),
    [(b"full_name,phone\na,1\n", "row_too_long"), (b'full_name,phone\na,1\n"', "quote_unclosed")],
)
def test_a_row_without_end_is_refused_before_it_is_held(start, code):
    raw = Endless(start, b"x")
    stream = io.BufferedReader(raw)
    layout = find_layout(stream, COLUMNS, encoding="utf-8", separator=",")
    with pytest.raises(InvalidValue) as error:
        list(records(stream, layout))
    assert [(fault.code, fault.value) for fault in error.value.faults] == [(code, "3")]
    assert raw.read_bytes < 3 * ROW_LIMIT


def test_a_row_over_many_lines_is_refused_too():
    raw = b'full_name,phone\n"' + b"x\n" * ROW_LIMIT + b'",1\n'
    assert faults(raw) == [("quote_unclosed", "2")]


@given(st.text(alphabet="'=+-@\t\r019aЖ \n", max_size=6))
def test_no_cell_is_a_formula_and_all_come_back(cell):
    shown = neutral(cell)
    assert plain_cell(shown) == cell
    if shown.startswith(("=", "+", "-", "@", "\t", "\r")):
        assert shown[0] == "+"
        assert shown[1:].isdigit()


@given(st.lists(st.integers(0, 50), max_size=60))
def test_no_key_that_repeats_is_missed(keys):
    repeats = Repeats()
    for key in keys:
        repeats.add(str(key))
    assert all(str(key) in repeats for key in keys if keys.count(key) > 1)
    assume(len(set(keys)) < 20)
    assert [key for key in set(keys) if keys.count(key) == 1 and str(key) in repeats] == []


def test_the_collector_gets_its_usual_rhythm_back():
    usual = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] > usual[0]
        with rare_collections():
            pass
        assert gc.get_threshold()[0] > usual[0]
    assert gc.get_threshold() == usual
