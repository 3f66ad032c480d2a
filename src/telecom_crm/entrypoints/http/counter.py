"""Payments of many requests, handed to a thread together: a hop a batch, not a hop a payment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from weakref import WeakKeyDictionary

import attrs
from litestar.concurrency import sync_to_thread

from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.domain.payment import Payment

_Waiting = list[tuple[PaymentRequest, asyncio.Future[Payment]]]


@attrs.define(eq=False)
class _Line:
    """Who waits for one gateway, in one event loop."""

    waiting: _Waiting = attrs.field(factory=list)
    served: asyncio.Task[None] | None = None


@attrs.define(eq=False)
class Counter:
    """
    Where requests pay.

    Money that is in hand is booked together with whoever's comes while others are being served: no
    timer, and a payment alone is served at once. A gateway that must be asked is asked in a thread.
    """

    payments: Payments
    _lines: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Line]] = attrs.field(
        factory=WeakKeyDictionary, init=False
    )

    async def take(self, request: PaymentRequest, *, gateway: str) -> Payment:
        """Take a payment; see `Payments.take`, which has the errors too."""
        if not self.payments.gateway(gateway).takes_at_once:
            return await sync_to_thread(partial(self.payments.take_one, request, gateway=gateway))
        loop = asyncio.get_running_loop()
        line = self._lines.setdefault(loop, {}).setdefault(gateway, _Line())
        outcome: asyncio.Future[Payment] = loop.create_future()
        line.waiting.append((request, outcome))
        if line.served is None:
            # A task of its own: a client that goes away takes nobody along.
            line.served = loop.create_task(self._serve(line, gateway))
        return await outcome

    async def _serve(self, line: _Line, gateway: str) -> None:
        """Book all who wait, and who came meanwhile, until nobody does."""
        try:
            while line.waiting:
                batch, line.waiting = line.waiting, []
                requests = [request for request, _ in batch]
                book = partial(self.payments.record_many, requests, gateway=gateway)
                try:
                    _answer(batch, await sync_to_thread(book))
                except Exception as error:  # noqa: BLE001  # raised where each of them waits
                    _answer(batch, [error] * len(batch))
        finally:
            line.served = None


def _answer(batch: _Waiting, outcomes: Sequence[Payment | Exception]) -> None:
    for (_, waiting), outcome in zip(batch, outcomes, strict=True):
        if waiting.done():  # its client is gone
            continue
        if isinstance(outcome, Exception):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)
