"""Papers and files of rows."""

import csv
import io
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from telecom_crm.adapters.documents import tables as adapter
from telecom_crm.adapters.documents.pdf import TypstDocuments
from telecom_crm.adapters.documents.tables import FileTables
from telecom_crm.application.bulk.table import plain_cell
from telecom_crm.application.ports import TableFormat
from telecom_crm.domain.activation import SUMMARY_CODES
from telecom_crm.domain.errors import InvalidValue, Unavailable
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.paper import PaperKind, written_data

COLUMNS: dict[str, type] = {"name": str, "born": date, "version": int}
ODD = ["=1+1", "@x", "-2", "+7x", "+996555", "\t=1", "'=1", "''", 'a "b", c', "two\nlines", "ңөү ₸"]
ROWS: list[dict[str, Any]] = [
    *({"name": name, "born": date(1990, 1, 31), "version": n} for n, name in enumerate(ODD)),
    {"name": "", "born": None, "version": None},
    {"name": None, "born": None, "version": 2**40},
]

HOSTILE = '#panic("x") $ * _ ` <a> @b \\ "]'

RECEIPT: dict[str, Any] = {
    "language": "ky",
    "operator": "Ак-Суу Мобайл",
    "payment": "01a2152e-61a5-7628-afba-9104fbb98ee8",
    "account": "A-0000001",
    "amount": "1000.00 KGS",
    "method": "cash",
    "gateway": "cash_desk",
    "reference": "",
    "booked_on": "2026-11-26",
    "booked_at": "26.11.2026 07:21:49",
}


def written(format: TableFormat, rows: list[dict[str, Any]] = ROWS) -> bytes:
    return b"".join(FileTables().write(rows, columns=COLUMNS, format=format))


def test_a_csv_says_what_the_rows_said_and_runs_nothing():
    lines = list(csv.reader(io.StringIO(written(TableFormat.CSV).decode(), newline="")))
    assert lines[0] == list(COLUMNS)
    cells = [line[0] for line in lines[1:]]
    assert [plain_cell(cell) for cell in cells] == [row["name"] or "" for row in ROWS]
    for cell in cells:
        assert not cell.startswith(("=", "@", "-", "\t")), cell
        assert cell == "+996555" or not cell.startswith("+")


def test_a_workbook_has_texts_and_no_formulas(monkeypatch):
    monkeypatch.setattr(adapter, "SHEET_ROWS", 10)
    with zipfile.ZipFile(io.BytesIO(written(TableFormat.XLSX))) as book:
        sheets = [n for n in book.namelist() if n.startswith("xl/worksheets/sheet")]
        assert len(sheets) == 2
        content = "".join(book.read(name).decode() for name in sheets)
    assert "<f>" not in content
    for text in ("<t>=1+1</t>", "<t>+996555</t>", "ңөү ₸", "<v>1099511627776</v>", "<v>32904</v>"):
        assert text in content, text


def test_parquet_brings_every_value_back(tmp_path: Path):
    file = tmp_path / "rows.parquet"
    file.write_bytes(written(TableFormat.PARQUET))
    found = duckdb.sql(f"SELECT name, born, version FROM '{file}'").fetchall()
    assert found == [(row["name"], row["born"], row["version"]) for row in ROWS]


@pytest.mark.parametrize("format", TableFormat)
def test_a_file_of_nothing_has_its_columns(format, tmp_path: Path):
    content = written(format, [])
    if format is TableFormat.CSV:
        assert content == b"name,born,version\r\n"
    elif format is TableFormat.PARQUET:
        (tmp_path / "rows.parquet").write_bytes(content)
        assert duckdb.sql(f"SELECT * FROM '{tmp_path / 'rows.parquet'}'").columns == list(COLUMNS)
    else:
        assert zipfile.is_zipfile(io.BytesIO(content))


def test_the_files_of_a_download_that_is_given_up_go_away(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pieces = FileTables().write(ROWS, columns=COLUMNS, format=TableFormat.XLSX)
    next(pieces)
    assert list(tmp_path.iterdir())
    pieces.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("language", ["ky", "ru", "en"])
def test_a_receipt_is_the_same_bytes_again_also_in_another_process(language):
    data = RECEIPT | {"language": language}
    printed = printed_as(PaperKind.RECEIPT, data)
    assert printed.startswith(b"%PDF-")
    program = (
        "import sys\n"
        "from telecom_crm.adapters.documents.pdf import TypstDocuments\n"
        "from telecom_crm.domain.paper import PaperKind\n"
        "press = TypstDocuments()\n"
        "source = press.built_in(PaperKind(sys.argv[1]))\n"
        "sys.stdout.buffer.write(press.render(source, sys.argv[2]))"
    )
    press = [sys.executable, "-c", program, PaperKind.RECEIPT, written_data(data)]
    again = subprocess.run(press, capture_output=True, check=True)
    assert again.stdout == printed
    assert b"/CreationDate(D:20261126000000Z)" in printed


PAPER: dict[str, Any] = {
    "operator": "Ак-Суу Мобайл",
    "number": "C-00000042",
    "draft": True,
    "date": "2026-11-26",
    "activated_on": "2026-11-27",
    "customer": {
        "name": f"{HOSTILE} ңөүҢӨҮ",
        "birth_date": "1990-01-31",
        "national_id": "12345678901234",
        "registration_number": "",
        "phone": "+996700000001",
        "address": "KG, Ош",
        "documents": [
            {"type": kind, "number": "ID123", "issuer": "#issuer", "valid_until": ""}
            for kind in DocumentType
        ],
    },
    "account": "B-00000042",
    "msisdn": "+996700000001",
    "iccid": "8999601000000000011",
    "number_price": "300.00 KGS",
    "payment_mode": "prepaid",
    "minimum_term": "12",
    "tariff": {"name": "*Start*", "monthly": "1500.00 KGS", "activation": "0.00 KGS"},
    "options": [
        {"name": "_Roaming_", "fee": "50.00 KGS", "recurring": recurring}
        for recurring in (True, False)
    ],
    "checks": list(SUMMARY_CODES),
}


SAMPLES = {
    PaperKind.CONTRACT: PAPER,
    PaperKind.ACCEPTANCE: PAPER,
    PaperKind.RECEIPT: RECEIPT | {"operator": f"{HOSTILE} ңөүҢӨҮ"},
}
_SPACED = "+996 700 000 001"
SPELT = {
    PaperKind.CONTRACT: {
        "en": ["Contract for mobile services", "1,500.00 KGS", "50.00 KGS a month", _SPACED],
        "ru": [
            "Договор об оказании услуг мобильной связи",
            "1 500,00 сом",
            "50,00 сом в месяц",
            _SPACED,
        ],
        "ky": ["Мобилдик байланыш кызматтарын көрсөтүү келишими", "50,00 сом айына", _SPACED],
    },
    PaperKind.ACCEPTANCE: {
        "en": ["Act of acceptance"],
        "ru": ["Акт приёма-передачи"],
        "ky": ["Кабыл алуу-өткөрүү актысы"],
    },
    PaperKind.RECEIPT: {
        "en": ["Payment receipt", "1,000.00 KGS"],
        "ru": ["Квитанция об оплате", "1 000,00 сом"],
        "ky": ["Төлөм дүмүрчөгү", "Күнү жана убактысы", "1 000,00 сом"],
    },
}
"""What a paper says in each language, the amounts as they are written there."""


@pytest.mark.parametrize("language", LANGUAGES.codes)
@pytest.mark.parametrize("kind", PaperKind)
def test_a_paper_has_words_for_all_and_shows_names_as_text(kind, language):
    facts = SAMPLES[kind] | {"language": language}
    printed = printed_as(kind, facts)
    assert printed_as(kind, facts) == printed
    assert b"/CreationDate(D:20261126000000Z)" in printed
    said = text_of(printed)
    for line in (HOSTILE, "ңөүҢӨҮ", *SPELT[kind][language]):
        assert line in said, (line, said)


def test_what_is_signed_does_not_call_itself_a_draft():
    facts = PAPER | {"language": "en"}
    assert facts["draft"]
    assert "Draft" not in text_of(printed_as(PaperKind.CONTRACT, facts))


def printed_as(kind: PaperKind, facts: dict[str, Any]) -> bytes:
    press = TypstDocuments()
    return press.render(press.built_in(kind), written_data(facts))


def text_of(pdf: bytes) -> str:
    """Return what a PDF says, as Poppler reads it, with single spaces between words."""
    read = subprocess.run(
        ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
    )
    return " ".join(read.stdout.decode().split())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('#read("/etc/passwd")', "line 1, column 7: file not found"),
        ('\n#read("../../../../etc/passwd")', "line 2, column 7: path"),
        ('#import "@preview/cetz:0.3.1": *', "Too many open files"),
        ('#import "@pre" + "view/cetz:0.3.1": *', "Too many open files"),
        ("#let f(n) = f(n + 1)\n#f(1)", "maximum function call depth"),
        ("#let x = 1\n#z(", "line 2, column 3: unclosed delimiter"),
    ],
)
def test_a_foreign_template_reads_nothing_and_reaches_nobody(source, told):
    with pytest.raises(InvalidValue) as refused:
        TypstDocuments().render(source, "{}")
    [fault] = refused.value.faults
    assert (fault.field, fault.code) == ("source", "paper_template")
    assert told in fault.message


@pytest.mark.parametrize(
    "source",
    [
        "#for a in range(9999) { for b in range(9999) { for c in range(9999) {} } }",
        '#let a = "x" * 100000000\n#range(60).map(i => a + str(i)).len()',
    ],
    ids=["endless", "huge"],
)
def test_a_foreign_template_that_does_not_end_is_ended(source):
    with pytest.raises(InvalidValue) as refused:
        TypstDocuments(process_seconds=300).render(source, "{}")  # however busy the machine is
    assert refused.value.faults[0].code == "template_limits"
    assert TypstDocuments().render("#sys.inputs.data", "{}").startswith(b"%PDF-")


def test_a_process_that_gets_no_time_is_no_fault_of_its_template():
    with pytest.raises(Unavailable) as away:
        TypstDocuments(process_seconds=0).render("Hello", "{}")
    assert away.value.retryable


def test_so_many_foreign_templates_are_set_at_once_and_who_waits_too_long_is_told():
    press = TypstDocuments(at_once=1, patience_seconds=0)
    with press._turn():
        with pytest.raises(Unavailable):
            press.render("Hello", "{}")
        built_in = press.built_in(PaperKind.RECEIPT)
        assert press.render(built_in, written_data(SAMPLES[PaperKind.RECEIPT])).startswith(b"%PDF-")
    for _ in range(2):  # a turn is given back, also by one that failed
        with pytest.raises(InvalidValue):
            press.render("#panic()", "{}")


@pytest.mark.parametrize("name", [HOSTILE, "Асанова \u202eңөү", "#read(1) = *x* $1$"])
def test_data_is_text_in_a_foreign_template_too(name):
    source = "#let data = json(bytes(sys.inputs.data))\n#data.name"
    said = text_of(TypstDocuments().render(source, written_data({"name": name})))
    for word in name.replace("\u202e", " ").split():
        assert word in said or word[::-1] in said


@pytest.mark.parametrize("kind", PaperKind)
def test_a_built_in_template_is_the_same_when_it_is_set_apart(kind):
    press, data = TypstDocuments(), written_data(SAMPLES[kind] | {"language": "ky"})
    built_in = press.built_in(kind)
    assert press.render(built_in + "\n", data) == press.render(built_in, data)
