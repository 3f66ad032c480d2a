"""Self-care of a contract: its tariff, options and card, and how it stands."""

import re
from typing import Any

import pytest

from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.application.inventory.receiving import SimData
from telecom_crm.application.ports import Query
from telecom_crm.domain.contract import CloseReason, ContractStatus
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import ICCID, IMSI
from telecom_crm.domain.money import Money
from telecom_crm.domain.tariff import OptionTerms
from tests.integration.http_service import iccid
from tests.integration.test_web import submit, token_on
from tests.integration.test_web_my import contracts, enter, phones, site

__all__ = ["phones", "site"]

CHANGE, SIM = "/my/change", "/my/sim"


def on_tariff(site: Any, tariff: str) -> Any:
    return next(one for one in contracts(site) if one.tariff_code == tariff)


def filled(page: str, **typed: str) -> dict[str, list[str] | str]:
    """Return what the form of a page sends."""
    sent: dict[str, list[str]] = {}
    form = page[page.index('<form method="post" action="/my/change"') :]
    for name, value in re.findall(r'name="(\w+)" value="([^"]*)"(?: checked)?>', form):
        if name != "when":
            sent.setdefault(name, []).append(value)
    return {**sent, **typed}


def now(site: Any, contract: Any) -> Any:
    return site.crm.contracts.get(contract.id)


def test_a_tariff_is_changed_as_it_was_shown_and_once(site, phones):
    mine = on_tariff(site, "START")
    browser = enter(site, phones, mine)
    shown = browser.get("/my/tariff").text
    path = f"{CHANGE}?contract={mine.id}&amp;tariff=MAX"
    assert path in shown
    assert "Business" not in shown, "it is not sold to those who pay first"
    asked = browser.get(path.replace("&amp;", "&")).text
    assert "100 GB" in asked
    assert "KGS\xa0790.00" in asked
    form = filled(asked, when="now")
    answers = [browser.post(CHANGE, data=form) for _ in range(2)]
    assert {one.headers["location"] for one in answers} == {f"/my/tariff?contract={mine.id}"}
    assert now(site, mine).tariff_code == "MAX"
    assert len(now(site, mine).revisions) == 1, "a double click is one change"
    other = browser.post(CHANGE, data={**form, "tariff": "COMFORT"})
    assert other.status_code == 422, "the same key with other content"
    tab = browser.post(CHANGE, data={**form, "idempotency_key": "the other tab"})
    assert tab.status_code == 409
    back = browser.get(path.replace("&amp;", "&"))
    assert back.headers["location"] == f"/my/tariff?contract={mine.id}", "it is so already"
    assert "Somebody changed this in the meantime" in tab.text
    assert len(now(site, mine).revisions) == 1


def test_a_change_from_the_next_period_on_waits_and_can_be_given_up(site, phones):
    mine = on_tariff(site, "COMFORT")
    browser = enter(site, phones, mine)
    asked = browser.get(f"{CHANGE}?contract={mine.id}&tariff=MAX").text
    assert browser.post(CHANGE, data=filled(asked, when="next_period")).status_code == 303
    assert now(site, mine).tariff_code == "COMFORT"
    assert now(site, mine).pending.tariff_code == "MAX"
    shown = browser.get("/my/tariff").text
    assert "Planned change" in shown
    undo = {"contract": str(mine.id), "version": str(now(site, mine).version)}
    for _ in range(2):
        done = submit(browser, "/my/tariff", f"{CHANGE}/undo", **undo)
        assert done.status_code == 303
    assert now(site, mine).pending is None
    assert now(site, mine).tariff_code == "COMFORT"
    assert "Planned change" not in browser.get("/my/tariff").text


def test_moving_to_a_tariff_says_what_is_lost(site, phones):
    mine = on_tariff(site, "COMFORT")
    site.crm.contracts.amend(mine.id, options=["ROAM-CIS", "DATA10"])
    browser = enter(site, phones, mine)
    asked = browser.get(f"{CHANGE}?contract={mine.id}&tariff=MAX").text
    assert re.search(r"You lose</strong>.*<li>Roaming in the CIS</li>", asked, re.DOTALL)
    assert "KGS\xa0910.00" in asked
    assert browser.post(CHANGE, data=filled(asked, when="now")).status_code == 303
    assert [one.code for one in now(site, mine).options] == ["DATA10"]


def test_options_go_on_and_off_and_what_cannot_be_says_why(site, phones):
    mine = on_tariff(site, "START")
    browser = enter(site, phones, mine)
    shown = browser.get("/my/options").text
    assert "Start does not go with 50 GB more" in shown
    assert "More data abroad requires Roaming in the CIS or Max" in shown
    russian = browser.get("/my/options", headers={"Accept-Language": "ru"}).text
    assert "Несовместимы: Старт и Ещё 50 ГБ" in russian
    on = browser.get(f"{CHANGE}?contract={mine.id}&on=DATA10").text
    assert "15 GB" in on
    assert (
        browser.post(CHANGE, data=filled(on, when="now"))
        .headers["location"]
        .startswith("/my/options")
    )
    assert [one.code for one in now(site, mine).options] == ["DATA10"]
    off = browser.get(f"{CHANGE}?contract={mine.id}&off=DATA10").text
    assert browser.post(CHANGE, data=filled(off, when="now")).status_code == 303
    assert now(site, mine).options == ()
    refused = browser.get(f"{CHANGE}?contract={mine.id}&on=DATA50")
    assert "This cannot be done" in refused.text
    assert 'action="/my/change"' not in refused.text
    forced = {"contract": str(mine.id), "option": "DATA50", "when": "now"}
    answer = submit(browser, "/my/options", CHANGE, **forced)
    assert answer.status_code == 409
    assert now(site, mine).options == ()
    assert browser.get(f"{CHANGE}?contract={mine.id}&on=NONE").status_code == 422
    odd = submit(browser, "/my/options", CHANGE, contract=str(mine.id), when="someday")
    assert odd.status_code == 422


def test_what_is_paid_once_needs_the_money_there(site, phones):
    terms = OptionTerms(fee=Money.parse("50000.00", "KGS"), recurring=False)
    site.crm.catalog.create_option(code="ISLAND", name="An island", terms=terms)
    site.crm.catalog.publish_option("ISLAND")
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    asked = browser.get(f"{CHANGE}?contract={mine.id}&on=ISLAND").text
    assert "There is not enough money on the account" in asked
    assert 'value="now" disabled' in asked
    answer = browser.post(CHANGE, data=filled(asked, when="now"))
    assert (answer.status_code, now(site, mine).options) == (409, ())
    assert browser.post(CHANGE, data=filled(asked, when="next_period")).status_code == 303
    assert [one.code for one in now(site, mine).pending.options] == ["ISLAND"]


def test_a_lost_card_is_blocked_once(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    assert f"{SIM}/block?contract={mine.id}" in browser.get(SIM).text
    for _ in range(2):
        done = submit(browser, f"{SIM}/block", f"{SIM}/block", contract=str(mine.id))
        assert done.headers["location"] == f"{SIM}?contract={mine.id}"
    held = now(site, mine)
    assert [hold.kind for hold in held.holds] == [HoldKind.LOST_STOLEN]
    event = site.crm.contracts.timeline(mine.id)[-1]
    assert (event.by.name, event.by.token) == ("self-care", f"customer:{mine.customer_id}")
    page = browser.get(SIM).text
    assert f"{SIM}/block" not in page
    assert "could be blocked" in browser.get(f"{SIM}/block").text


@pytest.mark.parametrize("answers", [True, False])
def test_a_lost_card_is_said_to_be_blocked_once_the_network_has_blocked_it(site, phones, answers):
    mine = contracts(site)[0]
    site.crm.provisioning.work(network=site.crm.network)
    browser = enter(site, phones, mine)
    submit(browser, f"{SIM}/block", f"{SIM}/block", contract=str(mine.id))
    page = browser.get(SIM).text
    assert "The card is being blocked" in page
    assert 'hx-trigger="every 2s"' in page
    network = SimulatorNetwork()
    if not answers:
        network.disturb(NetworkStep.BAR, Trouble.FAILS)
    site.crm.provisioning.work(network=network)
    page = browser.get(SIM, headers={"hx-request": "true", "hx-request-type": "partial"}).text
    assert page.lstrip().startswith('<div class="stack" id="card">'), "and asks no more"
    assert ("This card is blocked" in page) is answers
    assert ("The card is not blocked yet" in page) is not answers


def test_codes_of_a_card_are_shown_on_demand_and_that_is_written_down(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    card = SimData(
        iccid=ICCID(iccid(77)), imsi=IMSI("437059999999977"), pin1="4711", puk1="81726354"
    )
    site.crm.inventory.receive_sims([card])
    site.crm.contracts.swap_sim(mine.id, iccid=card.iccid)
    before = site.crm.access.audit(Query(where={"action": "sim.secrets"})).items
    page = browser.get(SIM).text
    assert "Show PIN and PUK" in page
    assert card.puk1 not in page
    shown = submit(browser, SIM, SIM, contract=str(mine.id))
    assert shown.headers["cache-control"] == "no-store"
    assert card.pin1 in shown.text
    assert card.puk1 in shown.text
    assert card.puk1 not in browser.get(SIM).text
    after = site.crm.access.audit(Query(where={"action": "sim.secrets"})).items
    assert len(after) == len(before) + 1
    [line] = [one for one in after if one not in before]
    assert line.by.token == f"customer:{mine.customer_id}"
    site.crm.contracts.close(mine.id, reason=CloseReason.CUSTOMER_REQUEST)
    assert submit(browser, "/my", SIM, contract=str(mine.id)).status_code == 404


def test_a_suspended_subscriber_sees_why_and_can_pay(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    site.crm.contracts.suspend(mine.id, hold=HoldKind.LOW_BALANCE)
    for path in ("/my", "/my/tariff", "/my/options", SIM):
        page = browser.get(path).text
        assert "The balance is short. Once you top it up" in page, path
        assert 'href="/my/topup"' in page, path
        assert "/my/change?" not in page, path
        assert "Not available: Outgoing calls, Internet" in page, path
    asked = browser.get(f"{CHANGE}?contract={mine.id}&tariff=MAX")
    assert asked.headers["location"] == f"/my/tariff?contract={mine.id}", "which says why"
    forced = {"contract": str(mine.id), "tariff": "MAX", "when": "now"}
    assert submit(browser, "/my", CHANGE, **forced).status_code == 409
    paid = submit(browser, "/my/topup", "/my/topup", amount="250")
    assert paid.status_code == 303
    assert now(site, mine).status is ContractStatus.ACTIVE, "money lifts it by itself"
    assert "The balance is short" not in browser.get("/my").text


def test_a_contract_that_is_over_can_be_looked_at_and_nothing_more(site, phones):
    mine = contracts(site)[0]
    browser = enter(site, phones, mine)
    site.crm.contracts.close(mine.id, reason=CloseReason.CUSTOMER_REQUEST)
    for path in ("/my/tariff", "/my/options", SIM):
        page = browser.get(path)
        assert page.status_code == 200
        assert "This contract is over" in page.text
        assert "/my/change" not in page.text
    for path, fields in (
        (CHANGE, {"tariff": "MAX", "when": "now"}),
        (f"{SIM}/block", {}),
    ):
        answer = submit(browser, "/my", path, contract=str(mine.id), **fields)
        assert answer.status_code == 409, path
    assert mine.number in browser.get("/my").text


@pytest.mark.parametrize("path", ["/my/tariff", "/my/options", SIM, f"{SIM}/block", CHANGE])
def test_a_contract_that_is_nobody_s_is_not_there(site, phones, path):
    mine, theirs, *_ = contracts(site)
    browser = enter(site, phones, mine)
    for asked in (theirs.id, "nonsense", mine.customer_id):
        assert browser.get(f"{path}?contract={asked}").status_code == 404, asked
        if path in (CHANGE, SIM, f"{SIM}/block"):
            token = token_on(browser, "/my")
            sent = {"csrf": token, "contract": str(asked), "when": "now"}
            assert browser.post(path, data=sent).status_code == 404, asked
