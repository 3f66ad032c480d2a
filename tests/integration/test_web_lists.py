"""What every list of the console keeps in its address: how much is shown, and what chips count."""

import html
import re
from urllib.parse import quote, quote_plus

import pytest

from telecom_crm.adapters.network.simulator import NetworkStep, SimulatorNetwork, Trouble
from telecom_crm.application import paging
from telecom_crm.application.ports import Query
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.number import NumberCategory, NumberStatus
from telecom_crm.domain.profile import Address
from telecom_crm.domain.role import Action, Area, Role
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.web.console import lists
from tests.browser.serving import furnished
from tests.integration.test_web import HTMX, Site, admin, site
from tests.people import PASSWORD

__all__ = ["admin", "site"]

FEW = Query(limit=5)


def links_of(browser, path):
    return [html.unescape(one) for one in re.findall(r'href="([^"]*)"', browser.get(path).text)]


def tallies_of(browser, path):
    chips = re.findall(
        r'<a href="[^"]*[^<]*>([^<]+?)(?: <span class="tally">([^<]*)</span>)?</a>',
        (browser.get(path).text),
    )
    return dict(chips)


@pytest.mark.parametrize("path", ["/console/customers", "/console/contracts"])
def test_how_much_a_page_holds_stays_in_every_link_of_the_list(admin, path):
    first = links_of(admin, f"{path}?sort=up")
    assert f"{path}?sort=up&size=50" in first
    assert f"{path}?sort=up&size=100" in first
    wide = admin.get(f"{path}?sort=up&size=50").text
    assert wide.count("<tr data-row") > 20
    links = links_of(admin, f"{path}?sort=up&size=50")
    assert f"{path}?sort=up" in links  # back to twenty
    chips = [one for one in links if one.startswith(f"{path}?") and "status=" in one]
    assert chips
    assert all("size=50" in one for one in chips)
    assert '<input type="hidden" name="size" value="50">' in wide
    assert f"{path}.csv?sort=up" in links


def test_the_next_page_is_as_long_as_the_one_before(admin):
    (onward,) = [one for one in links_of(admin, "/console/sims?size=50") if "cursor=" in one]
    assert "size=50" in onward
    assert admin.get(onward).text.count("<tr data-row") > 20


def test_chips_count_what_a_search_found_where_that_is_all(site, admin, monkeypatch):
    name = site.customer.name
    told = tallies_of(admin, f"/console/customers?q={name}")
    assert (told["All"], told["Active"], told["Blocked"]) == ("1", "1", "0")
    blocked = tallies_of(admin, f"/console/customers?q={name}&status=blocked")
    assert (blocked["All"], blocked["Blocked"]) == ("1", "0")
    monkeypatch.setattr(lists, "SIZES", (1, 50, 100))
    assert tallies_of(admin, f"/console/customers?q={name}")["All"] == ""  # there may be more


def test_a_filter_leaves_what_a_search_finds_behind_the_first_page(site, admin, monkeypatch):
    people = [site.crm.customers.register(name=f"Narrowed {number}") for number in range(3)]
    site.crm.customers.block(people[2].id, reason="Fraud")
    monkeypatch.setattr(lists, "SIZES", (2, 50, 100))
    blocked = admin.get("/console/customers?q=narrowed&status=blocked").text
    assert f"/console/customers/{people[2].id}" in blocked
    assert f"/console/customers/{people[0].id}" not in blocked
    monkeypatch.setattr(lists, "SIZES", (20, 50, 100))
    told = tallies_of(admin, "/console/customers?q=narrowed&status=blocked")
    assert (told["All"], told["Prospect"], told["Blocked"]) == ("3", "2", "1")


def test_chips_tell_no_counts_that_another_filter_would_belie(admin):
    assert tallies_of(admin, "/console/payments")["All"] != ""
    assert tallies_of(admin, "/console/payments?method=cash")["All"] == ""


def test_users_are_counted_by_their_state(admin):
    told = tallies_of(admin, "/console/users")
    assert int(told["All"]) >= int(told["Active"]) > 0


def test_customers_are_narrowed_to_a_city_and_shown_with_their_newest_contract(site, admin):
    (contract,) = site.crm.contracts.each(customer_id=str(site.customer.id))
    row = admin.get("/console/customers?sort=up").text
    assert contract.number in row
    osh = site.crm.customers.register(name="City Osh", addresses=[Address(city="Ош")])
    other = site.crm.customers.register(name="City Kant", addresses=[Address(city="Кант")])
    narrowed = admin.get("/console/customers?city=%D0%BE%D1%88").text
    assert str(osh.id) in narrowed
    assert str(other.id) not in narrowed
    assert 'name="city" value="ош"' in narrowed
    grants = {Area.CUSTOMERS: frozenset({Action.READ})}
    site.crm.rules.create_role(Role(name="registry", title="Registry", grants=grants))
    site.crm.users.begin(login="reg", name="Reg", role="registry", password=PASSWORD)
    watched = site.browser("reg").get("/console/customers?sort=up").text
    assert str(site.customer.id) in watched
    assert contract.number not in watched


def test_chips_of_imports_and_of_the_catalog_count(site, admin):
    for path, things in (
        ("/console/tariffs", site.crm.catalog.tariffs(Query(limit=100)).items),
        ("/console/tariffs/options", site.crm.catalog.options(Query(limit=100)).items),
        ("/console/imports", site.crm.imports.page(Query(limit=100)).items),
    ):
        assert tallies_of(admin, path)["All"] == str(len(things))
    on_sale = [
        one for one in site.crm.catalog.tariffs(Query(limit=100)).items if one.status == "active"
    ]
    assert tallies_of(admin, "/console/tariffs")["On sale"] == str(len(on_sale))


def test_users_are_found_by_a_part_of_the_name_or_the_login(site, admin):
    def found(query):
        return re.findall(
            r'<td><a class="who"[^>]*>.*?<span class="font-medium">([^<]+)<',
            admin.get(f"/console/users?{query}").text,
        )

    assert found("q=SENIOR") == ["The senior_operator"]
    assert set(found("q=operator")) == {"The operator", "The senior_operator"}
    assert found("q=operator&role=operator") == ["The operator"]
    assert found("q=nobody") == []
    lines = admin.get("/console/users.csv?q=senior").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 2


@pytest.fixture(scope="module")
def everything():
    """Give a site where each list has something in it, and the network failed once."""
    crm = furnished()
    network = SimulatorNetwork()
    network.disturb(NetworkStep.BAR, Trouble.FAILS)
    crm.contracts.suspend(next(crm.contracts.each(status="active")).id, hold=HoldKind.FRAUD)
    crm.provisioning.work(network=network)
    return Site(create_app(crm), crm)


def menus_of(browser, path):
    """Return the addresses of the menus of a list's rows."""
    return re.findall(r'hx-get="([^"]+/menu)[?"]', browser.get(path).text)


def offered_in(browser, menu):
    """Return what a menu leads to."""
    answer = browser.get(menu, headers=HTMX)
    assert answer.status_code == 200, answer.text
    assert "<html" not in answer.text
    return [html.unescape(one) for one in re.findall(r'<a href="([^"]+)"', answer.text)]


@pytest.mark.parametrize(
    "name",
    [
        "applications",
        "contracts",
        "customers",
        "network",
        "numbers",
        "payments",
        "roles",
        "sims",
        "tariffs",
        "tariffs/options",
        "tickets",
        "tokens",
        "users",
        "webhooks",
    ],
)
def test_each_row_leads_to_the_pages_that_ask_about_its_commands(everything, name):
    admin = everything.browser("admin")
    menus = menus_of(admin, f"/console/{name}")
    assert menus
    for menu in menus[:5]:
        thing = menu.removesuffix("/menu")
        leads = offered_in(admin, menu)
        shown = html.unescape(admin.get(thing).text)
        for link in leads:
            assert admin.get(link).status_code in (200, 303), link  # a sale leads on
            name = link.partition("?")[0].rpartition("/")[2]
            assert f"/{name}" in shown, f"{thing} itself does not offer {link}"


def test_a_menu_follows_the_state_of_its_thing(site, admin):
    customer = site.crm.customers.register(name="Menued Man")
    menu = f"/console/customers/{customer.id}/menu"
    assert f"/console/customers/{customer.id}/block" in offered_in(admin, menu)
    site.crm.customers.block(customer.id, reason="Fraud")
    leads = offered_in(admin, menu)
    assert f"/console/customers/{customer.id}/unblock" in leads
    assert f"/console/customers/{customer.id}/block" not in leads
    assert "<h1>Menued Man</h1>" in admin.get(menu).text, "a page of its own for who comes so"


def test_who_may_only_read_has_no_menus(site):
    reader = site.browser("auditor")
    for path in ("customers", "contracts", "sims", "tariffs"):
        page = reader.get(f"/console/{path}").text
        assert "<tr data-row" in page
        assert "/menu" not in page
    assert offered_in(reader, f"/console/customers/{site.customer.id}/menu") == []


ROW = r'<tr data-row>(?:(?!</tr>).)*?<a [^>]*href="([^"?]+)'


def shown_in(browser, path):
    """Return the addresses of what a list shows."""
    return re.findall(ROW, browser.get(path).text, re.S)


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("approvals", lambda crm: crm.approvals.page(FEW).items[0].reason),
        ("imports", lambda crm: crm.imports.page(FEW).items[0].file_name),
        ("network", lambda crm: crm.provisioning.page(FEW).items[0].msisdn.digits),
        ("tariffs", lambda crm: crm.catalog.tariffs(FEW).items[0].name.en),
        ("tariffs/options", lambda crm: crm.catalog.options(FEW).items[0].code),
        ("tokens", lambda crm: crm.access.page(FEW).items[0].name),
        ("users", lambda crm: crm.users.page(FEW).items[0].login),
        ("webhooks", lambda crm: crm.webhooks.page(FEW).items[0].url),
    ],
)
def test_short_lists_are_searched_and_the_way_through_what_is_found_is_kept(
    everything, path, title
):
    admin, crm = everything.browser("admin"), everything.crm
    base = f"/console/{path}"
    words = quote(title(crm).upper() if path != "network" else title(crm))
    every, found = shown_in(admin, f"{base}?size=100"), shown_in(admin, f"{base}?q={words}")
    assert found
    assert set(found) <= set(every)
    assert shown_in(admin, f"{base}?q=nothing-is-called-so") == []
    assert "Clear filters" in admin.get(f"{base}?q=nothing-is-called-so").text
    part = admin.get(f"{base}?q={words}", headers=HTMX).text
    assert "<html" not in part
    [links] = [re.findall(rf'href="({re.escape(found[0])}\?[^"]+)"', part)]
    back = html.unescape(admin.get(html.unescape(links[0])).text)
    assert f'href="{base}?' in back
    assert f"q={quote_plus(title(crm).upper() if path != 'network' else title(crm))}" in back
    lines = admin.get(f"{base}.csv?q={words}").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + len(found)


def test_what_a_search_finds_is_counted_by_state(everything):
    admin, crm = everything.browser("admin"), everything.crm
    webhook = crm.webhooks.page(FEW).items[0]
    told = tallies_of(admin, f"/console/webhooks?q={quote(webhook.url)}")
    assert told["All"] == "1"
    assert int(tallies_of(admin, "/console/webhooks")["All"]) >= 1


def test_a_search_of_a_short_list_shows_the_newest_first(site, admin):
    for number in range(3):
        site.crm.users.invite(login=f"twin{number}", name=f"Twin {number}", role="operator")
    found = shown_in(admin, "/console/users?q=twin")
    users = [site.crm.users.get(one.rpartition("/")[2]).login for one in found]
    assert users == ["twin2", "twin1", "twin0"]


def test_a_search_by_words_goes_through_the_newest_that_the_filters_leave(site, monkeypatch):
    invite, search = site.crm.users.invite, site.crm.users.search
    for number, role in enumerate(("auditor", "operator", "operator")):
        invite(login=f"row{number}", name="In a row", role=role)
    assert [one.login for one in search("in a row")] == ["row2", "row1", "row0"]
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 2)
    assert [one.login for one in search("in a row")] == ["row2", "row1"]
    assert [one.login for one in search("in a row", where={"role": "auditor"})] == ["row0"]


def test_a_search_that_ends_before_its_list_says_so_and_a_filter_reaches_further(
    site, admin, monkeypatch
):
    for number in range(3):
        site.crm.users.invite(login=f"edge{number}", name="At the edge", role="operator")
    site.crm.users.remove(site.crm.users.known_as("edge0").id)
    told = "Searched the newest"
    assert told not in admin.get("/console/users?q=nobody").text
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 2)
    page = admin.get("/console/users?q=at+the+edge").text
    assert f"{told} 2." in page
    assert "edge0" not in page
    assert f"{told} 2." in admin.get("/console/users?q=nobody").text
    assert told not in admin.get("/console/users").text
    page = admin.get("/console/users?q=at+the+edge&status=removed").text
    assert "edge0" in page
    assert told not in page


@pytest.mark.parametrize(
    "address", ["imports?q=x&kind=bogus", "imports?q=x&result=bogus", "approvals?q=x&kind=bogus"]
)
def test_a_search_behind_a_filter_that_nothing_has_finds_nothing(admin, address):
    found = admin.get(f"/console/{address}")
    assert found.status_code == 200
    assert "<tr data-row" not in found.text


def test_a_search_of_a_long_list_behind_a_state_there_is_not_finds_nothing(
    site, admin, monkeypatch
):
    for number in range(2):
        site.crm.users.invite(login=f"long{number}", name="At length", role="operator")
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 1)
    found = admin.get("/console/users?q=at+length&status=bogus")
    assert found.status_code == 200
    assert "At length" not in found.text


def test_what_identifies_a_card_is_listed_by_its_ends_to_who_may_see_it(site, admin):
    sim = next(one for one in site.crm.inventory.sims(Query(limit=20)).items if one.imsi)
    found = f"/console/sims?q={sim.iccid}"
    listed = admin.get(found).text
    assert masked(sim.imsi.digits, first=5) in listed
    assert sim.imsi.digits not in listed
    [head, line] = admin.get(f"/console/sims.csv?q={sim.iccid}").text.splitlines()
    assert "IMSI" in head
    assert sim.imsi.digits in line
    grants = {Area.INVENTORY: frozenset({Action.READ, Action.EXPORT})}
    site.crm.rules.create_role(Role(name="shelf", title="Shelf", grants=grants))
    site.crm.users.begin(login="shelf", name="Shelf", role="shelf", password=PASSWORD)
    reader = site.browser("shelf")
    for path in (found, f"/console/sims.csv?q={sim.iccid}"):
        answer = reader.get(path)
        assert answer.status_code == 200
        assert "IMSI" not in answer.text
        assert sim.imsi.digits not in answer.text


def test_for_whom_a_number_is_kept_is_in_its_file_as_well(site, admin):
    number = site.crm.inventory.on_offer(limit=1).items[0]
    site.crm.inventory.reserve_number(number.msisdn, for_="Mayor's office")
    [head, line] = admin.get(f"/console/numbers.csv?q={number.msisdn.digits}").text.splitlines()
    assert "Reserved for" in head
    assert "Mayor's office" in line


def test_tokens_are_counted_and_told_apart_by_whether_they_were_revoked(site, admin):
    made = [site.crm.access.create_token(name=f"Chip {one}", role="operator")[0] for one in "ab"]
    before = tallies_of(admin, "/console/tokens")
    site.crm.access.revoke(made[0].id)
    told = tallies_of(admin, "/console/tokens")
    assert int(told["Revoked"]) == int(before["Revoked"]) + 1
    assert int(told["Not revoked"]) == int(before["Not revoked"]) - 1
    gone = shown_in(admin, "/console/tokens?status=revoked")
    assert f"/console/tokens/{made[0].id}" in gone
    assert f"/console/tokens/{made[1].id}" not in gone
    assert tallies_of(admin, "/console/tokens?q=chip")["All"] == "2"


def test_classes_of_numbers_and_ways_to_pay_are_counted(site, admin):
    pool = site.crm.reports.pool().numbers_by_state
    told = tallies_of(admin, "/console/numbers?status=available")
    gold = pool[NumberCategory.GOLD][NumberStatus.AVAILABLE]
    assert told["Gold"] == str(gold)
    assert tallies_of(admin, "/console/numbers?q=77")["Gold"] == "", "of a search nobody knows"
    assert tallies_of(admin, "/console/sims?q=8999")["Active"] == ""
    cash = len(site.crm.payments.page(Query(where={"method": "cash"}, limit=500)).items)
    assert tallies_of(admin, "/console/payments")["Cash"] == str(cash)
