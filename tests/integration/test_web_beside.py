"""From a record to the next one of the list that somebody came from."""

import html
import re
from urllib.parse import quote

import pytest

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
