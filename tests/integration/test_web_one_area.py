"""Who may see one area, or work in it and nowhere else: nothing leads on to what is forbidden."""

import re
from collections.abc import Iterator

import pytest

from telecom_crm.domain.role import Action, Area, Role
from telecom_crm.entrypoints.http.access import Permission, rule_of
from telecom_crm.entrypoints.http.app import create_app
from telecom_crm.entrypoints.http.limits import Limits
from telecom_crm.entrypoints.http.web.console import ENTRIES
from tests.browser.serving import furnished
from tests.integration.crawling import Page, Seen, crawl
from tests.integration.test_web import Site
from tests.integration.test_web_crawl import handler_at, template_of
from tests.people import PASSWORD

LOOKS, WORKS = frozenset({Action.READ}), frozenset(Action)

OF_TWO_AREAS = {"/console/customers/{customer_id:uuid}/request": Area.CUSTOMERS}
"""Pages that show what is of another area than what is done there, and so ask for both."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with furnished() as crm:
        yield Site(create_app(crm, limits=Limits(refused_per_minute=100_000)), crm)


@pytest.fixture(scope="module")
def everything(site) -> Seen:
    """All that an administrator comes to, one of each page."""
    return crawl_as(site, "admin")


def crawl_as(site: Site, login: str) -> Seen:
    return crawl(site.browser(login), "/console", kind_of=template_of)


def hired(site: Site, area: Area, actions: frozenset[Action]) -> Role:
    """Give somebody a role of one area, who signs in by the role's name."""
    name = f"{area}_{'works' if actions == WORKS else 'looks'}"
    role = Role(name=name, title=f"One of {area}", grants={area: actions})
    site.crm.rules.create_role(role)
    site.crm.users.begin(login=name, name=f"The {name}", role=name, password=PASSWORD)
    return role


def allows(site: Site, role: Role, method: str, address: str) -> bool:
    rule = rule_of(handler_at(method, address)[1])
    return not isinstance(rule, Permission) or role.may(rule.area, rule.action)


@pytest.mark.parametrize("actions", [LOOKS, WORKS], ids=["looks", "works"])
@pytest.mark.parametrize("area", list(Area))
def test_one_area_opens_its_pages_alone_and_leads_nowhere_else(site, everything, area, actions):
    role = hired(site, area, actions)
    browser = site.browser(role.name)
    for address in everything.links:
        code, may = browser.get(address).status_code, allows(site, role, "GET", address)
        if template_of(address) not in OF_TWO_AREAS or not may:
            assert (code == 403) != may, address
    side = re.search(r'<aside id="nav".*?</nav>', browser.get("/console").text, re.DOTALL)
    assert side
    navigation = Page("/console")
    navigation.feed(side[0])
    offered = {one.path for one in ENTRIES if one.is_open(role.may)}
    ways = {link for link in navigation.links if not link.startswith("/static/")}
    assert ways == offered | {"/console"}
    seen = crawl_as(site, role.name)
    assert offered <= seen.links.keys()
    refused = {at: one.status_code for at, one in seen.links.items() if one.status_code >= 400}
    assert refused == {}, "no link that would be refused"
    sent = [one.path for one in seen.forms if one.sends]
    forbidden = [path for path in sent if not allows(site, role, "POST", path)]
    assert forbidden == [], "no form that would be refused"
