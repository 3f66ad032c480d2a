"""SIM cards and numbers in the console: the stock, what is shown of it, and its commands."""

import re

import pytest

from telecom_crm.application.inventory.receiving import NumberData, SimData
from telecom_crm.application.ports import Query
from telecom_crm.domain.contract import CloseReason
from telecom_crm.domain.identifiers import ICCID, MSISDN
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Action, Area, Role
from tests.integration.http_service import iccid
from tests.integration.test_web import HTMX, admin, site, submit
from tests.people import PASSWORD

__all__ = ["admin", "site"]

SIMS = "/console/sims"


@pytest.fixture(scope="module")
def card(site):
    """A card in stock with all its codes."""
    data = SimData(iccid=ICCID(iccid(1)), pin1="4711", puk1="20304050", batch="TRAY")
    site.crm.inventory.receive_sims([data])
    return site.crm.inventory.sim(data.iccid)


def looks_at(site, card):
    with site.crm.uow(read_only=True) as tx:
        page = tx.audit.page(Query(where={"action": "sim.secrets"}))
    return [line.by.name for line in page.items if line.thing_id == card.key]


def links_in(text):
    return set(re.findall(rf'href="({SIMS}/\d+)["?]', text))


def test_cards_are_counted_by_state_and_filtered(site, admin, card):
    page = admin.get(SIMS).text
    states = [one.status for one in site.crm.inventory.each_sim()]
    counts = (len(states), states.count("available"), states.count("active"))
    for text, count in zip(("All", "In stock", "Active"), counts, strict=True):
        assert f'{text} <span class="tally">{count}</span>' in page
    assert "Free SIM cards are running out" in page
    free = links_in(admin.get(f"{SIMS}?status=available&batch=TRAY").text)
    assert free == {f"{SIMS}/{card.key}"}
    batch = admin.get(f"{SIMS}?batch=TRAY&status=active").text
    assert (links_in(batch), "tally" in batch) == (set(), False)
    assert len(links_in(admin.get(f"{SIMS}?status=nonsense").text)) == 20
    part = admin.get(f"{SIMS}?status=retired", headers=HTMX).text
    assert part.lstrip().startswith('<section class="card" id="sims"')


def test_a_card_is_found_by_its_number_by_the_phone_and_by_its_batch(site, admin, card):
    sold = next(site.crm.contracts.each())
    for text, found in (
        (f"{card.key[:10]} {card.key[10:]}", card.iccid),
        ("TRAY", card.iccid),
        (sold.msisdn, sold.iccid),
        (f"0{sold.msisdn.digits[3:]}", sold.iccid),
    ):
        page = admin.get(SIMS, params={"q": str(text)}).text
        assert links_in(page) == {f"{SIMS}/{found}"}, text
    nothing = admin.get(SIMS, params={"q": "no such thing"}).text
    assert "No such card" in nothing
    assert links_in(admin.get(SIMS, params={"q": card.key, "status": "active"}).text) == set()


def test_what_identifies_a_card_is_shown_to_who_may_and_that_is_written_down(site, admin, card):
    path = f"{SIMS}/{card.key}"
    hidden = admin.get(path)
    for secret in ("4711", "20304050"):
        assert secret not in hidden.text
    assert f">{card.key}<" not in hidden.text
    assert looks_at(site, card) == []
    shown = submit(admin, path, path)
    assert (shown.status_code, shown.headers["cache-control"]) == (200, "no-store")
    for secret in ("4711", "20304050", card.key):
        assert f">{secret}<" in shown.text
    assert looks_at(site, card) == ["admin"]
    support = site.browser("support")
    assert "Show the numbers and codes" not in support.get(path).text
    assert submit(support, "/prefs", path).status_code == 403
    assert looks_at(site, card) == ["admin"]


def test_a_card_tells_its_life_and_whose_it_is(site, admin):
    sold = next(site.crm.contracts.each())
    page = admin.get(f"{SIMS}/{sold.iccid}").text
    for text in ("SIM card received", "SIM card sold", "SIM card activated", sold.number):
        assert text in page
    for path in (f"/console/contracts/{sold.id}", f"/console/customers/{sold.customer_id}"):
        assert f'href="{path}"' in page


@pytest.mark.parametrize("path", [f"{SIMS}/12", f"{SIMS}/{iccid(77)}"])
def test_what_there_is_not_is_not_found(admin, path):
    assert admin.get(path).status_code == 404


def version_on(client, path):
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def do(client, path, **fields):
    """Answer the question before a command, as the page asks it."""
    return submit(client, path, path, version=version_on(client, path), **fields)


def test_a_card_is_reserved_for_somebody_freed_and_retired(site, admin):
    key = iccid(2)
    site.crm.inventory.receive_sims([SimData(iccid=ICCID(key))])
    path = f"{SIMS}/{key}"
    stale = version_on(admin, f"{path}/reserve")
    kept = do(admin, f"{path}/reserve", reserved_for="Shop 7", until="31.12.2099")
    assert (kept.status_code, kept.headers["location"]) == (303, path)
    page = admin.get(path).text
    for text in ("Shop 7", "1 Jan 2100", f"{path}/cancel"):
        assert text in page
    assert f"{path}/reserve" not in page
    assert ">Shop 7</td>" in admin.get(f"{SIMS}?status=reserved").text
    again = submit(admin, f"{path}/reserve", f"{path}/reserve", version=stale)
    assert (again.status_code, "Somebody changed this" in again.text) == (409, True)
    assert do(admin, f"{path}/reserve").status_code == 409
    assert do(admin, f"{path}/cancel").status_code == 303
    assert site.crm.inventory.sim(ICCID(key)).status == "available"
    unasked = do(admin, f"{path}/retire")
    assert (unasked.status_code, 'href="#f-retirement"' in unasked.text) == (422, True)
    assert do(admin, f"{path}/retire", retirement="defective").status_code == 303
    last = admin.get(path).text
    assert "admin · Defective" in last
    assert f"{path}/retire" not in last


def test_a_reservation_ends_in_the_future_and_takes_no_draft_s_name(admin, card):
    path = f"{SIMS}/{card.key}/reserve"
    past = do(admin, path, until="01.01.2020", reserved_for="contract:7")
    assert past.status_code == 422
    assert 'href="#f-until"' in past.text
    named = do(admin, path, reserved_for="contract:7")
    assert (named.status_code, 'href="#f-reserved_for"' in named.text) == (422, True)


def test_a_card_that_a_live_contract_needs_is_not_retired(site, admin):
    sold = next(site.crm.contracts.each())
    path = f"{SIMS}/{sold.iccid}"
    assert f"{path}/retire" not in admin.get(path).text
    refused = do(admin, f"{path}/retire", retirement="lost")
    assert (refused.status_code, "belongs to a contract that is not over" in refused.text) == (
        409,
        True,
    )


def seen_on(text):
    found = re.search(r'name="seen" value="([\d-]+)"', text)
    return found[1] if found else None


def test_a_range_of_cards_is_counted_before_it_is_taken_in(site, admin):
    new = f"{SIMS}/new"
    asked = {"first": iccid(100), "last": iccid(149), "batch": "JUNE"}
    counted = submit(admin, new, new, **asked)
    assert (counted.status_code, "50 in the range" in counted.text) == (200, True)
    assert links_in(admin.get(f"{SIMS}?batch=JUNE").text) == set()
    wider = {**asked, "last": iccid(159), "seen": seen_on(counted.text)}
    assert "60 in the range" in submit(admin, new, new, **wider).text
    done = submit(admin, new, new, **asked, seen=seen_on(counted.text))
    assert (done.status_code, done.headers["location"]) == (303, f"{SIMS}?batch=JUNE")
    assert site.crm.inventory.sim(ICCID(iccid(149))).batch == "JUNE"
    over = submit(admin, new, new, first=iccid(149), last=iccid(160))
    assert "1 of the range is there already" in over.text
    assert links_in(over.text) == {f"{SIMS}/{iccid(149)}"}
    assert seen_on(over.text) is None


@pytest.mark.parametrize(
    ("first", "last", "field"),
    [
        ("", iccid(5), "first"),
        (iccid(5), "8999", "last"),
        (iccid(5), iccid(4), "last"),
        (iccid(5), iccid(20_005), "last"),
    ],
)
def test_what_is_wrong_with_a_range_is_told(admin, first, last, field):
    refused = submit(admin, f"{SIMS}/new", f"{SIMS}/new", first=first, last=last)
    assert refused.status_code == 422
    assert f'href="#f-{field}"' in refused.text
    assert f'value="{last}"' in refused.text


def test_who_may_only_read_sees_no_way_to_change(site, card):
    support = site.browser("support")
    pages = support.get(SIMS).text + support.get(f"{SIMS}/{card.key}").text
    for path in (f"{SIMS}/new", f"{SIMS}/{card.key}/reserve", "/console/imports/new"):
        assert path not in pages
        assert support.get(path).status_code == 403


NUMBERS = "/console/numbers"


def new_number(site, index, **terms):
    data = NumberData(msisdn=MSISDN(f"99670011{index:04d}"), **terms)
    site.crm.inventory.receive_numbers([data])
    return data.msisdn


def numbers_in(text):
    return set(re.findall(rf'href="{NUMBERS}/(\d+)["?]', text))


def test_numbers_are_counted_by_state_and_filtered_by_class(site, admin):
    gold = new_number(site, 1, category="gold", price=Money.parse("900.00", "KGS"))
    page = admin.get(NUMBERS).text
    numbers = list(site.crm.inventory.each_number())
    assigned = sum(one.status == "assigned" for one in numbers)
    for text, count in (("All", len(numbers)), ("Assigned", assigned)):
        assert f'{text} <span class="tally">{count}</span>' in page
    golden = admin.get(f"{NUMBERS}?category=gold&sort=up").text
    assert gold.digits in numbers_in(golden)
    known = site.crm.inventory.each_number(category="gold")
    assert numbers_in(golden) <= {one.key for one in known}
    assert "KGS\xa0900.00" in golden
    assert 'Assigned <span class="tally">0</span>' in golden
    left = [one for one in numbers if (one.status, one.category) == ("available", "standard")]
    assert "Free standard numbers are running out" in page
    assert f"{len(left)} are left" in page
    part = admin.get(NUMBERS, headers=HTMX).text
    assert part.lstrip().startswith('<section class="card" id="numbers"')


def test_a_number_is_found_by_its_phone_and_a_free_one_by_its_digits(site, admin):
    lucky = new_number(site, 7777)
    sold = next(site.crm.contracts.each()).msisdn
    for text, found in (
        (f"0{sold.digits[3:]}", {sold.digits}),
        ("117777", {lucky.digits}),
        (sold.digits[-7:], set()),
        ("no digits", set()),
    ):
        assert numbers_in(admin.get(NUMBERS, params={"q": text}).text) == found, text
    taken = admin.get(NUMBERS, params={"q": "117777", "status": "assigned"}).text
    assert "No such number" in taken
    odd = admin.get(NUMBERS, params={"q": "117777", "category": "nonsense"}).text
    assert numbers_in(odd) == {lucky.digits}


def test_a_number_is_reserved_freed_priced_and_withdrawn(site, admin):
    number = new_number(site, 2)
    path = f"{NUMBERS}/{number.digits}"
    assert do(admin, f"{path}/reserve", reserved_for="Shop 7").status_code == 303
    assert "Shop 7" in admin.get(path).text
    assert do(admin, f"{path}/withdraw", reason="Wrong range").status_code == 409
    assert do(admin, f"{path}/cancel").status_code == 303
    assert 'value="standard" selected' in admin.get(f"{path}/reclassify").text
    odd = do(admin, f"{path}/reclassify", category="iron", price="much")
    assert odd.status_code == 422
    for field in ("category", "price"):
        assert f'href="#f-{field}"' in odd.text
    changed = do(admin, f"{path}/reclassify", category="gold", price="1 500,50")
    assert changed.status_code == 303
    page = admin.get(path).text
    for text in ("KGS\xa01,500.50", "admin · Gold"):
        assert text in page
    assert do(admin, f"{path}/withdraw").status_code == 422
    assert do(admin, f"{path}/withdraw", reason="Wrong range").status_code == 303
    last = admin.get(path).text
    assert "admin · Wrong range" in last
    assert f"{path}/reclassify" not in last


def test_what_a_live_contract_needs_is_not_let_go(site, admin):
    sold = next(site.crm.contracts.each())
    path = f"{NUMBERS}/{sold.msisdn.digits}"
    page = admin.get(path).text
    assert f'href="/console/contracts/{sold.id}"' in page
    for command in ("release", "port_out"):
        assert f"{path}/{command}" not in page
        refused = do(admin, f"{path}/{command}")
        assert (refused.status_code, "a contract that is not over" in refused.text) == (409, True)


@pytest.fixture(scope="module")
def ended(site):
    """Return a contract that is over; its number rests."""
    *_, last = site.crm.contracts.each()
    over = site.crm.contracts.close(last.id, reason=CloseReason.CUSTOMER_REQUEST)
    site.crm.provisioning.work(network=site.crm.network)
    return over


def test_a_resting_number_goes_back_to_its_customer_and_to_nobody_else(site, admin, ended):
    other = next(one for one in site.crm.contracts.each() if one.id != ended.id)
    path = f"{NUMBERS}/{ended.msisdn.digits}"
    page = admin.get(path).text
    assert f'href="/console/customers/{ended.customer_id}"' in page
    assert (f"{path}/restore" in page, f"{path}/recycle" in page) == (True, False)
    early = do(admin, f"{path}/recycle")
    assert (early.status_code, "still rests" in early.text) == (409, True)
    for text, status, why in (
        ("C-99999999", 422, "There is no contract with this number"),
        (other.number.lower(), 409, "was another customer&#39;s"),
        (ended.number, 409, "not live"),
    ):
        refused = do(admin, f"{path}/restore", contract=text)
        assert (refused.status_code, why in refused.text) == (status, True), text


def test_who_may_see_no_contracts_finds_none_by_giving_a_number_back(site, admin, ended):
    grants = {Area.INVENTORY: frozenset({Action.READ, Action.WRITE})}
    site.crm.rules.create_role(Role(name="storekeeper", title="Storekeeper", grants=grants))
    _, secret = site.crm.users.invite(login="keeper", name="Keeper", role="storekeeper")
    site.crm.users.accept(secret, password=PASSWORD)
    keeper = site.browser("keeper")
    path = f"{NUMBERS}/{ended.msisdn.digits}"
    assert f"{path}/restore" in admin.get(path).text
    assert f"{path}/restore" not in keeper.get(path).text
    assert keeper.get(f"{path}/restore").status_code == 403
    refused = submit(keeper, "/prefs", f"{path}/restore", contract="C-99999999")
    assert refused.status_code == 403
    lines = site.crm.access.audit(Query(where={"action": "refused read contracts"})).items
    assert {line.thing for line in lines} == {"route"}
    assert lines[-1].thing_id == f"POST {NUMBERS}/{{msisdn}}/{{command}}"


def test_a_range_of_numbers_is_counted_before_it_is_added(site, admin):
    new = f"{NUMBERS}/new"
    asked = {"first": "0700 220000", "last": "+996700220099", "category": "silver", "price": "50"}
    counted = submit(admin, new, new, **asked)
    assert "100 in the range" in counted.text
    done = submit(admin, new, new, **asked, seen=seen_on(counted.text))
    assert (done.status_code, done.headers["location"]) == (303, NUMBERS)
    last = site.crm.inventory.number(MSISDN("996700220099"))
    assert (last.category, last.price) == ("silver", Money.parse("50.00", "KGS"))
    over = submit(admin, new, new, **{**asked, "first": "0700219990"})
    assert "100 of the range are there already" in over.text
    assert "996700220000" in numbers_in(over.text)
