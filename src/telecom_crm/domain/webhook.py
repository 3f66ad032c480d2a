"""Webhooks: where events are sent to over HTTP, one after the other, until they arrive."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from urllib.parse import urlsplit

import attrs

from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.text import read_text

SECRET_PREFIX = "whsec_"
URL_LIMIT = 2000
EVENTS_LIMIT = 100
GIVE_UP_AFTER = 24
"""The failures in a row after which nothing is tried until somebody resumes: about 13 hours."""
LONGEST_WAIT = timedelta(hours=1)

_EVENT = re.compile(r"[A-Z][A-Za-z]{1,59}", re.ASCII)


class WebhookStatus(StrEnum):
    """Whether events are sent."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class WebhookCommand(StrEnum):
    """What can be done with a webhook."""

    REGISTER = "register"
    FAIL = "fail"
    RECOVER = "recover"
    PAUSE = "pause"
    RESUME = "resume"
    REMOVE = "remove"


class Patience(StrEnum):
    """Whether a failure is one too many."""

    TRY_AGAIN = "try_again"
    GIVE_UP = "give_up"


_S, _C = WebhookStatus, WebhookCommand

# fmt: off
WEBHOOK_LIFECYCLE = Lifecycle("webhook", WebhookStatus, WebhookCommand, (
    Row(source=None, command=_C.REGISTER, target=_S.ACTIVE, event="WebhookRegistered"),
    Row(source=_S.ACTIVE, command=_C.FAIL, guard=Patience.TRY_AGAIN, target=_S.ACTIVE,
        event="WebhookFailed"),
    Row(source=_S.ACTIVE, command=_C.FAIL, guard=Patience.GIVE_UP, target=_S.PAUSED,
        event="WebhookGivenUp"),
    Row(source=_S.ACTIVE, command=_C.RECOVER, target=_S.ACTIVE, event="WebhookRecovered"),
    Row(source=_S.ACTIVE, command=_C.PAUSE, target=_S.PAUSED, event="WebhookPaused"),
    Row(source=_S.PAUSED, command=_C.RESUME, target=_S.ACTIVE, event="WebhookResumed"),
    Row(source=(_S.ACTIVE, _S.PAUSED), command=_C.REMOVE, target=_S.REMOVED,
        event="WebhookRemoved"),
))
# fmt: on


@attrs.frozen(kw_only=True, slots=False)
class Webhook:
    """
    A URL that events are sent to, signed with a secret that its owner has too.

    `wanted` are the names of events, none for all. `failures` are those since the last delivery
    that arrived; the next is not tried before `next_attempt_at`. A removed one has no secret.
    """

    id: WebhookId
    url: str
    wanted: tuple[str, ...] = ()
    secret: str = attrs.field(repr=False)
    failures: int = 0
    last_error: str = ""
    next_attempt_at: datetime | None = None
    created_at: datetime
    status: WebhookStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @classmethod
    def register(
        cls,
        *,
        id: WebhookId,
        url: str,
        wanted: Iterable[str] = (),
        secret: bytes,
        by: Actor,
        at: datetime,
    ) -> Webhook:
        """Return a new webhook; raise `InvalidValue` with every fault."""
        faults, names = Faults(), tuple(dict.fromkeys(wanted))
        known = faults.check("url", read_url, url)
        if len(names) > EVENTS_LIMIT:
            faults.add("events", "events", f"at most {EVENTS_LIMIT} names")
        for place, name in enumerate(names[:EVENTS_LIMIT]):
            if not _EVENT.fullmatch(name):
                message = "the name of an event, such as PaymentConfirmed"
                faults.add(f"events.{place}", "event", message, name[:60])
        faults.raise_any()
        return cls(
            id=id,
            url=known or "",
            wanted=names,
            secret=SECRET_PREFIX + base64.b64encode(secret).decode("ascii"),
            created_at=at,
            **WEBHOOK_LIFECYCLE.begin(_C.REGISTER, key=id, by=by, at=at),
        )

    @property
    def key(self) -> str:
        return str(self.id)

    def wants(self, event: Event) -> bool:
        """Tell whether an event is sent: never one about webhooks, which sending makes more of."""
        if event.thing == WEBHOOK_LIFECYCLE.machine:
            return False
        return not self.wanted or event.name in self.wanted

    def is_due(self, *, at: datetime) -> bool:
        """Tell whether sending is to be tried now."""
        waits = self.next_attempt_at is not None and at < self.next_attempt_at
        return self.status is WebhookStatus.ACTIVE and not waits

    def signature(self, delivery: str, *, at: datetime, body: bytes) -> str:
        """
        Return the signature of a delivery: HMAC-SHA256 over its id, its second and its body.

        That is the scheme of standardwebhooks.com.
        """
        key = base64.b64decode(self.secret.removeprefix(SECRET_PREFIX))
        signed = f"{delivery}.{int(at.timestamp())}.".encode() + body
        mac = hmac.new(key, signed, sha256).digest()
        return "v1," + base64.b64encode(mac).decode("ascii")

    def fail(self, *, reason: str, by: Actor, at: datetime) -> Webhook:
        """Note that a delivery did not arrive, and wait twice as long as before; at last, pause."""
        failures = self.failures + 1
        give_up = failures >= GIVE_UP_AFTER
        wait = min(timedelta(seconds=2 ** min(failures - 1, 20)), LONGEST_WAIT)
        return WEBHOOK_LIFECYCLE.move(
            self,
            _C.FAIL,
            by=by,
            at=at,
            guard=Patience.GIVE_UP if give_up else Patience.TRY_AGAIN,
            reason=reason,
            payload={"failures": failures},
            failures=failures,
            last_error=reason,
            next_attempt_at=None if give_up else at + wait,
        )

    def recover(self, *, by: Actor, at: datetime) -> Webhook:
        """Note that a delivery arrived after others had not."""
        return WEBHOOK_LIFECYCLE.move(
            self, _C.RECOVER, by=by, at=at, failures=0, last_error="", next_attempt_at=None
        )

    def pause(self, *, reason: str = "", by: Actor, at: datetime) -> Webhook:
        """Send nothing for now; what happens meanwhile is sent later."""
        said = read_text(reason, field="reason")
        return WEBHOOK_LIFECYCLE.move(self, _C.PAUSE, by=by, at=at, reason=said)

    def resume(self, *, by: Actor, at: datetime) -> Webhook:
        """Send again, beginning with what did not arrive."""
        return WEBHOOK_LIFECYCLE.move(
            self, _C.RESUME, by=by, at=at, failures=0, last_error="", next_attempt_at=None
        )

    def remove(self, *, by: Actor, at: datetime) -> Webhook:
        """Send nothing any more, and forget the secret."""
        return WEBHOOK_LIFECYCLE.move(self, _C.REMOVE, by=by, at=at, secret="")


def read_url(raw: str) -> str:
    """Return a URL to send to; raise `InvalidValue` where it is none of http or https."""
    message = f"an http or https URL of up to {URL_LIMIT} ASCII characters"
    wrong = InvalidValue.of("url", "url", message, raw[:60])
    if not (raw.isascii() and raw.isprintable() and " " not in raw and len(raw) <= URL_LIMIT):
        raise wrong
    try:
        parts = urlsplit(raw)
        _ = parts.port  # raises where it is none
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise wrong
    if parts.username is not None or parts.fragment:
        message = "without a user, a password or a fragment; deliveries are signed instead"
        raise InvalidValue.of("url", "url", message)
    return raw
