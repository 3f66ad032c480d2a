"""Every page of the router, with an address that shows something there."""

from __future__ import annotations

import re
from functools import cache

from telecom_crm.entrypoints.http.web.gate import FACE
from tests.browser.conftest import Window
from tests.browser.serving import make

COMMANDS = {
    "/console/customers": "block",
    "/console/imports": "abort",
    "/console/tariffs": "retire",
    "/console/tickets": "suspend",
}
"""A command of each area, for the pages that ask about one."""


ROWS = "main [data-row] a, main a[data-row]"
"""What leads from a list to one of its things."""


@cache
def templates(face: str) -> tuple[str, ...]:
    """Return the paths of a face's pages, as the router has them; papers are none."""
    return tuple(
        sorted(
            route.path
            for route in make().routes
            for handler in getattr(route, "route_handlers", ())
            if handler.opt.get(FACE) == face and "GET" in handler.http_methods
            if not route.path.endswith(".pdf")
        )
    )


def address_of(window: Window, template: str) -> str:
    """Return an address for a page: what a list's first row leads to, where it is about a thing."""
    area = "/".join(template.split("/")[:3])
    path = template.replace("{command:str}", COMMANDS.get(area, ""))
    if "{" not in path:
        return path
    lists, _, rest = path.partition("/{")
    window.go(lists)
    one = re.compile(re.escape(lists) + r"/[^/?#]+$")
    links = window.page.eval_on_selector_all(ROWS, "all => all.map(a => a.pathname)")
    first = next((link for link in links if one.match(link) and not link.endswith("/new")), None)
    assert first is not None, f"{lists} leads to nothing that {template} could show"
    return str(first) + rest.partition("}")[2]
