"""Two customers who are one person: merged in the console, and parted again."""

import re
from collections.abc import Iterator

import pytest

import telecom_crm
from telecom_crm.application import duplicates
from telecom_crm.application.ports import Payer
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.console import merging
from tests.integration.test_web import Site, submit
from tests.people import QUICK, hire

CUSTOMERS = "/console/customers"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        hire(crm)
        yield Site(create_app(crm), crm)


@pytest.fixture(scope="module")
def senior(site):
    return site.browser("senior_operator")


@pytest.fixture
def two(site) -> tuple[Customer, Customer]:
    """Return a customer with a contract, and one with the same phone who has nothing."""
    one = next(c for c in site.crm.customers.each() if c.phone and not c.merged_into)
    return one, site.crm.customers.register(name="<b>Twin</b>", phone=one.phone)


def test_the_alike_are_offered_and_compared(site, senior, two):
    one, twin = two
    offered = senior.get(f"{CUSTOMERS}/{twin.id}/merge").text
    assert f"{CUSTOMERS}/{twin.id}/merge/{one.id}" in offered
    found = senior.get(f"{CUSTOMERS}/{twin.id}/merge", params={"q": "Twin"}).text
    assert f"/merge/{twin.id}" not in found
    compared = senior.get(f"{CUSTOMERS}/{one.id}/merge/{twin.id}").text
    (contract,) = site.crm.contracts.each(customer_id=str(one.id))
    assert contract.number in compared
    assert "<b>Twin" not in compared
    assert "&lt;b&gt;Twin" in compared


def test_two_are_made_one_by_who_types_the_proof_and_parted_again(site, senior, two):
    one, twin = two
    at = f"{CUSTOMERS}/{one.id}/merge/{twin.id}"
    (contract,) = site.crm.contracts.each(customer_id=str(one.id))
    version = str(one.version)
    slip = submit(senior, at, at, version=version, proof="yes")
    assert (slip.status_code, 'id="e-proof"' in slip.text) == (422, True)
    assert site.crm.customers.get(one.id).merged_into is None
    done = submit(senior, at, at, version=version, proof=contract.number)
    assert done.headers["location"] == f"{CUSTOMERS}/{twin.id}"
    assert site.crm.contracts.get(contract.id).customer_id == twin.id
    again = submit(senior, at, at, version=version, proof=contract.number)
    assert again.status_code in (409, 422)
    profile = senior.get(f"{CUSTOMERS}/{one.id}").text
    assert f"{one.id}/unmerge" in profile
    listed = senior.get(CUSTOMERS, params={"q": one.name}).text
    row = next(part for part in listed.split("data-row") if f"{CUSTOMERS}/{one.id}" in part)
    assert ">Merged<" in row
    assert "Merged" in senior.get("/console/find", params={"q": one.name}).text
    parted = f"{CUSTOMERS}/{one.id}/unmerge"
    merged = site.crm.customers.get(one.id)
    assert submit(senior, parted, parted, version=str(merged.version)).status_code == 303
    assert site.crm.contracts.get(contract.id).customer_id == one.id


def radios_of(page):
    """Return the choices of a comparison: by the field, the values and which one is made."""
    found = re.findall(r'name="keep\.(\w+)" value="(\w+)"( checked)?', page)
    assert {value for _, value, _ in found} <= {"goes", "stays"}
    return {field: value for field, value, checked in found if checked}


def test_what_differs_is_chosen_and_goes_back_with_the_merge(site, senior):
    paper = IdentityDocument(type=DocumentType.PASSPORT, number="AN 7654321")
    goes = site.crm.customers.register(
        name="Chosen One", email="chosen@example.org", documents=[paper]
    )
    stays = site.crm.customers.register(name="Chosen Two", phone="+996555121212", language="ky")
    at = f"{CUSTOMERS}/{goes.id}/merge/{stays.id}"
    page = senior.get(at).text
    assert radios_of(page) == {"name": "stays", "email": "goes", "documents": "goes"}
    assert "AN 7654321" not in page
    typed = {"version": str(goes.version), "keep.name": "goes", "keep.email": "goes"}
    slip = submit(senior, at, at, **typed, proof="no")
    assert radios_of(slip.text) == {"name": "goes", "email": "goes", "documents": "goes"}
    nothing = submit(senior, at, at, **typed, **{"keep.phone": "goes"}, proof="Chosen One")
    assert (nothing.status_code, "has nothing here to take" in nothing.text) == (422, True)
    assert submit(senior, at, at, **typed, proof="Chosen One").status_code == 303
    whole = site.crm.customers.get(stays.id)
    assert (whole.name, whole.email) == ("Chosen One", "chosen@example.org")
    assert (whole.phone, whole.documents) == (stays.phone, ())
    told = site.browser("auditor").get(f"{CUSTOMERS}/{goes.id}/audit").text
    assert "<dt>Taken over</dt><dd>E-mail, Name</dd>" in told
    parted = f"{CUSTOMERS}/{goes.id}/unmerge"
    version = str(site.crm.customers.get(goes.id).version)
    assert submit(senior, parted, parted, version=version).status_code == 303
    back = site.crm.customers.get(stays.id)
    assert (back.name, back.email) == ("Chosen Two", None)


def test_the_comparison_tells_what_comes_of_balances(site, senior, two):
    one, twin = two
    page = senior.get(f"{CUSTOMERS}/{one.id}/merge/{twin.id}").text
    (account,) = site.crm.accounts.of_customer(one.id)
    after = page.partition("Balances of the one who stays")[2].partition("</dl>")[0]
    assert after.count(account.number) == 1
    assert "KGS" in after


def test_an_operator_alone_merges_nobody(site, two):
    one, twin = two
    operator = site.browser("operator")
    assert operator.get(f"{CUSTOMERS}/{one.id}/merge/{twin.id}").status_code == 403
    assert f"{one.id}/merge" not in operator.get(f"{CUSTOMERS}/{one.id}").text


def test_the_survivor_stands_wherever_one_who_was_merged_is_found(site, senior):
    goes = site.crm.customers.register(name="Gonewest Zzz")
    stays = site.crm.customers.register(name="Remaining Yyy")
    site.crm.customers.add_note(goes.id, text="Rings after six")
    at = f"{CUSTOMERS}/{goes.id}/merge/{stays.id}"
    assert "<dt>Notes</dt><dd>1</dd>" in senior.get(at).text
    site.crm.customers.merge(goes.id, survivor_id=stays.id)
    third = site.crm.customers.register(name="Third Xxx")
    for path in ("/console/contracts/new", "/console/tickets/new", f"{CUSTOMERS}/{third.id}/merge"):
        found = senior.get(path, params={"q": "Gonewest"}).text
        assert (str(stays.id) in found, str(goes.id) in found) == (True, False), path
    begun = senior.get(f"/console/contracts/new/number?customer={goes.id}")
    assert f"customer={stays.id}" in begun.headers["location"]
    ticket = senior.get(f"/console/tickets/new?customer={goes.id}").text
    assert ("Remaining Yyy" in ticket, "Gonewest" in ticket) == (True, False)
    own = senior.get(f"{CUSTOMERS}/{goes.id}").text
    assert f'href="{CUSTOMERS}/{stays.id}">Remaining Yyy</a>' in own
    head = own.partition('id="profile-head"')[2].partition("</header>")[0]
    assert (">Merged<" in head, "Prospect" in head) == (True, False)
    assert "Rings after six" in senior.get(f"{CUSTOMERS}/{stays.id}").text


# Pairs


def pair_of(page, one, other):
    """Return the part of the list that shows two customers, "" where none does."""
    parts = page.split('class="pair"')[1:]
    return next((part for part in parts if str(one.id) in part and str(other.id) in part), "")


def test_pairs_are_listed_once_and_told_apart(site, senior):
    first = site.crm.customers.register(name="Pair One", email="pair@example.org")
    second = site.crm.customers.register(name="<i>Pair Two", email="pair@example.org")
    shown = f"{CUSTOMERS}/duplicates"
    page = senior.get(shown).text
    pair = pair_of(page, first, second)
    assert ("60%" in pair, "The same e-mail" in pair, "<i>Pair" in page) == (True, True, False)
    assert sum(str(first.id) in part for part in page.split('class="pair"')[1:]) == 1
    assert f"{CUSTOMERS}/{second.id}/merge/{first.id}" in pair
    away = f"{CUSTOMERS}/{second.id}/duplicates/{first.id}/dismiss"
    assert submit(senior, shown, away).headers["location"] == shown
    assert "They are two people" in senior.get(shown).text
    assert not pair_of(senior.get(shown).text, first, second)
    for one, other in ((first, second), (second, first)):
        assert all(found.dismissed for found in site.crm.customers.duplicates(one.id))
        profile = senior.get(f"{CUSTOMERS}/{one.id}").text
        assert "Possible duplicate" not in profile
        assert f"merge/{other.id}" not in senior.get(f"{CUSTOMERS}/{one.id}/merge").text


def test_a_page_of_pairs_looks_at_so_many_and_leads_on(site, senior, monkeypatch):
    old = [site.crm.customers.register(name=n, email="old@example.org") for n in ("Old", "Older")]
    for place in range(3):
        site.crm.customers.register(name=f"Nobody {place}")
    monkeypatch.setattr(merging, "LOOKED_AT", 2)
    page = senior.get(f"{CUSTOMERS}/duplicates").text
    assert pair_of(page, *old), "it goes on by itself until there is one"
    for module in (merging, duplicates):
        monkeypatch.setattr(module, "IN_A_ROW", 1)
    page, seen = senior.get(f"{CUSTOMERS}/duplicates").text, 0
    assert (pair_of(page, *old), "The next 2 customers were compared." in page) == ("", True)
    while onward := re.search(r'href="([^"]+cursor=[^"]+)"[^>]* rel="next"', page):
        page = senior.get(onward[1].replace("&amp;", "&")).text
        seen += bool(pair_of(page, *old))
    assert seen == 1
    assert senior.get(f"{CUSTOMERS}/duplicates?cursor=nonsense").status_code == 200


def test_who_only_reads_tells_nobody_apart(site, two):
    one, twin = two
    support = site.browser("support")
    page = support.get(f"{CUSTOMERS}/duplicates").text
    assert pair_of(page, one, twin)
    assert "/dismiss" not in page
    assert "/merge/" not in page


def test_those_who_are_not_alike_or_the_same_are_not_told_apart(site, senior):
    shown = f"{CUSTOMERS}/duplicates"
    one, other = (site.crm.customers.register(name=name) for name in ("Alone", "Apart"))
    before = other.version
    answer = submit(senior, shown, f"{CUSTOMERS}/{one.id}/duplicates/{other.id}/dismiss")
    assert answer.status_code == 303
    assert 'data-tone="bad"' in senior.get(shown).text
    assert site.crm.customers.get(other.id).version == before


def test_two_people_with_contracts_are_not_merged_and_payments_move_along(site, senior):
    demo.load_subscribers(site.crm, count=4)
    live = [contract.customer_id for contract in site.crm.contracts.each(status="active")]
    one, other = (site.crm.customers.get(whose) for whose in live[-2:])
    for number, whose in enumerate((one, other)):
        changes = {"national_id": f"2010119950000{number}"}
        site.crm.customers.update(whose.id, changes=changes)
    (account,) = site.crm.accounts.of_customer(one.id)
    site.crm.payments.take(
        payer=Payer(account_id=account.id),
        amount=Money(10_000, account.currency),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    at = f"{CUSTOMERS}/{one.id}/merge/{other.id}"
    assert "<dt>Payments</dt><dd>1</dd>" in senior.get(at).text
    (contract,) = site.crm.contracts.each(customer_id=str(one.id))
    sent = {"version": str(site.crm.customers.get(one.id).version), "proof": contract.number}
    refused = submit(senior, at, at, **sent)
    assert refused.status_code == 409
    assert "they are two people" in refused.text
    site.crm.customers.update(other.id, changes={"national_id": None})
    assert submit(senior, at, at, **sent).status_code == 303
