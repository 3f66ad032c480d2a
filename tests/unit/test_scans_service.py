"""Scans of identity documents."""

import attrs
import pytest

from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.discarding import delete_discarded
from telecom_crm.application.ports import Query
from telecom_crm.application.scans import Scans
from telecom_crm.domain.errors import InvalidValue, NotFound, StaleVersion
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.lifecycle import Actor

BY = Actor("aida", "token-1")
PDF, OTHER = b"%PDF-1.7 front", b"%PDF-1.7 front and back"


@pytest.fixture
def files(tmp_path, ids):
    return DirectoryFiles(tmp_path, new_id=ids)


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


@pytest.fixture
def scans(uow, clock, ids, files):
    return Scans(uow, clock, ids, files)


@pytest.fixture
def delete(uow, files):
    """Delete what was discarded, and return how many files it was."""
    return lambda: delete_discarded(uow, files)


@pytest.fixture
def customer(customers):
    papers = [IdentityDocument(type="passport", number="AN 1234567")]
    return customers.register(name="Айгүл", documents=papers)


@pytest.fixture
def document(customer):
    return customer.documents[0].key


def kept(tmp_path):
    return [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]


def test_a_scan_is_kept_with_its_document_and_each_look_is_written_down(
    scans, customer, document, uow
):
    changed = scans.add(customer.id, document=document, name="front.pdf", content=[PDF], by=BY)
    assert changed.documents[0].scan.media_type == "application/pdf"
    scan, content = scans.open(customer.id, document=document, by=BY)
    with content:
        assert (scan.name, content.read()) == ("front.pdf", PDF)
    with uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query(where={"action": "customer.scan"})).items
    assert (look.thing_id, look.by, look.detail) == (customer.key, BY, str(scan.id))
    assert "front" not in str(look)


def test_another_scan_takes_the_place_of_the_one_before(
    scans, customer, document, tmp_path, delete
):
    first = scans.add(customer.id, document=document, content=[PDF])
    again = scans.add(customer.id, document=document, content=[PDF])
    assert again.version == first.version
    assert kept(tmp_path) == [PDF]
    second = scans.add(customer.id, document=document, content=[OTHER])
    assert second.version == first.version + 1
    assert (delete(), delete()) == (1, 0)
    assert kept(tmp_path) == [OTHER]


def test_what_cannot_be_kept_leaves_no_file(scans, customer, document, tmp_path):
    with pytest.raises(InvalidValue):
        scans.add(customer.id, document=document, content=[b"<html>"])
    with pytest.raises(NotFound):
        scans.add(customer.id, document="passport:ZZ9", content=[PDF])
    with pytest.raises(NotFound):
        scans.open(customer.id, document=document, by=BY)
    with pytest.raises(StaleVersion):
        scans.add(customer.id, document=document, content=[PDF], expected_version=9)
    assert kept(tmp_path) == []


def test_a_scan_is_no_other_document(scans, customers, customer, document):
    scans.add(customer.id, document=document, content=[PDF])
    assert customers.former_values(customer.id) == []


def test_documents_told_again_keep_their_scans_and_others_lose_them(
    scans, customers, customer, document, tmp_path, delete
):
    scanned = scans.add(customer.id, document=document, content=[PDF]).documents[0].scan
    told = IdentityDocument(type="passport", number="an1234567", issuer="MKK 50-00")
    updated = customers.update(customer.id, changes={"documents": [told]})
    assert updated.documents[0] == attrs.evolve(told, scan=scanned)
    assert delete() == 0
    customers.update(customer.id, changes={"documents": []})
    assert delete() == 1
    assert kept(tmp_path) == []


def test_erasure_takes_the_scan_along_whoever_comes_to_delete_it(
    scans, customers, customer, document, tmp_path, delete
):
    scans.add(customer.id, document=document, content=[PDF])
    customers.erase(customer.id)
    assert kept(tmp_path) == [PDF]  # so it stood if the process had ended here
    assert delete() == 1
    assert kept(tmp_path) == []


def test_a_file_that_cannot_be_deleted_keeps_its_turn_and_stops_no_other(
    scans, customers, tmp_path, delete
):
    for number in ("AN 7654321", "AN 7654322"):
        papers = [IdentityDocument(type="passport", number=number)]
        one = customers.register(name="Бакыт", documents=papers)
        scans.add(one.id, document=one.documents[0].key, content=[PDF])
        customers.erase(one.id)
    first, second = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    first.unlink()
    first.mkdir()
    with pytest.raises(ExceptionGroup, match="1 of a sweep"):
        delete()
    assert not second.exists()
    first.rmdir()
    assert (delete(), delete()) == (1, 0)
