"""Tickets in the console: opened, claimed, answered, paused, resolved, and followed up."""

import html
import re
from typing import Any

import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.ticket import Ticket, TicketPriority
from telecom_crm.entrypoints.http.web.console import lists
from tests.integration.http_service import nowhere
from tests.integration.test_web import HTMX, PNG, Site, admin, site, submit, token_on

__all__ = ["admin", "site"]

PATH = "/console/tickets"


def version_on(client: Any, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def opened(site: Site, client: Any, **fields: str) -> Ticket:
    new = f"{PATH}/new?customer={site.customer.id}"
    filled = {"subject": "No signal", "text": "Since noon", "priority": "normal"} | fields
    made = submit(client, new, f"{PATH}/new", customer=str(site.customer.id), **filled)
    assert made.status_code == 303, made.text
    key = made.headers["location"].rpartition("/")[2]
    return next(one for one in site.crm.tickets.each() if one.key == key)


def do(client: Any, ticket: Ticket, end: str, **fields: Any) -> Any:
    path = f"{PATH}/{ticket.id}"
    return submit(client, path, f"{path}/{end}", version=version_on(client, path), **fields)


def test_a_ticket_goes_from_opening_to_closing_and_comes_up_again(site, admin):
    ticket = opened(site, admin)
    path = f"{PATH}/{ticket.id}"
    assert "Since noon" in admin.get(path).text
    assert "Working time left: " in admin.get(path).text
    assert (
        "Осталось рабочего времени: "
        in site.browser("admin", **{"Accept-Language": "ru"}).get(path).text
    )
    for end, fields, status in (
        ("activate", {}, "active"),
        ("comments", {"text": "We look into it"}, "active"),
        ("comments", {"text": "A mast is down", "internal": "true"}, "active"),
        ("suspend", {"reason": "waits for the mast"}, "suspended"),
        ("resume", {}, "active"),
        ("resolve", {"answer": "The mast is mended"}, "closed"),
    ):
        assert do(admin, ticket, end, **fields).status_code == 303, end
        assert site.crm.tickets.get(ticket.id).status == status
    page = admin.get(path).text
    said = site.crm.tickets.get(ticket.id).comments
    assert [one.internal for one in said] == [False, False, True, False]
    assert said[-1].text == "The mast is mended"
    assert "Ticket resolved" in page
    assert "Ticket blocked" not in page
    assert site.crm.tickets.get(ticket.id).assignee == "admin"
    assert page.count("Internal note<") == 1
    assert "In time" in page
    assert f"{path}/comments" not in page
    again = submit(admin, path, f"{path}/follow-up", idempotency_key="again-1")
    new = next(one for one in site.crm.tickets.each() if one.follow_up_of == ticket.id)
    assert again.headers["location"] == f"{PATH}/{new.id}"
    assert ticket.number in admin.get(f"{PATH}/{new.id}").text


def test_tickets_are_counted_by_view_and_found_by_number_subject_and_phone(site, admin):
    ticket = opened(site, admin, subject="Ударила молния")
    page = admin.get(PATH).text
    for text in ("Mine", "Unassigned", "Overdue", "All"):
        assert re.search(rf'{text} <span class="tally">\d+</span>', page), text
    free = site.crm.tickets.counts({"status": "free"}, most=1001)[0]
    assert f'Unassigned <span class="tally">{free}</span>' in page
    assert 'Overdue <span class="tally">0</span>' in page
    for typed in (ticket.number, "молн", "molniia", site.customer.phone.digits[-9:]):
        assert f"{PATH}/{ticket.id}?" in admin.get(PATH, params={"q": typed}).text, typed
    nothing = admin.get(PATH, params={"q": "no such thing"}).text
    assert "Nothing found" in nothing
    assert f"{PATH}/{ticket.id}?" not in nothing


def test_a_form_that_is_sent_twice_opens_one_ticket(site, admin):
    first = opened(site, admin, subject="Twice", idempotency_key="twice")
    again = opened(site, admin, subject="Twice", idempotency_key="twice")
    assert first.id == again.id
    assert len(again.comments) == 1


def test_the_next_ticket_is_claimed_and_is_among_mine(site):
    support = site.browser("support")
    urgent = opened(site, support, subject="Urgent one", priority="urgent")
    taken = submit(support, PATH, f"{PATH}/claim")
    assert taken.headers["location"] == f"{PATH}/{urgent.id}"
    ticket = site.crm.tickets.get(urgent.id)
    assert (ticket.assignee, ticket.status) == ("support", "active")
    assert "Urgent one" in support.get(f"{PATH}?view=mine", headers=HTMX).text
    assert "Urgent one" not in support.get(f"{PATH}?view=free", headers=HTMX).text
    assert do(support, urgent, "block", reason="duplicate").status_code == 303
    assert do(support, urgent, "close").status_code == 303
    assert "Urgent one" not in support.get(f"{PATH}?view=mine", headers=HTMX).text


def test_a_ticket_is_given_to_one_of_ours_or_to_a_queue(site, admin):
    ticket = opened(site, admin, subject="For somebody")
    assert do(admin, ticket, "assign", assignee="operator").status_code == 303
    assert site.crm.tickets.get(ticket.id).assignee == "operator"
    both = do(admin, ticket, "assign", assignee="operator", queue="network")
    assert (both.status_code, "one of them" in both.text) == (422, True)
    assert do(admin, ticket, "assign", queue="network").status_code == 303
    assert site.crm.tickets.get(ticket.id).queue == "network"
    assert do(admin, ticket, "priority", priority="high").status_code == 303
    assert site.crm.tickets.get(ticket.id).priority == "high"


def test_an_answer_beside_a_newer_one_keeps_its_text(site, admin):
    ticket = opened(site, admin, subject="Collision")
    path = f"{PATH}/{ticket.id}"
    found = re.search(r'name="heard" value="(\d+)"', admin.get(path).text)
    assert found
    heard = found[1]
    site.crm.tickets.prioritise(ticket.id, priority=TicketPriority.HIGH)
    early = submit(admin, path, f"{path}/comments", text="Past another's change", heard=heard)
    assert early.status_code == 303
    late = submit(admin, path, f"{path}/comments", text="Too late, but kept", heard=heard)
    assert late.status_code == 409
    assert "There is a newer reply" in late.text
    assert "Too late, but kept" in late.text
    assert "Past another&#39;s change" in late.text
    assert '<option value="high" selected>' in late.text


def test_a_photo_of_the_customer_is_a_newer_reply(site, admin):
    ticket = opened(site, admin, subject="Photo")
    path = f"{PATH}/{ticket.id}"
    found = re.search(r'name="heard" value="(\d+)"', admin.get(path).text)
    assert found
    site.crm.tickets.attach(ticket.id, name="mast.png", content=[PNG])
    late = submit(admin, path, f"{path}/comments", text="Unseen", heard=found[1])
    assert (late.status_code, "There is a newer reply" in late.text) == (409, True)
    seen = re.search(r'name="heard" value="(\d+)"', late.text)
    assert seen
    answer = submit(admin, path, f"{path}/comments", text="Seen", heard=seen[1])
    assert answer.status_code == 303


def test_resolving_asks_what_it_came_to(site, admin):
    ticket = opened(site, admin, subject="To be answered")
    assert do(admin, ticket, "activate").status_code == 303
    empty = do(admin, ticket, "resolve", answer=" ")
    assert (empty.status_code, 'href="#f-answer"' in empty.text) == (422, True)
    assert site.crm.tickets.get(ticket.id).status == "active"


def test_a_view_leads_from_one_ticket_to_the_next(site):
    senior = site.browser("operator")
    tickets = [opened(site, senior, subject=f"Of mine {number}") for number in range(2)]
    for ticket in tickets:
        assert do(senior, ticket, "assign", assignee="operator").status_code == 303
        assert do(senior, ticket, "activate").status_code == 303
    within = "?in=size%3D20%26view%3Dmine"
    mine = senior.get(f"{PATH}/{tickets[0].id}{within}").text
    assert f"{PATH}/{tickets[1].id}{within}" in mine
    assert f"{PATH}/{tickets[1].id}" not in senior.get(f"{PATH}/{tickets[0].id}").text
    version = version_on(senior, f"{PATH}/{tickets[0].id}")
    first = f"{PATH}/{tickets[0].id}/resolve{within}"
    over = submit(senior, first, first, version=version, answer="Done")
    assert over.headers["location"] == f"{PATH}/{tickets[1].id}{within}"
    last = f"{PATH}/{tickets[1].id}/resolve{within}"
    menu = senior.get(f"{PATH}/{tickets[1].id}/menu{within}", headers=HTMX).text
    assert f'href="{last}"' in menu, "what is done from the list leads on in it as well"
    done = submit(senior, last, last, answer="Done")
    assert done.headers["location"] == f"{PATH}?size=20&view=mine"


def test_a_search_and_further_pages_are_gone_through_as_well(site, admin, monkeypatch):
    tickets = [opened(site, admin, subject=f"Trodden path {number}") for number in range(4)]
    newest = [f"{PATH}/{one.id}" for one in reversed(tickets)]

    def sides(path):
        page = admin.get(html.unescape(path)).text
        found = [re.search(rf'rel="{rel}" href="([^"?]+)', page) for rel in ("prev", "next")]
        return [one[1] if one else None for one in found]

    def rows(path):
        return re.findall(rf'<a class="font-medium" href="({PATH}/[^"]+)"', admin.get(path).text)

    found = rows(f"{PATH}?q=trodden")
    assert [one.partition("?")[0] for one in found] == newest
    assert sides(found[1]) == [newest[0], newest[2]]
    monkeypatch.setattr(lists, "SIZES", (2, 50, 100))
    [onward] = re.findall(r'href="([^"]+)" rel="next"', admin.get(PATH).text)
    further = rows(html.unescape(onward))
    assert sides(rows(PATH)[1]) == [newest[0], newest[2]]
    assert sides(further[0]) == [None, newest[3]]
    assert newest[0] in admin.get(f"{PATH}?view=all&sort=up&size=100").text


def test_the_money_and_the_contract_of_who_asks_are_beside_their_ticket(site, admin):
    contract = next(one for one in site.crm.contracts.each() if one.customer_id == site.customer.id)
    ticket = opened(site, admin, subject="About it", contract=str(contract.id))
    page = admin.get(f"{PATH}/{ticket.id}").text
    assert f"/console/contracts/{contract.id}" in page
    for state in site.crm.accounts.states_of([site.customer.id])[site.customer.id]:
        assert state.account.number in page


def test_a_new_ticket_is_about_the_contract_that_it_began_at(site, admin):
    contract = next(one for one in site.crm.contracts.each() if one.customer_id == site.customer.id)
    at = f"{PATH}/new?customer={site.customer.id}"
    page = admin.get(f"/console/contracts/{contract.id}").text
    assert f'href="{at}&amp;contract={contract.id}"' in page
    assert f'value="{contract.id}" selected' in admin.get(f"{at}&contract={contract.id}").text


def test_what_a_state_does_not_allow_is_not_offered_and_refused(site, admin):
    ticket = opened(site, admin, subject="Free yet")
    path = f"{PATH}/{ticket.id}"
    assert f"{path}/suspend" not in admin.get(path).text
    refused = submit(admin, path, f"{path}/suspend", reason="no")
    assert refused.status_code == 409
    assert submit(admin, path, f"{path}/fly").status_code == 404
    missing = submit(admin, path, f"{path}/block", reason="")
    assert (missing.status_code, 'href="#f-reason"' in missing.text) == (422, True)


def test_the_customer_is_found_first(site, admin):
    name = site.customer.name.split()[0]
    found = admin.get(f"{PATH}/new", params={"q": name}).text
    assert f"{PATH}/new?customer={site.customer.id}" in found
    odd = submit(admin, f"{PATH}/new", f"{PATH}/new", customer=str(site.customer.id), subject="")
    assert odd.status_code == 422
    for field in ("subject", "text", "priority"):
        assert f'href="#f-{field}"' in odd.text, field


@pytest.mark.parametrize("query", [f"?customer={nowhere()}", "?customer=x"])
def test_nobody_has_no_tickets(admin, query):
    assert admin.get(f"{PATH}/new{query}").status_code == 404


def test_who_may_only_read_sees_no_way_to_change(site, admin):
    ticket = opened(site, admin, subject="To be looked at")
    auditor, path = site.browser("auditor"), f"{PATH}/{ticket.id}"
    page = auditor.get(path).text
    assert "To be looked at" in page
    assert 'action="/console/tickets' not in page
    assert f"{PATH}/new" not in auditor.get(PATH).text
    token = token_on(auditor, "/prefs")
    assert auditor.post(f"{PATH}/claim", data={"csrf": token}).status_code == 403


def test_old_tickets_go_on_by_cursor(site, admin):
    for number in range(21):
        site.crm.tickets.create(customer_id=site.customer.id, subject=f"Many {number}")
    onward = re.search(r'href="(/console/tickets\?cursor=[^"]+)"', admin.get(PATH).text)
    assert onward
    assert "To the beginning" in admin.get(onward[1].replace("&amp;", "&")).text
    assert len(site.crm.tickets.page(Query(limit=500)).items) > 20


def test_a_file_is_sent_named_and_given_to_who_may_see_it(site, admin):
    ticket = opened(site, admin, text="see the photo")
    path, photo = f"{PATH}/{ticket.id}", {"content": ("mast.png", PNG, "image/png")}
    wrong = do(admin, ticket, "comments", files={"content": ("a.png", b"<html>")})
    assert (wrong.status_code, 'id="e-content"' in wrong.text) == (422, True)
    assert do(admin, ticket, "comments", files=photo, internal="true").status_code == 303
    [kept] = site.crm.tickets.get(ticket.id).attachments
    shown, address = admin.get(path).text, f"{path}/files/{kept.id}"
    assert f'action="{address}"' in shown
    assert "mast.png" in shown
    assert submit(admin, path, address).content == PNG
    auditor = site.browser("auditor")
    seen = auditor.get(path).text
    assert "mast.png" in seen
    assert address not in seen
    assert submit(auditor, path, address).status_code == 403
    new = f"{PATH}/new?customer={site.customer.id}"
    said = {"subject": "x", "priority": "normal", "customer": str(site.customer.id)}
    for form in (new, path):
        assert '<p class="hint" id="h-text">Text, a file, or both</p>' in admin.get(form).text
    for text in ("y", ""):
        made = submit(admin, new, f"{PATH}/new", files=photo, **{**said, "text": text})
        assert "mast.png" in admin.get(made.headers["location"]).text


def test_beside_a_ticket_stands_what_happened_last_and_how_the_network_is(site, admin):
    contract = next(site.crm.contracts.each(status="active"))
    asked = {"customer_id": contract.customer_id, "contract_id": contract.id}
    ticket = site.crm.tickets.create(subject="No signal", **asked)
    assert "Nothing barred" in admin.get(f"{PATH}/{ticket.id}").text
    site.crm.contracts.suspend(contract.id, hold=HoldKind.FRAUD)
    task = site.crm.provisioning.latest_of(contract.id)
    shown = admin.get(f"{PATH}/{ticket.id}").text
    assert f'href="/console/network/{task.id}"' in shown
    assert "Nothing barred" not in shown
    assert "Contract suspended" in shown


def test_the_list_tells_when_something_happened_last(site, admin):
    ticket = site.crm.tickets.create(customer_id=site.customer.id, subject="Looked at twice")
    said = site.crm.tickets.comment(ticket.id, text="once more")
    standing = site.crm.tickets.standings([said])[ticket.id]
    assert standing.updated_at == said.comments[-1].at
    assert "Updated" in admin.get(PATH, params={"q": "Looked at twice"}).text
