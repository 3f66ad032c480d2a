"""The profile of a customer in the console: what it says at a glance, and what is done there."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

import telecom_crm
from telecom_crm.application.ports import Payer
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.cookies import FLASH, named
from tests.integration.test_web import HTMX, Site, submit, token_on
from tests.people import QUICK, hire

CUSTOMERS = "/console/customers"
PICTURE = b"\x89PNG\r\n\x1a\n" + b"0" * 64


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        demo.load_subscribers(crm, count=3)
        hire(crm)
        yield Site(create_app(crm), crm)


@pytest.fixture(scope="module")
def admin(site):
    return site.browser("admin")


def person(site, name, *, ends_in=None, **more):
    """Register somebody with a paper that ends in so many days."""
    until = None if ends_in is None else site.crm.clock().date() + timedelta(days=ends_in)
    paper = IdentityDocument(type=DocumentType.ID_CARD, number=name, valid_until=until)
    return site.crm.customers.register(name=name, documents=[paper], **more)


def head_of(page):
    return page.partition('id="profile-head"')[2].partition("</header>")[0]


def test_the_head_says_who_it_is_and_what_they_have(site, admin):
    one = site.customer
    (contract,) = site.crm.contracts.each(customer_id=str(one.id))
    for tab in ("", "/services", "/payments", "/documents"):
        head = head_of(admin.get(f"{CUSTOMERS}/{one.id}{tab}").text)
        assert f'href="tel:{one.phone}"' in head
        assert f'data-copy="{one.phone}"' in head
        assert f'data-copy="{one.id}"' in head
        assert contract.number in head
        assert "Document on file" in head
        assert ">Balance<" in head


def test_the_menu_has_what_is_allowed(site, admin):
    one = person(site, "Menu")
    head = head_of(admin.get(f"{CUSTOMERS}/{one.id}").text)
    offered = re.findall(rf'href="{CUSTOMERS}/{one.id}/(\w+)"', head)
    assert {"block", "close", "merge", "request", "edit"} <= set(offered)
    assert "unblock" not in offered
    site.crm.customers.block(one.id, reason="Fraud")
    head = head_of(admin.get(f"{CUSTOMERS}/{one.id}").text)
    assert {"unblock"} <= set(re.findall(rf'href="{CUSTOMERS}/{one.id}/(\w+)"', head))
    assert "/console/contracts/new" not in head
    watched = head_of(site.browser("auditor").get(f"{CUSTOMERS}/{one.id}").text)
    assert f"{one.id}/unblock" not in watched


def menu_of(page):
    """Return where the menu of a profile leads for contracts, by the command."""
    found = re.findall(r'href="([^"]+[/=](suspend|resume|change_payer))"', head_of(page))
    return {name: href for href, name in found}


def test_the_menu_leads_to_the_only_contract_or_asks_which(site, admin):
    live = site.crm.contracts.each(status="active")
    contract, other = [one for one in live if one.customer_id != site.customer.id][:2]
    profile, at = f"{CUSTOMERS}/{contract.customer_id}", f"/console/contracts/{contract.id}"
    plain = menu_of(admin.get(profile).text)
    assert plain == {"suspend": f"{at}/suspend", "change_payer": f"{at}/change_payer"}
    site.crm.contracts.suspend(contract.id, hold=HoldKind.VOLUNTARY)
    held = menu_of(admin.get(f"{profile}/tickets").text)
    assert held == {"suspend": f"{at}/suspend", "resume": f"{at}/resume"}
    site.crm.customers.merge(other.customer_id, survivor_id=contract.customer_id)
    two = menu_of(admin.get(profile).text)
    assert two == {
        "suspend": f"{profile}/services?do=suspend",
        "resume": f"{at}/resume",
        "change_payer": f"/console/contracts/{other.id}/change_payer",
    }
    asked = admin.get(two["suspend"]).text.partition("Choose the contract")[2]
    assert set(re.findall(r'href="(/console/contracts/[^"]+/\w+)"', asked)) == {
        f"/console/contracts/{one.id}/suspend" for one in (contract, other)
    }
    for odd in ("", "?do=close", "?do=x"):
        assert "Choose the contract" not in admin.get(f"{profile}/services{odd}").text
    watched = site.browser("auditor")
    assert menu_of(watched.get(profile).text) == {}
    assert "/suspend" not in watched.get(two["suspend"]).text


@pytest.mark.parametrize(
    ("ends_in", "said", "passed"),
    [
        (None, None, True),
        (31, None, True),
        (5, "The document ends soon", True),
        (-1, "The document is out of date", False),
    ],
)
def test_a_paper_that_ends_is_spoken_of(site, admin, ends_in, said, passed):
    one = person(site, f"Paper {ends_in}".replace("-", "ago "), ends_in=ends_in)
    page = admin.get(f"{CUSTOMERS}/{one.id}").text
    told = [words for words in ("The document ends soon", "out of date") if words in page]
    assert bool(told) == bool(said)
    assert said is None or said in page
    assert ("Document on file" in page) == passed
    assert ("Document expired" in page) != passed


def test_why_nothing_is_sold_is_said(site, admin):
    one = person(site, "Stopped")
    site.crm.customers.block(one.id, reason="Forged <b>papers</b>")
    page = admin.get(f"{CUSTOMERS}/{one.id}").text
    assert "Forged &lt;b&gt;papers" in page.partition("Parts of the profile")[0]
    site.crm.customers.unblock(one.id)
    assert "Forged" not in admin.get(f"{CUSTOMERS}/{one.id}").text.partition("Parts of")[0]
    site.crm.customers.close(one.id, reason="Left")
    assert "Left" in admin.get(f"{CUSTOMERS}/{one.id}").text.partition("Parts of")[0]


def test_other_things_give_their_ids_too(site, admin):
    (contract,) = site.crm.contracts.each(customer_id=str(site.customer.id))
    ticket = site.crm.tickets.create(customer_id=site.customer.id, subject="No signal")
    for path, thing in (("contracts", contract), ("tickets", ticket)):
        page = admin.get(f"/console/{path}/{thing.id}").text
        assert f'data-copy="{thing.id}"' in page


def lines_of(page):
    timeline = page.partition('id="history"')[2].partition("</section>")[0]
    return re.findall(r'<p class="font-medium">([^<]+)</p>', timeline)


def test_the_history_is_narrowed_by_its_address(site, admin):
    one = person(site, "Past", phone="+996700111222")
    path = f"{CUSTOMERS}/{one.id}"
    site.crm.tickets.create(customer_id=one.id, subject="Slow")
    every = lines_of(admin.get(path).text)
    assert {"Ticket opened", "Customer registered"} <= set(every)
    assert lines_of(admin.get(f"{path}?history=contacts").text) == ["Ticket opened"]
    assert lines_of(admin.get(f"{path}?history=service").text) == []
    assert lines_of(admin.get(f"{path}?history=nonsense").text) == every
    (account,) = site.crm.accounts.of_customer(site.customer.id)
    paid = Money(12_300, account.currency)
    payer = Payer(account_id=account.id)
    cash = PaymentMethod.CASH
    site.crm.payments.take(payer=payer, amount=paid, method=cash, gateway="cash_desk")
    money = lines_of(admin.get(f"{CUSTOMERS}/{site.customer.id}?history=money").text)
    assert "Cash: KGS\xa0123.00" in money
    assert "Account opened" in money
    assert "Contract signed" not in money


def test_a_long_history_goes_on_with_what_was_paid_in_its_place(site, admin):
    one = person(site, "Long past")
    accounts = [site.crm.accounts.open(customer_id=one.id, currency="KGS") for _ in range(2)]
    for number in range(20):
        for account in accounts:
            site.crm.payments.take(
                payer=Payer(account_id=account.id),
                amount=Money(10_000 + number, account.currency),
                method=PaymentMethod.CASH,
                gateway="cash_desk",
            )
        site.crm.tickets.create(customer_id=one.id, subject=f"Ticket {number}")
    path = f"{CUSTOMERS}/{one.id}"
    pages, at = [], [f"{path}?in=size%3D20"]
    while at:
        text = admin.get(at.pop()).text
        pages.append(lines_of(text))
        at = re.findall(r'href="([^"]+)"[^>]*rel="next"', text.partition('id="history"')[2])
        at = [one.replace("&amp;", "&") for one in at]
        assert all("in=size" in one for one in at)
    assert [len(lines) for lines in pages] == [30, 30, 3]
    told = [line for lines in pages for line in lines]
    for number in range(20):
        turn = told[3 * number : 3 * number + 3]
        assert turn == ["Ticket opened", *[f"Cash: KGS\xa0100.{19 - number:02}"] * 2]
    assert sorted(told[60:]) == ["Account opened", "Account opened", "Customer registered"]
    assert lines_of(admin.get(f"{path}?cursor=made-up").text) == pages[0]


# Notes


def test_notes_are_told_in_their_place_and_pinned_ones_above(site, admin):
    one = person(site, "Noted")
    path = f"{CUSTOMERS}/{one.id}"
    for number in range(40):
        site.crm.customers.add_note(one.id, text=f"Note {number} <b>", pinned=number == 3)
    site.crm.tickets.create(customer_id=one.id, subject="Later")
    every, contacts = (admin.get(f"{path}{q}").text for q in ("", "?history=contacts"))
    for page in (every, contacts):
        above, _, below = page.partition('<ol class="timeline">')
        assert ("Note 3 &lt;b&gt;" in above, "Note 39 &lt;b&gt;" in below) == (True, True)
        assert lines_of(page) == ["Ticket opened", *["Note written"] * 29]
    (onward,) = re.findall(r'href="([^"]+)"[^>]*rel="next"', contacts.partition('id="history"')[2])
    more = admin.get(onward.replace("&amp;", "&")).text
    assert lines_of(more) == ["Note written"] * 11
    assert "Note 10 &lt;b&gt;" in more
    assert lines_of(admin.get(f"{path}?history=contacts&cursor=-.x").text) == lines_of(contacts)
    assert lines_of(admin.get(f"{path}?history=service").text) == []
    watched = site.browser("auditor").get(path).text
    assert ("Note 3 &lt;b&gt;" in watched, "/notes" in watched) == (True, False)


def test_notes_are_pinned_from_the_history_up_to_three(site, admin):
    one = person(site, "Pinned")
    path = f"{CUSTOMERS}/{one.id}"
    for number in range(4):
        submit(admin, path, f"{path}/notes", text=f"Note {number}", pinned="true" if number else "")
    (first, *others) = site.crm.customers.get(one.id).notes
    assert [note.text for note in others] == ["Note 1", "Note 2", "Note 3"]
    assert site.crm.customers.get(one.id).pinned_notes == tuple(others)
    refused = submit(admin, path, f"{path}/notes", text="Note 5", pinned="true")
    assert (refused.status_code, "At most 3 notes are pinned" in refused.text) == (409, True)
    assert "Note 5</textarea>" in refused.text
    assert submit(admin, path, f"{path}/notes/{first.id}/pin").headers["location"] == path
    assert "At most 3 notes are pinned" in admin.get(path).text
    submit(admin, path, f"{path}/notes/{others[0].id}/unpin")
    submit(admin, path, f"{path}/notes/{first.id}/pin")
    texts = [note.text for note in site.crm.customers.get(one.id).pinned_notes]
    assert texts == ["Note 0", "Note 2", "Note 3"]
    names = [event.name for event in site.crm.events.of("customer", one.key)][-2:]
    assert names == ["CustomerNoteUnpinned", "CustomerNotePinned"]


def test_a_note_that_was_erased_leaves_its_line(site, admin):
    one = person(site, "Forgotten")
    site.crm.customers.add_note(one.id, text="Lives alone", pinned=True)
    site.crm.customers.erase(one.id)
    page = admin.get(f"{CUSTOMERS}/{one.id}").text
    assert ("Note written" in lines_of(page), "Lives alone" in page) == (True, False)


# Fields in their place


@pytest.mark.parametrize(
    ("field", "typed", "kept"),
    [
        ("phone", {"phone": "0700 333 444"}, lambda c: str(c.phone) == "+996700333444"),
        ("email", {"email": "new@example.org"}, lambda c: c.email == "new@example.org"),
        ("language", {"language": "ru"}, lambda c: c.language == "ru"),
        (
            "addresses",
            {"city": "Ош", "street": "Ленина 1"},
            lambda c: [(one.city, one.street) for one in c.addresses] == [("Ош", "Ленина 1")],
        ),
    ],
)
def test_a_contact_is_corrected_in_its_place(site, admin, field, typed, kept):
    one = person(site, f"Field {field}")
    profile, at = f"{CUSTOMERS}/{one.id}", f"{CUSTOMERS}/{one.id}/fields/{field}"
    assert f'hx-get="{at}"' in admin.get(profile).text
    part = admin.get(at, headers=HTMX).text
    assert part.strip().startswith(f'<div id="field-{field}"')
    assert "<form" in part
    assert "<html" in admin.get(at).text
    given_up = admin.get(f"{at}?given_up=true", headers=HTMX).text
    assert ("<form" in given_up, f'hx-get="{at}"' in given_up) == (False, True)
    done = submit(admin, at, at, version=str(one.version), **typed)
    back = f"{profile}?saved={field}"
    assert (done.status_code, done.headers["location"]) == (303, back)
    ticked = re.findall(
        r'id="field-(\w+)"(?:(?!id="field).)*?data-saved', admin.get(back).text, re.S
    )
    assert ticked == [field]
    assert "data-saved" not in admin.get(f"{profile}?saved=other").text
    assert kept(site.crm.customers.get(one.id))
    stale = submit(admin, at, at, version=str(one.version), **typed)
    assert stale.status_code == 409


def test_a_wrong_contact_is_told_in_its_place(site, admin):
    one = person(site, "Wrong contact")
    at = f"{CUSTOMERS}/{one.id}/fields/phone"
    token = token_on(admin, at)
    answer = admin.post(at, data={"phone": "12"}, headers={**HTMX, "x-csrftoken": token})
    assert answer.status_code == 422
    assert answer.text.strip().startswith('<div id="field-phone"')
    assert 'value="12"' in answer.text
    assert 'id="e-phone"' in answer.text


def test_who_somebody_is_changes_with_a_reason_and_their_paper_has_a_scan(site, admin):
    one = person(site, "Maiden", phone="+996700555111")
    edit = f"{CUSTOMERS}/{one.id}/edit"
    known = {"document_type": "id_card", "phone": "0700555111", "version": str(one.version)}
    kept = submit(admin, edit, edit, **known, name="Maiden", city="Ош")
    assert kept.status_code == 303
    known["version"] = str(site.crm.customers.get(one.id).version)
    for change in ({"name": "Married"}, {"name": "Maiden", "document_issued_on": "12.03.2020"}):
        silent = submit(admin, edit, edit, **{**known, **change})
        assert (silent.status_code, 'id="e-reason"' in silent.text) == (422, True)
    given = {**known, "name": "Married", "document_issued_on": "12.03.2020", "reason": "A wedding"}
    token, files = token_on(admin, edit), {"scan": ("card.png", PICTURE, "image/png")}
    odd = {"scan": ("card.png", b"no picture", "image/png")}
    refused = admin.post(edit, data={**given, "csrf": token}, files=odd)
    assert (refused.status_code, 'id="e-scan"' in refused.text) == (422, True)
    assert site.crm.customers.get(one.id).name == "Maiden"
    done = admin.post(edit, data={**given, "csrf": token}, files=files)
    assert done.status_code == 303, done.text
    after = site.crm.customers.get(one.id)
    assert (after.name, str(after.documents[0].issued_on)) == ("Married", "2020-03-12")
    assert after.documents[0].scan.media_type == "image/png"
    reasons = [event.reason for event in site.crm.events.of("customer", one.key)]
    assert reasons == ["", "", "A wedding", ""]
    alone = {**given, "version": str(after.version), "reason": "", "csrf": token_on(admin, edit)}
    other = {"scan": ("back.png", PICTURE + b"1", "image/png")}
    assert admin.post(edit, data=alone, files=other).status_code == 303, "a scan has no reason"
    assert "A wedding" in admin.get(f"{CUSTOMERS}/{one.id}/audit").text


def test_no_other_field_is_corrected_so(site, admin):
    one = person(site, "Sensitive")
    for field in ("name", "national_id", "documents", "status", "nothing"):
        assert admin.get(f"{CUSTOMERS}/{one.id}/fields/{field}").status_code == 404
        path = f"{CUSTOMERS}/{one.id}/fields/{field}"
        assert submit(admin, f"{CUSTOMERS}/{one.id}", path, **{field: "x"}).status_code == 404
    assert site.crm.customers.get(one.id) == one
    watched = site.browser("auditor").get(f"{CUSTOMERS}/{one.id}").text
    assert f"{one.id}/fields/" not in watched


# What is secret


def looks_at(site, one):
    lines = site.crm.audit.page(telecom_crm.Query(where={"thing_id": str(one.id)})).items
    return [line.action for line in lines if isinstance(line, telecom_crm.AuditRecord)]


def test_numbers_are_shown_to_who_may_and_each_look_is_written_down(site, admin):
    one = site.crm.customers.register(
        name="Secret numbers",
        national_id="20101199512345",
        documents=[IdentityDocument(type=DocumentType.ID_CARD, number="ID7654321")],
    )
    profile = f"{CUSTOMERS}/{one.id}"
    for path in (profile, f"{profile}/documents"):
        masked = admin.get(path).text
        assert "ID7654321" not in masked
        assert "20101199512345" not in masked
        assert looks_at(site, one) == []
    opened = submit(admin, profile, profile).text
    assert "20101199512345" in opened
    assert "ID7654321" in opened
    assert "Show numbers" not in opened
    assert "ID7654321" in submit(admin, f"{profile}/documents", f"{profile}/documents").text
    assert looks_at(site, one) == ["customer.identity"] * 2
    support = site.browser("support")
    for path in (profile, f"{profile}/documents"):
        assert "Show numbers" not in support.get(path).text
        assert submit(support, "/prefs", path).status_code == 403


def test_the_scan_of_a_paper_is_opened_by_who_may(site, admin):
    one = person(site, "Scanned")
    site.crm.scans.add(one.id, document=one.documents[0].key, content=[PICTURE])
    path = f"{CUSTOMERS}/{one.id}/documents"
    assert "<img" not in admin.get(path).text
    opened = submit(admin, path, path).text
    assert f'<img src="{path}/0/scan"' in opened
    scan = admin.get(f"{path}/0/scan")
    assert (scan.headers["content-type"], scan.content) == ("image/png", PICTURE)
    assert looks_at(site, one) == ["customer.identity", "customer.scan"]
    for place in ("1", "-1"):
        assert admin.get(f"{path}/{place}/scan").status_code == 404
    assert site.browser("support").get(f"{path}/0/scan").status_code == 403


def test_who_may_be_the_same_is_told_above_the_overview(site, admin):
    one = person(site, "Twin one", phone="+996700777888")
    other = person(site, "Twin two", phone="+996700777888")
    above = admin.get(f"{CUSTOMERS}/{one.id}").text.partition("Parts of the profile")[0]
    assert f"{one.id}/merge/{other.id}" in above
    for tab in ("services", "payments", "tickets", "documents", "audit"):
        assert f"{one.id}/merge/" not in admin.get(f"{CUSTOMERS}/{one.id}/{tab}").text
    watched = site.browser("auditor").get(f"{CUSTOMERS}/{one.id}").text
    assert f'href="{CUSTOMERS}/{other.id}"' in watched
    assert "/merge/" not in watched
    site.crm.customers.dismiss_duplicate(one.id, other_id=other.id)
    assert "Possible duplicate" not in admin.get(f"{CUSTOMERS}/{one.id}").text


def test_what_changed_is_told_in_the_readers_words(site):
    reader = site.browser("auditor")
    one = person(site, "Worded")
    site.crm.customers.update(one.id, changes={"email": "worded@example.org"})
    site.crm.customers.block(one.id, reason="Fraud")
    for path in (f"{CUSTOMERS}/{one.id}/audit", f"/console/audit?thing_id={one.id}"):
        page = reader.get(path, headers={"accept-language": "ru"}).text
        lists = " ".join(re.findall(r'<dl class="changes">(.*?)</dl>', page, re.S))
        told = re.findall(r"<dt>([^<]+)</dt><dd>(.*?)</dd>", lists, re.S)
        assert {name for name, _ in told} == {"Эл. почта", "Вид", "Статус"}
        values = re.sub("<[^>]+>", "", " ".join(value for _, value in told))
        assert {"Человек", "Потенциальный", "Заблокирован"} <= set(values.split())
        assert re.findall("[a-z]{3,}", values) == []


# Former values, and erasure


def test_former_values_are_shown_to_who_may_and_that_is_written_down(site, admin):
    one = person(site, "Was", email="was@example.org")
    site.crm.customers.update(one.id, changes={"email": "is@example.org"})
    path = f"{CUSTOMERS}/{one.id}/documents"
    assert "was@example.org" not in admin.get(path).text
    assert "was@example.org" in submit(admin, path, path, former="true").text
    (look,) = [
        line
        for line in site.crm.audit.page(telecom_crm.Query(where={"thing_id": str(one.id)})).items
        if isinstance(line, telecom_crm.AuditRecord) and line.action == "customer.former_values"
    ]
    assert look.by.name == "admin"
    cashier = site.browser("cashier")
    assert "Show former values" not in cashier.get(path).text
    assert submit(cashier, "/prefs", path).status_code == 403


def test_erasure_is_asked_for_and_done_by_another(site, admin):
    one = person(site, "To erase")
    path = f"{CUSTOMERS}/{one.id}/erase"
    assert f'href="{path}"' in head_of(admin.get(f"{CUSTOMERS}/{one.id}").text)
    assert submit(admin, path, path, reason="").status_code == 422
    asked = submit(admin, path, path, reason="Asked in writing").headers["location"]
    assert asked.startswith("/console/approvals/")
    assert site.crm.customers.get(one.id).name == "To erase"
    mine = submit(admin, asked, f"{asked}/decide", decision="approve")
    assert mine.status_code == 409
    assert site.crm.customers.get(one.id).name == "To erase"
    other = site.browser("senior_operator")
    done = submit(other, asked, f"{asked}/decide", decision="approve")
    assert done.status_code == 303
    assert site.crm.customers.get(one.id).name == "erased"


# Undoing


def undo_in(page):
    """Return where the toast's form leads, and what it sends."""
    toast = page.partition('id="toasts"')[2]
    action = re.search(r'action="([^"]+)"', toast)
    return action and (action[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', toast)))


def test_what_was_done_by_a_slip_is_undone_from_the_toast(site, admin):
    one = person(site, "Slip")
    path = f"{CUSTOMERS}/{one.id}"
    for command, after in (("block", "blocked"), ("close", "closed")):
        version = str(site.crm.customers.get(one.id).version)
        submit(admin, path, f"{path}/{command}", reason="A slip", version=version)
        assert site.crm.customers.get(one.id).status == after
        action, fields = undo_in(admin.get(path).text)
        assert admin.post(action, data=fields).status_code == 303
        assert site.crm.customers.get(one.id).status == "prospect"
        assert undo_in(admin.get(path).text) is None
        assert admin.post(action, data=fields).status_code == 409


def test_a_toast_that_somebody_made_up_leads_nowhere_else(site, admin):
    raw = json.dumps(["Hello", "ok", "//evil.example/x", 1, None, {}]).encode()
    browser = site.browser("operator")
    browser.cookies.set(named(FLASH, "https"), base64.urlsafe_b64encode(raw).decode())
    page = browser.get(f"{CUSTOMERS}/{site.customer.id}").text
    assert "Hello" in page
    assert undo_in(page) is None


def test_the_history_tells_what_one_may_read(site):
    one = person(site, "Whose")
    site.crm.tickets.create(customer_id=one.id, subject="Secret")
    told = lines_of(site.browser("cashier").get(f"{CUSTOMERS}/{one.id}").text)
    assert ("Customer registered" in told, "Ticket opened" in told) == (True, False)


def test_nobody_counts_as_checked_without_a_paper(site, admin):
    bare = site.crm.customers.register(name="Without a paper")
    head = head_of(admin.get(f"{CUSTOMERS}/{bare.id}").text)
    assert "No document" in head
    assert "Document on file" not in head
