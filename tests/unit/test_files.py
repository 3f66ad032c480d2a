from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from telecom_crm.adapters.clock import new_uuid7
from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.application.ports import Files
from telecom_crm.domain.errors import InvalidValue, NotFound, Unavailable


@pytest.fixture(params=["directory", "memory"])
def files(request, tmp_path) -> Files:
    if request.param == "memory":
        return MemoryFiles(new_id=new_uuid7)
    return DirectoryFiles(tmp_path / "files", new_id=new_uuid7)


def all_paths(directory):
    return [path for path in directory.rglob("*") if path.is_file()]


def test_gives_back_what_was_stored(files):
    chunks = [b"%PDF-1.7\n", b"x" * 100_000, b"", b"end"]
    stored = files.put(iter(chunks), limit=200_000)
    whole = b"".join(chunks)
    assert (stored.size, stored.media_type) == (len(whole), "application/pdf")
    assert stored.sha256 == hashlib.sha256(whole).hexdigest()
    assert stored.id.version == 7
    with files.open(stored.id) as stream:
        assert stream.read() == whole


def test_deletes_and_again_is_no_error(files):
    stored = files.put([b"a"], limit=1)
    files.delete(stored.id)
    files.delete(stored.id)
    with pytest.raises(NotFound):
        files.open(stored.id)


def test_stops_reading_past_the_limit(files, tmp_path):
    read = []

    def endless():
        while True:
            read.append(1)
            yield b"x" * 10

    with pytest.raises(InvalidValue) as caught:
        files.put(endless(), limit=25)
    assert [fault.code for fault in caught.value.faults] == ["file_too_large"]
    assert len(read) == 3
    assert all_paths(tmp_path) == []


def test_a_stream_that_breaks_leaves_nothing(files, tmp_path):
    def broken():
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.put(broken(), limit=100)
    assert all_paths(tmp_path) == []


def test_no_id_is_a_path(files, tmp_path):
    (tmp_path / "secret").write_text("s")
    for trick in ("../secret", "/etc/passwd", "..", "a\x00"):
        with pytest.raises((NotFound, ValueError)):
            files.open(trick)


def test_files_are_private_and_sharded(tmp_path):
    stored = DirectoryFiles(tmp_path, new_id=new_uuid7).put([b"a"], limit=1)
    (path,) = all_paths(tmp_path)
    name = str(stored.id)
    assert path == tmp_path / name[-2:] / name[-4:-2] / name
    assert path.stat().st_mode & 0o077 == 0


def test_a_disk_that_cannot_be_written_is_unavailable(tmp_path):
    (tmp_path / "files").write_text("not a directory")
    with pytest.raises(Unavailable):
        DirectoryFiles(tmp_path / "files", new_id=new_uuid7).put([b"a"], limit=1)


def archive(*names):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name in names:
            opened.writestr(name, b"x" * 20_000)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.4", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\x00", "image/png"),
        (b"\xff\xd8\xff\xe0\x00", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", "application/octet-stream"),
        (b"II*\x00\x08", "image/tiff"),
        (b"MM\x00*\x00", "image/tiff"),
        (archive("a.txt"), "application/zip"),
        (
            archive("[Content_Types].xml", "a", "b", "c", "d", "xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (archive("[Content_Types].xml", "word/document.xml"), "application/zip"),
        (b"name;phone\r\n", "text/csv"),
        ("имя;телефон\r\n".encode("cp1251"), "text/csv"),
        ("имя,телефон".encode("utf-16"), "text/csv"),
        ("\ufeffимя\tтелефон".encode(), "text/csv"),
        (("x" + "ы" * 5000).encode(), "text/plain"),  # cut inside a letter
        (b"just words", "text/plain"),
        (b"", "application/octet-stream"),
        (b"\x00\x01\x02", "application/octet-stream"),
        (b"\x7fELF\x02\x01", "application/octet-stream"),
    ],
)
def test_finds_out_what_a_file_is(content, media_type):
    files = MemoryFiles(new_id=new_uuid7)
    for size in (1, 7, 100_000):  # however the bytes come
        chunks = [content[i : i + size] for i in range(0, len(content), size)]
        assert files.put(chunks, limit=10**6).media_type == media_type
