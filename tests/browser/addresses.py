"""Every page of the router, with an address that shows something there."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import urlencode

from telecom_crm.entrypoints.http.app import routes
from telecom_crm.entrypoints.http.web.gate import FACE
from tests.browser.conftest import Window
from tests.browser.serving import ORGANISATION, SECRET

COMMANDS = {
    "/console/accounts": "charge",
    "/console/applications": "reject",
    "/console/contracts": "suspend",
    "/console/customers": "block",
    "/console/imports": "abort",
    "/console/network": "skip",
    "/console/numbers": "reclassify",
    "/console/payments": "reverse",
    "/console/sims": "reserve",
    "/console/tariffs": "retire",
    "/console/tickets": "suspend",
    "/console/webhooks": "pause",
}
"""A command of each area, for the pages that ask about one."""


ASKED_ON = {"/my/change": "/my/tariff"}
"""Pages that say nothing of themselves, and the page whose first link leads to one that does."""

FOUND_BY = {
    "/console/customers/{customer_id:uuid}/self-care": f"?q={ORGANISATION}",
    "/console/contracts/{contract_id:uuid}/{command:str}": "?status=active",
    "/console/contracts/{contract_id:uuid}/papers": "?status=draft",
    "/console/contracts/{contract_id:uuid}/activate": "?status=accepted",
    "/console/payments/{payment_id:uuid}/allocate": "?status=unallocated",
}
"""Pages about things that are not first in their list, and the search that finds one."""

STEPS_OF_A_SALE = re.compile("/console/contracts/new/(number|tariff|billing)$")
"""Pages that lead back where their address does not say what was chosen before."""

FILES = re.compile(r"\.(pdf|csv)$|/scans?(/|$)")
"""What is given out as a file, and is no page."""

ROWS = "main [data-row] a, main a[data-row]"
"""What leads from a list to one of its things."""
PATHS = "all => all.map(a => a.pathname)"


@cache
def templates(face: str) -> tuple[str, ...]:
    """Return the paths of a face's pages, as the router has them; papers are none."""
    return tuple(
        sorted(
            route.path
            for route in routes().routes
            for handler in getattr(route, "route_handlers", ())
            if handler.opt.get(FACE) == face and "GET" in handler.http_methods
            if not FILES.search(route.path)
        )
    )


def address_of(window: Window, template: str) -> str:
    """Return an address for a page: what a list's first row leads to, where it is about a thing."""
    area = "/".join(template.split("/")[:3])
    path = template.replace("{command:str}", COMMANDS.get(area, ""))
    path = path.replace("{secret:uuid}", SECRET).replace("{place:int}", "1")
    path = path.replace("{field:str}", "phone")
    if template in ASKED_ON:
        window.go(ASKED_ON[template])
        return str(window.page.locator(f"a[href^='{template}?']").first.get_attribute("href"))
    if STEPS_OF_A_SALE.match(template):
        return f"{path}?{chosen(window)}"
    if "{" not in path:
        return path
    lists, _, rest = path.partition("/{")
    one = re.compile(re.escape(lists) + r"/[^/?#]+$")
    links = leads_to(window, lists + FOUND_BY.get(template, ""))
    found = [link for link in links if one.match(link) and not link.endswith("/new")]
    assert found, f"{lists} leads to nothing that {template} could show"
    others = iter(link.rpartition("/")[2] for link in found[1:])
    rest = re.sub(r"\{other_id:uuid\}", lambda _: next(others), rest.partition("}")[2])
    return str(found[0]) + rest


def chosen(window: Window) -> str:
    """Return what the address of a sale says once all is chosen."""
    customer, iccid, msisdn = (
        leads_to(window, f"/console/{area}")[0].rpartition("/")[2]
        for area in ("customers", "sims", "numbers")
    )
    choice = {"customer": customer, "iccid": iccid, "msisdn": msisdn}
    return urlencode(choice | {"reservation": "a sale", "tariff": "START"})


@cache
def leads_to(window: Window, path: str) -> tuple[str, ...]:
    """Return what the rows of a list lead to; each list is looked at once."""
    window.go(path)
    return tuple(dict.fromkeys(window.page.eval_on_selector_all(ROWS, PATHS)))
