"""Webhooks: every event to whoever registered a URL, in order and at least once."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from typing import Any

import attrs

from telecom_crm.application.paging import counts_of, each_of, refuse_stale, search_of
from telecom_crm.application.ports import (
    NO_FILTERS,
    Clock,
    HookSender,
    NewId,
    Page,
    Query,
    Undelivered,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.webhook import (
    WEBHOOK_LIFECYCLE,
    Webhook,
    WebhookCommand,
    WebhookStatus,
)

AT_ONCE = 100
"""The most events of one delivery."""
SENDERS = 8
"""How many webhooks are sent to at the same time, so that a slow one does not keep the others."""


@attrs.frozen
class Webhooks:
    """URLs that events are sent to; each goes its own way through the stream."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    sender: HookSender

    def register(
        self,
        *,
        url: str,
        wanted: Iterable[str] = (),
        from_start: bool = False,
        by: Actor = SYSTEM,
    ) -> tuple[Webhook, str]:
        """
        Register a URL, and return it with the secret, which is shown this once.

        Events are sent from now on, or all there ever were. `wanted` are names of events, none for
        all. Raise `InvalidValue` with every fault.
        """
        webhook = Webhook.register(
            id=WebhookId(self.new_id()),
            url=url,
            wanted=wanted,
            secret=secrets.token_bytes(32),
            by=by,
            at=self.clock(),
        )
        self.sender.check(webhook.url)
        return self._keep(webhook, from_start), webhook.secret

    def get(self, webhook_id: WebhookId) -> Webhook:
        """Return a webhook; raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return tx.webhooks.get(webhook_id)

    def page(self, query: Query) -> Page[Webhook]:
        """Return a page of the webhooks, removed ones too."""
        with self.uow(read_only=True) as tx:
            return tx.webhooks.page(query)

    def search(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Webhook]:
        """Find webhooks by a part of their URL."""
        return search_of(
            self.uow,
            lambda tx: tx.webhooks,
            lambda webhook: (webhook.url,),
            text,
            where,
            limit=limit,
        )

    def counts(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the webhooks that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.webhooks, wheres, most=most)

    def each(self, **where: str) -> Iterator[Webhook]:
        """Go through the webhooks, filtered by fields as in `page`."""
        return each_of(self.uow, lambda tx: tx.webhooks, where)

    def timeline(self, webhook_id: WebhookId) -> list[Event]:
        """Return what happened to a webhook, oldest first: failures too, deliveries not."""
        with self.uow(read_only=True) as tx:
            tx.webhooks.get(webhook_id)
            return tx.events.of("webhook", str(webhook_id))

    @retried
    def pause(
        self,
        webhook_id: WebhookId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Webhook:
        """Send nothing for now; what happens meanwhile is sent once it is resumed."""
        return self._change(
            webhook_id, expected_version, lambda hook, at: hook.pause(reason=reason, by=by, at=at)
        )

    @retried
    def resume(
        self, webhook_id: WebhookId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Webhook:
        """Send again, beginning with what did not arrive."""
        return self._change(
            webhook_id, expected_version, lambda hook, at: hook.resume(by=by, at=at)
        )

    @retried
    def remove(
        self, webhook_id: WebhookId, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Webhook:
        """Send nothing any more, and forget the secret."""
        return self._change(
            webhook_id, expected_version, lambda hook, at: hook.remove(by=by, at=at)
        )

    def deliver(self, *, limit: int = AT_ONCE) -> int:
        """
        Send every webhook that is due its next events, at most `limit`; return how many were seen.

        Each delivery is one request with some events in order. One that does not arrive is tried
        again, after a while that grows; nothing later is sent before it.
        """
        at = self.clock()
        due = [hook for hook in self.each(status=WebhookStatus.ACTIVE) if hook.is_due(at=at)]
        if not due:
            return 0
        with ThreadPoolExecutor(min(SENDERS, len(due)), thread_name_prefix="webhook") as pool:
            sent = [pool.submit(self._deliver, hook, min(limit, AT_ONCE)) for hook in due]
        return each_alone(partial(future.result) for future in sent)

    def _deliver(self, hook: Webhook, limit: int) -> int:
        consumer = _consumer(hook.id)
        with self.uow(read_only=True) as tx:
            start = tx.events.position(consumer)
            batch = tx.events.since(start, limit=limit)
        if not batch:
            return 0
        wanted = [(cursor, event) for cursor, event in batch if hook.wants(event)]
        if wanted:
            try:
                self._send(hook, start, wanted)
            except Undelivered as failure:
                self._note_failure(hook.id, str(failure))
                return 0
        self._note_arrival(hook.id, start=start, reached=batch[-1][0], sent=bool(wanted))
        return len(batch)

    def _send(self, hook: Webhook, start: str, wanted: Sequence[tuple[str, Event]]) -> None:
        at = self.clock()
        body = json.dumps(
            {
                "webhook_id": hook.key,
                "events": [{"cursor": cursor, "event": _told(event)} for cursor, event in wanted],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        ).encode("utf-8")
        # The same while the same is tried again, so that a receiver knows it.
        delivery = sha256(f"{hook.id} {start} {wanted[-1][0]}".encode()).hexdigest()[:32]
        headers = {
            "Content-Type": "application/json",
            "Webhook-Id": delivery,
            "Webhook-Timestamp": str(int(at.timestamp())),
            "Webhook-Signature": hook.signature(delivery, at=at, body=body),
        }
        self.sender.post(hook.url, body=body, headers=headers)

    @retried
    def _keep(self, webhook: Webhook, from_start: bool) -> Webhook:
        with self.uow() as tx:
            if not from_start:
                tx.events.advance(_consumer(webhook.id), tx.events.latest())
            return tx.webhooks.save(webhook)

    @retried
    def _note_failure(self, webhook_id: WebhookId, reason: str) -> None:
        with self.uow() as tx:
            hook = tx.webhooks.get(webhook_id)
            if WEBHOOK_LIFECYCLE.can(hook, WebhookCommand.FAIL):
                tx.webhooks.save(hook.fail(reason=reason, by=SYSTEM, at=self.clock()))

    @retried
    def _note_arrival(self, webhook_id: WebhookId, *, start: str, reached: str, sent: bool) -> None:
        consumer = _consumer(webhook_id)
        with self.uow() as tx:
            # A second worker may have come further meanwhile; never go back behind it.
            if tx.events.position(consumer) == start:
                tx.events.advance(consumer, reached)
            hook = tx.webhooks.get(webhook_id)
            if sent and hook.failures and WEBHOOK_LIFECYCLE.can(hook, WebhookCommand.RECOVER):
                tx.webhooks.save(hook.recover(by=SYSTEM, at=self.clock()))

    def _change(
        self,
        webhook_id: WebhookId,
        expected_version: int | None,
        change: Callable[[Webhook, datetime], Webhook],
    ) -> Webhook:
        with self.uow() as tx:
            hook = tx.webhooks.get(webhook_id)
            refuse_stale(hook, expected_version, name="webhook")
            return tx.webhooks.save(change(hook, self.clock()))


def _consumer(webhook_id: WebhookId) -> str:
    """Return the name under which the stream remembers how far a webhook came."""
    return f"webhook:{webhook_id}"


def _told(event: Event) -> dict[str, Any]:
    return {
        "thing": event.thing,
        "thing_id": event.thing_id,
        "sequence": event.sequence,
        "name": event.name,
        "at": event.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "by": event.by.name,
        "command": str(event.command),
        "before": None if event.before is None else str(event.before),
        "after": str(event.after),
        "reason": event.reason,
        "payload": dict(event.payload),
    }
