"""From a record to the next one of the list that somebody came from."""

import html
import re
from urllib.parse import quote

import pytest

from telecom_crm.application.ports import Payer
from telecom_crm.domain.importing import ImportKind
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.entrypoints import demo
from tests.integration.test_web import admin, site

__all__ = ["admin", "site"]


def rows_of(browser, path):
    found = re.findall(r'<tr data-row>\s*<td[^>]*><a [^>]*href="([^"]+)"', browser.get(path).text)
    return [html.unescape(one) for one in found]


def beside(browser, path):
    """Return the links to the record before and to the one behind."""
    page = browser.get(path).text
    found = [re.search(rf'rel="{rel}" href="([^"]+)"', page) for rel in ("prev", "next")]
    return [html.unescape(one[1]).partition("?")[0] if one else None for one in found]


@pytest.mark.parametrize("path", ["/console/customers", "/console/contracts"])
def test_a_record_leads_to_those_beside_it_in_the_list_as_it_was(admin, path):
    rows = rows_of(admin, f"{path}?status=active&sort=up")
    ids = [one.partition("?")[0] for one in rows]
    assert beside(admin, rows[0]) == [None, ids[1]]
    assert beside(admin, rows[5]) == [ids[4], ids[6]]
    (onward,) = re.findall(
        r'href="([^"]+)" rel="next"', admin.get(f"{path}?status=active&sort=up").text
    )
    further = rows_of(admin, html.unescape(onward))
    last = admin.get(rows[-1]).text
    assert beside(admin, rows[-1]) == [ids[-2], further[0].partition("?")[0]]
    (behind,) = re.findall(r'rel="next" href="([^"]+)"', last)
    assert beside(admin, html.unescape(behind)) == [None, further[1].partition("?")[0]]
    back = html.unescape(admin.get(rows[0]).text)
    assert f'href="{path}?sort=up&size=20&status=active"' in back


@pytest.mark.parametrize("path", ["sims", "numbers", "tariffs", "users", "payments"])
def test_the_rest_leads_to_its_neighbours_by_whatever_it_is_known(site, admin, path):
    if path == "payments":
        pay_thrice(site)
    rows = rows_of(admin, f"/console/{path}?sort=up")
    ids = [one.partition("?")[0] for one in rows]
    assert beside(admin, rows[0]) == [None, ids[1]]
    assert beside(admin, rows[1]) == [ids[0], ids[2]]
    assert beside(admin, ids[1]) == [None, None]


def test_a_search_is_gone_through_as_well_and_the_tabs_keep_it(site, admin):
    for name in ("Соседов Первый", "Соседов Второй", "Соседов Третий"):
        site.crm.customers.register(name=name)
    rows = rows_of(admin, f"/console/customers?q={quote('Соседов')}")
    assert len(rows) == 3
    ids = [one.partition("?")[0] for one in rows]
    assert beside(admin, rows[1]) == [ids[0], ids[2]]
    page = admin.get(rows[1]).text
    tab = re.search(rf'href="({ids[1]}/services\?[^"]+)"', page)
    assert tab, page
    assert beside(admin, html.unescape(tab[1])) == [ids[0], ids[2]]


def test_without_a_list_or_with_a_made_up_one_a_record_stands_alone(site, admin):
    plain = f"/console/customers/{site.customer.id}"
    for asked in ("", "?in=", "?in=" + quote("status=odd&cursor=%00x"), "?in=" + "x" * 3000):
        answer = admin.get(plain + asked)
        assert answer.status_code == 200
        assert beside(admin, plain + asked)[0] is None
    assert beside(admin, plain) == [None, None]
    gone = admin.get(plain + "?in=" + quote("status=closed"))
    assert 'href="/console/customers?status=closed"' in gone.text


THINGS = {
    "application": "applications",
    "contract": "contracts",
    "import_job": "imports",
    "number": "numbers",
    "provisioning_task": "network",
    "sim": "sims",
    "tariff": "tariffs",
    "token": "tokens",
    "user": "users",
}


@pytest.mark.parametrize(("thing", "area"), THINGS.items(), ids=THINGS)
def test_a_thing_leads_to_what_the_audit_has_of_it(site, admin, thing, area):
    site.crm.access.create_token(name=f"For {thing}", role="support")
    demo.load_applications(site.crm)
    site.crm.imports.run_file(
        kind=ImportKind.NUMBERS, content=b"msisdn,category\n996700,standard\n"
    )
    [first, *_] = re.findall(rf'href="(/console/{area}/[^"?/]+)', rows_part(admin, area))
    link = re.search(
        rf'href="(/console/audit\?thing={thing}&amp;thing_id=[^"]+)"', admin.get(first).text
    )
    assert link, first
    assert first.rpartition("/")[2] in link[1]
    assert admin.get(html.unescape(link[1])).status_code == 200


def test_who_may_not_read_the_audit_is_not_led_there(site):
    operator = site.browser("operator")
    contract = next(site.crm.contracts.each())
    page = operator.get(f"/console/contracts/{contract.id}").text
    assert f'data-copy="{contract.id}"' in page
    assert "/console/audit" not in page


def rows_part(browser, area):
    """Return the rows of a list."""
    return browser.get(f"/console/{area}").text.partition("data-row")[2]


def test_a_long_past_goes_on_where_the_page_ends(site, admin):
    user = site.crm.users.known_as("support")
    for count in range(35):
        site.crm.users.rename(user.id, name=f"Support {count}")
    listed = f"?in={quote('size=20')}"
    page = admin.get(f"/console/users/{user.id}{listed}").text
    (onward,) = re.findall(r'href="(/console/users/[^"]+cursor=[^"]+)"', page)
    further = admin.get(html.unescape(onward)).text
    lines = [text.count('class="when"') for text in (page, further)]
    assert lines == [30, len(site.crm.users.timeline(user.id)) - 30]
    assert "in=size" in further.partition("To the beginning")[0]
    made_up = admin.get(f"/console/users/{user.id}?cursor=odd").text
    assert made_up.count('class="when"') == 30


def pay_thrice(site):
    for amount in ("100.00", "200.00", "300.00"):
        site.crm.payments.take(
            payer=Payer(msisdn=demo.subscriber(0).msisdn),
            amount=Money.parse(amount, "KGS"),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
        )
