from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import CustomerId, NotificationId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.notification import (
    DEFAULT_TEMPLATES,
    FACTS,
    NOTIFICATION_LIFECYCLE,
    PAYMENT_CONFIRMED,
    TICKET_CLOSED,
    Notification,
    NotificationChannel,
    Template,
    choose_template,
    render,
)

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
CONTEXT: dict[str, Any] = {"by": Actor("system"), "at": AT}


def queued(**fields):
    given: dict[str, Any] = {"event": TICKET_CLOSED, "facts": {"ticket": "T-1"}} | fields
    return Notification.queue(
        id=NotificationId(UUID(int=1)),
        customer_id=CustomerId(UUID(int=2)),
        channel=NotificationChannel.CONSOLE,
        language="ky",
        **given,
        **CONTEXT,
    )


def test_the_table():
    expected = {
        (None, "queue", "queued"),
        ("queued", "send", "sent"),
        ("sent", "deliver", "delivered"),
        ("queued", "fail", "failed"),
        ("sent", "fail", "failed"),
        ("failed", "retry", "queued"),
        ("queued", "expire", "expired"),
    }
    assert expected == NOTIFICATION_LIFECYCLE.triples()


def test_it_is_sent_again_after_a_failure():
    failed = queued().send(**CONTEXT).fail(reason="no route", **CONTEXT)
    done = failed.retry(**CONTEXT).send(**CONTEXT).deliver(**CONTEXT)
    assert (done.status, done.attempts, done.version) == ("delivered", 2, 6)


def test_it_expires_when_its_time_is_over():
    with pytest.raises(RuleViolated):
        queued().expire(**CONTEXT)
    soon = queued(expires_at=AT + timedelta(hours=1))
    with pytest.raises(RuleViolated):
        soon.expire(**CONTEXT)
    assert soon.expire(by=Actor("system"), at=AT + timedelta(hours=1)).status == "expired"


def test_only_known_facts_get_in():
    for wrong in ({"facts": {"ticket": "T-1", "name": "Anna"}}, {"event": "Gossip"}):
        with pytest.raises(InvalidValue):
            queued(**wrong)


def test_every_event_has_words_in_three_languages():
    spoken = {(one.event, one.language) for one in DEFAULT_TEMPLATES}
    assert spoken == {(event, language) for event in FACTS for language in ("en", "ru", "ky")}
    for one in DEFAULT_TEMPLATES:
        facts = {name: f"<{name}>" for name in FACTS[one.event]}
        message = render(one, facts)
        assert "$" not in message.subject + message.body
        assert all(f"<{name}>" in message.subject + message.body for name in one.placeholders)


def test_render_names_every_missing_fact_and_keeps_the_subject_on_one_line():
    general = choose_template(
        DEFAULT_TEMPLATES, event=PAYMENT_CONFIRMED, channel=NotificationChannel.SMS, language="en"
    )
    with pytest.raises(InvalidValue) as caught:
        render(general, {"amount": "1.00"})
    assert [fault.field for fault in caught.value.faults] == ["balance", "currency", "receipt"]
    closed = Template(event=TICKET_CLOSED, language="en", subject="$ticket", body="$ticket")
    assert render(closed, {"ticket": "T\r\nBcc: $x"}).subject == "T Bcc: $x"


def test_the_best_template_is_chosen():
    sms = Template(
        event=TICKET_CLOSED,
        language="en",
        subject="",
        body="$ticket",
        channel=NotificationChannel.SMS,
    )
    all_of_them = (*DEFAULT_TEMPLATES, sms)
    wanted: dict[str, Any] = {"event": TICKET_CLOSED, "channel": NotificationChannel.SMS}
    assert choose_template(all_of_them, **wanted, language="en") is sms
    assert choose_template(all_of_them, **wanted, language="xx").language == "ky"
    email: dict[str, Any] = {"event": TICKET_CLOSED, "channel": NotificationChannel.EMAIL}
    assert choose_template(all_of_them, **email, language="en").channel is None
    with pytest.raises(NotFound):
        choose_template([sms], **email, language="en")


@pytest.mark.parametrize("body", ["$", "$name", "costs $5"])
def test_a_template_that_cannot_be_filled_is_refused(body):
    with pytest.raises(InvalidValue):
        Template(event=TICKET_CLOSED, language="en", subject="x", body=body)
