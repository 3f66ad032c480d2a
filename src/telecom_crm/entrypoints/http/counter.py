"""Payments of many requests, handed to a thread together: a hop a batch, not a hop a payment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from weakref import WeakKeyDictionary

import attrs
from litestar.concurrency import sync_to_thread

from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.domain.errors import Busy, apart
from telecom_crm.domain.payment import Payment

_Waiting = list[tuple[PaymentRequest, asyncio.Future[Payment]]]


HELD_AT_ONCE = 4
"""
Lines for held accounts that are served at once. Each keeps a thread while it waits, one of their
own: the loop's default threads, which serve everything else, are few.
"""


@attrs.define(eq=False)
class _Line:
    """Who waits for one gateway, in one event loop; for an account that is held, apart."""

    gateway: str
    held: str | None = None
    waiting: _Waiting = attrs.field(factory=list)
    served: asyncio.Task[None] | None = None


@attrs.define(eq=False)
class _Hall:
    """The lines of one event loop, and how many of those for held accounts may be served."""

    lines: dict[tuple[str, str | None], _Line] = attrs.field(factory=dict)
    free: asyncio.Semaphore = attrs.field(factory=partial(asyncio.Semaphore, HELD_AT_ONCE))


@attrs.define(eq=False)
class Counter:
    """
    Where requests pay.

    Money that is in hand is booked together with whoever's comes while others are being served: no
    timer, and a payment alone is served at once. Who pays into an account that something else holds
    is asked to wait in another line, and keeps nobody else. A gateway that must be asked is asked
    in a thread.
    """

    payments: Payments
    seconds: float = 5.0
    """How long a line for a held account waits for its turn, before it waits for the account."""
    _halls: WeakKeyDictionary[asyncio.AbstractEventLoop, _Hall] = attrs.field(
        factory=WeakKeyDictionary, init=False
    )
    _for_held: ThreadPoolExecutor = attrs.field(
        factory=partial(ThreadPoolExecutor, HELD_AT_ONCE, "held-accounts"), init=False
    )

    async def take(self, request: PaymentRequest, *, gateway: str) -> Payment:
        """Take a payment; see `Payments.take`, which has the errors too."""
        if not self.payments.gateway(gateway).takes_at_once:
            return await sync_to_thread(partial(self.payments.take_one, request, gateway=gateway))
        loop = asyncio.get_running_loop()
        hall = self._halls.setdefault(loop, _Hall())
        outcome: asyncio.Future[Payment] = loop.create_future()
        self._stand(hall, request, outcome, gateway=gateway)
        return await outcome

    def close(self) -> None:
        """Let go of the threads for held accounts; who still waits in one has its answer first."""
        self._for_held.shutdown(wait=False)

    def _stand(
        self,
        hall: _Hall,
        request: PaymentRequest,
        outcome: asyncio.Future[Payment],
        *,
        gateway: str,
        held: str | None = None,
    ) -> None:
        line = hall.lines.setdefault((gateway, held), _Line(gateway, held))
        line.waiting.append((request, outcome))
        if line.served is None:
            # A task of its own: a client that goes away takes nobody along.
            line.served = asyncio.get_running_loop().create_task(self._serve(hall, line))

    async def _serve(self, hall: _Hall, line: _Line) -> None:
        """Book all who wait, and who came meanwhile, until nobody does."""
        try:
            while line.waiting:
                batch, line.waiting = line.waiting, []
                await self._book(hall, line, batch)
        finally:
            line.served = None
            if line.held is not None:
                del hall.lines[line.gateway, line.held]

    async def _book(self, hall: _Hall, line: _Line, batch: _Waiting) -> None:
        waits = line.held is not None
        requests = [request for request, _ in batch]
        book = partial(self.payments.record_many, requests, gateway=line.gateway, wait=waits)
        outcomes: Sequence[Payment | Exception]
        try:
            outcomes = await (self._apart(hall, line, book) if waits else sync_to_thread(book))
        except Exception as error:  # noqa: BLE001  # every caller of the batch is told
            outcomes = [apart(error) for _ in batch]
        for (request, waiting), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Busy) and not waits:
                self._stand(hall, request, waiting, gateway=line.gateway, held=outcome.thing)
            else:
                _answer(waiting, outcome)

    async def _apart(
        self, hall: _Hall, line: _Line, book: Callable[[], Sequence[Payment | Exception]]
    ) -> Sequence[Payment | Exception]:
        """Book in a thread for held accounts; raise `Busy` where none is free for too long."""
        try:
            await asyncio.wait_for(hall.free.acquire(), self.seconds)
        except TimeoutError:
            raise Busy(line.held or "the accounts") from None
        try:
            return await asyncio.get_running_loop().run_in_executor(self._for_held, book)
        finally:
            hall.free.release()


def _answer(waiting: asyncio.Future[Payment], outcome: Payment | Exception) -> None:
    if not waiting.done():  # else its client is gone
        if isinstance(outcome, Exception):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)
