from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from telecom_crm.domain.application import (
    APPLICATION_LIFECYCLE,
    Application,
    ApplicationKind,
    Channel,
)
from telecom_crm.domain.deduplication import Match, Suspicion
from telecom_crm.domain.errors import IllegalTransition, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import ApplicationId, ContractId, CustomerId
from telecom_crm.domain.lifecycle import Actor

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
CONTEXT: dict[str, Any] = {"by": Actor("aida"), "at": AT}
UNTIL = AT + timedelta(minutes=15)
ANNA, BORIS = CustomerId(UUID(int=1)), CustomerId(UUID(int=2))


def captured(**fields):
    given: dict[str, Any] = {"raw": {"name": "Anna"}, "external_reference": "web-1"} | fields
    return Application.capture(
        id=ApplicationId(UUID(int=9)),
        number="A-1",
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        **given,
        **CONTEXT,
    )


def claimed(**fields):
    validated = captured().validate(data={"name": "Anna"}, **fields, **CONTEXT)
    return validated.claim(until=UNTIL, **CONTEXT)


def test_the_table():
    cancels = {
        (state, "cancel", "cancelled")
        for state in ("captured", "needs_info", "validated", "in_progress", "on_hold")
    }
    expected = cancels | {
        (None, "capture", "captured"),
        ("captured", "validate", "validated"),
        ("captured", "ask", "needs_info"),
        ("captured", "reject", "rejected"),
        ("needs_info", "supply", "captured"),
        ("validated", "claim", "in_progress"),
        ("in_progress", "unclaim", "validated"),
        ("in_progress", "lease_expire", "validated"),
        ("in_progress", "hold", "on_hold"),
        ("on_hold", "release", "in_progress"),
        ("in_progress", "complete", "completed"),
        ("in_progress", "fail", "failed"),
    }
    assert expected == APPLICATION_LIFECYCLE.triples()


def test_ask_and_supply_keep_what_was_captured():
    asked = captured().ask(reason="which tariff?", **CONTEXT)
    again = asked.supply(raw={"tariff": "START", "phone": "+996555000001"}, **CONTEXT)
    assert again.raw == {"name": "Anna", "tariff": "START", "phone": "+996555000001"}
    assert again.events[-1].payload == {"fields": ["phone"]}
    assert again.status == "captured"


def test_claim_hold_release_complete():
    held = claimed().hold(reason="waits for the SIM", **CONTEXT)
    assert (held.claimed_by, held.claimed_until) == ("aida", None)
    back = held.release(until=UNTIL, **CONTEXT)
    done = back.complete(contract_id=ContractId(UUID(int=5)), outcome="connected", **CONTEXT)
    assert (done.status, done.outcome, done.contract_id) == (
        "completed",
        "connected",
        ContractId(UUID(int=5)),
    )
    with pytest.raises(IllegalTransition):
        done.cancel(contract_active=False, **CONTEXT)
    with pytest.raises(RuleViolated):
        done.link(customer_id=ANNA, **CONTEXT)
    assert done.repoint(customer_id=BORIS, **CONTEXT).customer_id == BORIS


def test_a_lease_ends_only_when_it_is_over():
    working = claimed()
    with pytest.raises(RuleViolated):
        working.lease_expire(**CONTEXT)
    freed = working.lease_expire(by=Actor("system"), at=UNTIL)
    assert (freed.status, freed.claimed_by, freed.claimed_until) == ("validated", None, None)
    assert working.unclaim(**CONTEXT).claimed_by is None
    with pytest.raises(InvalidValue):
        freed.claim(until=AT, **CONTEXT)


def test_cancel_needs_a_contract_that_is_not_active():
    with pytest.raises(RuleViolated):
        captured().cancel(contract_active=True, **CONTEXT)
    assert captured().cancel(contract_active=False, **CONTEXT).status == "cancelled"


def test_duplicates_are_linked_or_dismissed():
    suspected = Suspicion(customer_id=ANNA, score=60, exact=False, reasons=(Match.PHONE,))
    exact = Suspicion(customer_id=BORIS, score=100, exact=True, reasons=(Match.DOCUMENT,))
    one = claimed(duplicates=[suspected])
    assert one.suspicions == (suspected,)
    assert one.dismiss_duplicate(customer_id=ANNA, **CONTEXT).suspicions == ()
    assert one.link(customer_id=ANNA, **CONTEXT).suspicions == ()
    with pytest.raises(NotFound):
        one.dismiss_duplicate(customer_id=BORIS, **CONTEXT)
    both = claimed(duplicates=[suspected, exact])
    assert both.customer_id == BORIS
    with pytest.raises(RuleViolated):
        both.dismiss_duplicate(customer_id=BORIS, **CONTEXT)


def test_raw_must_be_storable():
    deep: dict[str, object] = {}
    for _ in range(30):
        deep = {"in": deep}
    for raw in (
        {"a": "\0"},
        {"a": ["\ud800"]},
        {"\0": 1},
        {"a": float("nan")},
        {"a": 10**1000},
        deep,
    ):
        with pytest.raises(InvalidValue):
            captured(raw=raw)
    with pytest.raises(InvalidValue):
        captured(external_reference="x" * 256)
