"""What stands before and behind a record in the list that somebody came to it from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TypeVar
from urllib.parse import parse_qsl

import attrs

from telecom_crm.application.ports import Page
from telecom_crm.entrypoints.http.web.console.lists import CAME_FROM, Listing
from telecom_crm.entrypoints.http.web.http import Visit

T = TypeVar("T")

MOST_CHARACTERS = 2000


@attrs.frozen
class Beside:
    """The list as it was, and the addresses of the records on both sides, "" for none."""

    back: str
    before: str = ""
    behind: str = ""
    trail: str = ""
    """What other pages of the record have behind their address, to know the list as well."""


def came_from(request: Visit, path: str, filters: Sequence[str]) -> Listing | None:
    """Return the list that the address tells of; None where one came from elsewhere."""
    asked = request.query_params.get(CAME_FROM, "")
    if not asked or len(asked) > MOST_CHARACTERS:
        return None
    return Listing.asking(path, dict(parse_qsl(asked)), *filters)


def beside(
    request: Visit,
    path: str,
    key: object,
    filters: Sequence[str],
    fetch: Callable[[Listing], Page[T]],
    key_of: Callable[[T], object] = attrgetter("id"),
) -> Beside:
    """
    Find a record in the list that the address tells of; without one there is only the way back.

    The page of the list is fetched again, and the one behind it where the record is the last. At
    the head of a page nothing is known of what is before it: lists go on, not back.
    """
    listing = came_from(request, path, filters)
    if listing is None:
        return Beside(back=path)
    found = fetch(listing)
    keys = [str(key_of(one)) for one in found.items]
    if str(key) not in keys:
        return Beside(back=listing.here)
    place = keys.index(str(key))
    links = [f"{path}/{one}{listing.trail}" for one in keys]
    links += _further(listing, found, fetch, key_of) if place == len(keys) - 1 else []
    return Beside(
        back=listing.here,
        before=links[place - 1] if place else "",
        behind=links[place + 1] if place + 1 < len(links) else "",
        trail=listing.trail,
    )


def _further(
    listing: Listing,
    found: Page[T],
    fetch: Callable[[Listing], Page[T]],
    key_of: Callable[[T], object],
) -> list[str]:
    if found.next is None:
        return []
    onward = listing.behind(found.next)
    first = fetch(onward).items[:1]
    return [f"{listing.path}/{key_of(one)}{onward.trail}" for one in first]
