"""A browser that follows whatever it sees: every link, and what every form would send."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import attrs

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FORGED = frozenset({"csrf", "idempotency_key"})
"""Fields that are of a session or of one form, and nobody's things."""


@attrs.frozen
class Sent:
    """What a form sends to where."""

    path: str
    fields: tuple[tuple[str, str], ...]
    sends: bool = True
    """Whether the form has a button for it; those for who only looks have none."""

    @property
    def names_a_thing(self) -> bool:
        """Whether somebody's thing is named, in the address or beside it."""
        beside = " ".join(value for _, value in self.fields)
        return bool(UUID.search(self.path) or UUID.search(beside))


@attrs.define
class Page(HTMLParser):
    """What leads on from a page."""

    address: str
    links: list[str] = attrs.field(factory=list)
    forms: list[Sent] = attrs.field(factory=list)
    _to: str | None = None
    _fields: list[tuple[str, str]] = attrs.field(factory=list)
    _sends: bool = False

    def __attrs_post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, pairs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in pairs}
        for name in ("href", "hx-get", "action"):
            posts = name == "action" and given.get("method") == "post"
            if name in given and not posts and tag != "link":
                self.links.append(urljoin(self.address, given[name]))
        for name in ("hx-post", "formaction"):
            if name in given:
                self.forms.append(Sent(urljoin(self.address, given[name]), ()))
        if tag == "form" and given.get("method") == "post":
            self._to, self._fields = urljoin(self.address, given["action"]), []
            self._sends = False
        elif tag == "button" and given.get("type", "submit") == "submit":
            self._sends |= "formaction" not in given
        elif self._to is not None and given.get("name"):
            chosen = given.get("type") not in ("radio", "checkbox") or "checked" in given
            if chosen and given["name"] not in FORGED and tag != "button":
                self._fields.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._to is not None:
            self.forms.append(Sent(self._to, tuple(self._fields), self._sends))
            self._to = None


@attrs.frozen
class Seen:
    """Everything that somebody came to by following what they saw."""

    links: dict[str, Any]
    """The answers, by address."""
    forms: tuple[Sent, ...]


def crawl(
    browser: Any, *starts: str, kind_of: Callable[[str], str] = str, most_of_a_kind: int = 1
) -> Seen:
    """Follow all links from some pages on; of addresses of one kind, the first few."""
    waiting, links, kinds = list(starts), {}, Counter[str]()
    forms: dict[Sent, None] = {}
    areas = {start.split("/")[1] for start in starts}
    while waiting:
        address = waiting.pop(0)
        parts = urlsplit(address)
        kind = kind_of(address)
        elsewhere = (
            parts.netloc
            or parts.path.split("/")[1:2] == []
            or (parts.path.split("/")[1] not in areas)
        )
        if elsewhere or address in links or kinds[kind] >= most_of_a_kind:
            continue
        kinds[kind] += 1
        links[address] = answer = browser.get(address)
        if "html" in answer.headers.get("content-type", ""):
            page = Page(address)
            page.feed(answer.text)
            waiting += [link.partition("#")[0] for link in page.links]
            forms |= dict.fromkeys(page.forms)
        elif location := answer.headers.get("location"):
            waiting.append(location)
    return Seen(links, tuple(forms))


def naming(seen: Seen) -> Iterator[str]:
    """Return the addresses that name somebody's thing."""
    return (address for address in seen.links if UUID.search(address))
