"""Lists as every area shows them: their query is in the address, pages go by cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import attrs

from telecom_crm.application.ports import Query
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import here

SIZES = (20, 50, 100)
COUNTED = 1000
"""So far the things behind a filter are counted."""


@attrs.frozen
class Listing:
    """
    What a list is asked for: search, filters, order, place and size, all as the address says.

    Unknown parameters, and values that are none, count for nothing: an old bookmark shows a list.
    """

    path: str
    asked: Mapping[str, str]
    filters: tuple[str, ...]

    @classmethod
    def of(cls, request: Visit, *filters: str) -> Listing:
        """Read the address; `filters` are the fields that this list is filtered by."""
        known = ("q", "sort", "size", "cursor", *filters)
        given = {name: request.query_params.get(name, "")[:1000] for name in known}
        return cls(request.scope["path"], {k: v for k, v in given.items() if v}, filters)

    @property
    def q(self) -> str:
        """What is searched for."""
        return self.asked.get("q", "").strip()[:200]

    @property
    def descending(self) -> bool:
        """Whether the newest come first; so it is unless the address says otherwise."""
        return self.asked.get("sort") != "up"

    @property
    def size(self) -> int:
        """How many to a page."""
        raw = self.asked.get("size", "")
        return int(raw) if raw in map(str, SIZES) else SIZES[0]

    def where(self) -> dict[str, str]:
        """Return the filters."""
        return {name: self.asked[name] for name in self.filters if name in self.asked}

    def query(self, **fixed: str) -> Query:
        """Return the query of the list; `fixed` are filters that the page itself sets."""
        return Query(
            where={**self.where(), **fixed},
            limit=self.size,
            cursor=self.asked.get("cursor"),
            descending=self.descending,
        )

    def url(self, **changes: Any) -> str:
        """Return the address of the list with changes; None takes out. Its place begins anew."""
        asked = {k: v for k, v in self.asked.items() if k != "cursor"}
        asked |= {name: value for name, value in changes.items() if value is not None}
        for name, value in changes.items():
            if value is None:
                asked.pop(name, None)
        return f"{self.path}?{urlencode(asked)}" if asked else self.path

    def onward(self, cursor: str | None) -> str | None:
        """Return the address of the next page."""
        return self.url(cursor=cursor) if cursor else None

    @property
    def first(self) -> str | None:
        """The address of the beginning, where the list is further on."""
        return self.url() if "cursor" in self.asked else None

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves things out."""
        return bool(self.q or self.where())


def tally(count: int) -> str:
    """Write how many there are; beyond a thousand it was not counted."""
    return f"{here().number(COUNTED)}+" if count > COUNTED else here().number(count)


def tolerant(listing: Listing, fetch: Any) -> Any:
    """Return a page of a list; of its beginning, unfiltered, where the address made no sense."""
    try:
        return fetch(listing.query())
    except InvalidValue:
        return fetch(Query(limit=listing.size, descending=listing.descending))
