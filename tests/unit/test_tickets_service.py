from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import attrs
import pytest

from telecom_crm.adapters.files.directory import DirectoryFiles
from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import Query
from telecom_crm.application.promises import promise_in
from telecom_crm.application.rules import RuleBook
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.customer import CustomerMerged
from telecom_crm.domain.errors import (
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
    Unavailable,
)
from telecom_crm.domain.identifiers import DocumentId, TicketId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.ticket import (
    FILES_LIMIT,
    BlockReason,
    SlaPolicy,
    SlaTarget,
    TicketPriority,
    TicketStatus,
)

BY = Actor("aida")
PICTURE = b"\x89PNG\r\n\x1a\n of a mast"


@pytest.fixture
def tickets(uow, series, clock, ids):
    return Tickets(uow, clock, ids, series, MemoryFiles(new_id=ids))


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


@pytest.fixture
def customer(customers):
    return customers.register(name="Айгүл")


def test_from_opening_to_closing_in_the_timeline(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject=" no   signal ", by=BY)
    assert (one.number, one.subject, one.status) == ("T-0000001", "no signal", TicketStatus.FREE)
    tickets.activate(one.id, by=BY)
    tickets.suspend(one.id, reason="waits for the subscriber", by=BY)
    tickets.resume(one.id, by=BY)
    tickets.block(one.id, reason=BlockReason.EXTERNAL, by=BY)
    assert tickets.close(one.id, by=BY).status is TicketStatus.CLOSED
    assert [event.name for event in tickets.timeline(one.id)] == [
        "TicketCreated",
        "TicketActivated",
        "TicketSuspended",
        "TicketResumed",
        "TicketBlocked",
        "TicketClosed",
    ]


def test_an_illegal_command_changes_nothing(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject="no signal")
    with pytest.raises(IllegalTransition) as refused:
        tickets.resolve(one.id)
    assert refused.value.allowed == ("activate",)
    assert tickets.get(one.id) == one
    assert len(tickets.timeline(one.id)) == 1


def test_resolving_is_two_events_in_one_transaction(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject="no signal")
    tickets.activate(one.id)
    done = tickets.resolve(one.id, expected_version=2, by=BY)
    assert (done.status, done.blocked_for, done.version) == (
        TicketStatus.CLOSED,
        BlockReason.RESOLVED,
        4,
    )
    with pytest.raises(RuleViolated):
        tickets.comment(one.id, text="too late")


def test_whom_a_ticket_is_for(tickets, customers, customer, ids):
    with pytest.raises(NotFound):
        tickets.create(customer_id=ids(), subject="x")
    with pytest.raises(NotFound):
        tickets.create(customer_id=customer.id, contract_id=ids(), subject="x")
    other = customers.register(name="Other")
    theirs = tickets.create(customer_id=other.id, subject="x")
    with pytest.raises(RuleViolated):
        tickets.create(customer_id=customer.id, subject="x", follow_up_of=theirs.id)
    customers.merge(other.id, survivor_id=customer.id)
    with pytest.raises(CustomerMerged):
        tickets.create(customer_id=other.id, subject="x")


def test_an_idempotency_key_names_one_ticket(tickets, customer):
    first = tickets.create(customer_id=customer.id, subject="x", idempotency_key="k", by=BY)
    again = tickets.create(customer_id=customer.id, subject="x", idempotency_key="k", by=BY)
    assert again == first
    with pytest.raises(KeyReused):
        tickets.create(customer_id=customer.id, subject="y", idempotency_key="k", by=BY)


def test_the_queue_gives_the_most_urgent_free_ticket_and_begins_it(tickets, customer, clock):
    normal = tickets.create(customer_id=customer.id, subject="a")
    clock.pass_(minutes=1)
    urgent = tickets.create(customer_id=customer.id, subject="b", priority=TicketPriority.URGENT)
    taken = tickets.create(customer_id=customer.id, subject="c", priority=TicketPriority.URGENT)
    tickets.assign(taken.id, assignee="bek")
    first, second = tickets.claim_next(by=BY), tickets.claim_next(by=BY)
    assert (first.id, second.id) == (urgent.id, normal.id)
    assert (first.assignee, first.status) == ("aida", TicketStatus.ACTIVE)
    assert tickets.claim_next(by=BY) is None


def test_two_operators_at_once_never_get_the_same(tickets, customer):
    for number in range(24):
        tickets.create(customer_id=customer.id, subject=f"trouble {number}")
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda n: tickets.claim_next(by=Actor(f"op{n}")), range(24)))
    assert len({one.id for one in claimed if one is not None}) == 24


def test_what_comes_up_again_is_a_new_ticket_linked_to_the_old_one(tickets, customer):
    old = tickets.create(customer_id=customer.id, subject="x", priority=TicketPriority.HIGH)
    new = tickets.follow_up(old.id, by=BY)
    assert (new.follow_up_of, new.subject, new.priority) == (old.id, "x", TicketPriority.HIGH)
    assert new.id != old.id


def test_comments_assignment_files_and_priority(tickets, customer, ids):
    one = tickets.create(customer_id=customer.id, subject="x")
    tickets.comment(one.id, text="seen", internal=True, by=BY)
    tickets.assign(one.id, queue="radio", by=BY)
    tickets.attach(one.id, name="mast.png", content=[PICTURE], by=BY)
    changed = tickets.prioritise(one.id, priority=TicketPriority.LOW, by=BY)
    (comment,), (picture,) = changed.comments, changed.attachments
    assert (picture.name, picture.media_type) == ("mast.png", "image/png")
    assert (comment.text, comment.internal, comment.by) == ("seen", True, "aida")
    assert (changed.queue, changed.priority, changed.version) == ("radio", TicketPriority.LOW, 5)
    with pytest.raises(StaleVersion):
        tickets.assign(one.id, assignee="bek", expected_version=1)
    with pytest.raises(InvalidValue):
        tickets.assign(one.id)


def test_a_file_of_a_ticket_is_checked_by_content_and_kept_once(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject="x")
    with pytest.raises(InvalidValue):
        tickets.attach(one.id, name="mast.png", content=[b"<html>"], by=BY)
    first = tickets.attach(one.id, name="mast.png", content=[PICTURE], by=BY)
    again = tickets.attach(one.id, name="again.png", content=[PICTURE], by=BY)
    assert again == first
    attachment, content = tickets.open_attachment(one.id, first.attachments[0].id, by=BY)
    with content:
        assert (attachment.size, content.read()) == (len(PICTURE), PICTURE)
    with pytest.raises(NotFound):
        tickets.open_attachment(one.id, DocumentId(UUID(int=1)))
    with tickets.uow(read_only=True) as tx:
        (look,) = tx.audit.page(Query()).items
    assert (look.action, look.thing_id, look.by) == ("ticket.attachment", one.key, BY)
    tickets.activate(one.id)
    tickets.resolve(one.id)
    with pytest.raises(RuleViolated):
        tickets.attach(one.id, name="late.png", content=[PICTURE + b"2"], by=BY)


def test_what_is_said_and_sent_is_one_conversation(tickets, customer, clock, ids, tmp_path):
    tickets = attrs.evolve(tickets, files=DirectoryFiles(tmp_path, new_id=ids))
    sent = {"idempotency_key": "k", "text": "no signal", "file": ("mast.png", [PICTURE])}
    one = tickets.create(customer_id=customer.id, subject="x", by=BY, **sent)
    assert tickets.create(customer_id=customer.id, subject="x", by=BY, **sent).replayed
    other = {**sent, "file": ("mast.png", [PICTURE + b"2"])}
    with pytest.raises(KeyReused):
        tickets.create(customer_id=customer.id, subject="x", by=BY, **other)
    with pytest.raises(InvalidValue):
        tickets.create(customer_id=customer.id, subject="x", text="y", file=("a", [b"<html>"]))
    clock.pass_(minutes=1)
    tickets.comment(one.id, file=("note.png", [PICTURE + b"3"]), internal=True, by=BY)
    clock.pass_(minutes=1)
    tickets.comment(one.id, text="seen", file=("again.png", [PICTURE]))
    with pytest.raises(InvalidValue):
        tickets.comment(one.id, by=BY)
    said = tickets.get(one.id).said(tickets.timeline(one.id))
    assert [(each.text or each.file.name, each.internal, each.by) for each in said] == [
        ("no signal", False, "aida"),
        ("mast.png", False, "aida"),
        ("note.png", True, "aida"),
        ("seen", False, "system"),
    ]
    assert len(list(tickets.each())) == 1
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) == 2, "what was refused or is there already is not kept"


def test_a_file_that_only_the_staff_has_seen_is_new_to_the_customer(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject="x")
    tickets.comment(one.id, file=("ours.png", [PICTURE]), internal=True, by=BY)
    tickets.attach(one.id, name="theirs.png", content=[PICTURE])
    tickets.comment(one.id, file=("again.png", [PICTURE]), internal=True, by=BY)
    said = tickets.get(one.id).said(tickets.timeline(one.id))
    assert [(each.file.name, each.internal) for each in said] == [
        ("ours.png", True),
        ("theirs.png", False),
    ]
    tickets.activate(one.id)
    tickets.resolve(one.id)
    with pytest.raises(RuleViolated):
        tickets.attach(one.id, name="theirs.png", content=[PICTURE])


def test_a_ticket_has_no_files_without_end(tickets, customer):
    one = tickets.create(customer_id=customer.id, subject="x")
    for number in range(FILES_LIMIT):
        tickets.attach(one.id, name="a", content=[PICTURE, bytes([number])], by=BY)
    full = tickets.attach(one.id, name="again", content=[PICTURE, bytes([0])], by=BY)
    with pytest.raises(RuleViolated, match="has 20 files of the staff"):
        tickets.attach(one.id, name="more", content=[PICTURE], by=BY)
    assert tickets.get(one.id) == full


def test_what_the_subscriber_sends_leaves_the_staff_room(tickets, customer):
    subscriber = Actor(SELF_CARE)
    one = tickets.create(customer_id=customer.id, subject="x")
    for number in range(FILES_LIMIT):
        tickets.attach(one.id, name="a", content=[PICTURE, bytes([number])], by=subscriber)
    with pytest.raises(RuleViolated, match="has 20 files of the subscriber"):
        tickets.attach(one.id, name="more", content=[PICTURE], by=subscriber)
    told = tickets.attach(one.id, name="answer", content=[PICTURE], by=BY)
    assert [file.from_subscriber for file in told.attachments] == [True] * FILES_LIMIT + [False]


def test_a_file_that_could_not_be_bound_is_gone_unless_nobody_knows(
    tickets, customer, uow, ids, tmp_path
):
    """After a refusal no file is left; after a commit of unknown outcome it has to be."""
    tickets = attrs.evolve(tickets, files=DirectoryFiles(tmp_path, new_id=ids))
    one = tickets.create(customer_id=customer.id, subject="x")
    with pytest.raises(StaleVersion):
        tickets.attach(one.id, name="a", content=[PICTURE], expected_version=9)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]

    @contextmanager
    def cut(*, read_only=False):
        with uow(read_only=read_only) as tx:
            yield tx
        if not read_only:
            raise Unavailable("database")

    with pytest.raises(Unavailable):
        attrs.evolve(tickets, uow=cut).attach(one.id, name="a", content=[PICTURE])
    (kept,) = tickets.get(one.id).attachments
    _, content = tickets.open_attachment(one.id, kept.id)
    with content:
        assert content.read() == PICTURE


def test_the_service_level_counts_working_time_and_follows_the_stored_rules(
    tickets, customer, clock, uow
):
    one = tickets.create(customer_id=customer.id, subject="x", priority=TicketPriority.URGENT)
    clock.pass_(minutes=30)
    waiting = tickets.sla(one.id)
    assert waiting.first_response.used == timedelta(minutes=30)
    assert not waiting.first_response.breached
    tickets.activate(one.id)
    clock.pass_(days=1)  # from 10:30 to 10:30: nine working hours
    assert tickets.sla(one.id).resolution.used == timedelta(hours=9)
    assert tickets.sla(one.id).resolution.breached
    targets = {
        priority.value: {"first_response": "1", "resolution": "100"} for priority in TicketPriority
    }
    with uow() as tx:
        tx.rules.put("sla", {"targets": targets}, by=BY, at=clock())
    assert not tickets.sla(one.id).resolution.breached


def test_when_something_happened_last_is_told_of_each(tickets, customer, clock):
    one, other = (tickets.create(customer_id=customer.id, subject="x") for _ in range(2))
    opened = clock()
    clock.pass_(minutes=30)
    tickets.comment(one.id, text="seen", internal=True)
    standings = tickets.standings([one, other])
    assert {key: standing.updated_at for key, standing in standings.items()} == {
        one.id: clock(),
        other.id: opened,
    }


def test_lists(tickets, customer, ids):
    made = [tickets.create(customer_id=customer.id, subject=f"{n}") for n in range(3)]
    assert [one.id for one in tickets.each(status="free")] == [one.id for one in made]
    assert len(tickets.page(Query(limit=2)).items) == 2
    with pytest.raises(NotFound):
        tickets.timeline(TicketId(ids()))


def test_a_ticket_begins_with_what_the_customer_said(tickets, customer):
    given = {"customer_id": customer.id, "subject": "no signal", "idempotency_key": "k"}
    one = tickets.create(**given, text="Since noon", by=BY)
    assert [(said.text, said.by) for said in one.comments] == [("Since noon", "aida")]
    again = tickets.create(**given, text="Since noon", by=BY)
    assert (again.id, len(tickets.get(one.id).comments)) == (one.id, 1)
    with pytest.raises(KeyReused):
        tickets.create(**given, text="Since one", by=BY)


def test_what_is_late_is_found_by_what_was_promised(tickets, customer, clock):
    def opened(priority):
        return tickets.create(customer_id=customer.id, subject="x", priority=priority, by=BY)

    low, urgent, high = map(
        opened, (TicketPriority.LOW, TicketPriority.URGENT, TicketPriority.HIGH)
    )
    paused, answered = opened(TicketPriority.URGENT), opened(TicketPriority.URGENT)
    for one in (paused, answered):
        tickets.activate(one.id, by=BY)
    tickets.suspend(paused.id, by=BY)
    assert tickets.overdue().items == ()
    clock.pass_(days=14)
    late = [one.id for one in tickets.overdue().items]
    assert late == [low.id, urgent.id, high.id, answered.id]
    assert tickets.count_overdue(most=9) == 4
    assert tickets.count_overdue(most=3) == 3
    first = tickets.overdue(limit=3)
    assert [one.id for one in tickets.overdue(cursor=first.next).items] == late[3:]
    standings = tickets.standings(tickets.overdue().items).values()
    assert all(one.sla.now.breached for one in standings)
    tickets.resolve(answered.id, by=BY)
    assert [one.id for one in tickets.overdue().items] == late[:3]
    tickets.resume(paused.id, by=BY)
    assert tickets.count_overdue(most=9) == 3
    assert tickets.standings([]) == {}


def test_what_is_promised_anew_counts_for_tickets_that_wait(tickets, customer, clock):
    book = RuleBook(tickets.uow, clock)
    one = tickets.create(customer_id=customer.id, subject="x", by=BY)
    clock.pass_(days=14)
    assert [late.id for late in tickets.overdue().items] == [one.id]
    levels = book.service_levels()
    month = SlaTarget(first_response=timedelta(days=30), resolution=timedelta(days=60))
    targets = dict.fromkeys(TicketPriority, month)
    book.put_service_levels(attrs.evolve(levels, policy=SlaPolicy(targets)), by=BY)
    assert tickets.renew_promises() == 1
    assert tickets.overdue().items == ()
    book.put_service_levels(levels, by=BY)
    tickets.create(customer_id=customer.id, subject="by these levels already", by=BY)
    assert [tickets.renew_promises(limit=9) for _ in range(2)] == [1, 0]
    assert tickets.count_overdue(most=9) == 1


def test_a_ticket_saved_while_something_else_is_promised_is_reckoned_anew(tickets, customer, clock):
    book = RuleBook(tickets.uow, clock)
    levels = book.service_levels()
    hour = SlaTarget(first_response=timedelta(hours=1), resolution=timedelta(hours=1))
    short = attrs.evolve(levels, policy=SlaPolicy(dict.fromkeys(TicketPriority, hour)))
    one = tickets.create(customer_id=customer.id, subject="x", by=BY)
    with tickets.uow() as tx:
        tx.tickets.save(tx.tickets.get(one.id).comment(id=one.id, text="x", by=BY, at=clock()))
        promise_in(tx, [one], zone=tickets.zone)
        book.put_service_levels(short, by=BY)
    clock.pass_(hours=3)
    assert tickets.overdue().items == ()
    assert tickets.renew_promises() == 1
    assert [late.id for late in tickets.overdue().items] == [one.id]


def test_what_is_in_somebodys_hands_is_not_closed(tickets, customer):
    mine = [tickets.create(customer_id=customer.id, subject="x", by=BY) for _ in range(4)]
    for one in mine:
        tickets.assign(one.id, assignee="aida", by=BY)
    tickets.activate(mine[1].id, by=BY)
    tickets.activate(mine[2].id, by=BY)
    tickets.block(mine[2].id, reason=BlockReason.EXTERNAL, by=BY)
    tickets.activate(mine[3].id, by=BY)
    tickets.resolve(mine[3].id, by=BY)
    tickets.create(customer_id=customer.id, subject="nobody's", by=BY)
    held = Query(where={"held_by": "aida"})
    assert [one.id for one in tickets.page(held).items] == [one.id for one in mine[:3]]
