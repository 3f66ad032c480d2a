from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecom_crm.adapters.memory.series import MemorySeries
from telecom_crm.adapters.memory.store import MemoryStore
from telecom_crm.adapters.memory.till import MemoryTill
from telecom_crm.adapters.memory.unit_of_work import MemoryUnitOfWork
from telecom_crm.application.ports import (
    FILTERS,
    AuditRecord,
    Booked,
    Booking,
    Bound,
    Contended,
    FormerValue,
    IdempotencyKey,
    IdentityTaken,
    LedgerDifference,
    Payer,
    Query,
    UnitOfWork,
)
from telecom_crm.application.ports import Series as SeriesPort
from telecom_crm.application.ports import Till as TillPort
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.activation import CustomerFacts
from telecom_crm.domain.application import Application, ApplicationKind, Channel, Priority
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue, KeyReused, NotFound, RuleViolated, StaleVersion
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    EntryId,
    ImportId,
    PaymentId,
    TaskId,
    TicketId,
)
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.importing import Outcome, RowOutcome
from telecom_crm.domain.ledger import (
    AlreadyReversed,
    Balance,
    InsufficientFunds,
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
    Transfer,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.ticket import Ticket, TicketPriority

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY = Actor("aida")
_COUNT = count(1)
ICCIDS = ("8999610000000000015", "8999610000000000023")


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def uow(store) -> MemoryUnitOfWork:
    return MemoryUnitOfWork(store)


def new_id() -> UUID:
    return UUID(int=next(_COUNT) << 64 | 7 << 76 | 1 << 63)


def som(minor: int) -> Money:
    return Money(minor, "KGS")


def account(customer_id=None) -> BillingAccount:
    return BillingAccount.open(
        id=AccountId(new_id()), number="A1", customer_id=customer_id, currency="KGS", by=BY, at=AT
    )


def customer(name="Aida", **given) -> Customer:
    return Customer.register(
        id=CustomerId(new_id()), name=name, today=AT.date(), by=BY, at=AT, **given
    )


def ticket(priority=TicketPriority.NORMAL, at=AT) -> Ticket:
    return Ticket.create(
        id=TicketId(new_id()),
        number="T1",
        customer_id=CustomerId(new_id()),
        subject="no signal",
        priority=priority,
        by=BY,
        at=at,
    )


def entry(account_id, minor, *, at=AT, reverses=None) -> JournalEntry:
    """Money that comes in, or where negative is spent."""
    pair = (LedgerCode.GATEWAY_CLEARING, LedgerCode.SUBSCRIBER_BALANCE)
    debit, credit = pair if minor > 0 else (pair[1], LedgerCode.REVENUE_ONE_TIME)
    return JournalEntry(
        id=EntryId(new_id()),
        account_id=account_id,
        kind=PostingKind.PAYMENT,
        transfers=(Transfer(debit=debit, credit=credit, amount=som(abs(minor))),),
        booked_at=at,
        caused_by="test",
        reverses=reverses,
    )


def saved(uow, collection, *things):
    with uow() as tx:
        return [getattr(tx, collection).save(thing) for thing in things]


def balance(uow, account_id):
    with uow(read_only=True) as tx:
        return tx.ledger.states([account_id], at=AT)[account_id].balance.balance.minor


# Transactions


def test_fits_the_ports(store):
    unit_of_work: UnitOfWork = MemoryUnitOfWork(store)
    till: TillPort = MemoryTill(store)
    series: SeriesPort = MemorySeries(store)
    assert all((unit_of_work, till, series))


def test_commits_what_was_saved_with_its_events(uow):
    (kept,) = saved(uow, "accounts", account())
    assert kept.events == ()
    with uow(read_only=True) as tx:
        assert tx.accounts.get(kept.id) == kept
        assert [event.name for event in tx.events.of("account", kept.key)] == ["AccountOpened"]


def test_an_exception_forgets_everything(uow):
    lost = account()
    with pytest.raises(ZeroDivisionError), uow() as tx:  # noqa: PT012  # the whole block is the case
        tx.accounts.save(lost)
        tx.ledger.post([Posting.of(entry(lost.id, 100))], at=AT)
        tx.keys.claim(IdempotencyKey("c", "k", "d"), lost.id)
        tx.audit.record(AuditRecord(action="look", thing="sim", thing_id="1", by=BY, at=AT))
        raise ZeroDivisionError
    with uow() as tx:
        with pytest.raises(NotFound):
            tx.accounts.get(lost.id)
        assert tx.events.since("", limit=10) == []
        assert tx.ledger.trial_balance() == ()
        assert tx.keys.claim(IdempotencyKey("c", "k", "other"), lost.id) is None
        assert tx.audit.page(Query()).items == ()


def test_abandoned_half_way_leaves_nothing_and_holds_nothing(uow):
    (free,) = saved(uow, "tickets", ticket())
    block = uow()
    tx = block.__enter__()
    taken = tx.tickets.next_free()
    tx.tickets.save(taken.assign(assignee="bek", by=BY, at=AT))
    with uow() as other:
        assert other.tickets.next_free() is None
    del block, tx
    with uow() as other:
        assert other.tickets.next_free() == free


def test_the_second_of_two_that_change_one_thing_is_contended(uow):
    (mine,) = saved(uow, "tickets", ticket())
    with pytest.raises(Contended), uow() as first:  # noqa: PT012  # the whole block is the case
        early = first.tickets.get(mine.id)
        with uow() as second:
            second.tickets.save(second.tickets.get(mine.id).activate(by=BY, at=AT))
        assert first.tickets.get(mine.id) == early  # what is held does not move
        first.tickets.save(early.assign(assignee="bek", by=BY, at=AT))
    with uow(read_only=True) as tx:
        assert [e.name for e in tx.events.of("ticket", mine.key)] == [
            "TicketCreated",
            "TicketActivated",
        ]


def test_relying_on_what_another_changed_is_contended_too(uow):
    one, two = saved(uow, "tickets", ticket(), ticket())
    with pytest.raises(Contended), uow() as first:  # noqa: PT012  # the whole block is the case
        first.tickets.get(one.id)
        first.tickets.save(first.tickets.get(two.id).activate(by=BY, at=AT))
        saved(uow, "tickets", one.activate(by=BY, at=AT))


def test_a_stale_copy_is_refused_at_once(uow):
    (mine,) = saved(uow, "tickets", ticket())
    saved(uow, "tickets", mine.activate(by=BY, at=AT))
    with uow() as tx, pytest.raises(StaleVersion):
        tx.tickets.save(mine.assign(assignee="bek", by=BY, at=AT))


def test_two_that_begin_the_same_thing(uow):
    new = account()
    with pytest.raises(Contended), uow() as first:  # noqa: PT012  # the whole block is the case
        first.accounts.save(new)
        saved(uow, "accounts", new)


def test_saving_many_is_all_or_none(uow):
    (old,) = saved(uow, "tickets", ticket())
    new = ticket()
    with uow() as tx:
        with pytest.raises(StaleVersion):
            tx.tickets.save_all([new, attrs.evolve(old, version=7)])
        assert tx.tickets.get_many([new.id]) == {}
        assert tx.events.of("ticket", new.key) == []


def test_a_reading_transaction_writes_nothing(uow):
    with uow(read_only=True) as tx:
        for write in (
            lambda: tx.accounts.save(account()),
            lambda: tx.ledger.post([], at=AT),
            lambda: tx.rules.put("sla", {}, by=BY, at=AT),
            lambda: tx.events.advance("mail", "1"),
        ):
            with pytest.raises(RuntimeError):
                write()


def test_a_reader_does_not_disturb_and_is_not_disturbed(uow):
    (mine,) = saved(uow, "tickets", ticket())
    with uow(read_only=True) as tx:
        tx.tickets.get(mine.id)
        saved(uow, "tickets", mine.activate(by=BY, at=AT))
        assert tx.tickets.get(mine.id).status == "active"


def test_after_its_end_a_transaction_writes_nothing(uow):
    with uow() as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        tx.accounts.save(account())


# Money


def test_many_threads_credit_one_hot_account_exactly(uow):
    (hot,) = saved(uow, "accounts", account())
    start = threading.Barrier(64)

    def credit(_: int) -> None:
        start.wait()
        for _ in range(500):
            with uow() as tx:
                tx.ledger.post([Posting.of(entry(hot.id, 3))], at=AT)

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(credit, range(64)))
    assert balance(uow, hot.id) == 64 * 500 * 3
    with uow(read_only=True) as tx:
        assert list(tx.ledger.differences()) == []
        assert tx.ledger.moved(hot.id, start=None, end=None).minor == 64 * 500 * 3
        assert sum(line.debit.minor - line.credit.minor for line in tx.ledger.trial_balance()) == 0


def test_threads_never_spend_more_than_there_is(uow):
    (purse,) = saved(uow, "accounts", account())
    with uow() as tx:
        tx.ledger.post([Posting.of(entry(purse.id, 100))], at=AT)
    start = threading.Barrier(16)

    def spend(_: int) -> int:
        start.wait()
        spent = 0
        for _ in range(20):
            try:
                with uow() as tx:
                    tx.ledger.post([Posting.of(entry(purse.id, -1), limited=True)], at=AT)
                spent += 1
            except InsufficientFunds:
                continue
        return spent

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(spend, range(16))) == 100
    assert balance(uow, purse.id) == 0


def test_a_limit_is_judged_at_the_commit(uow):
    (purse,) = saved(uow, "accounts", account())
    with uow() as tx:
        tx.ledger.post([Posting.of(entry(purse.id, 100))], at=AT)
    all_of_it = Posting.of(entry(purse.id, -100), limited=True)
    with pytest.raises(InsufficientFunds), uow() as first:  # noqa: PT012  # the whole block is the case
        first.ledger.post([all_of_it], at=AT)
        with uow() as second:
            second.ledger.post([Posting.of(entry(purse.id, -100), limited=True)], at=AT)
    with uow() as tx, pytest.raises(InsufficientFunds):  # and at once where it can be seen
        tx.ledger.post([Posting(account_id=purse.id, reserve=1, limited=True)], at=AT)


def test_who_read_the_counters_is_contended_by_a_posting(uow):
    (purse,) = saved(uow, "accounts", account())
    with pytest.raises(Contended), uow() as first:  # noqa: PT012  # the whole block is the case
        first.ledger.states([purse.id], at=AT)
        with uow() as second:
            second.ledger.post([Posting.of(entry(purse.id, 5))], at=AT)
    assert balance(uow, purse.id) == 5


def test_an_entry_is_reversed_once(uow):
    (purse,) = saved(uow, "accounts", account())
    first = entry(purse.id, 100)
    undo = [Posting.of(entry(purse.id, -100, reverses=first.id)) for _ in range(3)]
    with uow() as tx:
        tx.ledger.post([Posting.of(first)], at=AT)
    with uow() as tx, pytest.raises(AlreadyReversed):
        tx.ledger.post(undo[:2], at=AT)
    with pytest.raises(AlreadyReversed), uow() as tx:  # noqa: PT012  # the whole block is the case
        tx.ledger.post(undo[:1], at=AT)
        with uow() as other:
            other.ledger.post(undo[1:2], at=AT)
    with uow() as tx, pytest.raises(AlreadyReversed):
        tx.ledger.post(undo[2:], at=AT)
    assert balance(uow, purse.id) == 0


def test_an_account_is_opened_and_posted_to_in_one_transaction(uow):
    new = account()
    with uow() as tx:
        tx.accounts.save(new)
        tx.ledger.post([Posting.of(entry(new.id, 7))], at=AT)
        assert tx.ledger.states([new.id], at=AT)[new.id].balance.subscriber == 7
    assert balance(uow, new.id) == 7


def test_entries_come_in_pages_in_order_of_booking(uow):
    (purse,) = saved(uow, "accounts", account())
    days = [AT + timedelta(day) for day in (3, 0, 2, 1, 1)]
    with uow() as tx:
        tx.ledger.post([Posting.of(entry(purse.id, 1, at=day)) for day in days], at=AT)
    found, cursor = [], None
    with uow(read_only=True) as tx:
        while True:
            page = tx.ledger.entries(
                purse.id, start=AT, end=AT + timedelta(3), limit=2, cursor=cursor
            )
            found += page.items
            cursor = page.next
            if cursor is None:
                break
        assert [one.booked_at for one in found] == sorted(days)[:4]
        assert tx.ledger.moved(purse.id, start=None, end=AT + timedelta(1)) == som(1)
        assert tx.ledger.entry(found[0].id, account_id=purse.id) == found[0]
        with pytest.raises(NotFound):
            tx.ledger.entry(found[0].id, account_id=AccountId(new_id()))
        with pytest.raises(InvalidValue):
            tx.ledger.entries(purse.id, start=None, end=None, limit=2, cursor="nonsense")


def test_a_counter_that_differs_from_the_journal_is_found(uow, store):
    (purse,) = saved(uow, "accounts", account())
    store.journal.balances[purse.id] = Balance(currency="KGS", subscriber=9)
    with uow(read_only=True) as tx:
        assert list(tx.ledger.differences()) == [
            LedgerDifference(account_id=purse.id, counter="subscriber", stored=9, computed=0)
        ]


# Queues


def test_two_operators_never_get_the_same(uow):
    low, high, late = saved(
        uow,
        "tickets",
        ticket(TicketPriority.LOW),
        ticket(TicketPriority.URGENT),
        ticket(TicketPriority.URGENT, AT + timedelta(1)),
    )
    with uow() as one, uow() as two, uow() as three, uow() as four:
        got = [tx.tickets.next_free() for tx in (one, two, three, four)]
    assert got == [high, late, low, None]


def test_the_queue_of_applications(uow):
    first, second = (
        Application.capture(
            id=ApplicationId(new_id()),
            number="R",
            kind=ApplicationKind.OTHER,
            channel=Channel.API,
            raw={},
            external_reference=reference,
            priority=priority,
            by=BY,
            at=AT,
        ).validate(data={}, by=BY, at=AT)
        for reference, priority in (("a", Priority.NORMAL), ("b", Priority.HIGH))
    )
    saved(uow, "applications", first, second)
    with uow() as tx:
        claimed = tx.applications.next_waiting().claim(until=AT + timedelta(1), by=BY, at=AT)
        assert claimed.id == second.id
        tx.applications.save(claimed)
        assert tx.applications.next_waiting().id == first.id
    with uow(read_only=True) as tx:
        assert tx.applications.by_reference("api", "a").id == first.id
        assert tx.applications.by_reference("console", "a") is None
        assert tx.applications.leases_over(AT, limit=5).items == ()
        over = tx.applications.leases_over(AT + timedelta(1), limit=5).items
        assert [one.id for one in over] == [second.id]
    twin = attrs.evolve(first, id=ApplicationId(new_id()))
    with pytest.raises(Contended), uow() as tx:
        tx.applications.save(twin)


def test_of_a_contracts_tasks_only_the_oldest_unfinished_is_due(uow):
    def task(contract_id):
        return ProvisioningTask.create(
            id=TaskId(new_id()),
            kind=ProvisioningKind.BAR,
            contract_id=contract_id,
            iccid=ICCID(ICCIDS[0]),
            msisdn=MSISDN("996555000001"),
            by=BY,
            at=AT,
        )

    one, two = ContractId(new_id()), ContractId(new_id())
    first, behind, other = saved(uow, "tasks", task(one), task(one), task(two))
    with uow() as tx, uow() as second:
        assert tx.tasks.due(AT, limit=5) == [first, other]
        assert second.tasks.due(AT, limit=5) == []
    lease = AT + timedelta(minutes=5)
    (running,) = saved(uow, "tasks", first.start(lease_until=lease, by=BY, at=AT))
    with uow() as tx:
        assert tx.tasks.due(AT, limit=5) == [other]
    with uow() as tx:
        assert tx.tasks.due(lease, limit=5) == [running, other]
    saved(uow, "tasks", running.succeed(by=BY, at=AT))
    with uow() as tx:
        assert tx.tasks.due(AT, limit=1) == [behind]
        assert [task.id for task in tx.tasks.of_contract(one)] == [first.id, behind.id]


# Lists


def told_of(listed, field, value):
    """What a list has under a filter, or which fields it says are wrong."""
    try:
        return listed.page(Query(where={field: value})).items
    except InvalidValue as error:
        return [fault.field for fault in error.faults]


def test_every_filter_names_a_field(uow):
    values = {"phone": "996555000001", "msisdn": "996555000001", "iccid": ICCIDS[0]}
    names = {"provisioning_task": "tasks", "import_job": "imports"}
    with uow(read_only=True) as tx:
        for thing, fields in FILTERS.items():
            owner = tx.catalog if thing in ("tariff", "option") else tx
            listed = getattr(owner, names.get(thing, f"{thing}s"))
            for field in fields:
                for value in (values.get(field, "x"), str(new_id())):
                    assert told_of(listed, field, value) in ((), [field])
            with pytest.raises(InvalidValue):
                listed.page(Query(where={"nonsense": "x"}))


def test_filters_read_their_text(uow):
    new = customer(phone="+996555000001", email="a@example.org")
    saved(uow, "customers", new, customer())
    with uow(read_only=True) as tx:
        for where in (
            {"phone": "+996555000001"},
            {"phone": "996555000001", "status": "prospect"},
            {"email": "a@example.org"},
        ):
            assert [one.id for one in tx.customers.page(Query(where=where)).items] == [new.id]
        for where in ({"phone": "12"}, {"status": "happy"}, {"name": "Aida"}):
            with pytest.raises(InvalidValue):
                tx.customers.page(Query(where=where))
        with pytest.raises(InvalidValue):
            tx.tickets.page(Query(where={"customer_id": "12"}))


@given(
    total=st.integers(0, 12), limit=st.integers(1, 5), descending=st.booleans(), half=st.booleans()
)
def test_pages_give_each_thing_once_in_order(total, limit, descending, half):
    uow = MemoryUnitOfWork()
    things = saved(uow, "tickets", *(ticket() for _ in range(total)))
    for thing in things[::2]:
        saved(uow, "tickets", thing.activate(by=BY, at=AT))
    where = {"status": "active"} if half else {}
    found, cursor = [], None
    with uow(read_only=True) as tx:
        while True:
            query = Query(where=where, limit=limit, cursor=cursor, descending=descending)
            page = tx.tickets.page(query)
            found += [thing.key for thing in page.items]
            cursor = page.next
            if cursor is None:
                break
    wanted = [thing.key for thing in (things[::2] if half else things)]
    assert found == sorted(wanted, reverse=descending)


def test_a_transaction_lists_its_own_writes(uow):
    (old,) = saved(uow, "tickets", ticket())
    with uow() as tx:
        new = tx.tickets.save(ticket())
        tx.tickets.save(tx.tickets.get(old.id).activate(by=BY, at=AT))
        assert [one.id for one in tx.tickets.page(Query()).items] == [old.id, new.id]
        assert tx.tickets.page(Query(where={"status": "free"})).items == (new,)


@pytest.mark.parametrize("cursor", ["é", "%%%", "AAA", "_w"])
def test_a_cursor_that_is_none_is_told(uow, cursor):
    with uow(read_only=True) as tx:
        if cursor != "AAA":  # which is base64 of something, and begins a page somewhere
            with pytest.raises(InvalidValue):
                tx.tickets.page(Query(cursor=cursor))
        with pytest.raises(InvalidValue):
            tx.audit.page(Query(cursor=cursor))


def test_the_audit_in_pages(uow):
    for number in range(5):
        with uow() as tx:
            tx.audit.record(
                AuditRecord(action="look", thing="sim", thing_id=str(number % 2), by=BY, at=AT)
            )
    with uow(read_only=True) as tx:
        first = tx.audit.page(Query(where={"thing_id": "0"}, limit=2))
        rest = tx.audit.page(Query(where={"thing_id": "0"}, limit=2, cursor=first.next))
        assert (len(first.items), len(rest.items), rest.next) == (2, 1, None)
        back = tx.audit.page(Query(limit=3, descending=True))
        more = tx.audit.page(Query(limit=3, descending=True, cursor=back.next))
        assert [one.thing_id for one in (*back.items, *more.items)] == ["0", "1", "0", "1", "0"]
        with pytest.raises(InvalidValue):
            tx.audit.page(Query(where={"detail": "aida"}))


# People, documents, contracts


def document(number="AN 1234567"):
    return IdentityDocument(type=DocumentType.ID_CARD, number=number)


def test_a_document_belongs_to_one_customer(uow):
    first = customer(documents=[document()])
    saved(uow, "customers", first)
    with uow() as tx, pytest.raises(IdentityTaken) as caught:
        tx.customers.save(customer(documents=[document("an1234567")]))
    assert caught.value.customer_id == first.id
    with uow(read_only=True) as tx:
        found = tx.customers.by_identities([document().key, document("X999").key])
        assert found == {"id_card:AN1234567": first.id}
    with uow() as tx:  # it moves to another in one transaction
        tx.customers.save(
            tx.customers.get(first.id).update(
                changes={"documents": ()}, today=AT.date(), by=BY, at=AT
            )
        )
        tx.customers.save(customer(documents=[document()]))


def test_two_that_take_a_document_at_once(uow):
    with pytest.raises(Contended), uow() as tx:  # noqa: PT012  # the whole block is the case
        tx.customers.save(customer(documents=[document()]))
        saved(uow, "customers", customer(documents=[document()]))


def test_lookalikes_and_search(uow):
    new = customer("Азамат Токтогулов", phone="+996555123456", email="Az@example.org")
    twin = customer("A. T.", email="az@EXAMPLE.org")
    saved(uow, "customers", new, twin, customer("Somebody", documents=[document()]))
    with uow(read_only=True) as tx:
        found = tx.customers.lookalikes([new], limit=5)[new.id]
        assert [one.customer_id for one in found] == [twin.id]
        for text in ("токтогулов азамат", "3456", "+996 555 123456"):
            assert [one.id for one in tx.customers.search(text, limit=5)] == [new.id]
        assert [one.name for one in tx.customers.search("AN1234567", limit=5)] == ["Somebody"]
        for text in (" ", "who3456@b.kg", "nobody 3456"):
            assert tx.customers.search(text, limit=5) == [], text


def contract(uow):
    """A contract with its own account, and the number that says so."""
    payer = account()
    made = Contract.draft(
        id=ContractId(new_id()),
        number=f"C{next(_COUNT)}",
        customer=CustomerFacts(id=CustomerId(new_id())),
        account_id=payer.id,
        iccid=ICCID(ICCIDS[0]),
        msisdn=MSISDN(f"99655500{next(_COUNT):04}"),
        tariff_code="START",
        tariff_version=1,
        requested_activation=AT.date(),
        by=BY,
        at=AT,
    )
    made = attrs.evolve(made, status=ContractStatus.ACCEPTED)
    number = Number.port_in(msisdn=made.msisdn, contract_id=made.id, by=BY, at=AT)
    with uow() as tx:
        tx.accounts.save(payer)
        tx.numbers.save(number)
        return tx.contracts.save(made)


def test_what_contracts_are_found_by(uow):
    one, two = contract(uow), contract(uow)
    with uow(read_only=True) as tx:
        assert tx.contracts.by_msisdns([one.msisdn, MSISDN("996700000000")]) == {one.msisdn: one}
        assert tx.contracts.of_account(two.account_id) == [two]
        assert tx.contracts.count_live([one.customer_id]) == {one.customer_id: 1}
        assert tx.contracts.activation_due(AT.date(), limit=5).items == (one, two)
        assert tx.contracts.activation_due(AT.date() - timedelta(1), limit=5).items == ()
        assert tx.contracts.page(Query(where={"tariff": "START", "number": one.number})).items == (
            one,
        )


def test_reservations_and_sims(uow):
    sims = [Sim.receive(iccid=ICCID(digits), by=BY, at=AT) for digits in ICCIDS]
    until = AT + timedelta(1)
    kept, free = saved(uow, "sims", *sims)
    saved(uow, "sims", kept.reserve(for_="r", until=until, by=BY, at=AT))
    with uow(read_only=True) as tx:
        assert tx.sims.reservations_over(AT, limit=5).items == ()
        over = tx.sims.reservations_over(until, limit=5).items
        assert [one.iccid for one in over] == [kept.iccid]
        many = tx.sims.get_many([free.iccid, kept.iccid])
        assert list(many) == [kept.iccid, free.iccid]


def test_former_values_can_be_forgotten(uow):
    one, two = CustomerId(new_id()), CustomerId(new_id())
    values = [
        FormerValue(customer_id=who, field="phone", value="1", at=AT, by=BY) for who in (one, two)
    ]
    with uow() as tx:
        tx.customers.remember(values)
    with uow() as tx:
        assert tx.customers.former_values(one) == values[:1]
        tx.customers.forget(one)
        assert tx.customers.former_values(one) == []
    with uow(read_only=True) as tx:
        assert tx.customers.former_values(one) == []
        assert tx.customers.former_values(two) == values[1:]


# Records


def test_keys_name_one_request(uow):
    key, one, two = IdempotencyKey("c", "k", "digest"), new_id(), new_id()
    with uow() as tx:
        assert tx.keys.claim(key, one) is None
        assert tx.keys.claim(key, two) == Bound(one)
    with uow() as tx:
        assert tx.keys.claim(key, two) == Bound(one)
        assert tx.keys.claim(attrs.evolve(key, caller="other"), two) is None
        with pytest.raises(KeyReused):
            tx.keys.claim(attrs.evolve(key, digest="x"), two)
    with pytest.raises(Contended), uow() as tx:  # noqa: PT012  # the whole block is the case
        tx.keys.claim(attrs.evolve(key, key="new"), one)
        with uow() as other:
            other.keys.claim(attrs.evolve(key, key="new"), two)


def test_the_stream_goes_on_where_a_cursor_ended(uow):
    for _ in range(5):
        saved(uow, "accounts", account())
    with uow(read_only=True) as tx:
        first = tx.events.since("", limit=3)
        rest = tx.events.since(first[-1][0], limit=3)
        assert len({event.thing_id for _, event in (*first, *rest)}) == 5
        assert tx.events.since(rest[-1][0], limit=3) == []
        with pytest.raises(InvalidValue):
            tx.events.since("x", limit=3)
    with uow() as tx:
        assert tx.events.position("mail") == ""
        tx.events.advance("mail", first[-1][0])
    with pytest.raises(Contended), uow() as one:  # noqa: PT012  # the whole block is the case
        assert one.events.position("mail") == first[-1][0]
        with uow() as two:
            two.events.advance("mail", rest[-1][0])


def test_rules_are_put_and_cannot_be_changed_in_place(uow):
    with uow() as tx:
        assert tx.rules.get("sla") is None
        tx.rules.put("sla", {"hours": [1]}, by=BY, at=AT)
        tx.rules.get("sla")["hours"].append(2)
        assert tx.rules.get("sla") == {"hours": [1]}
    with pytest.raises(Contended), uow() as one:  # noqa: PT012  # the whole block is the case
        one.rules.put("sla", 2, by=BY, at=AT)
        with uow() as two:
            two.rules.put("sla", 3, by=BY, at=AT)
    with uow(read_only=True) as tx:
        assert tx.rules.get("sla") == 3
        assert [event.sequence for event in tx.events.of("rules", "sla")] == [1, 2]


def test_rows_of_an_import_are_recorded_once(uow):
    job = ImportId(new_id())
    rows = [RowOutcome(line=line, outcome=Outcome.CREATED) for line in (4, 2, 3)]
    with uow() as tx:
        tx.imports.record(job, rows)
        tx.imports.claim(job, {"a": "1"})
    with uow() as tx:
        tx.imports.record(job, [RowOutcome(line=2, outcome=Outcome.UPDATED)])
        tx.imports.claim(job, {"a": "2", "b": "2"})
    with uow(read_only=True) as tx:
        assert [row.line for row in tx.imports.outcomes(job, after_line=2, limit=5)] == [3, 4]
        assert tx.imports.outcomes(job, after_line=0, limit=1) == [rows[1]]
        assert tx.imports.claimed(job, ["a", "b", "c"]) == {"a": "2", "b": "2"}


def test_series_never_repeat(store):
    series = MemorySeries(store)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: series.take("contract", 3), range(100)))
    assert sorted(number for part in taken for number in part) == list(range(1, 301))
    assert series.take("ticket") == range(1, 2)


# The till


def ring_up(store, *bookings) -> list[Any]:
    return list(MemoryTill(store).book(bookings))


def pay(minor, payment_id=None):
    """Decide on a payment at once, as a cash desk's would be."""
    payment_id = payment_id or PaymentId(new_id())

    def decide(found):
        started = Payment.initiate(
            id=payment_id,
            account_id=found.state.account.id,
            contract_id=found.contract_id,
            amount=som(minor),
            method=PaymentMethod.CASH,
            gateway="cash_desk",
            by=BY,
            at=AT,
        )
        paid, booked = started.confirm(
            state=found.state,
            entry_id=EntryId(new_id()),
            reference=None,
            took=som(minor),
            into=LedgerCode.CASH_DESK,
            by=BY,
            at=AT,
        )
        return Booked(payment=paid, entry=booked)

    return decide


def test_the_till_books_a_batch_and_each_fails_alone(uow, store):
    mine = contract(uow)
    key = IdempotencyKey("c", "k", "digest")
    seen = []

    def refuse(found):
        seen.append((found.state.balance.subscriber, found.contract_status))
        raise RuleViolated("no", ("no",))

    outcomes = ring_up(
        store,
        Booking(decide=pay(100), at=AT, payer=Payer(msisdn=mine.msisdn), key=key),
        Booking(decide=refuse, at=AT, payer=Payer(contract_id=mine.id)),
        Booking(decide=pay(50), at=AT, payer=Payer(account_id=mine.account_id)),
        Booking(decide=pay(100), at=AT, payer=Payer(msisdn=mine.msisdn), key=key),
        Booking(
            decide=pay(1),
            at=AT,
            payer=Payer(msisdn=mine.msisdn),
            key=attrs.evolve(key, digest="x"),
        ),
        Booking(decide=pay(1), at=AT, payer=Payer(msisdn=MSISDN("996700000000"))),
        Booking(decide=pay(1), at=AT, payment_id=PaymentId(new_id())),
    )
    assert [type(outcome) for outcome in outcomes] == [
        Payment,
        RuleViolated,
        Payment,
        Payment,
        KeyReused,
        NotFound,
        NotFound,
    ]
    assert seen == [(100, ContractStatus.ACCEPTED)]  # what the batch booked before is there
    assert outcomes[0].contract_id == mine.id
    assert outcomes[0] == outcomes[3]
    assert (outcomes[0].replayed, outcomes[3].replayed) == (False, True)
    assert balance(uow, mine.account_id) == 150


def test_the_till_takes_the_next_step_of_a_payment(uow, store):
    mine = contract(uow)
    payment_id = PaymentId(new_id())
    (paid,) = ring_up(
        store, Booking(decide=pay(100, payment_id), at=AT, payer=Payer(contract_id=mine.id))
    )

    def dispute(found):
        moved, posting = found.payment.dispute(entry_id=EntryId(new_id()), by=BY, at=AT)
        return Booked(payment=moved, entry=posting.entry)

    def stale(found):
        return Booked(payment=paid.dispute(entry_id=EntryId(new_id()), by=BY, at=AT)[0])

    outcomes = ring_up(
        store, *[Booking(decide=one, at=AT, payment_id=paid.id) for one in (dispute, stale)]
    )
    assert outcomes[0].status is PaymentStatus.DISPUTED
    assert isinstance(outcomes[1], StaleVersion)
    with uow(read_only=True) as tx:
        assert tx.payments.get(paid.id) == outcomes[0]
        assert tx.payments.uncertain(AT + timedelta(1), limit=5).items == ()
        assert len(tx.events.of("payment", paid.key)) == 3


def test_one_booking_that_cannot_be_posted_leaves_nothing(uow, store):
    mine = contract(uow)
    (paid,) = ring_up(store, Booking(decide=pay(5), at=AT, payer=Payer(contract_id=mine.id)))

    def twice(found):
        booked = pay(9)(found)
        undone = attrs.evolve(booked.entry, reverses=paid.entry_id)
        return Booked(payment=booked.payment, entry=undone)

    outcomes = ring_up(
        store, *[Booking(decide=twice, at=AT, payer=Payer(contract_id=mine.id)) for _ in range(2)]
    )
    assert isinstance(outcomes[0], Payment)
    assert isinstance(outcomes[1], AlreadyReversed)
    with uow(read_only=True) as tx:
        assert len(tx.payments.page(Query()).items) == 2
        assert list(tx.ledger.differences()) == []


def test_many_threads_at_the_till(uow, store):
    mine = contract(uow)

    def book(_: int) -> None:
        payer = Payer(msisdn=mine.msisdn)
        ring_up(store, *[Booking(decide=pay(1), at=AT, payer=payer) for _ in range(10)])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(book, range(40)))
    assert balance(uow, mine.account_id) == 400
