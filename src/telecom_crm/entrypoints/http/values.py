"""What answers are made of: views, money, events, pages, and the headers that go with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from litestar import Request, Response

from telecom_crm.application.ports import Page
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.money import Money

T = TypeVar("T")
V = TypeVar("V")


class KeyUse(StrEnum):
    """Whether a route wants an idempotency key."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class View(msgspec.Struct, kw_only=True):
    """A thing as answers show it."""


class MoneyView(View):
    """An exact amount in major units."""

    amount: str
    currency: str

    @classmethod
    def of(cls, money: Money) -> MoneyView:
        """Show an amount."""
        return cls(amount=money.amount, currency=money.currency)

    @classmethod
    def of_any(cls, money: Money | None) -> MoneyView | None:
        """Show an amount, where there is one."""
        return None if money is None else cls.of(money)


class EventView(View):
    """One change to one thing; `token` is the id of the token it was made with, if any."""

    thing: str
    thing_id: str
    sequence: int
    name: str
    at: datetime
    by: str
    token: str | None
    command: str
    before: str | None
    after: str
    reason: str
    payload: dict[str, Any]

    @classmethod
    def of(cls, event: Event) -> EventView:
        """Show an event."""
        return cls(
            thing=event.thing,
            thing_id=event.thing_id,
            sequence=event.sequence,
            name=event.name,
            at=event.at,
            by=event.by.name,
            token=event.by.token,
            command=event.command,
            before=event.before,
            after=event.after,
            reason=event.reason,
            payload=dict(event.payload),
        )


class PageView(View, Generic[T]):
    """Some things of a list, and the cursor of the next page where there is one."""

    items: list[T]
    next: str | None = None


def shown(view: V, *, version: int | None = None, replayed: bool = False) -> Response[V]:
    """Answer with a thing, and its version where it can be changed."""
    return Response(view, headers=_headers(version, replayed))


def made(view: V, *, at: str, version: int | None = None, replayed: bool = False) -> Response[V]:
    """Answer with a thing that was made, and where it is."""
    return Response(view, headers={"Location": at, **_headers(version, replayed)})


def listed(
    request: Request[Any, Any, Any], page: Page[T], view: Callable[[T], V]
) -> Response[PageView[V]]:
    """Answer with a page of a list, and a link to the next."""
    body = PageView(items=[view(item) for item in page.items], next=page.next)
    return Response(body, headers=next_link(request, page.next))


def whole(items: Iterable[T], view: Callable[[T], V]) -> PageView[V]:
    """Return a list that is never long as a page without another."""
    return PageView(items=[view(item) for item in items])


def next_link(request: Request[Any, Any, Any], cursor: str | None) -> dict[str, str]:
    """Return the `Link` header of a page: the same request with the next cursor."""
    if cursor is None:
        return {}
    pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if name != "cursor"]
    query = urlencode([*kept, ("cursor", cursor)])
    return {"Link": f'<{request.scope["path"]}?{query}>; rel="next"'}


def tag_of(version: int) -> str:
    """Return a version as an entity tag."""
    return f'"{version}"'


def _headers(version: int | None, replayed: bool) -> dict[str, str]:
    headers = {}
    if version is not None:
        headers["ETag"] = tag_of(version)
    if replayed:
        headers["Idempotency-Replayed"] = "true"
    return headers
