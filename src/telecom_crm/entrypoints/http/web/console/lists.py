"""Lists as every area shows them: their query is in the address, pages go by cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode

import attrs

from telecom_crm.application import paging
from telecom_crm.application.paging import PAGE_SIZE
from telecom_crm.application.ports import NO_FILTERS, Page, Query
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.lifecycle import Event
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.labels import label

T = TypeVar("T")

SIZES = (20, 50, 100)
CAME_FROM = "in"
"""The parameter by which a thing's page knows the list that one came from."""
HISTORY = 30
"""So many events a page of a thing's timeline tells."""
STATUS = "status"
"""The field that most chips choose by."""
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
    is_whole: bool = False
    """Whether all of it is asked for, from its beginning: its pages are long, nonsense refused."""

    @classmethod
    def of(cls, request: Visit, *filters: str) -> Listing:
        """Read the address; `filters` are the fields that this list is filtered by."""
        return cls.asking(request.scope["path"], request.query_params, *filters)

    @classmethod
    def asking(cls, path: str, query: Mapping[str, str], *filters: str) -> Listing:
        """Read a query that is not of the request's own address."""
        known = ("q", "sort", "size", "cursor", *filters)
        given = {name: query.get(name, "")[:1000] for name in known}
        return cls(path, {k: v for k, v in given.items() if v}, filters)

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
        if self.is_whole:
            return PAGE_SIZE
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

    def whole(self) -> Listing:
        """Return the same search, filters and order, for a file of all that they let through."""
        return attrs.evolve(self.anew(), is_whole=True)

    def anew(self) -> Listing:
        """Return the list from its beginning."""
        asked = {name: value for name, value in self.asked.items() if name != "cursor"}
        return attrs.evolve(self, asked=asked)

    def behind(self, cursor: str) -> Listing:
        """Return the list from a place on."""
        return attrs.evolve(self, asked={**self.asked, "cursor": cursor})

    @property
    def file(self) -> str:
        """The address of the file with all that the list shows."""
        asked = {k: v for k, v in self.asked.items() if k not in ("cursor", "size")}
        path = f"{self.path.rstrip('/')}.csv"
        return f"{path}?{urlencode(asked)}" if asked else path

    @property
    def here(self) -> str:
        """The address of the list, at the place where it is."""
        return f"{self.path}?{urlencode(self.asked)}" if self.asked else self.path

    @property
    def trail(self) -> str:
        """What the addresses of its things have behind them, to lead from one to the next."""
        asked = {"size": str(self.size), **self.asked}
        return f"?{urlencode({CAME_FROM: urlencode(asked)})}"

    def onward(self, cursor: str | None) -> str | None:
        """Return the address of the next page."""
        return self.url(cursor=cursor) if cursor else None

    @property
    def first(self) -> str | None:
        """The address of the beginning, where the list is further on."""
        return self.url() if "cursor" in self.asked else None

    @property
    def sizes(self) -> list[dict[str, Any]]:
        """What a page may hold, each with the address that shows the list so."""
        return [
            {
                "href": self.url(size=None if size == SIZES[0] else size),
                "text": here().number(size),
                "size": size,
                "current": size == self.size,
            }
            for size in SIZES
        ]

    @property
    def kept(self) -> dict[str, str]:
        """What a search leaves as it is: filters, order and size."""
        return {k: v for k, v in self.asked.items() if k not in ("q", "cursor")}

    def beside(self, name: str) -> dict[str, str]:
        """Return what one filter leaves as it is: the search, the others, order and size."""
        return {k: v for k, v in self.asked.items() if k not in (name, "cursor")}

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves things out."""
        return bool(self.q or self.where())


def history_of(
    request: Visit, path: str, fetch: Callable[..., Page[Event]]
) -> tuple[Listing, Page[Event]]:
    """
    Return a page of the timeline of a thing at `path`, and its place; a made-up one is the first.

    `fetch` is given the `count` and the `cursor`. The list that one came from stays in addresses.
    """
    listing = Listing.asking(path, request.query_params, CAME_FROM)
    try:
        return listing, fetch(count=HISTORY, cursor=listing.asked.get("cursor"))
    except InvalidValue:
        return attrs.evolve(listing, asked={}), fetch(count=HISTORY)


def tally(count: int) -> str:
    """Write how many there are; beyond a thousand it was not counted."""
    return f"{here().number(COUNTED)}+" if count > COUNTED else here().number(count)


def tolerant(listing: Listing, fetch: Any) -> Any:
    """
    Return a page of a list; of its beginning, unfiltered, where the address made no sense.

    For a file of the whole list raise `InvalidValue` then: nobody would see that it has all.
    """
    try:
        return fetch(listing.query())
    except InvalidValue:
        if listing.is_whole:
            raise
        return fetch(Query(limit=listing.size, descending=listing.descending))


Fetch = Callable[[Query], Page[Any]]
"""A service's page of its list."""
Search = Callable[..., Sequence[Any]]
"""A service's search: the text, and `where` and `limit` by name."""
Counts = Callable[..., list[int]]
"""A service's counts: some filters, and `most` by name."""


@attrs.frozen(kw_only=True)
class Found(Page[T]):
    """What a list shows; of a search, also what its chips are counted `among`."""

    among: Sequence[T] | None = None
    looked_through: int | None = None
    """So many, the newest, are all that a search went through, where there are more."""


def found_by(
    listing: Listing,
    fetch: Fetch,
    search: Search,
    *,
    chosen: Iterable[str] = (STATUS,),
    counts: Counts | None = None,
) -> Found[Any]:
    """
    Return what a list shows: what a search finds behind the filters, or a page of all.

    `chosen` are the fields that the list's chips choose by. `counts` is the service's, where its
    search is `search_of`, which may end before the list does.
    """
    if not listing.q:
        page = tolerant(listing, fetch)
        return Found(items=page.items, next=page.next)
    where = listing.where()
    if where.keys() <= set(chosen):
        hits, bound = _hits(listing, search, counts, NO_FILTERS)
        if len(hits) < listing.size and bound is None:
            return Found(items=tuple(_fitting(hits, where)), among=hits)
        if not where:
            return Found(items=tuple(hits), looked_through=bound)
    hits, bound = _hits(listing, search, counts, where)
    return Found(items=tuple(hits), looked_through=bound)


def _hits(
    listing: Listing, search: Search, counts: Counts | None, where: Mapping[str, str]
) -> tuple[Sequence[Any], int | None]:
    """Return what a search finds; of one that ended before its list, how many it went through."""
    try:
        hits: Sequence[Any] = search(listing.q, where=where, limit=listing.size)
        return hits, _bound(counts, where) if len(hits) < listing.size else None
    except InvalidValue:  # no text that anything could be called, or no state or kind there is
        return [], None


def _bound(counts: Counts | None, where: Mapping[str, str]) -> int | None:
    """Return how many a search goes through, where the filters leave more."""
    bound = paging.LOOKED_THROUGH
    return bound if counts and counts(where, most=bound + 1) == [bound + 1] else None


def chips(
    listing: Listing,
    choices: Sequence[tuple[str, Mapping[str, str]]],
    counts: Counts,
    *,
    among: Sequence[object] | None = None,
    **changes: None,
) -> list[dict[str, Any]]:
    """
    Return a chip for each of some filters, with how many things it leaves.

    `counts` is the service's. Of a search they are counted `among` what it found, where that is all
    there is; beside other filters, for which nothing is indexed together, they are not told.
    `changes` are what a chip takes out of the address besides.
    """
    wheres = [where for _, where in choices]
    fields = {field for where in wheres for field in where}
    now = {field: value for field, value in listing.where().items() if field in fields}
    found: Sequence[int | None] = [None] * len(wheres)
    if listing.where().keys() <= fields:
        if not listing.q or "q" in changes:
            found = counts(*wheres, most=COUNTED + 1)
        elif among is not None and len(among) < listing.size:
            found = [len(_fitting(among, where)) for where in wheres]
    return [
        {
            "href": listing.url(**{**changes, **{field: where.get(field) for field in fields}}),
            "text": text,
            "count": None if count is None else tally(count),
            "current": now == where,
        }
        for (text, where), count in zip(choices, found, strict=True)
    ]


def _fitting(things: Iterable[T], where: Mapping[str, str]) -> list[T]:
    return [
        one for one in things if all(getattr(one, key) == value for key, value in where.items())
    ]


def status_chips(
    listing: Listing,
    every: str,
    statuses: Iterable[StrEnum],
    counts: Counts,
    *,
    among: Sequence[object] | None = None,
    **changes: None,
) -> list[dict[str, Any]]:
    """Return a chip for all, and one for each status; see `chips`."""
    states = ((label(status), {STATUS: status.value}) for status in statuses)
    return chips(listing, [(every, {}), *states], counts, among=among, **changes)
