from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.errors import IllegalTransition, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import CustomerId, DocumentId, TicketId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.ticket import (
    ALL_DAY,
    DEFAULT_SLA,
    TICKET_LIFECYCLE,
    BlockReason,
    SlaPolicy,
    Ticket,
    TicketPriority,
    WorkingCalendar,
    sla_of,
)

BY = Actor("aida")
PICTURE = Attachment(
    id=DocumentId(UUID(int=4)),
    file_id=str(UUID(int=5)),
    name="mast.png",
    media_type="image/png",
    sha256="ab" * 32,
    size=3,
)
BISHKEK = ZoneInfo("Asia/Bishkek")
WEEK = WorkingCalendar(zone=BISHKEK, holidays=frozenset({date(2026, 3, 9)}))
ALWAYS = WorkingCalendar(zone=BISHKEK, hours=dict.fromkeys(range(7), ALL_DAY))
HOUR = timedelta(hours=1)


def local(day, hour, minute=0):
    """An instant in March 2026, in Bishkek; the 2nd is a Monday."""
    return datetime(2026, 3, day, hour, minute, tzinfo=BISHKEK).astimezone(UTC)


AT = local(2, 9)


def ticket(at=AT, **fields):
    return Ticket.create(
        id=TicketId(UUID(int=1)),
        number="T-1",
        customer_id=CustomerId(UUID(int=2)),
        **{"subject": "No signal"} | fields,
        by=BY,
        at=at,
    )


def closed():
    return ticket().activate(by=BY, at=AT).resolve(by=BY, at=AT)


def test_the_table():
    expected = {
        (None, "create", "free"),
        ("free", "activate", "active"),
        ("active", "suspend", "suspended"),
        ("suspended", "resume", "active"),
        ("active", "block", "blocked"),
        ("blocked", "close", "closed"),
    }
    assert expected == TICKET_LIFECYCLE.triples()


def test_resolve_is_two_events():
    done = closed()
    assert [event.name for event in done.events[-2:]] == ["TicketBlocked", "TicketClosed"]
    assert (done.version, done.blocked_for) == (4, BlockReason.RESOLVED)
    with pytest.raises(IllegalTransition):
        ticket().resolve(by=BY, at=AT)


def test_nothing_is_said_once_closed():
    notes = [
        lambda one: one.comment(id=UUID(int=3), text="hello", by=BY, at=AT),
        lambda one: one.assign(queue="billing", by=BY, at=AT),
        lambda one: one.attach(attachment=PICTURE, by=BY, at=AT),
        lambda one: one.prioritise(priority=TicketPriority.HIGH, by=BY, at=AT),
    ]
    for note in notes:
        assert note(ticket()).version == 2
        with pytest.raises(RuleViolated):
            note(closed())
    again = ticket(follow_up_of=closed().id)
    assert again.events[0].payload["follow_up_of"] == str(closed().id)


def test_comments_and_assignment():
    said = ticket().comment(id=UUID(int=3), text=" hello\nthere ", internal=True, by=BY, at=AT)
    assert (said.comments[0].text, said.comments[0].internal) == ("hello\nthere", True)
    assert "hello" not in str(said.events[-1].payload)
    assigned = said.assign(assignee="bek", by=BY, at=AT).assign(queue="billing", by=BY, at=AT)
    assert (assigned.assignee, assigned.queue) == (None, "billing")
    for wrong in ({}, {"assignee": "a", "queue": "b"}):
        with pytest.raises(InvalidValue):
            said.assign(**wrong, by=BY, at=AT)
    for text in ("", " ", "\0", "x" * 10_001):
        with pytest.raises(InvalidValue):
            said.comment(id=UUID(int=3), text=text, by=BY, at=AT)


def test_first_response_runs_until_activate():
    one = ticket(at=local(6, 17))  # Friday, an hour before the end; Monday the 9th is a holiday
    waiting = sla_of(one.events, DEFAULT_SLA, WEEK, local(10, 10)).first_response
    assert (waiting.used, waiting.due, waiting.breached) == (2 * HOUR, local(10, 16), False)
    late = one.activate(by=BY, at=local(10, 16, 1))
    met = sla_of(late.events, DEFAULT_SLA, WEEK, local(20, 9)).first_response
    assert (met.met_at, met.breached) == (local(10, 16, 1), True)
    assert met.remaining == timedelta(minutes=-1)


def test_resolution_counts_only_active_time():
    one = ticket(priority=TicketPriority.URGENT).activate(by=BY, at=local(2, 10))
    one = one.suspend(by=BY, at=local(2, 12))
    asleep = sla_of(one.events, DEFAULT_SLA, WEEK, local(5, 12)).resolution
    assert (asleep.used, asleep.due, asleep.met_at) == (2 * HOUR, None, None)
    one = one.resume(by=BY, at=local(3, 9))
    awake = sla_of(one.events, DEFAULT_SLA, WEEK, local(3, 10)).resolution
    assert (awake.used, awake.due) == (3 * HOUR, local(3, 15))
    one = one.block(reason=BlockReason.RESOLVED, by=BY, at=local(3, 15))
    met = sla_of(one.events, DEFAULT_SLA, WEEK, local(30, 10)).resolution
    assert (met.used, met.met_at, met.breached) == (8 * HOUR, local(3, 15), False)


def test_the_last_priority_decides():
    one = ticket().prioritise(priority=TicketPriority.URGENT, by=BY, at=AT)
    state = sla_of(one.events, DEFAULT_SLA, WEEK, AT)
    assert (state.priority, state.first_response.due) == ("urgent", AT + HOUR)
    with pytest.raises(InvalidValue):
        SlaPolicy({})


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_days_on_which_clocks_change(day, hours):
    berlin = ZoneInfo("Europe/Berlin")
    calendar = WorkingCalendar(zone=berlin, hours=dict.fromkeys(range(7), ALL_DAY))
    start = datetime.combine(day, time(0), berlin).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(0), berlin).astimezone(UTC)
    assert calendar.worked(start, end) == timedelta(hours=hours)
    assert calendar.after(start, timedelta(hours=hours)) == end


def test_a_calendar_must_have_hours_in_order():
    overlap = ((time(9), time(13)), (time(12), time(18)))
    for hours in ({}, {0: ((time(18), time(9)),)}, {7: ALL_DAY}, {0: overlap}):
        with pytest.raises(InvalidValue):
            WorkingCalendar(zone=BISHKEK, hours=hours)


minutes = st.integers(0, 20 * 24 * 60).map(lambda count: timedelta(minutes=count))


@given(start=minutes, work=st.integers(1, 6000).map(lambda count: timedelta(minutes=count)))
def test_after_and_worked_agree(start, work):
    begins = AT + start
    assert WEEK.worked(begins, WEEK.after(begins, work)) == work
    assert ALWAYS.after(begins, work) == begins + work


@given(cuts=st.lists(minutes, min_size=3, max_size=3).map(sorted))
def test_working_time_adds_up(cuts):
    one, two, three = (AT + cut for cut in cuts)
    assert WEEK.worked(one, two) + WEEK.worked(two, three) == WEEK.worked(one, three)
    assert WEEK.worked(three, one) == timedelta()
