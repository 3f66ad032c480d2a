"""Papers and files of rows."""

import csv
import io
import re
import subprocess
import sys
import zipfile
import zlib
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
from telecom_crm.domain.customer import LANGUAGES, DocumentType

COLUMNS: dict[str, type] = {"name": str, "born": date, "version": int}
ODD = ["=1+1", "@x", "-2", "+7x", "+996555", "\t=1", "'=1", "''", 'a "b", c', "two\nlines", "ңөү ₸"]
ROWS: list[dict[str, Any]] = [
    *({"name": name, "born": date(1990, 1, 31), "version": n} for n, name in enumerate(ODD)),
    {"name": "", "born": None, "version": None},
    {"name": None, "born": None, "version": 2**40},
]

RECEIPT = {
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
    printed = TypstDocuments().render("receipt.1", data)
    assert printed.startswith(b"%PDF-")
    program = (
        "import sys\n"
        "from telecom_crm.adapters.documents.pdf import TypstDocuments\n"
        f"sys.stdout.buffer.write(TypstDocuments().render('receipt.1', {data!r}))"
    )
    again = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert again.stdout == printed
    assert b"/CreationDate(D:20261126000000Z)" in printed


def test_a_receipt_has_the_letters_of_kyrgyz():
    printed = TypstDocuments().render("receipt.1", RECEIPT | {"operator": "ңөүҢӨҮ"})
    letters = {int(code, 16) for text in _streams(printed) for code in _mapped(text)}
    assert {ord(letter) for letter in "ңөүҢӨҮТКк"} <= letters


def test_data_is_never_code():
    hostile = '#panic("x") $ * _ ` <a> @b \\ "]'
    assert TypstDocuments().render("receipt.1", RECEIPT | {"operator": hostile})


PAPER: dict[str, Any] = {
    "operator": "Ак-Суу Мобайл",
    "number": "C-00000042",
    "draft": True,
    "date": "2026-11-26",
    "activated_on": "2026-11-27",
    "customer": {
        "name": '#panic("x") $ * _ ` <a> @b \\ "] ңөүҢӨҮ',
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
    "payment_mode": "prepaid",
    "minimum_term": "12",
    "tariff": {"name": "*Start*", "monthly": "500.00 KGS", "activation": "0.00 KGS"},
    "options": [
        {"name": "_Roaming_", "fee": "50.00 KGS", "recurring": recurring}
        for recurring in (True, False)
    ],
    "checks": list(SUMMARY_CODES),
}


@pytest.mark.parametrize("language", LANGUAGES.codes)
@pytest.mark.parametrize("template", ["contract.1", "acceptance.1"])
def test_a_paper_of_a_contract_has_words_for_all_and_shows_names_as_text(template, language):
    data = PAPER | {"language": language}
    printed = TypstDocuments().render(template, data)
    assert TypstDocuments().render(template, data) == printed
    assert b"/CreationDate(D:20261126000000Z)" in printed
    letters = {int(code, 16) for text in _streams(printed) for code in _mapped(text)}
    assert {ord(letter) for letter in "ңөүҢӨҮ#$*_`<@"} <= letters


@pytest.mark.parametrize("name", ["../receipt.1", "receipt", "receipt.x", ""])
def test_a_template_is_one_of_ours(name):
    with pytest.raises(ValueError, match="not a template"):
        TypstDocuments().render(name, RECEIPT)


def _streams(pdf: bytes) -> list[str]:
    found = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    return [zlib.decompress(raw).decode("latin-1") for raw in found if raw[:1] == b"\x78"]


def _mapped(text: str) -> list[str]:
    """Return the letters of a font's ToUnicode map."""
    return re.findall(r"^<[0-9a-fA-F]+> <([0-9a-fA-F]{4})>", text, re.MULTILINE)
