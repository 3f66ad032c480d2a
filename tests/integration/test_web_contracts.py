"""Contracts in the console: sold step by step, and every command of one that is there."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

import telecom_crm
from telecom_crm.application.ports import Payer, Query
from telecom_crm.domain.charging import gross_total
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.identity_document import IdentityDocument
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.role import Action, Area, Role, RoleName
from telecom_crm.domain.sim import SimStatus
from telecom_crm.domain.tariff import OptionTerms
from telecom_crm.domain.validation import ValidationRules
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.forms import written
from tests.integration.test_web import HTMX, Site, submit, token_on
from tests.people import PASSWORD, QUICK, hire

CONTRACTS = "/console/contracts"


@pytest.fixture
def site() -> Iterator[Site]:
    with telecom_crm.in_memory(gateways=demo.GATEWAYS, passwords=QUICK) as crm:
        demo.load(crm)
        hire(crm)
        yield Site(create_app(crm), crm)


@pytest.fixture
def operator(site):
    return site.browser("operator")


def one_of(site: Site) -> Contract:
    return next(site.crm.contracts.each(status="active"))


def paid(site: Site, contract: Contract) -> Contract:
    site.crm.payments.take(
        payer=Payer(contract_id=contract.id),
        amount=Money.parse("5000.00", "KGS"),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    return contract


def do(browser, contract: Contract, command: str, **fields):
    at = f"{CONTRACTS}/{contract.id}/{command}"
    return submit(browser, at, at, version=str(contract.version), **fields)


def free_card(site: Site) -> str:
    free = Query(where={"status": SimStatus.AVAILABLE.value}, limit=1)
    return site.crm.inventory.sims(free).items[0].iccid.digits


def free_number(site: Site) -> str:
    return site.crm.inventory.on_offer(limit=1).items[0].msisdn.digits


def test_holds_are_placed_and_lifted(site, operator):
    contract = one_of(site)
    done = do(operator, contract, "suspend", hold="fraud", reason="many calls abroad")
    assert done.status_code == 303
    held = site.crm.contracts.get(contract.id)
    assert [hold.kind for hold in held.holds] == [HoldKind.FRAUD]
    assert "many calls abroad" in operator.get(f"{CONTRACTS}/{contract.id}").text
    again = do(operator, held, "suspend", hold="fraud")
    assert (again.status_code, "suspended for this already" in again.text) == (409, True)
    assert do(operator, contract, "resume", hold="fraud").status_code == 409  # seen too long ago
    assert do(operator, held, "resume", hold="fraud").status_code == 303
    assert site.crm.contracts.get(contract.id).status is ContractStatus.ACTIVE


def test_a_command_sent_twice_is_done_once(site, operator):
    contract = paid(site, one_of(site))
    number = free_number(site)
    wish = {"msisdn": number, "idempotency_key": "6f1c2a52-0000-4000-8000-000000000001"}
    first = do(operator, contract, "change_number", **wish)
    balance = site.crm.accounts.get(contract.account_id).available
    second = do(operator, contract, "change_number", **wish)
    assert (first.status_code, second.status_code) == (303, 303)
    changed = site.crm.contracts.get(contract.id)
    assert (changed.msisdn.digits, len(changed.revisions)) == (number, 1)
    assert site.crm.accounts.get(contract.account_id).available == balance


def test_terms_are_changed_now_and_later(site, operator):
    contract = paid(site, one_of(site))
    other = "MAX" if contract.tariff_code != "MAX" else "COMFORT"
    later = do(operator, contract, "amend", tariff=other, when="next_period")
    assert later.status_code == 303
    waiting = site.crm.contracts.get(contract.id)
    assert waiting.pending is not None
    assert waiting.pending.tariff_code == other
    assert "New terms are waiting" in operator.get(f"{CONTRACTS}/{contract.id}").text
    assert do(operator, waiting, "amend", tariff=other, when="now").status_code == 303
    assert site.crm.contracts.get(contract.id).tariff_code == other
    missing = do(operator, waiting, "amend", when="sometime")
    assert missing.status_code == 422
    assert missing.text.count('aria-invalid="true"') + missing.text.count('id="e-tariff"') >= 2


def test_what_new_terms_come_to_is_shown_before_they_are_chosen(site, operator):
    contract = one_of(site)
    other = "MAX" if contract.tariff_code != "MAX" else "COMFORT"
    seen = do(operator, contract, "amend", tariff=other, when="now", look="true")
    assert (seen.status_code, "After the change" in seen.text) == (200, True)
    assert site.crm.contracts.get(contract.id) == contract
    assert do(operator, contract, "amend", when="now", look="true").status_code == 422


def test_options_that_do_not_go_with_new_terms_are_refused_before_they_are_chosen(site, operator):
    contract = one_of(site)
    form = f"{CONTRACTS}/{contract.id}/amend"
    wish = {"tariff": "START", "options": ["DATA10"], "when": "now", "look": "true"}
    part = operator.post(form, data={"csrf": token_on(operator, form), **wish}, headers=HTMX)
    assert part.text.lstrip().startswith('<div class="card card-body max-w-4xl" id="offer"')
    for refused in ("DATA50", "STATIC-IP"):
        assert f'value="{refused}" disabled aria-describedby="why-{refused}"' in part.text
    begun = operator.get(form).text
    assert "disabled" in begun, "what the present terms refuse"


def test_tariffs_are_offered_from_the_cheapest_on_with_what_they_include(site, operator):
    form = operator.get(f"{CONTRACTS}/{one_of(site).id}/amend").text
    tariffs = re.findall(r'type="radio" name="tariff" value="(\w+)"', form)
    assert tariffs == [one for one in ("START", "COMFORT", "MAX", "BUSINESS") if one in tariffs]
    assert len(tariffs) > 2
    assert "20 GB · 600 min · 200 SMS" in re.sub(r"<[^>]+>", "", form)
    assert "A fixed public IPv4 address; connected once." in form


def test_a_card_is_replaced(site, operator):
    contract = paid(site, one_of(site))
    new = free_card(site)
    wrong = do(operator, contract, "swap_sim", iccid="123", reason="")
    assert (wrong.status_code, 'id="e-iccid"' in wrong.text) == (422, True)
    assert 'id="e-reason"' in wrong.text
    assert do(operator, contract, "swap_sim", card=new, reason="defective").status_code == 303
    assert site.crm.contracts.get(contract.id).iccid.digits == new


def test_a_contract_is_ended(site, operator):
    contract = one_of(site)
    page = operator.get(f"{CONTRACTS}/{contract.id}/close").text
    assert "new_payer" not in page
    assert do(operator, contract, "close", reason="customer_request").status_code == 303
    assert site.crm.contracts.get(contract.id).status is ContractStatus.CLOSED
    shown = operator.get(f"{CONTRACTS}/{contract.id}").text
    assert f"{contract.id}/suspend" not in shown


def test_an_end_tells_what_becomes_of_the_money_and_the_number(site, operator):
    contract = paid(site, one_of(site))
    state = site.crm.accounts.get(contract.account_id)
    told = re.sub(r"<[^>]+>", "|", operator.get(f"{CONTRACTS}/{contract.id}/close").text)
    left = f"KGS\xa0{Decimal(state.balance.balance.amount):,.2f}"
    assert re.search(rf"Balance\|+{left}\|+Owed\|+KGS\xa00.00\|+To be given back\|+{left}", told)
    assert "The number rests until" in told
    do(operator, contract, "close", reason="customer_request")
    closed = site.crm.accounts.get(contract.account_id)
    assert closed.balance.balance.minor == 0
    rests = site.crm.inventory.number(contract.msisdn).quarantined_until
    assert rests is not None
    day = rests.astimezone(site.crm.zone)
    assert f"{day.day} {day:%b} {day.year}" in told


def test_a_contract_tells_what_it_was_charged_to_whom_may_see_accounts(site, operator):
    contract = paid(site, one_of(site))
    page = operator.get(f"{CONTRACTS}/{contract.id}").text
    assert "All entries of the account" not in page
    do(operator, contract, "swap_sim", card=free_card(site), reason="swapped")
    every = site.crm.accounts.each_entry(contract.account_id)
    [charge] = [one for one in every if one.kind == "one_time_fee"]
    page = operator.get(f"{CONTRACTS}/{contract.id}").text
    charges = page.partition("<h2>Latest charges")[2].partition("</table>")[0]
    assert charges.count(f"{-Decimal(charge.effect.amount):,.2f}") == 1
    assert "Total" not in charges, "it is not all that was ever charged"
    blind = Role(
        name="blind", title="Blind", grants={Area.CONTRACTS: frozenset({Action.READ, Action.WRITE})}
    )
    site.crm.rules.create_role(blind)
    _, secret = site.crm.users.invite(login="blind", name="Blind", role="blind")
    site.crm.users.accept(secret, password=PASSWORD)
    browser = site.browser("blind")
    assert "All entries of the account" not in browser.get(f"{CONTRACTS}/{contract.id}").text
    asked = browser.get(f"{CONTRACTS}/{contract.id}/close").text
    assert "The number rests until" in asked
    assert "To be given back" not in asked


def test_somebody_else_pays_from_now_on(site, operator):
    contract = one_of(site)
    other = next(c for c in site.crm.customers.each() if c.id != contract.customer_id)
    at = f"{CONTRACTS}/{contract.id}/change_payer"
    assert f"payer={other.id}" in operator.get(at, params={"q": other.name}).text
    asked = f"{at}?payer={other.id}"
    wish = {"payer": str(other.id), "version": str(contract.version)}
    wish["idempotency_key"] = "6f1c2a52-0000-4000-8000-000000000003"
    first = submit(operator, asked, at, **wish)
    again = submit(operator, asked, at, **wish)
    assert first.status_code == again.status_code == 303
    assert first.headers["location"] == again.headers["location"]
    assert site.crm.contracts.get(contract.id).status is ContractStatus.CLOSED
    (new,) = site.crm.contracts.each(customer_id=str(other.id), status="accepted")
    assert (new.follows, new.msisdn) == (contract.id, contract.msisdn)
    assert submit(operator, asked, at, version="1").status_code == 422


def test_contracts_are_found_by_number_phone_and_card(site, operator):
    contract = one_of(site)
    for q in (contract.number.lower(), str(contract.msisdn), contract.iccid.digits):
        found = operator.get(CONTRACTS, params={"q": q}).text
        numbers = re.findall(r"C-\d{8}", re.sub("<[^>]+>", " ", found))
        assert numbers == [contract.number] * 2, q  # in the table, and on a card for phones
    assert "Nothing found" in operator.get(CONTRACTS, params={"q": "C-99999999"}).text
    for nonsense in ("Асанова", "12", "٣", "%"):
        assert "Nothing found" in operator.get(CONTRACTS, params={"q": nonsense}).text


def sold_to(site, browser, **choice):
    """Go through the wizard up to the draft."""
    query = f"customer={site.customer.id}"
    at = f"{CONTRACTS}/new/number?{query}"
    kept = submit(browser, at, at, iccid=free_card(site), msisdn=free_number(site))
    assert kept.status_code == 303, kept.text
    at = kept.headers["location"]
    return at, submit(browser, at, at, **choice)


def test_a_sale_says_why_options_do_not_go_with_the_tariff(site, operator):
    codes = [one.code for one in site.crm.catalog.options(Query(limit=50)).items]
    _, refused = sold_to(site, operator, tariff="START", options=codes)
    assert refused.status_code == 422
    assert 'href="#f-options"' in refused.text
    assert "Static address requires Business" in refused.text
    assert "STATIC-IP requires" not in refused.text
    _, missing = sold_to(site, operator)
    assert (missing.status_code, 'id="e-tariff"' in missing.text) == (422, True)


def test_an_option_of_another_currency_is_told_not_to_go_with_the_tariff(site, operator):
    terms = OptionTerms(fee=Money.parse("5.00", "USD"), recurring=True)
    site.crm.catalog.create_option(code="DOLLARS", name="Dollars", terms=terms)
    site.crm.catalog.publish_option("DOLLARS")
    at, _ = sold_to(site, operator)
    wish: dict[str, Any] = {"tariff": "START", "options": ["DOLLARS"]}
    for sent in (wish, {**wish, "look": "true"}):
        refused = submit(operator, at, at, **sent)
        assert 'name="tariff"' in refused.text, "the form is there"
        assert "is priced in" in refused.text
    contract = one_of(site)
    wish["tariff"] = contract.tariff_code
    seen = do(operator, contract, "amend", when="now", look="true", **wish)
    assert (seen.status_code, "This cannot be done" in seen.text) == (200, True)
    assert "is priced in" in seen.text


def test_the_summary_tells_what_is_chosen_and_what_it_costs(site, operator):
    at, _ = sold_to(site, operator)
    wish: dict[str, Any] = {"tariff": "START", "options": ["DATA10"]}
    plan, fees = site.crm.contracts.quote(**wish)
    part = operator.post(
        at, data={"csrf": token_on(operator, at), "look": "true", **wish}, headers=HTMX
    )
    assert part.text.lstrip().startswith('<div class="columns" id="offer"')
    assert 'value="DATA50" disabled aria-describedby="why-DATA50"' in part.text
    for amount in (plan.monthly, gross_total(fees, currency="KGS")):
        assert f"{amount.amount}" in part.text
    whole = submit(operator, at, at, look="true", **wish)
    assert (whole.status_code, 'value="START" checked' in whole.text) == (200, True)


def test_debts_are_told_before_a_contract_is_sold(site, operator):
    contract = one_of(site)
    account = contract.account_id
    [opening] = [
        one for one in site.crm.accounts.each_entry(account) if one.kind == "opening_balance"
    ]
    site.crm.accounts.reverse_entry(account, entry_id=opening.id, reason="owed")
    owed = site.crm.accounts.get(account).available + Money.parse("90.00", "KGS")
    site.crm.accounts.take_over_balance(account, amount=-owed)
    customer = site.crm.customers.get(contract.customer_id)
    hits = operator.get(f"{CONTRACTS}/new", params={"q": customer.name}).text
    assert "Debt: −KGS" not in hits
    assert "Debt: KGS\xa090.00" in hits
    step = operator.get(f"{CONTRACTS}/new/number?customer={customer.id}").text
    assert "KGS\xa090.00" in step.partition('id="chosen"')[2]


def test_whom_a_sale_is_for_is_searched_without_what_stands_beside_a_step(site, operator):
    asked = {"q": site.customer.name, "tariff": "NONE"}
    part = operator.get(f"{CONTRACTS}/new", params=asked, headers=HTMX)
    assert part.status_code == 200, "nobody looks the tariff up for each letter"
    assert part.text.lstrip().startswith("<section")
    assert f"customer={site.customer.id}" in part.text
    assert operator.get(f"{CONTRACTS}/new", params=asked).status_code == 404


def test_a_sale_that_is_left_tells_how_long_things_are_kept(site, operator):
    at, _ = sold_to(site, operator)
    page = operator.get(at).text
    [later] = re.findall(r'href="(/console/contracts/new/later[^"]+)"', page)
    left = operator.get(unescape(later))
    assert left.headers["location"] == f"/console/customers/{site.customer.id}"
    told = operator.get(left.headers["location"]).text
    assert "are kept for you until:" in told
    assert "begin a new contract for this customer" in told
    begun = operator.get(f"{CONTRACTS}/new/number?customer={site.customer.id}").text
    assert "Finish later" in begun, "the same card and number are there again"
    for sim in site.crm.inventory.each_sim(status="reserved"):
        site.crm.inventory.cancel_sim_reservation(sim.iccid)
    gone = operator.get(unescape(later))
    assert gone.headers["location"] == f"/console/customers/{site.customer.id}"
    assert "are kept for you" not in operator.get(gone.headers["location"]).text


def test_tariffs_are_narrowed_to_a_way_of_paying(site, operator):
    at, _ = sold_to(site, operator)
    sold = {
        mode: [
            one.code
            for one in site.crm.catalog.tariffs(Query(limit=50)).items
            if one.on_sale(at=site.crm.clock(), mode=mode)
        ]
        for mode in PaymentMode
    }
    assert sold[PaymentMode.PREPAID] != sold[PaymentMode.POSTPAID]
    for mode, codes in sold.items():
        narrowed = operator.get(f"{at}&pay={mode}").text
        shown = re.findall(r'type="radio" name="tariff" value="([\w-]+)"', narrowed)
        assert sorted(shown) == sorted(codes)
        assert re.search(rf'action="/console/contracts/new/tariff[^"]+pay={mode}"', narrowed)


def test_policies_of_a_sale_are_told_apart(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    page = operator.get(done.headers["location"]).text
    for words in ("paid before the activation", "No first fees"):
        assert words in page


def test_a_draft_is_chosen_anew(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT", options=["DATA10"])
    at = done.headers["location"]
    papers = submit(operator, at, at, policy="prepaid").headers["location"]
    (draft,) = site.crm.contracts.each(status="draft")
    page = operator.get(papers).text
    assert f"{CONTRACTS}/{draft.id}/renew" in page
    assert page.index("Each month") < page.index("Due at the activation")
    assert "sale begins again" in operator.get(f"{CONTRACTS}/{draft.id}/renew").text
    anew = do(operator, draft, "renew", reason="Chosen anew").headers["location"]
    assert site.crm.contracts.get(draft.id).status is ContractStatus.CANCELLED
    form = operator.get(anew).text
    assert f'name="card" value="{draft.iccid.digits}" checked' in form
    assert f'name="msisdn" value="{draft.msisdn.digits}" checked' in form
    kept = submit(operator, anew, anew, card=draft.iccid.digits, msisdn=draft.msisdn.digits)
    assert 'name="tariff" value="COMFORT" checked' in operator.get(kept.headers["location"]).text


def test_a_draft_is_written_once_and_cancelled(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    at = done.headers["location"]
    order = {"policy": "prepaid", "idempotency_key": "6f1c2a52-0000-4000-8000-000000000002"}
    first, second = (submit(operator, at, at, **order) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    (draft,) = site.crm.contracts.each(status="draft")
    papers = operator.get(first.headers["location"])
    assert draft.number in papers.text
    too_early = operator.get(f"{CONTRACTS}/{draft.id}/activate").text
    assert "not signed yet" in too_early
    assert do(operator, draft, "cancel", reason="changed their mind").status_code == 303
    assert site.crm.inventory.sim(draft.iccid).status is SimStatus.AVAILABLE


def test_the_desk_asks_for_what_an_activation_lacks_and_leads_back(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    at = done.headers["location"]
    papers = submit(operator, at, at, policy="prepaid").headers["location"]
    draft = papers.removesuffix("/papers")
    submit(operator, papers, f"{draft}/sign", version="1")
    (contract,) = site.crm.contracts.each(status="accepted")
    lacking = site.crm.contracts.activation_summary(contract.id).lacking
    desk = f"/console/payments/new?contract={contract.id}"
    assert f'value="{written(lacking)}"' in operator.get(desk).text
    paid = submit(operator, desk, desk, amount=written(lacking), desk="cash_desk")
    assert f'href="{draft}/activate"' in operator.get(paid.headers["location"]).text
    assert site.crm.contracts.activation_summary(contract.id).lacking is None
    signed = site.crm.contracts.get(contract.id)
    step = operator.get(f"{draft}/activate").text
    assert ("/cancel" in step, "/renew" in step) == (True, False)
    for refused in (
        do(operator, signed, "renew", reason="Chosen anew"),
        operator.get(f"{draft}/renew"),
        operator.get(f"{draft}/suspend"),
    ):
        told = "Its state does not allow this" in refused.text
        assert (refused.status_code, told) == (409, True), refused.url
    assert do(operator, signed, "cancel", reason="moves away").status_code == 303


def test_what_was_kept_too_long_is_told(site, operator):
    at, done = sold_to(site, operator, tariff="COMFORT")
    shown = operator.get(done.headers["location"]).text
    assert "are kept for you until" in shown
    assert re.search(r'data-left="[^"]+">\d+:\d\d<', shown)
    iccid, msisdn = re.findall(r"(?:iccid|msisdn)=(\d+)", at)
    site.crm.inventory.cancel_sim_reservation(ICCID(iccid))
    site.crm.inventory.cancel_number_reservation(MSISDN(msisdn))
    lost = operator.get(done.headers["location"]).text
    assert "The time is over" in lost
    assert f"{CONTRACTS}/new/number?" in lost


def test_a_day_that_is_over_is_refused_at_its_field(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    at = done.headers["location"]
    refused = submit(operator, at, at, policy="prepaid", requested_activation="01.01.2020")
    assert (refused.status_code, 'id="e-requested_activation"' in refused.text) == (422, True)
    assert not list(site.crm.contracts.each(status="draft"))


def test_papers_that_are_missing_are_named_and_lead_to_where_they_are_entered(site, operator):
    customer = site.crm.customers.register(
        name="Бермет Мөөнөт",
        documents=(IdentityDocument(type="id_card", number="AN1", valid_until=date(2001, 1, 1)),),
    )
    chosen = f"{CONTRACTS}/new/number?customer={customer.id}"
    shown = operator.get(chosen).text
    assert "The identity document is out of date" in shown
    kept = submit(operator, chosen, chosen, card=free_card(site), msisdn=free_number(site))
    at = kept.headers["location"]
    at = submit(operator, at, at, tariff="COMFORT").headers["location"]
    papers = submit(operator, at, at, policy="postpaid").headers["location"]
    shown = operator.get(papers).text
    for words in ("Add a valid document of the customer", "Add the signed contract as a file"):
        assert words in shown
    (edit,) = set(re.findall(r'href="(/console/customers/[^"]+/edit\?back=[^"]+)"', shown))
    assert f'href="{papers}"' in operator.get(edit).text  # the way back to the sale
    draft = papers.removesuffix("/papers")
    signed = submit(operator, papers, f"{draft}/sign", version="1")
    assert "papers are still missing" in operator.get(signed.headers["location"]).text
    version = str(site.crm.customers.get(customer.id).version)
    new = {"name": customer.name, "document_type": "id_card", "version": version}
    new["reason"] = "A new card"
    done = submit(
        operator, edit, edit, **new, document_number="AN2", document_valid_until="1.1.2040"
    )
    assert done.headers["location"] == papers
    assert "Add a valid document" not in operator.get(papers).text


def test_what_is_to_be_paid_at_the_activation_is_totalled(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    at = done.headers["location"]
    papers = submit(operator, at, at, policy="prepaid").headers["location"]
    (draft,) = site.crm.contracts.each(status="draft")
    summary = site.crm.contracts.activation_summary(draft.id)
    total = sum(fee.gross.minor for fee in summary.first_fees)
    assert (summary.lacking.minor, total > 0) == (total, True)
    shown = operator.get(papers.replace("/papers", "/activate")).text
    for words in ("Total", "Still to be paid", "A payment alone starts nothing"):
        assert words in shown
    assert shown.count(f"{Money(minor=total, currency='KGS').amount}") >= 2


def test_who_is_blocked_is_found_and_sold_nothing(site, operator):
    customer = site.crm.customers.register(
        name="Бермет Бөгөттөлгөн", phone=site.crm.read_phone("0555998877")
    )
    site.crm.customers.block(customer.id, reason="fraud")
    found = operator.get(f"{CONTRACTS}/new", params={"q": "0555998877"}).text
    assert f'href="/console/customers/{customer.id}"' in found
    assert f"number?customer={customer.id}" not in found


def test_an_activation_is_followed_by_its_state_alone(site, operator):
    _, done = sold_to(site, operator, tariff="COMFORT")
    at = done.headers["location"]
    draft = submit(operator, at, at, policy="postpaid").headers["location"].removesuffix("/papers")
    (contract,) = site.crm.contracts.each(status="draft")
    site.crm.contracts.add_document(contract.id, name="signed.pdf", content=[b"%PDF-1.4\n%%EOF\n"])
    signed = site.crm.contracts.accept(contract.id)
    asked = submit(operator, draft, f"{draft}/activate", version=str(signed.version))
    assert asked.headers["location"] == f"{draft}?sold=1", asked.text
    part = operator.get(f"{draft}?sold=1", headers=HTMX).text
    assert part.lstrip().startswith('<div class="stack" id="state" hx-get=')
    site.crm.provisioning.work(network=site.crm.network)
    ended = operator.get(f"{draft}?sold=1", headers=HTMX)
    assert ended.headers["hx-redirect"] == f"{draft}?sold=1"
    shown = operator.get(f"{draft}?sold=1").text
    for words in ("Print the acceptance", "New contract", "Open the customer"):
        assert words in shown
    assert "Open the customer" not in operator.get(draft).text
    books = operator.get(f"/console/accounts/{signed.account_id}").text
    fees = re.findall(rf'<a class="link" href="{draft}">([^<]+)</a>', books)
    assert {"Connection", "Monthly fee"} <= set(fees)  # they were caused by it


def kept_now(site: Site) -> list[ICCID]:
    return [one.iccid for one in site.crm.inventory.each_sim(status="reserved")]


def test_who_chooses_others_gives_back_what_was_kept(site, operator):
    query = f"customer={site.customer.id}"
    at = f"{CONTRACTS}/new/number?{query}"
    first = submit(operator, at, at, card=free_card(site), msisdn=free_number(site))
    back = first.headers["location"].replace("/tariff?", "/number?")
    kept = kept_now(site)
    assert len(kept) == 1
    second = submit(operator, back, back, card=free_card(site), msisdn=free_number(site))
    assert second.status_code == 303
    assert len(kept_now(site)) == 1
    assert kept_now(site) != kept


def test_who_comes_back_finds_what_they_chose_and_may_choose_it_again(site, operator):
    at = f"{CONTRACTS}/new/number?customer={site.customer.id}"
    wish = {"card": free_card(site), "msisdn": free_number(site)}
    submit(operator, at, at, **wish)
    shown = operator.get(at).text  # the address knows nothing of what was kept
    picked = set(re.findall(r'value="(\d+)" checked', shown))
    assert picked == set(wish.values())
    assert submit(operator, at, at, **wish).status_code == 303
    assert [one.digits for one in kept_now(site)] == [wish["card"]]


def test_a_refusal_stands_at_its_field_and_keeps_the_rest(site, operator):
    at = f"{CONTRACTS}/new/number?customer={site.customer.id}"
    taken = {"card": free_card(site), "msisdn": free_number(site)}
    submit(operator, at, at, **taken)
    page = site.crm.inventory.on_offer(limit=12)
    beyond = site.crm.inventory.on_offer(limit=1, cursor=page.next).items[0].msisdn.digits
    other = site.browser("admin")
    refused = submit(other, at, at, card=taken["card"], msisdn=beyond)
    assert (refused.status_code, 'href="#f-card"' in refused.text) == (409, True)
    assert f'value="{beyond}" checked' in refused.text
    refused = submit(other, at, at, card=free_card(site), msisdn=taken["msisdn"])
    assert (refused.status_code, 'href="#f-msisdn"' in refused.text) == (409, True)
    missing = submit(other, at, at, msisdn=beyond)
    assert (missing.status_code, "Pick a SIM card" in missing.text) == (422, True)
    unknown = submit(other, at, at, iccid="8999600000000000007", msisdn=beyond)
    assert (unknown.status_code, 'id="e-iccid"' in unknown.text) == (422, True)


def test_cards_are_found_by_their_last_digits_and_scanned_whole(site, operator):
    at = f"{CONTRACTS}/new/number?customer={site.customer.id}"
    number = free_number(site)
    free = Query(where={"status": SimStatus.AVAILABLE.value}, limit=50)
    card = site.crm.inventory.sims(free).items[-1].iccid.digits
    assert card not in operator.get(at).text
    looked = submit(operator, at, at, iccid=card[-5:], msisdn=number, look="true")
    found = operator.get(looked.headers["location"]).text
    assert f'name="card" value="{card}"' in found
    assert f'value="{number}" checked' in found
    looked = submit(operator, at, at, iccid=card, look="true")
    scanned = operator.get(looked.headers["location"]).text
    assert f'name="card" value="{card}" checked' in scanned
    sells = re.findall(
        r'href="(/console/contracts/new\?[^"]+)"', operator.get(f"/console/sims/{card}").text
    )
    led = operator.get(f"{sells[0]}&customer={site.customer.id}").headers["location"]
    assert f'value="{card}" checked' in operator.get(led).text
    assert submit(operator, at, at, iccid=card, msisdn=number).status_code == 303
    assert "new?iccid" not in operator.get(f"/console/sims/{card}").text
    contract = paid(site, one_of(site))
    swap = f"{CONTRACTS}/{contract.id}/swap_sim"
    assert free_card(site) in operator.get(swap).text


def test_papers_are_kept_and_given_out_with_a_line_in_the_audit(site, operator):
    contract = one_of(site)
    at = f"{CONTRACTS}/{contract.id}"
    token = token_on(operator, at)
    data = {"csrf": token, "version": str(contract.version)}
    wrong = operator.post(f"{at}/documents", data=data, files={"content": ("a.exe", b"MZ\x90")})
    assert (wrong.status_code, "neither a PDF nor a picture" in wrong.text) == (422, True)
    nothing = operator.post(f"{at}/documents", data=data)
    assert nothing.status_code == 422
    pdf = b"%PDF-1.4\n%%EOF\n"
    done = operator.post(f"{at}/documents", data=data, files={"content": ("a.pdf", pdf)})
    assert done.status_code == 303
    (kept,) = site.crm.contracts.documents(contract.id)
    given = operator.post(f"{at}/documents/{kept.id}", data={"csrf": token})
    assert given.content == pdf
    with site.crm.contracts.uow(read_only=True) as tx:
        looks = tx.audit.page(Query(where={"action": "contract.document"}))
    assert [line.thing_id for line in looks.items] == [str(contract.id)]
    paper = operator.get(f"{at}/contract.pdf")
    assert paper.content.startswith(b"%PDF")
    assert f"contract-{contract.number}.pdf" in paper.headers["content-disposition"]


def test_a_document_that_is_over_is_taken_or_refused_by_the_operators_rule(site, operator):
    at = "/console/customers/new"
    paper = {"document_type": "id_card", "document_number": "AN1"}
    fields = {"kind": "person", "name": "Асан", **paper, "document_valid_until": "01.01.2001"}
    taken = submit(operator, at, at, **fields)
    assert taken.status_code == 303
    profile = taken.headers["location"]
    assert "The document is out of date" in operator.get(profile).text
    site.crm.rules.put_validation(ValidationRules(expired_documents=False))
    edit = f"{profile}/edit"
    other, renamed = {"document_number": "AN2"}, {"name": "Асан Үсөнов", "version": "1"}
    renamed["reason"] = "Married"
    for page, more in ((at, other), (edit, renamed)):
        refused = submit(operator, page, page, **{**fields, **more})
        assert (refused.status_code, 'id="e-document_valid_until"' in refused.text) == (422, True)


def test_a_customer_is_registered_found_again_and_corrected(site, operator):
    at = "/console/customers/new"
    fields = {
        "kind": "person",
        "name": "Асан Үсөнов",
        "phone": "+996555010203",
        "birth_date": "12.03.1990",
        "document_type": "id_card",
        "document_number": "AN7654321",
        "document_valid_until": "01.01.2033",
        "city": "Ош",
    }
    bad = {"phone": "12", "email": "x", "birth_date": "31.02.1990", "document_valid_until": "soon"}
    wrong = submit(operator, at, at, **{**fields, **bad, "name": "", "national_id": "1"})
    assert wrong.status_code == 422
    for field in (*bad, "name", "national_id"):
        assert f'id="e-{field}"' in wrong.text, field
    first = submit(operator, at, at, **fields)
    again = submit(operator, at, f"{at}?next=contract", **{**fields, "name": "Асан Усонов"})
    told = operator.get(again.headers["location"]).text
    assert "This customer is known already. Not taken over: Name" in told
    profile = first.headers["location"]
    known = profile.rsplit("/", 1)[1]
    assert again.headers["location"] == f"{CONTRACTS}/new/number?customer={known}"
    edit = operator.get(f"{profile}/edit").text
    assert "AN7654321" not in edit
    (version,) = re.findall(r'name="version" value="(\d+)"', edit)
    changes = {**fields, "city": "Бишкек", "document_number": "", "version": version}
    assert submit(operator, f"{profile}/edit", f"{profile}/edit", **changes).status_code == 303
    customer = next(site.crm.customers.each(phone="996555010203"))
    assert customer.addresses[0].city == "Бишкек"
    assert customer.documents[0].number == "AN7654321"


def test_who_sees_contracts_alone_sees_no_money_and_no_people(site):
    grants = {Area.CONTRACTS: frozenset(Action), Area.CATALOG: frozenset({Action.READ})}
    narrow = Role(name="seller", title="Seller", grants=grants)
    version = site.crm.rules.version("roles")
    own = [role for role in site.crm.rules.roles() if role.name not in list(RoleName)]
    site.crm.rules.put_roles([*own, narrow], expected_version=version)
    site.crm.users.begin(login="seller", name="The seller", role="seller", password=PASSWORD)
    seller, operator = site.browser("seller"), site.browser("operator")
    contract = one_of(site)
    owner = site.crm.customers.get(contract.customer_id)
    account = site.crm.accounts.get(contract.account_id).account
    at, done = sold_to(site, operator, tariff="COMFORT")
    draft = submit(operator, done.headers["location"], done.headers["location"], policy="prepaid")
    for path in (
        f"{CONTRACTS}/{contract.id}",
        f"{CONTRACTS}/{contract.id}/change_payer?payer={owner.id}&q=a",
        at,
        done.headers["location"],
        draft.headers["location"],
    ):
        answer = seller.get(path)
        assert answer.status_code == 200, path
        for secret in (owner.name, account.number, f"{account.number[:-2]}"):
            assert secret not in answer.text, path


def test_a_form_sent_twice_keeps_card_and_number_once(site, operator):
    at = f"{CONTRACTS}/new/number?customer={site.customer.id}"
    wish = {"iccid": free_card(site), "msisdn": free_number(site)}
    wish["idempotency_key"] = "6f1c2a52-0000-4000-8000-000000000004"
    first, again = (submit(operator, at, at, **wish) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    broken = first.headers["location"].replace(wish["iccid"], "12")
    assert operator.get(broken).status_code in (200, 303)


def test_the_palette_leads_to_contracts_and_tickets(site, operator):
    contract = one_of(site)
    ticket = next(iter(site.crm.tickets.page(Query(limit=1)).items))
    for q in (contract.number.lower(), str(contract.msisdn), contract.iccid.digits):
        found = operator.get("/console/find", params={"q": q}, headers=HTMX).text
        assert f'href="{CONTRACTS}/{contract.id}"' in found, q
    found = operator.get("/console/find", params={"q": ticket.number.lower()}, headers=HTMX).text
    assert f'href="/console/tickets/{ticket.id}"' in found
    cashier = site.browser("cashier")  # who has nothing to do with tickets
    found = cashier.get("/console/find", params={"q": ticket.number}).text
    assert str(ticket.id) not in found


def test_the_whole_name_of_a_thing_leads_to_it_at_once(site, operator):
    contract = paid(site, one_of(site))
    ticket = next(iter(site.crm.tickets.page(Query(limit=1)).items))
    payment = next(iter(site.crm.payments.page(Query(limit=1)).items))
    for area, one in (
        ("customers", contract.customer_id),
        ("accounts", contract.account_id),
        ("contracts", contract.id),
        ("payments", payment.id),
        ("tickets", ticket.id),
    ):
        answer = operator.get("/console/find", params={"q": f" {str(one).upper()} "})
        assert answer.headers["location"] == f"/console/{area}/{one}"
    for area, one in (("contracts", contract), ("tickets", ticket)):
        answer = operator.get("/console/find", params={"q": one.number.lower()})
        assert answer.headers["location"] == f"/console/{area}/{one.id}"
    unknown = operator.get("/console/find", params={"q": "00000000-0000-4000-8000-000000000000"})
    assert "Nothing found" in unknown.text


def test_the_palette_finds_cards_and_numbers_for_who_may_see_the_stock(site, operator):
    card, number, digits = free_card(site), free_number(site), free_number(site)[-4:]
    found = operator.get("/console/find", params={"q": card}).text
    assert f'href="/console/sims/{card}"' in found
    for q in (number, digits):
        found = operator.get("/console/find", params={"q": q}).text
        assert f'href="/console/numbers/{number}"' in found
    cashier = site.browser("cashier")
    for q in (card, number, digits):
        assert "/console/numbers/" not in cashier.get("/console/find", params={"q": q}).text
        assert "/console/sims/" not in cashier.get("/console/find", params={"q": q}).text


def test_a_new_customer_is_written_to_in_the_language_of_the_desk(site, operator):
    path = "/console/customers/new"
    asked = operator.get(path, headers={"accept-language": "ru"}).text
    assert '<option value="ru" selected>' in asked
    assert asked.count("Кыргызча</option>") == 1


def test_a_contract_tells_the_language_that_it_is_printed_in(site):
    contract, *_ = site.crm.contracts.each(customer_id=str(site.customer.id))
    page = site.browser("admin").get(f"/console/contracts/{contract.id}").text
    tongue = {"en": "English", "ru": "Русский", "ky": "Кыргызча"}[site.customer.language]
    assert f"s language: {tongue}</p>" in page
