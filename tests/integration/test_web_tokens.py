"""API tokens and the audit log in the console."""

import html
import re
from pathlib import Path

import attrs

from telecom_crm import Query, application
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Action, Area, Role
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.web.audit_labels import AUDITED, audited
from telecom_crm.entrypoints.http.web.i18n import phone
from tests.integration.test_web import admin, site, submit
from tests.people import PASSWORD

__all__ = ["admin", "site"]

PATH = "/console/tokens"


def test_a_token_is_made_shown_once_narrowed_and_revoked(site, admin):
    asked = f"{PATH}/new"
    fields = {"name": "Web shop", "role": "cashier", "expires_at": "01.01.2099"}
    shown = submit(admin, asked, asked, **fields, scopes="payments:read")
    found = re.search(r'id="f-secret" value="([^"]+)"', shown.text)
    assert found, shown.text
    secret = html.unescape(found[1])
    visitor = site.crm.access.visitor(secret)
    assert visitor.may(Area.PAYMENTS, Action.READ)
    assert not visitor.may(Area.PAYMENTS, Action.WRITE)
    token = site.crm.access.authenticate(secret)
    base = f"{PATH}/{token.id}"
    assert base in admin.get(PATH).text
    assert secret not in admin.get(base).text
    question = admin.get(f"{base}/revoke").text
    assert "Web shop" in question
    assert "opens nothing any more" in question
    assert submit(admin, f"{base}/revoke", f"{base}/revoke").status_code == 303
    assert site.crm.access.visitor(secret) is None
    assert f"{base}/revoke" not in admin.get(base).text


def test_every_fault_of_a_token_is_told_and_ticks_are_kept(site, admin):
    asked = f"{PATH}/new"
    odd = submit(
        admin, asked, asked, name="", role="cashier", expires_at="soon", scopes="tickets:read"
    )
    assert odd.status_code == 422
    for field in ("name", "expires_at"):
        assert f'href="#f-{field}"' in odd.text
    assert re.search(r'value="tickets:read"[^>]* checked', odd.text)
    past = submit(admin, asked, asked, name="Old", role="cashier", expires_at="01.01.2001")
    assert past.status_code == 422
    vague = {"name": "Vague", "role": "cashier"}
    for said in ({}, {"everything": "true", "scopes": "payments:read"}):
        refused = submit(admin, asked, asked, **vague, **said)
        assert (refused.status_code, 'href="#f-everything"' in refused.text) == (422, True)
    assert (
        'value="" selected' in admin.get(asked).text or '<option value="">' in admin.get(asked).text
    )
    unnamed = submit(admin, asked, asked, name="Roleless", role="", everything="true")
    assert (unnamed.status_code, 'href="#f-role"' in unnamed.text) == (422, True)
    whole = submit(admin, asked, asked, **vague, everything="true")
    assert 'id="f-secret"' in whole.text
    [token] = [one for one in site.crm.access.page(Query()).items if one.name == "Vague"]
    assert token.scopes is None
    nonsense = submit(admin, asked, asked, name="New", role="cashier", scopes="everything:always")
    assert nonsense.status_code == 422


def test_the_audit_is_narrowed_by_who_and_when_and_exported_for_a_line_of_its_own(site, admin):
    site.crm.access.record("=look", thing="sim", thing_id="1", by=Actor("+bek"))
    page = admin.get("/console/audit?by=%2Bbek").text
    assert "Never verified" in page
    assert "+bek" in page
    assert "Nothing written down" in admin.get("/console/audit?by=nobody").text
    assert "Nothing written down" in admin.get("/console/audit?to=01.01.2001").text
    odd = admin.get("/console/audit?by=%2Bbek&from=soon")
    assert (odd.status_code, "f-from" in odd.text) == (200, True)
    taken = admin.get("/console/audit/audit.csv?by=%2Bbek&from=01.01.2001")
    assert taken.headers["content-type"] == "text/csv; charset=utf-8"
    assert taken.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    head, line = taken.text.lstrip("\ufeff").splitlines()
    assert "thing_id" in head
    assert "'=look" in line
    assert "'+bek" in line
    (told,) = site.crm.access.audit(Query(where={"action": "audit.export"})).items
    assert told.detail == "csv, filtered by by, from"
    assert site.browser("auditor").get("/console/audit/audit.csv").status_code == 403
    site.crm.audit.seal()
    assert not site.crm.audit.verify(by=Actor("+bek")).broken
    page = admin.get("/console/audit").text
    assert "Verified: untouched" in page
    assert "Last sealed:" in page


def test_the_audit_tells_where_a_command_came_from(site, admin):
    here = "/console/audit?address=testclient"
    submit(
        admin,
        "/console/tokens/new",
        "/console/tokens/new",
        name="Kiosk",
        role="cashier",
        everything="true",
    )
    latest = Query(where={"action": "token.create", "by": "admin"}, limit=1, descending=True)
    [made] = site.crm.access.audit(latest).items
    assert made.by.address == "testclient", "whole, of who works here"
    page = admin.get(here).text
    assert '<a class="sub num" href="/console/audit?address=testclient">testclient</a>' in page
    assert "Nothing written down" in admin.get("/console/audit?address=203.0.113.7").text
    taken = admin.get(f"{here.replace('audit?', 'audit/audit.csv?')}").text.splitlines()
    assert taken[0].lstrip("\ufeff").split(",")[:4] == ["at", "by", "token", "address"]
    lines = [line for line in taken[1:] if line[:2] == "20"]
    assert lines
    assert all(",testclient," in line for line in lines)


def test_every_action_of_the_audit_has_words():
    source = "".join(p.read_text("utf-8") for p in Path(application.__file__).parent.rglob("*.py"))
    said = r'(?:action=|\b_?record\(\s*|_line\(|[A-Z]{4,} = |action = )"([a-z_]+\.[a-z_]+)"'
    assert set(re.findall(said, source)) >= {"sim.secrets", "sign_in.refused", "audit.export"}
    assert set(re.findall(said, source)) - set(AUDITED) == set()
    assert audited("refused read tokens") == "Refused: See (API tokens)"


def test_changes_are_in_the_audit_with_what_was_before_unless_it_is_personal(site, admin):
    customer = site.customer
    site.crm.customers.update(customer.id, changes={"phone": "+996555999888"})
    brand = site.crm.rules.brand()
    for hue in (120, 121):
        site.crm.rules.put_brand(attrs.evolve(brand, hue=hue), by=Actor("painter"))
    page = admin.get(f"/console/audit?thing=customer&thing_id={customer.id}").text
    assert "Data changed" in page
    assert "changed; not shown here" in page
    assert "996555999888" not in page
    assert f'href="/console/customers/{customer.id}"' in page
    page = admin.get("/console/audit?by=painter&kind=change").text
    assert "<dt>Hue</dt><dd><del>120</del> → <ins>121</ins></dd>" in page
    assert "Nothing written down" in admin.get("/console/audit?by=painter&kind=access").text
    taken = admin.get("/console/audit/audit.csv?by=painter&kind=change").text
    assert '""hue"": [120, 121]' in taken
    site.crm.rules.put_brand(brand)


def test_pages_of_the_audit_lead_on_and_say_everything_once(site, admin):
    seen, path = 0, "/console/audit?kind=change&action=ContractActivated"
    while path:
        page = admin.get(path).text
        seen += page.count("<td>Contract activated</td>")
        found = re.search(r'href="([^"]+)"[^>]* rel="next"', page)
        path = html.unescape(found[1]) if found else ""
    where = {"action": "ContractActivated"}
    assert seen == len(site.crm.audit.page(Query(where=where, limit=500)).items) > 20


def test_refusals_are_in_the_audit_and_found_by_a_filter(site, admin):
    assert site.browser("support").get(PATH).status_code == 403
    page = admin.get("/console/audit?action=refused read tokens").text
    assert "refused read tokens" in page
    assert "support" in page
    assert "Nothing written down" in admin.get("/console/audit?thing=spoon").text
    assert site.browser("operator").get("/console/audit").status_code == 403


def test_the_audit_names_things_as_people_know_them_to_who_may_see_them(site, admin):
    contract = next(site.crm.contracts.each(status="active"))
    name = site.crm.customers.get(contract.customer_id).name
    ticket = site.crm.tickets.create(
        customer_id=contract.customer_id, subject="Calls drop", by=Actor("namer")
    )
    site.crm.inventory.secrets(contract.iccid, by=Actor("namer"))
    site.crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD, reason="odd", by=Actor("namer"))
    role = Role(name="reader", title="Reader", grants={Area.AUDIT: frozenset({Action.READ})})
    site.crm.rules.create_role(role)
    site.crm.users.begin(
        login="reader", name="Reader", role="reader", password=PASSWORD, by=Actor("namer")
    )
    page, card = admin.get("/console/audit?by=namer").text, masked(contract.iccid.digits, first=6)
    for path, called in (
        (f"contracts/{contract.id}", f"{contract.number} · {name}"),
        (f"tickets/{ticket.id}", f"{ticket.number} · Calls drop"),
        (f"sims/{contract.iccid}", card),
        ("users/[0-9a-f-]{36}", "reader"),
    ):
        assert re.search(rf'href="/console/{path}" title="[^"]+">{re.escape(called)}</a>', page)
    told = f"<dt>Customer</dt><dd>{name}</dd>"
    assert told in page, "who a change tells of"
    page = site.browser("reader").get("/console/audit?by=namer").text
    assert not any(one in page for one in (name, contract.number, ticket.number))
    assert f">…{str(contract.id)[-8:]}<" in page
    assert card in page
    assert contract.iccid.digits not in page, "what identifies a card is not beside its mask"
    assert not re.search(r'href="/console/(contracts|tickets|sims|users)/', page)


def test_what_everybody_calls_alike_is_named_by_its_key(site, admin):
    [tariff] = site.crm.catalog.tariffs(Query(limit=1)).items
    page = admin.get("/console/audit?thing=tariff").text
    assert f'href="/console/tariffs/{tariff.code}" title="{tariff.code}">{tariff.name.en}<' in page
    assert ">Compatibility<" in admin.get("/console/audit?thing=rules&thing_id=compatibility").text
    number = next(iter(site.crm.inventory.each_number()))
    page = admin.get(f"/console/audit?thing=number&thing_id={number.key}").text
    assert f">{phone(number.msisdn)}</a>" in page
