import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import IllegalTransition, InvalidValue
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.lifecycle import Actor, Event
from telecom_crm.domain.webhook import GIVE_UP_AFTER, WEBHOOK_LIFECYCLE, Webhook

AT = datetime(2026, 1, 1, tzinfo=UTC)
WHO: Any = {"by": Actor("ann"), "at": AT}


def webhook(**more: Any) -> Webhook:
    given = {"url": "https://example.org/events", "secret": b"s" * 32, **WHO} | more
    return Webhook.register(id=WebhookId(UUID(int=1)), **given)


def event(thing: str, name: str) -> Event:
    return Event(
        thing=thing,
        thing_id="1",
        sequence=1,
        name=name,
        command="x",
        before=None,
        after="y",
        **WHO,
    )


def test_the_table():
    assert WEBHOOK_LIFECYCLE.triples() == {
        (None, "register", "active"),
        ("active", "fail", "active"),
        ("active", "fail", "paused"),
        ("active", "recover", "active"),
        ("active", "pause", "paused"),
        ("paused", "resume", "active"),
        ("active", "remove", "removed"),
        ("paused", "remove", "removed"),
    }


def test_failures_wait_twice_as_long_and_end_in_a_pause():
    hook, waits = webhook(), []
    for _ in range(GIVE_UP_AFTER - 1):
        hook = hook.fail(reason="answered 500", **WHO)
        assert hook.next_attempt_at is not None
        waits.append((hook.next_attempt_at - AT).total_seconds())
        assert not hook.is_due(at=AT)
        assert hook.is_due(at=hook.next_attempt_at)
    assert waits[:4] == [1, 2, 4, 8]
    assert set(waits[12:]) == {3600}
    assert timedelta(hours=12) < timedelta(seconds=sum(waits)) < timedelta(hours=14)
    hook = hook.fail(reason="answered 500", **WHO)
    assert (hook.status, hook.failures) == ("paused", GIVE_UP_AFTER)
    assert hook.events[-1].name == "WebhookGivenUp"
    assert not hook.is_due(at=AT + timedelta(days=9))
    back = hook.resume(**WHO)
    assert (back.failures, back.last_error, back.is_due(at=AT)) == (0, "", True)


def test_a_removed_one_has_no_secret_and_stays_removed():
    gone = webhook().remove(**WHO)
    assert gone.secret == ""
    with pytest.raises(IllegalTransition):
        gone.resume(**WHO)


def test_it_wants_what_it_named_and_never_its_own_events():
    assert webhook().wants(event("payment", "PaymentConfirmed"))
    assert not webhook().wants(event("webhook", "WebhookFailed"))
    some = webhook(wanted=["PaymentConfirmed", "PaymentConfirmed"])
    assert some.wanted == ("PaymentConfirmed",)
    assert some.wants(event("payment", "PaymentConfirmed"))
    assert not some.wants(event("payment", "PaymentFailed"))


def test_a_signature_is_an_hmac_over_id_second_and_body():
    hook = webhook()
    assert hook.secret == "whsec_" + base64.b64encode(b"s" * 32).decode()
    assert hook.secret not in repr(hook)
    signed = hook.signature("d1", at=AT, body=b"{}")
    mac = hmac.digest(b"s" * 32, f"d1.{int(AT.timestamp())}.{{}}".encode(), "sha256")
    assert signed == "v1," + base64.b64encode(mac).decode()
    assert hook.signature("d1", at=AT, body=b"{ }") != signed
    assert hook.signature("d2", at=AT, body=b"{}") != signed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "file:///etc/passwd",
        "//example.org/",
        "https://",
        "https://exa mple.org/",
        "https://example.org:99999/",
        "https://[::1",
        "https://ann:secret@example.org/",
        "https://example.org/#part",
        "https://example.org/\r\nX: y",
        "https://пример.kg/",
        "https://example.org/" + "x" * 2000,
        "javascript:alert(1)",
    ],
)
def test_a_url_is_one_of_http(url):
    with pytest.raises(InvalidValue) as caught:
        webhook(url=url)
    assert [fault.field for fault in caught.value.faults] == ["url"]


def test_register_tells_every_fault():
    with pytest.raises(InvalidValue) as caught:
        webhook(url="x", wanted=["fine", "PaymentConfirmed", ""])
    assert [fault.field for fault in caught.value.faults] == ["url", "events.0", "events.2"]
