"""Lists as iterators, and the check of the version a caller has seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from telecom_crm.application.ports import Collection, Page, Query, Transaction, UnitOfWork
from telecom_crm.domain.errors import VersionSeen
from telecom_crm.domain.lifecycle import Living

T = TypeVar("T")

PAGE_SIZE = 500
LOOKED_THROUGH = 1000
"""So many things, the newest, a search by words goes through of what its filters leave."""


def each_on(fetch: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Go through all pages; `fetch` returns the one behind a cursor, and the first for None."""
    cursor: str | None = None
    while True:
        page = fetch(cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def each_in(collection: Collection[Any, T], **where: str) -> Iterator[T]:
    """Go through a list page by page, inside one transaction."""
    return each_on(
        lambda cursor: collection.page(Query(where=where, limit=PAGE_SIZE, cursor=cursor))
    )


def each_of(
    uow: UnitOfWork, pick: Callable[[Transaction], Collection[Any, T]], where: Mapping[str, str]
) -> Iterator[T]:
    """Go through a list page by page, each in a short transaction: slow readers hold nothing."""
    return each_swept(
        uow,
        lambda tx, cursor: pick(tx).page(Query(where=where, limit=PAGE_SIZE, cursor=cursor)),
    )


def each_swept(uow: UnitOfWork, fetch: Callable[[Transaction, str | None], Page[T]]) -> Iterator[T]:
    """
    Go through all that a sweep has to look at, each page in a short transaction of its own.

    A page is fetched once the one before it is dealt with, so that one that cannot get on keeps
    nothing behind it from its turn, and memory holds one page.
    """

    def page(cursor: str | None) -> Page[T]:
        with uow(read_only=True) as tx:
            return fetch(tx, cursor)

    return each_on(page)


def counts_of(
    uow: UnitOfWork,
    pick: Callable[[Transaction], Collection[Any, T]],
    wheres: Sequence[Mapping[str, str]],
    *,
    most: int,
) -> list[int]:
    """Count what each of some filters leaves of a list, up to `most`."""
    with uow(read_only=True) as tx:
        return pick(tx).counts(wheres, most=most)


def search_of(
    uow: UnitOfWork,
    pick: Callable[[Transaction], Collection[Any, T]],
    words: Callable[[T], Iterable[str]],
    text: str,
    where: Mapping[str, str],
    *,
    limit: int,
) -> list[T]:
    """
    Find by a part of any of a thing's words, from the end of the list: the newest first.

    It goes through the newest `LOOKED_THROUGH` that the filters leave, for lists that are short or
    of which the old is hardly asked for: a filter more reaches further back.
    """
    wanted = text.strip().casefold()
    with uow(read_only=True) as tx:
        every = partial(Query, where=where, limit=PAGE_SIZE, descending=True)
        newest = islice(each_on(lambda cursor: pick(tx).page(every(cursor=cursor))), LOOKED_THROUGH)
        fits = (one for one in newest if any(wanted in word.casefold() for word in words(one)))
        return list(islice(fits, limit))


def refuse_stale(thing: Living, expected_version: int | None, *, name: str) -> None:
    """Raise `VersionSeen` where the caller has seen another version; None has seen none."""
    if expected_version is not None and thing.version != expected_version:
        raise VersionSeen(name, thing.key, thing.version)
