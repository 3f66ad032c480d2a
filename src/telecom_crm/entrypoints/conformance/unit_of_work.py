"""What every store has to do, as tests to subclass; the machines try what nobody lists."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import pytest

from telecom_crm.application.catalog import COMPATIBILITY, compatibility_in
from telecom_crm.application.declared import plain
from telecom_crm.application.ports import (
    FILTERS,
    AuditRecord,
    Contended,
    FormerValue,
    IdempotencyKey,
    IdentityTaken,
    Query,
    TrailLine,
    Transaction,
    UnitOfWork,
)
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.application import Application, ApplicationKind, Channel, Priority
from telecom_crm.domain.approval import Approval, ApprovalKind
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Address, Customer
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.errors import (
    Fault,
    InvalidValue,
    KeyReused,
    NotFound,
    Reason,
    VersionSeen,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    ApplicationId,
    ApprovalId,
    ContractId,
    CustomerId,
    DocumentId,
    EditionId,
    EntryId,
    ImportId,
    NotificationId,
    PaymentId,
    RefundId,
    SessionId,
    TaskId,
    TokenId,
    UserId,
    WebhookId,
)
from telecom_crm.domain.importing import (
    ImportCounts,
    ImportJob,
    ImportKind,
    ImportRequest,
    Outcome,
    RowError,
    RowOutcome,
)
from telecom_crm.domain.ledger import Balance, JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event, as_stored
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import PAYMENT_CONFIRMED, Notification, NotificationChannel
from telecom_crm.domain.number import Number, NumberCategory
from telecom_crm.domain.paper import Edition, PaperKind, text_digest
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus, ReceiptNumber
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.provisioning import (
    UNFINISHED,
    ProvisioningKind,
    ProvisioningStatus,
    ProvisioningTask,
)
from telecom_crm.domain.refund import Refund
from telecom_crm.domain.report import Move
from telecom_crm.domain.role import RoleName, Scope
from telecom_crm.domain.seal import Seal
from telecom_crm.domain.search import words_fit, words_of
from telecom_crm.domain.session import CustomerPassword, Session
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.domain.token import Token
from telecom_crm.domain.user import User
from telecom_crm.domain.webhook import Webhook
from telecom_crm.entrypoints.conformance.machine import Abandoned, all_on, refused
from telecom_crm.entrypoints.conformance.samples import (
    BEGINNING,
    CURRENCY,
    OPERATOR,
    PAY_FIRST,
    Samples,
    identity_document,
)
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

ODD = Reason.of(
    "line %(line)s: %(why)s on %(day)s for %(mode)s",
    line=7,
    mode=PaymentMode.PREPAID,
    why=Reason.of("%(others)s instead of %(price)s", others=["A", "B"], price=Money(5, CURRENCY)),
    day=date(2026, 3, 2),
)
"""A warning of a row, with everything that a reason may be filled with."""


@attrs.frozen
class Sale:
    """A signed contract and everything it stands on, ready to be saved."""

    customer: Customer
    account: Any
    sim: Sim
    number: Number
    contract: Contract


class UnitOfWorkSuite:
    """Subclass it, give `make`, and pytest does the rest."""

    def make(self) -> UnitOfWork:
        """Return the transactions of an empty store."""
        raise NotImplementedError

    # Transactions

    def test_what_is_committed_is_there_for_others(self) -> None:
        uow, samples = self.make(), Samples()
        ticket = _ticket(samples)
        with uow() as tx:
            tx.tickets.save(ticket)
        for reading in (False, True):
            with uow(read_only=reading) as tx:
                assert tx.tickets.get(ticket.id) == ticket
                assert tx.events.of("ticket", ticket.key) == list(ticket.events)

    def test_the_histories_of_several_things_are_told_as_one_in_order_of_time(self) -> None:
        uow, samples = self.make(), Samples()
        first, second, third = (_ticket(samples) for _ in range(3))
        later = first.activate(**samples.said())
        with uow() as tx:
            tx.tickets.save_all([first, second, third])
        with uow() as tx:
            tx.tickets.save(attrs.evolve(later, events=later.events[len(first.events) :]))
            things = [("ticket", one.key) for one in (second, first)]
            wanted = [*first.events, *second.events, *later.events[len(first.events) :]]
            assert tx.events.timeline(things) == wanted
            assert tx.events.timeline_page(things, limit=9).items == tuple(wanted)
        with uow(read_only=True) as tx:
            twice = [*things, *things, ("contract", first.key)]
            assert tx.events.timeline(twice) == wanted
            assert tx.events.timeline([]) == []
            for order in (wanted, wanted[::-1]):
                told, cursor = list[Event](), None
                for _ in order:
                    page = tx.events.timeline_page(
                        twice, limit=1, cursor=cursor, descending=order is not wanted
                    )
                    told += page.items
                    cursor = page.next
                assert (told, cursor) == (order, None)
            assert tx.events.timeline_page([], limit=1).items == ()
            with refused(InvalidValue):
                tx.events.timeline_page(things, limit=1, cursor="no cursor")

    def test_what_is_not_committed_is_nobodys(self) -> None:
        uow, samples = self.make(), Samples()
        sale = _sale(samples)
        key = IdempotencyKey("ann", "key", "digest")
        record = AuditRecord(action="look", thing="sim", thing_id="1", by=SYSTEM, at=samples.tick())
        with refused(Abandoned), uow() as tx:
            _save(tx, sale)
            assert tx.contracts.get(sale.contract.id) == sale.contract
            tx.keys.claim(key, samples.id())
            tx.audit.record(record)
            tx.rules.put("sla", {"a": 1}, by=SYSTEM, at=samples.tick())
            tx.events.advance("consumer", tx.events.position("consumer"))
            raise Abandoned
        with uow() as tx:
            assert tx.contracts.get_many([sale.contract.id]) == {}
            assert tx.numbers.page(Query()).items == ()
            assert tx.events.since("", limit=10) == []
            assert tx.events.of("contract", sale.contract.key) == []
            assert tx.keys.claim(key, samples.id()) is None
            assert tx.audit.page(Query()).items == ()
            assert tx.rules.get("sla") is None
            assert tx.customers.by_identities(sale.customer.identities) == {}

    def test_everything_that_is_saved_comes_back_whole(self) -> None:
        uow, samples = self.make(), Samples()
        sale = _sale(samples)
        others = _of_every_kind(samples, sale)
        with uow() as tx:
            _save(tx, sale)
            for name, thing in others.items():
                assert _collection(tx, name).save(thing) == thing
        with uow(read_only=True) as tx:
            assert tx.contracts.get(sale.contract.id) == sale.contract
            assert tx.customers.get(sale.customer.id) == sale.customer
            assert tx.accounts.get(sale.account.id) == sale.account
            assert tx.sims.get(sale.sim.iccid) == sale.sim
            assert tx.numbers.get(sale.number.msisdn) == sale.number
            for name, thing in others.items():
                assert _collection(tx, name).get(_key(thing)) == thing

    def test_what_is_missing_is_named(self) -> None:
        uow, samples = self.make(), Samples()
        missing = CustomerId(samples.id())
        with uow(read_only=True) as tx, pytest.raises(NotFound) as told:
            tx.customers.get(missing)
        assert (told.value.thing, told.value.key) == ("customer", str(missing))

    # Who has what

    def test_a_document_belongs_to_one_customer(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.customer(document="AN 100"), samples.customer(document="an-100")
        with uow() as tx:
            tx.customers.save(first)
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(second)
        assert taken.value.customer_id == first.id
        with uow(read_only=True) as tx:
            assert list(tx.customers.by_identities(second.identities).values()) == [first.id]
            assert tx.customers.get_many([second.id]) == {}

    def test_a_national_id_belongs_to_one_customer(self) -> None:
        uow, samples = self.make(), Samples()
        first = samples.customer(national_id="21503 1990 00123")
        second, third = samples.customer(national_id="21503199000123"), samples.customer()
        with uow() as tx:
            tx.customers.save_all([first, third])
            third = tx.customers.get(third.id)
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(second)
        assert taken.value.customer_id == first.id
        claimed = third.update(changes={"national_id": second.national_id}, **samples.said())
        with pytest.raises(IdentityTaken) as taken, uow() as tx:
            tx.customers.save(claimed)
        assert taken.value.customer_id == first.id
        with uow() as tx:
            held = tx.customers.get(first.id)
            tx.customers.save(held.update(changes={"national_id": None}, **samples.said()))
            tx.customers.save(second)
            assert tx.customers.by_identities(first.identities) == {
                "national_id:21503199000123": second.id
            }

    def test_a_document_that_was_given_up_is_free(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.customer(document="AN100"), samples.customer(document="AN100")
        changes = {"documents": (identity_document("AN200"),)}
        with uow() as tx:
            tx.customers.save(first)
        with uow() as tx:
            held = tx.customers.get(first.id)
            tx.customers.save(held.update(changes=changes, **samples.said()))
        with uow() as tx:
            tx.customers.save(second)
        with uow(read_only=True) as tx:
            found = tx.customers.by_identities(second.identities)
        assert set(found.values()) == {second.id}

    def test_a_number_leads_to_the_contract_that_holds_it_now(self) -> None:
        uow, samples = self.make(), Samples()
        sale, free = _sale(samples), samples.number()
        with uow() as tx:
            _save(tx, sale)
            tx.numbers.save(free)
        numbers = [sale.number.msisdn, free.msisdn]
        with uow(read_only=True) as tx:
            assert tx.contracts.by_msisdns(numbers) == {numbers[0]: sale.contract}
        with uow() as tx:
            held = tx.numbers.get(numbers[0])
            tx.numbers.save(held.unassign(contract_was_active=False, **samples.said()))
        with uow(read_only=True) as tx:
            assert tx.contracts.by_msisdns(numbers) == {}

    def test_former_values_are_kept_and_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        values = [
            FormerValue(
                customer_id=customer.id, field="name", value=name, at=samples.tick(), by=OPERATOR
            )
            for name in ("Айгүл", "Aigul")
        ]
        with uow() as tx:
            tx.customers.save(customer)
            tx.customers.remember(values)
        with uow(read_only=True) as tx:
            assert tx.customers.former_values(customer.id) == values
        with uow() as tx:
            tx.customers.forget(customer.id)
        with uow(read_only=True) as tx:
            assert tx.customers.former_values(customer.id) == []

    def test_lookalikes_share_a_fact(self) -> None:
        uow, samples = self.make(), Samples()
        alike = samples.customer(
            email="Ann@Example.org", phone="+996555123456", birth_date="1990-01-31", document="AN 1"
        )
        other = samples.customer(email="bek@example.org")
        newcomer = samples.customer(email="ann@example.org")
        with uow() as tx:
            tx.customers.save_all([alike, other])
        with uow(read_only=True) as tx:
            found = tx.customers.lookalikes([newcomer, other], limit=5)
            assert found == {newcomer.id: [Candidate.of_customer(alike)], other.id: []}
            assert tx.customers.lookalikes([], limit=5) == {}

    def test_customers_are_listed_by_the_city_of_their_first_address(self) -> None:
        uow, samples = self.make(), Samples()
        cities: list[list[str]] = [["Бишкек"], ["БИШКЕК "], ["Osh", "Бишкек"], [""], []]
        some = [samples.customer(addresses=[Address(city=city) for city in own]) for own in cities]
        with uow() as tx:
            tx.customers.save_all(some)

        def found(**where: str) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.customers.page(Query(where=where)).items]

        assert found(city=" бишкек") == [one.id for one in some[:2]]
        assert found(city="OSH", status="prospect") == [some[2].id]
        assert found(city="Osh", status="closed") == found(city="") == found(city="Кант") == []
        with uow() as tx:
            held = tx.customers.get(some[0].id)
            tx.customers.save(held.update(changes={"addresses": ()}, **samples.said()))
        assert found(city="Бишкек") == [some[1].id]

    def test_customers_are_searched_by_names_and_ends_of_numbers(self) -> None:
        uow, samples = self.make(), Samples()
        one = samples.customer(phone="+996555123456", email="Ann@example.org", document="AN 77 88")
        other = samples.customer()
        account = samples.account(other.id)
        sim, number = samples.sim(), samples.number()
        contract = samples.contract(
            customer_id=other.id, account_id=account.id, sim=sim, number=number
        )
        with uow() as tx:
            tx.customers.save_all([one, other])
            tx.accounts.save(account)
            tx.sims.save(sim)
            tx.numbers.save(number)
            tx.contracts.save(contract)

        def found(text: str, limit: int = 9) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [customer.id for customer in tx.customers.search(text, limit=limit)]

        for text in ("айгүл", "АЙГ", "aigul o'n", "Nil Aygul", "о нил"):
            assert found(text) == [one.id, other.id], text
        assert found("o", limit=1) == [one.id]
        for text in ("123456", "+996 (555) 123-456", " ANN@example.org ", "an-7788"):
            assert found(text) == [one.id], text
        digits = contract.msisdn.digits
        iccid = sim.iccid.digits
        for text in (contract.number.lower(), contract.number[2:], digits, digits[-7:], iccid):
            assert found(text) == [other.id], text
        blocked = other.block(reason="fraud", **samples.said())
        with uow() as tx:
            tx.customers.save(attrs.evolve(blocked, events=blocked.events[-1:]))

        def left(text: str, limit: int = 1, **where: str) -> list[CustomerId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.customers.search(text, where=where, limit=limit)]

        for text in ("o", digits, iccid, contract.number):
            assert left(text, status="blocked") == [other.id], text
            assert left(text, status="blocked", kind="organisation") == [], text
        assert left("o", status="prospect") == left("an-7788", status="prospect") == [one.id]
        with refused(InvalidValue):
            left("o", status="odd")
        for text in ("", " ", "%", "_", "' & | ! :* \\", "ь", "йг", "2345", "nobody 123456", "a@b"):
            assert found(text) == [], text

    def test_any_text_finds_the_names_that_have_its_words(self) -> None:
        uow, samples = self.make(), Samples()
        names = ("x'\\ %_ y", "字é🙂 ﷺ", "Щ" * 200, "İSTANBUL ŉ", "ь ъ", "١٢ ½ 007", "한국 Ёж")
        made = [attrs.evolve(samples.customer(), name=name) for name in names]
        with uow() as tx:
            tx.customers.save_all(made)
        for text in (*names, *(name[:2] for name in names), "':* | !x <-> y", "k", "1", "0"):
            asked = tuple((word,) for word in words_of(text))
            wanted = [one.id for one in made if asked and words_fit(words_of(one.name), asked)]
            with uow(read_only=True) as tx:
                found = tx.customers.search(text, limit=9)
            assert [one.id for one in found] == wanted, text

    def test_applications_are_searched_by_number_name_and_phone(self) -> None:
        uow, samples = self.make(), Samples()
        both = [
            _application(samples, Priority.LOW, name=name, phone=phone)
            for name, phone in (("Жээнбек-Уулу Ann", "+996 555 123456"), ("Annette", ""))
        ]
        with uow() as tx:
            tx.applications.save_all(both)

        def found(text: str, limit: int = 9) -> list[ApplicationId]:
            with uow(read_only=True) as tx:
                return [one.id for one in tx.applications.search(text, limit=limit)]

        first, second = (one.id for one in both)
        assert found("ann") == [second, first]
        assert found("ANN", limit=1) == [second]
        held = both[0].cancel(contract_active=False, **samples.said())
        with uow() as tx:
            tx.applications.save(attrs.evolve(held, events=held.events[-1:]))
        with uow(read_only=True) as tx:
            left = tx.applications.search("ann", where={"status": "cancelled"}, limit=1)
            assert [one.id for one in left] == [first]
            with refused(InvalidValue):
                tx.applications.search("ann", where={"status": "odd"}, limit=1)
        for text in ("уулу жээн", "жээнбек-уулу", "3456", "996555", "+996 (555) 12-34-56"):
            assert found(text) == [first], text
        assert found(both[1].number.lower()) == [second]
        for text in ("", "'", "ann & | ! :*", "nobody", "12"):
            assert found(text) in ([], [second, first]), text
        assert found("2345") == []
        with uow() as tx:
            tx.applications.save(tx.applications.get(first).erase(**samples.said()))
        assert found("3456") == []

    def test_what_ended_for_nobody_is_found_until_it_is_erased(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        ended = [
            _application(samples, Priority.LOW).cancel(contract_active=False, **samples.said())
            for _ in range(4)
        ]
        going, own = (_application(samples, Priority.LOW) for _ in range(2))
        own = own.link(customer_id=customer.id, **samples.said())
        own = own.cancel(contract_active=False, **samples.said())
        last = ended[3].ended_at
        assert last is not None
        with uow() as tx:
            tx.customers.save(customer)
            tx.applications.save_all([*ended, going, own])
        with uow() as tx:
            found = all_on(lambda at: tx.applications.ended_for_nobody(last, limit=2, cursor=at))
            assert [one.id for one in found] == [one.id for one in ended[:3]]
            first = tx.applications.get(ended[0].id)
            tx.applications.save(first.erase(**samples.said()))
        with uow(read_only=True) as tx:
            left = tx.applications.ended_for_nobody(samples.tick(), limit=9).items
            assert [one.id for one in left] == [one.id for one in ended[1:]]

    def test_what_was_not_answered_in_time_is_found_until_it_is(self) -> None:
        uow, samples = self.make(), Samples()
        asked = [
            _captured(samples, Priority.LOW).ask(
                reason="scan", until=samples.tick(), **samples.said()
            )
            for _ in range(4)
        ]
        waits = _captured(samples, Priority.LOW).ask(reason="scan", **samples.said())
        last = asked[2].answer_by
        assert last is not None
        with uow() as tx:
            tx.applications.save_all([*asked, waits])
        with uow() as tx:
            found = all_on(lambda at: tx.applications.answers_over(last, limit=2, cursor=at))
            assert [one.id for one in found] == [one.id for one in asked[:3]]
            first = tx.applications.get(asked[0].id)
            tx.applications.save(first.supply(raw={"more": "x"}, **samples.said()))
        with uow(read_only=True) as tx:
            left = tx.applications.answers_over(samples.tick(), limit=9).items
            assert [one.id for one in left] == [one.id for one in asked[1:]]

    # Queues

    def test_the_queue_gives_the_most_urgent_then_the_oldest_and_never_one_twice(self) -> None:
        uow, samples = self.make(), Samples()
        wanted = [Priority.NORMAL, Priority.URGENT, Priority.NORMAL, Priority.URGENT]
        waiting = [_application(samples, priority) for priority in wanted]
        with uow() as tx:
            tx.applications.save_all(waiting)
        with uow() as one, uow() as two, uow() as three:
            got = [tx.applications.next_waiting() for tx in (one, two, three)]
        expected = [waiting[1].id, waiting[3].id, waiting[0].id]
        assert [application.id for application in got if application] == expected

    def test_free_tickets_held_by_another_are_passed_over(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [_ticket(samples), _ticket(samples, TicketPriority.URGENT)]
        with uow() as tx:
            tx.tickets.save_all(tickets)
        with uow() as one, uow() as two, uow() as three:
            got = [tx.tickets.next_free() for tx in (one, two, three)]
        assert [ticket and ticket.id for ticket in got] == [tickets[1].id, tickets[0].id, None]

    def test_a_channels_reference_leads_to_its_application(self) -> None:
        uow, samples = self.make(), Samples()
        application = _application(samples, Priority.LOW, reference="ref-1")
        with uow() as tx:
            tx.applications.save(application)
        with uow(read_only=True) as tx:
            assert tx.applications.by_reference("api", "ref-1") == application
            assert tx.applications.by_reference("console", "ref-1") is None

    def test_of_a_contracts_tasks_the_oldest_unfinished_is_due(self) -> None:
        uow, samples = self.make(), Samples()
        sale = _sale(samples)
        tasks = [_task(samples, sale.contract) for _ in range(2)]
        with uow() as tx:
            _save(tx, sale)
            tx.tasks.save_all(tasks)
        now = samples.tick()
        with uow() as tx:
            due = tx.tasks.due(now, limit=9)
            assert due == [tasks[0]]
            lease = now + timedelta(minutes=1)
            tx.tasks.save(due[0].start(lease_until=lease, by=SYSTEM, at=now))
        for at, expected in ((now, []), (lease, [tasks[0].id])):
            with uow() as tx:
                assert [task.id for task in tx.tasks.due(at, limit=9)] == expected
        with uow() as tx:
            running = tx.tasks.get(tasks[0].id)
            tx.tasks.save(running.succeed(by=SYSTEM, at=samples.tick()))
        with uow() as tx:
            assert [task.id for task in tx.tasks.due(now, limit=9)] == [tasks[1].id]
            waiting = dict.fromkeys(UNFINISHED, 0) | {ProvisioningStatus.PENDING: 1}
            assert tx.tasks.backlog() == waiting
            failed = tx.tasks.get(tasks[1].id).start(lease_until=lease, by=SYSTEM, at=now)
            tx.tasks.save(failed.fail(error="no such IMSI", by=SYSTEM, at=now))
        with uow() as tx:
            lost = dict.fromkeys(UNFINISHED, 0) | {ProvisioningStatus.FAILED: 1}
            assert tx.tasks.backlog() == lost
            assert [task.id for task in tx.tasks.of_contract(sale.contract.id)] == [
                task.id for task in tasks
            ]

    def test_a_change_of_terms_is_due_from_its_day_on(self) -> None:
        uow, samples = self.make(), Samples()
        sale = _sale(samples)
        summary, other = samples.summary(sale.contract), samples.tariff("OTHER")
        day = BEGINNING.date() + timedelta(days=7)
        active = sale.contract.request_activation(summary=summary, **samples.said())
        amended = active.confirm_activation(**samples.said()).amend(
            tariff=other, policy=PAY_FIRST, effective_on=day, **samples.said()
        )
        with uow() as tx:
            _save(tx, attrs.evolve(sale, contract=amended))
        with uow(read_only=True) as tx:
            assert tx.contracts.amendments_due(day - timedelta(days=1), limit=9).items == ()
            assert tx.contracts.amendments_due(day, limit=9).items == (amended,)

    def test_what_sweeps_ask_for_comes_in_pages_that_go_on(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [_sale(samples, document=f"AN{n}", begins=BEGINNING.date()) for n in range(3)]
        payments = [samples.payment(sale.account.id) for sale in sales]
        refunds = [_refund(samples, sale) for sale in sales]
        with uow() as tx:
            for sale in sales:
                _save(tx, sale)
            tx.payments.save_all(payments)
            tx.refunds.save_all(refunds)
        today, later = BEGINNING.date(), samples.tick()
        with uow(read_only=True) as tx:
            due = all_on(lambda at: tx.contracts.activation_due(today, limit=1, cursor=at))
            assert [one.id for one in due] == [sale.contract.id for sale in sales]
            flying = all_on(lambda at: tx.payments.uncertain(later, limit=2, cursor=at))
            assert [one.id for one in flying] == [payment.id for payment in payments]
            asked = all_on(lambda at: tx.refunds.uncertain(limit=1, cursor=at))
            assert [one.id for one in asked] == [refund.id for refund in refunds]
            whole = tx.payments.uncertain(later, limit=3)
            assert (len(whole.items), whole.next) == (3, None)
            assert tx.payments.uncertain(payments[0].at, limit=3).items == ()

    def test_payments_in_flight_are_asked_for_by_state(self) -> None:
        uow, samples = self.make(), Samples()
        sale = _sale(samples)
        pending, lost = (samples.payment(sale.account.id) for _ in range(2))
        lost = lost.time_out(**samples.said())
        later = samples.tick()
        with uow() as tx:
            _save(tx, sale)
            tx.payments.save_all([pending, lost])
        with uow(read_only=True) as tx:
            for states, payment in ((lost.status, lost), (pending.status, pending)):
                found = tx.payments.uncertain(later, states={states}, limit=1)
                assert ([one.id for one in found.items], found.next) == ([payment.id], None)
            settled = {PaymentStatus.CONFIRMED}
            assert tx.payments.uncertain(later, states=settled, limit=1).items == ()

    def test_keys_of_what_filters_leave_come_in_order(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [_sale(samples, document=f"AN{n}") for n in range(2)]
        tickets = [_ticket(samples) for _ in range(2)]
        owner = str(sales[0].customer.id)
        with uow() as tx:
            for sale in sales:
                _save(tx, sale)
            tx.tickets.save_all(tickets[::-1])
            assert tx.contracts.keys({"customer_id": owner}) == [sales[0].contract.key]
        with uow(read_only=True) as tx:
            assert tx.contracts.keys({"customer_id": owner}) == [sales[0].contract.key]
            assert tx.tickets.keys({}) == [ticket.key for ticket in tickets]
            with refused(InvalidValue):
                tx.tickets.keys({"height": "1"})

    def test_what_each_of_some_filters_leaves_is_counted_to_a_most(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [_sale(samples, document=f"AN{n}") for n in range(3)]
        first, nobody = sales[0].contract, {"customer_id": str(UUID(int=7))}
        with uow() as tx:
            for sale in sales:
                _save(tx, sale)
        theirs = {"customer_id": str(first.customer_id)}
        both = {**theirs, "number": first.number}
        with uow(read_only=True) as tx:
            assert tx.contracts.counts([{}, theirs, nobody, both], most=2) == [2, 1, 0, 1]
            assert tx.contracts.counts([], most=2) == []
            assert tx.tokens.counts([{}, {"role": "cashier"}], most=2) == [0, 0]
            with refused(InvalidValue):
                tx.contracts.counts([{}, {"height": "1"}], most=2)

    def test_payments_to_several_accounts_come_as_one_list(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [_sale(samples, document=f"AN{n}") for n in range(3)]
        accounts = [sale.account.id for sale in sales]
        paid = [samples.payment(account) for _ in range(2) for account in accounts]
        with uow() as tx:
            for sale in sales:
                _save(tx, sale)
            tx.payments.save_all(paid)
        theirs = [payment.id for payment in paid if payment.account_id in accounts[:2]]
        two = [accounts[1], accounts[0], accounts[1]]
        with uow(read_only=True) as tx:

            def listed(**how: Any) -> list[Payment]:
                ask = partial(Query, **how)
                return all_on(lambda at: tx.payments.of_accounts(two, ask(cursor=at)))

            for descending in (False, True):
                for limit in (1, 3, 4):
                    found = listed(limit=limit, descending=descending)
                    assert [one.id for one in found] == theirs[:: -1 if descending else 1]
            settled = Query(where={"status": "confirmed"})
            assert tx.payments.of_accounts(two, settled).items == ()
            assert tx.payments.of_accounts([], Query()).items == ()
            with refused(InvalidValue):
                tx.payments.of_accounts(two, Query(where={"height": "1"}))

    def test_the_latest_payments_that_moved_no_money_are_told_of_a_time(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [_sale(samples, document=f"AN{n}") for n in range(3)]
        accounts = [sale.account.id for sale in sales]
        paid = [samples.payment(account) for _ in range(3) for account in accounts]
        paid[1] = paid[1].fail(reason="declined", **samples.said())
        paid[4] = attrs.evolve(paid[4], status=PaymentStatus.CONFIRMED)
        with uow() as tx:
            for sale in sales:
                _save(tx, sale)
            tx.payments.save_all(paid)

        def found(start: Payment, end: Payment, limit: int) -> list[PaymentId]:
            with uow(read_only=True) as tx:
                told = tx.payments.unbooked(accounts[:2], start=start.at, end=end.at, limit=limit)
            return [payment.id for payment in told]

        assert found(paid[0], paid[7], 9) == [paid[n].id for n in (6, 3, 1, 0)]
        assert found(paid[0], paid[7], 2) == [paid[6].id, paid[3].id]
        assert found(paid[1], paid[6], 9) == [paid[3].id, paid[1].id]
        assert found(paid[4], paid[5], 9) == []

    def test_what_is_kept_too_long_comes_in_pages_that_go_on(self) -> None:
        uow, samples = self.make(), Samples()
        now = samples.tick()
        hour, two = now + timedelta(hours=1), now + timedelta(hours=2)
        ends = (hour, hour, hour, two)
        claimed = [
            _application(samples, Priority.LOW).claim(until=end, **samples.said()) for end in ends
        ]
        sims = [
            samples.sim(serial).reserve(for_="a shop", until=end, **samples.said())
            for serial, end in enumerate(ends)
        ]
        numbers = [
            samples.number(serial).reserve(for_="a shop", until=end, **samples.said())
            for serial, end in enumerate(ends)
        ]
        resting = [_resting(samples, serial, until=end) for serial, end in enumerate(ends, 4)]
        with uow() as tx:
            tx.applications.save_all(claimed)
            tx.sims.save_all(sims)
            tx.numbers.save_all([*numbers, *resting])
        with uow(read_only=True) as tx:
            leases = all_on(lambda at: tx.applications.leases_over(hour, limit=2, cursor=at))
            assert [one.id for one in leases] == [one.id for one in claimed[:3]]
            cards = all_on(lambda at: tx.sims.reservations_over(hour, limit=1, cursor=at))
            assert [one.iccid for one in cards] == [one.iccid for one in sims[:3]]
            kept = all_on(lambda at: tx.numbers.reservations_over(hour, limit=2, cursor=at))
            assert [one.msisdn for one in kept] == [one.msisdn for one in numbers[:3]]
            rested = all_on(lambda at: tx.numbers.quarantine_over(hour, limit=1, cursor=at))
            assert [one.msisdn for one in rested] == [one.msisdn for one in resting[:3]]
            assert tx.numbers.quarantine_over(two, limit=4).next is None

    def test_free_numbers_are_offered_by_digits_and_category(self) -> None:
        uow, samples = self.make(), Samples()
        until = samples.tick() + timedelta(hours=1)
        numbers = [samples.number() for _ in range(4)]
        gold = samples.number().reclassify(category="gold", price=None, **samples.said())
        kept = samples.number().reserve(for_="a shop", until=until, **samples.said())
        with uow() as tx:
            tx.numbers.save_all([*numbers, gold, kept])
        with uow(read_only=True) as tx:
            free = all_on(lambda at: tx.numbers.on_offer(limit=2, cursor=at))
            assert {one.msisdn for one in free} == {one.msisdn for one in [*numbers, gold]}
            good = tx.numbers.on_offer(category=NumberCategory.GOLD, limit=9).items
            assert [one.msisdn for one in good] == [gold.msisdn]
            part = numbers[2].msisdn.digits[4:]
            wanted = {n.msisdn for n in [*numbers, gold] if part in n.msisdn.digits}
            hit = tx.numbers.on_offer(containing=part, limit=9).items
            assert {one.msisdn for one in hit} == wanted
            assert tx.numbers.on_offer(containing="_%", limit=9).items == ()

    def test_free_cards_are_offered_by_their_end_and_batch(self) -> None:
        uow, samples = self.make(), Samples()
        until = samples.tick() + timedelta(hours=1)
        said = {"imsi": None, "pin1": "", "puk1": "", **samples.said()}
        free = [samples.sim().correct(batch=name, **said) for name in ("Osh 7", "Osh 8", "B_%")]
        kept = samples.sim().reserve(for_="a shop", until=until, **samples.said())
        with uow() as tx:
            tx.sims.save_all([*free, kept])
        with uow(read_only=True) as tx:
            every = tx.sims.on_offer(limit=9).items
            assert {one.iccid for one in every} == {one.iccid for one in free}
            assert len(tx.sims.on_offer(limit=2).items) == 2
            ends = free[1].key[-6:]
            wanted = {one.iccid for one in free if one.key.endswith(ends)}
            assert {one.iccid for one in tx.sims.on_offer(matching=ends, limit=9).items} == wanted
            shop = tx.sims.on_offer(matching="osh", limit=9).items
            assert {one.batch for one in shop} == {"Osh 7", "Osh 8"}
            assert [one.batch for one in tx.sims.on_offer(matching="_%", limit=9).items] == ["B_%"]
            under = tx.sims.page(Query(where={"reserved_for": "a shop"})).items
            assert [one.iccid for one in under] == [kept.iccid]

    def test_an_account_is_held_for_money_until_what_holds_it_is_settled(self) -> None:
        uow, samples = self.make(), Samples()
        owes = (LedgerCode.RECEIVABLE, LedgerCode.REVENUE_RECURRING, 10)
        lacks = (LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.REVENUE_RECURRING, 10)
        has = (LedgerCode.BANK, LedgerCode.SUBSCRIBER_BALANCE, 20)
        books = ((), (has,), (lacks,), (owes,), (owes, has))
        kinds = (HoldKind.LOW_BALANCE, HoldKind.NON_PAYMENT, HoldKind.FRAUD)
        held = {(legs, kind): _suspended(samples, kind) for legs in books for kind in kinds}
        with uow() as tx:
            for sale in held.values():
                _save(tx, sale)
            for (legs, _), sale in held.items():
                if legs:
                    entry = samples.entry(sale.account.id, *legs)
                    tx.ledger.post([Posting.of(entry)], at=entry.booked_at)
        settled_by = {
            HoldKind.LOW_BALANCE: ((), (has,), (owes, has)),
            HoldKind.NON_PAYMENT: ((), (has,), (lacks,)),
            HoldKind.FRAUD: (),
        }
        free = {sale.account.id for (legs, kind), sale in held.items() if legs in settled_by[kind]}
        now = samples.tick()
        with uow(read_only=True) as tx:
            found = all_on(lambda at: tx.accounts.held_for_money(now, limit=2, cursor=at))
            assert [one.id for one in found] == sorted(free, key=str)

    def test_entries_that_charge_a_contract_are_read_alone(self) -> None:
        uow, samples = self.make(), Samples()
        account = samples.account(CustomerId(samples.id()))
        one, other = (ContractId(samples.id()) for _ in range(2))
        leg = (LedgerCode.SUBSCRIBER_BALANCE, LedgerCode.REVENUE_USAGE, 1)
        booked = [samples.entry(account.id, leg, leg) for _ in range(7)]

        def about(entry: JournalEntry, contract_id: ContractId, charge_kind: str) -> JournalEntry:
            first, second = entry.transfers
            second = attrs.evolve(second, contract_id=contract_id, charge_kind=charge_kind)
            return attrs.evolve(entry, transfers=(first, second))

        booked[1:3] = (about(entry, one, "usage") for entry in booked[1:3])
        booked[3] = about(booked[3], one, "")
        booked[4] = about(booked[4], other, "usage")
        booked[5] = about(booked[5], one, "usage")
        with uow() as tx:
            tx.accounts.save(account)
            tx.ledger.post([Posting.of(entry) for entry in booked], at=samples.tick())
        with uow(read_only=True) as tx:

            def charges(start: datetime | None, *, descending: bool) -> list[EntryId]:
                read = partial(tx.ledger.entries, account.id, start=start, end=None, limit=2)
                found = all_on(lambda at: read(cursor=at, descending=descending, charging=one))
                return [entry.id for entry in found]

            theirs = [booked[n].id for n in (1, 2, 5)]
            assert charges(None, descending=True) == theirs[::-1]
            assert charges(booked[2].booked_at, descending=False) == theirs[1:]

    def test_accounts_are_found_by_what_is_to_be_done_about_them(self) -> None:
        uow, samples = self.make(), Samples()
        until = samples.tick() + timedelta(days=1)
        plain, promised, later, fallen = (samples.account(None) for _ in range(4))
        amount = Money(500, CURRENCY)
        promised = promised.promise_payment(amount, until=until, **samples.said())
        far = until + timedelta(seconds=1)
        later = later.promise_payment(amount, until=far, **samples.said())
        fallen = fallen.freeze_policy(**samples.said()).spent(
            before=Money(0, CURRENCY), after=Money(-1, CURRENCY), **samples.said()
        )
        with uow() as tx:
            tx.accounts.save_all([plain, promised, later, fallen])
        with uow(read_only=True) as tx:
            assert [one.id for one in tx.accounts.overdrawn(limit=9).items] == [fallen.id]
            assert tx.accounts.promises_over(until - timedelta(seconds=1), limit=9).items == ()
            over = tx.accounts.promises_over(until, limit=9)
            assert [one.id for one in over.items] == [promised.id]
            both = all_on(lambda at: tx.accounts.promises_over(far, limit=1, cursor=at))
            assert [one.id for one in both] == [promised.id, later.id]
        with uow() as tx:
            handled = tx.accounts.get(fallen.id).handle_overdraft(**samples.said())
            ended = tx.accounts.get(promised.id).end_promise(by=SYSTEM, at=until)
            tx.accounts.save_all([handled, ended])
        with uow(read_only=True) as tx:
            assert tx.accounts.overdrawn(limit=9).items == ()
            assert tx.accounts.promises_over(until, limit=9).items == ()

    def test_waiting_messages_come_oldest_first_and_never_twice(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        messages = [_notification(samples, customer) for _ in range(3)]
        with uow() as tx:
            tx.customers.save(customer)
            tx.notifications.save_all(messages)
        with uow() as one, uow() as two:
            got = one.notifications.waiting(limit=2) + two.notifications.waiting(limit=2)
        assert [message.id for message in got] == [message.id for message in messages]

    # Lists

    @pytest.mark.parametrize("name", sorted(FILTERS))
    def test_a_filter_that_is_none_is_refused_with_every_fault(self, name: str) -> None:
        uow = self.make()
        with uow(read_only=True) as tx, pytest.raises(InvalidValue) as wrong:
            _listed(tx, name).page(Query(where={"no_such_field": "1", "nor_this": "2"}))
        assert len(wrong.value.faults) == 2

    @pytest.mark.parametrize("name", sorted(FILTERS))
    def test_every_filter_of_a_list_is_there(self, name: str) -> None:
        uow = self.make()
        with uow(read_only=True) as tx:
            listed = _listed(tx, name)
            for field in FILTERS[name]:
                value = _a_value_of(field, name)
                assert listed.page(Query(where={field: value})).items == ()

    def test_a_payment_is_found_by_the_number_of_its_receipt(self) -> None:
        uow, samples = self.make(), Samples()
        one, other = (_sale(samples, document=f"AN{n}") for n in range(2))
        paid = [_confirmed(samples, sale.account)[0] for sale in (one, one, other)]
        asked = samples.payment(one.account.id)
        with uow() as tx:
            for sale in (one, other):
                _save(tx, sale)
            tx.payments.save_all([*paid, asked])

        def found(account: BillingAccount, payment: Payment, **more: str) -> list[PaymentId]:
            number = str(ReceiptNumber.of(account.number, payment.id))
            with uow(read_only=True) as tx:
                pages = [
                    tx.payments.page(Query(where={"receipt": text, **more}))
                    for text in (number, f" {number[:-8]}{number[-8:].lower()}")
                ]
            assert pages[0] == pages[1]
            return [payment.id for payment in pages[0].items]

        assert found(one.account, paid[1]) == [paid[1].id]
        assert found(other.account, paid[2], status="confirmed") == [paid[2].id]
        assert found(one.account, paid[1], account_id=str(one.account.id)) == [paid[1].id]
        assert found(one.account, paid[1], account_id=str(other.account.id)) == []
        assert found(one.account, paid[1], status="disputed") == []
        assert found(other.account, paid[1]) == []
        assert found(one.account, asked) == [], "no receipt was given yet"
        with uow(read_only=True) as tx:
            for odd in ("B-00000001", "7C9F3A2B", "B-00000001-7C9F3A2", "B-00000001-7C9F3AXX"):
                with pytest.raises(InvalidValue, match="receipt"):
                    tx.payments.page(Query(where={"receipt": odd}))

    def test_a_cursor_that_no_page_gave_is_refused(self) -> None:
        uow = self.make()
        with uow(read_only=True) as tx, pytest.raises(InvalidValue) as wrong:
            tx.tickets.page(Query(cursor="é"))
        assert [fault.field for fault in wrong.value.faults] == ["cursor"]

    def test_a_page_is_stable_while_things_are_added(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [_ticket(samples) for _ in range(5)]
        with uow() as tx:
            tx.tickets.save_all(tickets[:4])
            first = tx.tickets.page(Query(limit=2))
        with uow() as tx:
            tx.tickets.save(tickets[4])
        with uow(read_only=True) as tx:
            rest = tx.tickets.page(Query(limit=9, cursor=first.next))
        assert [one.id for one in (*first.items, *rest.items)] == [one.id for one in tickets]

    # Keys, events, rules, audit, tokens, imports

    def test_a_key_names_one_effect(self) -> None:
        uow, samples = self.make(), Samples()
        first, second = samples.id(), samples.id()
        key = IdempotencyKey("ann", "key", "digest")
        with uow() as tx:
            assert tx.keys.claim(key, first) is None
        with uow() as tx:
            assert tx.keys.claim(key, second) == first
            assert tx.keys.claim(attrs.evolve(key, caller="bek"), second) is None
        with pytest.raises(KeyReused), uow() as tx:
            tx.keys.claim(attrs.evolve(key, digest="other"), second)

    def test_consumers_go_their_own_way_through_the_events(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [_ticket(samples) for _ in range(3)]
        for ticket in tickets:
            with uow() as tx:
                tx.tickets.save(ticket)
        with uow(read_only=True) as tx:
            known = tx.events.since("", limit=10)
            latest = tx.events.latest()
            told = [cursor for cursor, _ in tx.events.since("", limit=10)]
            # What others have begun, in any database of the server, may hold the end of the stream
            # back for a moment; it moves on alone.
            place = told.index(latest) + 1 if latest else 0
            assert len(known) <= place <= len(told)
            first = tx.events.since("", limit=2)
            second = tx.events.since(first[-1][0], limit=2) if first else []
        told = [event.thing_id for _, event in (*first, *second)]
        assert told == [ticket.key for ticket in tickets][: len(told)]
        with uow() as tx:
            assert tx.events.position("one") == ""
            reached = first[-1][0] if first else ""
            tx.events.advance("one", reached)
        with uow() as tx:
            assert tx.events.position("one") == reached
            assert tx.events.position("two") == ""

    @pytest.mark.parametrize("kept", [0, 1, 2, 3])
    def test_moves_are_counted_by_the_operators_days(self, kept: int) -> None:
        uow, samples = self.make(), Samples()
        noon = samples.clock()
        number = samples.number()
        later: dict[str, Any] = {"by": OPERATOR, "at": noon + timedelta(hours=12, minutes=30)}
        holder = ContractId(samples.id())
        better = as_stored(number).reclassify(category="gold", price=None, **later)
        steps = [number, better, as_stored(better).assign(contract_id=holder, **later)]
        for place, step in enumerate(steps):
            if place == kept:
                _sum_up(uow)
            with uow() as tx:
                tx.numbers.save(step)
        if kept == len(steps):
            _sum_up(uow)
        one, two = date(2026, 3, 2), date(2026, 3, 3)
        silver, gold = _move("silver", "", "available"), _move("gold", "", "available")
        gone, sold = _move("silver", "available", ""), _move("gold", "available", "assigned")
        of_all = {(None, move): 1 for move in (silver, gone, gold, sold)}
        of_two = {(two, attrs.evolve(move, kind="")): 1 for move in (gone, gold, sold)}
        came = attrs.evolve(silver, kind="")
        with uow(read_only=True) as tx:
            assert _told(tx, one, BISHKEK) == {(one, came): 1} | of_two | of_all
            assert _told(tx, two, BISHKEK) == of_two | of_all
            of_one = {(one, move): number for (_, move), number in of_two.items()}
            assert _told(tx, one, ZoneInfo("UTC")) == of_one | {(one, came): 2} | of_all

    def test_bookings_are_summed_by_the_operators_days(self) -> None:
        uow, samples = self.make(), Samples()
        with uow() as tx:
            customer = tx.customers.save(samples.customer())
            account = tx.accounts.save(samples.account(customer.id))
        desk, own = LedgerCode.CASH_DESK, LedgerCode.SUBSCRIBER_BALANCE
        first = samples.entry(account.id, (desk, own, 700), (LedgerCode.BAD_DEBT, own, 50))
        samples.tick(seconds=13 * 3600)
        second = samples.entry(account.id, (own, desk, 1000))
        for entry in (first, second):
            with uow() as tx:
                tx.ledger.post([Posting(account_id=account.id, entry=entry)], at=entry.booked_at)
            with refused(Abandoned), uow() as tx:
                tx.figures.keep(zone=BISHKEK, limit=1)
                raise Abandoned
            _sum_up(uow)
            _sum_up(uow)
        third = samples.entry(account.id, (desk, LedgerCode.BANK, 9))
        (leg,) = third.transfers
        third = attrs.evolve(third, transfers=(attrs.evolve(leg, counterparty="desk 1"),))
        with uow() as tx:
            tx.ledger.post([Posting(account_id=account.id, entry=third)], at=third.booked_at)
            tx.figures.keep(zone=BISHKEK, limit=1)
        one, two = date(2026, 3, 2), date(2026, 3, 3)
        with uow(read_only=True) as tx:
            found = tx.figures.bookings(since=one, zone=BISHKEK)
            late = tx.figures.bookings(since=two + timedelta(days=1), zone=BISHKEK)
        assert {(each.kind, each.effect.currency) for each in found} == {
            (PostingKind.GOODWILL, CURRENCY)
        }
        told = {
            (each.day, each.place): (
                each.number,
                *(money.minor for money in (each.effect, each.debt, each.received)),
            )
            for each in found
        }
        assert told == {
            (one, ""): (1, 750, 0, 700),
            (two, ""): (1, -1000, 250, -1000),
            (two, "desk 1"): (1, 0, 0, 9),
            (None, ""): (2, -250, 250, -300),
            (None, "desk 1"): (1, 0, 0, 9),
        }
        assert sorted((each.day, each.number) for each in late) == [(None, 1), (None, 2)]
        with uow() as tx:
            tx.figures.forget(zone=BISHKEK)
        with uow(read_only=True) as tx:
            again = tx.figures.bookings(since=one, zone=BISHKEK)
        assert sorted(again, key=str) == sorted(found, key=str)

    def test_the_latest_events_of_some_names_are_told_the_last_one_first(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [_ticket(samples) for _ in range(3)]
        for ticket in tickets:
            with uow() as tx:
                tx.tickets.save(ticket)
        customer = samples.customer()
        with uow() as tx:
            tx.customers.save(customer)
        begun = ["TicketCreated", "CustomerRegistered"]
        last_first = [customer.key, *(ticket.key for ticket in reversed(tickets))]
        with uow(read_only=True) as tx:
            for limit in (3, 9):
                found = tx.events.latest_of(begun, limit=limit)
                assert [one.thing_id for one in found] == last_first[:limit]
            assert tx.events.latest_of(["Nothing"], limit=9) == []
            assert tx.events.latest_of([], limit=9) == []

    def test_what_somebody_took_in_is_summed_up_by_method(self) -> None:
        uow, samples = self.make(), Samples()
        with uow() as tx:
            customer = tx.customers.save(samples.customer())
            account = tx.accounts.save(samples.account(customer.id))
        since = samples.tick(seconds=9 * 3600)

        def paid(minor: int, **changes: Any) -> Payment:
            facts = {"gateway": "desk", "method": PaymentMethod.CASH, "by": OPERATOR}
            asked = {**facts, "at": samples.tick(), "amount": Money(minor, CURRENCY), **changes}
            new, to = PaymentId(samples.id()), account.id
            payment = Payment.initiate(id=new, account_id=to, contract_id=None, **asked)
            booked = EntryId(samples.id())
            return attrs.evolve(payment, entry_id=booked, status=PaymentStatus.CONFIRMED)

        desk: dict[str, Any] = {"gateways": ["desk", "empty"], "currency": CURRENCY}
        payments = [
            paid(9, at=since - timedelta(hours=8)),
            paid(1, at=since - timedelta(seconds=1)),
            paid(20, at=since),
            paid(300),
            paid(4_000, method=PaymentMethod.CARD),
            paid(50_000, by=Actor("somebody else")),
            paid(600_000, gateway="other"),
            attrs.evolve(paid(7_000_000), entry_id=None, status=PaymentStatus.FAILED),
            attrs.evolve(paid(80_000_000), status=PaymentStatus.REVERSED),
        ]
        with uow() as tx:
            tx.payments.save_all(payments)
        with uow(read_only=True) as tx:
            found = tx.payments.taken(OPERATOR.name, since=since, **desk)
            assert [(one.method.value, one.payments, one.paid.minor) for one in found] == [
                ("card", 1, 4_000),
                ("cash", 2, 320),
            ]
            elsewhere, abroad = desk | {"gateways": []}, desk | {"currency": "USD"}
            assert tx.payments.taken(OPERATOR.name, since=since, **elsewhere) == []
            assert tx.payments.taken(OPERATOR.name, since=since, **abroad) == []

    def test_rules_are_plain_json_and_their_change_is_an_event(self) -> None:
        uow, samples = self.make(), Samples()
        value = {"b": [1, None, "ү"], "a": {"c": 0.5}}
        for version in (1, 2):
            with uow() as tx:
                tx.rules.put("dedup", {**value, "v": version}, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            assert tx.rules.get("dedup") == {**value, "v": 2}
            assert tx.rules.get("other") is None
            events = tx.events.of("rules", "dedup")
        assert [(event.sequence, event.by) for event in events] == [(1, OPERATOR), (2, OPERATOR)]

    def test_rules_are_put_over_the_version_that_was_seen(self) -> None:
        uow, samples = self.make(), Samples()
        for seen in (0, 1):
            with uow() as tx:
                assert tx.rules.version("dedup") == seen
                at = samples.tick()
                tx.rules.put("dedup", {"seen": seen}, expected_version=seen, by=OPERATOR, at=at)
        for stale in (0, 1, 3):
            with refused(VersionSeen) as caught, uow() as tx:
                tx.rules.put("dedup", {}, expected_version=stale, by=OPERATOR, at=samples.tick())
            assert caught.value.version == 2
        with refused(VersionSeen), uow() as tx:
            tx.rules.put("other", {}, expected_version=1, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            assert (tx.rules.version("dedup"), tx.rules.version("other")) == (2, 0)
            assert tx.rules.get("dedup") == {"seen": 1}
            assert len(tx.events.of("rules", "dedup")) == 2

    def test_compatibility_rules_are_replaced_whole(self) -> None:
        uow, at = self.make(), Samples().tick()
        rules = [CompatibilityRule(RuleKind.EXCLUDES, "A", ("B",))]
        more = [*rules, CompatibilityRule(RuleKind.MAX_ONE_OF, "roaming")]
        with uow() as tx:
            assert (compatibility_in(tx), tx.rules.version(COMPATIBILITY)) == ((), 0)
            tx.rules.put(COMPATIBILITY, plain(more), by=OPERATOR, at=at)
            assert compatibility_in(tx) == tuple(more)
        with uow() as tx:
            tx.rules.put(COMPATIBILITY, plain(rules), expected_version=1, by=OPERATOR, at=at)
        with refused(VersionSeen), uow() as tx:
            tx.rules.put(COMPATIBILITY, plain([]), expected_version=1, by=OPERATOR, at=at)
        with uow(read_only=True) as tx:
            assert (compatibility_in(tx), tx.rules.version(COMPATIBILITY)) == (tuple(rules), 2)
            assert [one.by for one in tx.events.of("rules", COMPATIBILITY)] == [OPERATOR] * 2

    def test_the_audit_is_in_order_and_filtered(self) -> None:
        uow, samples = self.make(), Samples()
        lines = [
            AuditRecord(
                action=action, thing="sim", thing_id="1", by=OPERATOR, at=samples.tick(), detail="d"
            )
            for action in ("look", "refuse", "look")
        ]
        with uow() as tx:
            for line in lines:
                tx.audit.record(line)
        with uow(read_only=True) as tx:
            assert list(tx.audit.page(Query()).items) == lines
            found = tx.audit.page(Query(where={"action": "look"}, descending=True)).items
            own = tx.audit.page(Query(where={"by": OPERATOR.name}), since=lines[1].at).items
            early = tx.audit.page(Query(), until=lines[1].at).items
            nobody = tx.audit.page(Query(where={"by": "nobody"})).items
        assert list(found) == [lines[2], lines[0]]
        assert (list(own), list(early), list(nobody)) == (lines[1:], lines[:1], [])

    def test_the_trail_keeps_where_commands_came_from(self) -> None:
        uow, samples = self.make(), Samples()
        near = OPERATOR.coming_from("203.0.113.7")
        look = AuditRecord(action="look", thing="sim", thing_id="1", by=near, at=samples.tick())
        customer = samples.customer()
        with uow() as tx:
            tx.audit.record(look)
            tx.customers.save(customer)
        with uow() as tx:
            now = tx.customers.get(customer.id)
            tx.customers.save(
                now.update(changes={"email": "near@example.org"}, by=near, at=samples.tick())
            )
        with uow(read_only=True) as tx:
            lines = tx.audit.trail(Query()).items
            there = tx.audit.trail(Query(where={"address": "203.0.113.7"})).items
            [line] = tx.audit.page(Query(where={"address": "203.0.113.7"})).items
            nowhere = tx.audit.trail(Query(where={"address": "203.0.113.8"})).items
            last = tx.events.of("customer", customer.key)[-1]
        told = sorted(line.by.address or "" for line in lines)
        assert told == ["", "203.0.113.7", "203.0.113.7"]
        assert (len(there), line.by.address, last.by.address) == (2, "203.0.113.7", "203.0.113.7")
        assert nowhere == ()

    def test_the_trail_is_listed_by_pages_either_way(self) -> None:
        uow, samples = self.make(), Samples()
        customer, lines = samples.customer(), list[TrailLine]()
        for number in range(3):
            look = AuditRecord(
                action="look", thing="sim", thing_id=str(number), by=OPERATOR, at=samples.tick()
            )
            with uow() as tx:
                tx.audit.record(look)
            lines.append(look)
            with uow() as tx:
                changed = customer
                if number:
                    changes = {"email": f"{number}@example.org"}
                    now = tx.customers.get(customer.id)
                    changed = now.update(changes=changes, by=OPERATOR, at=samples.tick())
                lines.append(changed.events[-1])
                tx.customers.save(changed)
        with uow(read_only=True) as tx:
            for descending in (False, True):
                found, cursor = list[TrailLine](), None
                while cursor is not None or not found:
                    query = Query(limit=2, cursor=cursor, descending=descending)
                    page = tx.audit.trail(query)
                    found += page.items
                    cursor = page.next
                assert found == (lines[::-1] if descending else lines)
            for where, wanted in (
                ({"kind": "access"}, lines[::2]),
                ({"kind": "change"}, lines[1::2]),
                ({"action": "CustomerUpdated"}, lines[3::2]),
                ({"thing": "customer", "thing_id": customer.key}, lines[1::2]),
                ({"by": OPERATOR.name, "thing_id": "1"}, lines[2:3]),
            ):
                assert list(tx.audit.trail(Query(where=where)).items) == wanted, where
            assert list(tx.audit.trail(Query(), since=lines[1].at, until=lines[3].at).items) == (
                [one for one in lines if lines[1].at <= one.at < lines[3].at]
            )
            for where in ({"kind": "rumour"}, {"spoon": "1"}):
                with refused(InvalidValue):
                    tx.audit.trail(Query(where=where))
            for cursor in ("", "nonsense", "W10", "WzEsMl0"):
                with refused(InvalidValue):
                    tx.audit.trail(Query(cursor=cursor))

    def test_rules_tell_what_changed_of_them(self) -> None:
        uow, samples = self.make(), Samples()
        first: dict[str, Any] = {"weights": {"phone": 40}, "on": [{"id": "a", "n": 1}]}
        second = {"weights": {"phone": 50}, "on": [{"id": "b", "n": 2}, {"id": "a", "n": 1}]}
        for value in (first, second):
            with uow() as tx:
                tx.rules.put("dedup", value, by=OPERATOR, at=samples.tick())
        with uow(read_only=True) as tx:
            told = [event.payload["changes"] for event in tx.events.of("rules", "dedup")]
        assert told[0]["weights.phone"] == [None, 40]
        assert told[1] == {
            "weights.phone": [40, 50],
            "on.b.id": [None, "b"],
            "on.b.n": [None, 2],
        }

    def test_the_trail_is_all_that_was_committed_and_stays_as_it_was(self) -> None:
        uow, samples = self.make(), Samples()
        look = AuditRecord(action="look", thing="sim", thing_id="1", by=OPERATOR, at=samples.tick())
        with uow() as tx:
            tx.audit.record(look)
            tx.customers.save(samples.customer())
        with refused(Abandoned), uow() as tx:
            tx.audit.record(look)
            raise Abandoned
        end, first = _behind(uow, 0, lines=2)
        with uow(read_only=True) as tx:
            halfway = tx.seals.end_of(0, limit=1)
            parts = [*tx.seals.lines(0, halfway), *tx.seals.lines(halfway, end)]
            assert tx.seals.end_of(end, limit=9) >= end
        with uow() as tx:
            tx.audit.record(look)
        _, (more,) = _behind(uow, end, lines=1)
        with uow(read_only=True) as tx:
            assert list(tx.seals.lines(0, end)) == first == parts
            assert len(first) == len(set(first)) == 2
            assert b"look" in more

    def test_seals_are_kept_in_order_each_number_once(self) -> None:
        uow, samples = self.make(), Samples()
        first = Seal.over([b"1"], after=None, end=10, at=samples.tick())
        second = Seal.over([b"2"], after=first, end=20, at=samples.tick())
        with uow(read_only=True) as tx:
            assert (tx.seals.last(), tx.seals.behind(0, limit=9)) == (None, [])
        for seal in (first, second):
            with uow() as tx:
                tx.seals.add(seal)
                assert tx.seals.last() == seal
            with refused(Contended), uow() as tx:
                tx.seals.add(seal)
        with uow(read_only=True) as tx:
            assert tx.seals.behind(0, limit=9) == [first, second]
            assert tx.seals.behind(0, limit=1) == [first]
            assert tx.seals.behind(1, limit=9) == [second]
            assert tx.seals.behind(2, limit=9) == []

    def test_what_was_printed_is_kept_once_and_goes_with_its_thing(self) -> None:
        uow, samples = self.make(), Samples()
        thing, other = samples.new_id(), samples.new_id()
        first, later = _edition(samples, thing, "{}"), _edition(samples, thing, '{"b": 1, "a": 2}')
        with uow() as tx:
            assert tx.papers.keep(first, source="one") == first
            assert tx.papers.keep(_edition(samples, thing, "{}"), source="one") == first
            assert tx.papers.of(thing) == [first]
        with uow() as tx:
            assert tx.papers.keep(_edition(samples, thing, "{}"), source="one") == first
            tx.papers.keep(later, source="one")
            tx.papers.keep(_edition(samples, other, "{}"), source="one")
        with uow(read_only=True) as tx:
            assert tx.papers.of(thing) == [later, first]
            assert tx.papers.source(text_digest("one")) == "one"
            with refused(NotFound):
                tx.papers.source(text_digest("two"))
        with uow() as tx:
            tx.papers.forget([thing])
            assert tx.papers.of(thing) == []
        with uow(read_only=True) as tx:
            assert (tx.papers.of(thing), len(tx.papers.of(other))) == ([], 1)

    def test_a_discarded_file_waits_until_it_is_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        first, second, third = sorted(samples.new_id() for _ in range(3))
        with refused(RuntimeError), uow() as tx:
            tx.discarded_files.add([first])
            raise RuntimeError
        with uow() as tx:
            tx.discarded_files.add([])
            tx.discarded_files.add([third, first])
            tx.discarded_files.add([second, first])
            assert tx.discarded_files.page(limit=9).items == (first, second, third)
        with uow(read_only=True) as tx:
            page = tx.discarded_files.page(limit=2)
            assert page.items == (first, second)
            rest = tx.discarded_files.page(limit=2, cursor=page.next)
            assert (rest.items, rest.next) == ((third,), None)
        for _ in range(2):
            with uow() as tx:
                tx.discarded_files.forget(first)
                assert tx.discarded_files.page(limit=9).items == (second, third)
        with uow(read_only=True) as tx:
            assert tx.discarded_files.page(limit=9).items == (second, third)

    def test_users_are_last_seen_in_the_latest_of_their_sessions(self) -> None:
        uow, samples = self.make(), Samples()
        first = _session(samples)
        assert first.user_id is not None
        later = attrs.evolve(_session(samples), user_id=first.user_id)
        other, nobody = _session(samples), UserId(samples.id())
        with uow() as tx:
            for one in (first, later.end(at=later.seen_at), other):
                tx.sessions.save(one)
        with uow(read_only=True) as tx:
            assert tx.sessions.last_seen([first.user_id, nobody]) == {first.user_id: later.seen_at}
            assert tx.sessions.last_seen([]) == {}

    def test_attempts_are_counted_forgiven_and_forgotten(self) -> None:
        uow, at, window = self.make(), Samples().tick(), timedelta(minutes=15)
        with uow() as tx:
            tx.attempts.count(["old"], at=at - timedelta(days=2), window=window)
            tx.attempts.count(["older"], at=at - timedelta(days=3), window=window)
        with uow() as tx:
            first = tx.attempts.count(["mine"], at=at, window=window)
            both = tx.attempts.count(["mine", "shared"], at=at, window=window)
            assert [first["mine"].number, both["mine"].number, both["shared"].number] == [1, 2, 1]
        with uow() as tx:
            tx.attempts.forgive(["mine"], ["shared"])
        before = at - timedelta(days=1)
        forgotten = []
        for _ in range(3):
            with uow() as tx:
                forgotten.append(tx.attempts.forget_before(before, limit=1))
        assert forgotten == [1, 1, 0]
        with uow() as tx:
            counted = tx.attempts.count(["mine", "shared", "old"], at=at, window=timedelta(days=9))
            assert {key: one.number for key, one in counted.items()} == {
                "mine": 1,
                "shared": 1,
                "old": 1,
            }

    def test_a_token_is_found_by_its_digest(self) -> None:
        uow, samples = self.make(), Samples()
        token = _token(samples)
        with uow() as tx:
            tx.tokens.save(token)
        with uow() as tx:
            assert tx.tokens.opening(token.digest) == token
            assert tx.tokens.opening("0" * 64) is None
            tx.tokens.save(token.used(at=samples.tick()))
        with uow(read_only=True) as tx:
            assert tx.tokens.get(token.id).last_used_at is not None

    def test_a_token_opens_while_the_user_who_made_it_may_sign_in(self) -> None:
        uow, samples = self.make(), Samples()
        user = _user(samples)
        own = attrs.evolve(_token(samples), made_by=user.actor)
        program = Actor("program", str(own.id), own.maker)
        lent = attrs.evolve(_token(samples), made_by=program, digest="1" * 64)
        nobodys = attrs.evolve(
            _token(samples), made_by=Actor("x", f"user:{samples.id()}"), digest="2" * 64
        )
        said: dict[str, Any] = {"by": Actor("root"), "at": samples.tick()}
        with uow() as tx:
            user = tx.users.save(user)
            assert tx.users.names() == {user.login: user.name}
            tx.tokens.save_all([own, lent, nobodys])
        with uow() as tx:
            assert tx.tokens.opening(own.digest) == own
            assert tx.tokens.opening(lent.digest) == lent
            assert tx.tokens.opening(nobodys.digest) is None
            user = tx.users.save(tx.users.get(user.id).block(reason="", **said))
        with uow() as tx:
            assert tx.tokens.opening(own.digest) is None
            assert tx.tokens.opening(lent.digest) is None
            tx.users.save(tx.users.get(user.id).unblock(**said))
        with uow() as tx:
            assert tx.tokens.opening(own.digest) == own
            tx.users.save(tx.users.get(user.id).reset(invitation="3" * 64, **said))
        with uow(read_only=True) as tx:
            assert tx.tokens.opening(lent.digest) is None

    def test_who_answers_for_a_token_and_for_a_request_is_kept(self) -> None:
        uow, samples = self.make(), Samples()
        by = Actor("till 1", "t-1", "user:7")
        token = attrs.evolve(_token(samples), made_by=by)
        asked = attrs.evolve(_approval(samples), asked_by=by)
        with uow() as tx:
            tx.tokens.save(token)
            tx.approvals.save(asked)
        with uow(read_only=True) as tx:
            kept = tx.tokens.get(token.id)
            assert (kept.made_by, kept.actor.person) == (by, "user:7")
            assert tx.approvals.get(asked.id).asked_by.person == "user:7"

    def test_tickets_are_found_by_number_subject_and_owner(self) -> None:
        uow, samples = self.make(), Samples()
        signal, bill = _ticket(samples), attrs.evolve(_ticket(samples), subject="Счёт за октябрь")
        with uow() as tx:
            tx.tickets.save_all([signal, bill])
        with uow(read_only=True) as tx:

            def found(text: str, *owners: CustomerId) -> list[Any]:
                return [one.id for one in tx.tickets.search(text, owners=owners, limit=9)]

            assert found(signal.number) == [signal.id]
            assert found("sign no") == [signal.id]
            assert found("schet okt") == [bill.id]
            assert found("none such") == found("-") == []
            assert found("none such", bill.customer_id) == [bill.id]
            assert found("", signal.customer_id, bill.customer_id) == [bill.id, signal.id]
            assert len(tx.tickets.search("t", owners=(), limit=1)) == 1

    def test_tickets_promised_by_an_older_version_are_found(self) -> None:
        uow, samples = self.make(), Samples()
        old, new, ended, held = (_ticket(samples) for _ in range(4))
        ended = ended.activate(**samples.said()).resolve(**samples.said())
        with uow() as tx:
            tx.tickets.save_all([old, new, ended, held])
            tx.tickets.promise({new.id: None}, version=2)
            tx.tickets.promise({old.id: None}, version=1)
        with uow() as other, uow() as tx:
            other.tickets.get(held.id)
            assert [one.id for one in tx.tickets.promised_before(2, limit=9)] == [old.id]
        with uow() as tx:
            assert len(tx.tickets.promised_before(2, limit=1)) == 1
        with uow() as tx:
            assert {one.id for one in tx.tickets.promised_before(2, limit=9)} == {old.id, held.id}
            assert tx.tickets.promised_before(1, limit=9)[0].id == held.id
            assert tx.tickets.promised_before(0, limit=9) == []

    def test_tickets_are_late_after_an_instant(self) -> None:
        uow, samples = self.make(), Samples()
        one, other, never = (_ticket(samples) for _ in range(3))
        at = samples.tick()
        with uow() as tx:
            tx.tickets.save_all([one, other, never])
            late = {one.id: at, other.id: at + timedelta(hours=1), never.id: None}
            tx.tickets.promise(late, version=0)
            assert tx.tickets.count_late(at + timedelta(hours=2), most=9) == 2
        with uow(read_only=True) as tx:
            assert tx.tickets.late(at, limit=9).items == ()
            (found,) = tx.tickets.late(at + timedelta(microseconds=1), limit=9).items
            assert found.id == one.id
            after = at + timedelta(hours=2)
            both = all_on(lambda cursor: tx.tickets.late(after, limit=1, cursor=cursor))
            assert [late.id for late in both] == [one.id, other.id]
            assert tx.tickets.count_late(after, most=1) == 1
        with uow() as tx:
            tx.tickets.save(tx.tickets.get(one.id).activate(**samples.said()))
            assert tx.tickets.count_late(after, most=9) == 2
            tx.tickets.promise({one.id: None}, version=0)
        with uow(read_only=True) as tx:
            assert [late.id for late in tx.tickets.late(after, limit=9).items] == [other.id]

    def test_a_row_of_an_import_is_recorded_once(self) -> None:
        uow, samples = self.make(), Samples()
        job = _import(samples)
        bad = RowError(line=3, column="iccid", value="1", code="iccid_format", message="no")
        rows = [
            RowOutcome(line=2, outcome=Outcome.CREATED, warnings=(ODD,)),
            RowOutcome(line=3, outcome=Outcome.FAILED, errors=(bad,)),
        ]
        with uow() as tx:
            tx.imports.save(job)
            tx.imports.record(job.id, rows)
        with uow() as tx:
            tx.imports.record(job.id, [RowOutcome(line=2, outcome=Outcome.UPDATED)])
            tx.imports.claim(job.id, {"sim:1": "2"})
            tx.imports.claim(job.id, {"sim:1": "9"})
        with uow(read_only=True) as tx:
            found = tx.imports.outcomes(job.id, after_line=0, limit=9)
            assert found == rows
            assert [made_of(one) for one in found[0].warnings] == [made_of(ODD)]
            assert tx.imports.outcomes(job.id, after_line=2, limit=9) == rows[1:]
            assert tx.imports.outcomes(job.id, after_line=0, limit=1, failed=True) == rows[1:]
            assert tx.imports.outcomes(job.id, after_line=0, limit=1, failed=False) == rows[:1]
            assert tx.imports.claimed(job.id, ["sim:1", "sim:2"]) == {"sim:1": "9"}

    def test_rows_of_an_import_are_found_and_counted_by_what_is_wrong(self) -> None:
        uow, samples = self.make(), Samples()
        job, other = _import(samples), _import(samples)

        def failed(line: int, *codes: str) -> RowOutcome:
            faults = [Fault("iccid", code, "no", "1") for code in codes]
            return RowOutcome.failed(line=line, faults=faults)

        rows = [failed(2, "a"), failed(3, "b", "a", "a"), failed(4, "b"), failed(9, "a")]
        with uow() as tx:
            tx.imports.save_all([job, other])
            tx.imports.record(job.id, [*rows, RowOutcome(line=5, outcome=Outcome.CREATED)])
            tx.imports.record(other.id, [failed(2, "a")])
            assert tx.imports.reasons(job.id) == {"a": 3, "b": 2}
        with uow(read_only=True) as tx:
            assert tx.imports.reasons(job.id) == {"a": 3, "b": 2}
            found = tx.imports.outcomes(job.id, after_line=2, limit=1, code="a")
            assert found == [rows[1]]
            assert tx.imports.outcomes(job.id, after_line=0, limit=9, code="b") == rows[1:3]
            assert tx.imports.outcomes(job.id, after_line=0, limit=9, code="c") == []

    def test_jobs_are_found_by_what_is_in_their_file(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        one, other = (attrs.evolve(_import(samples), sha256="ab") for _ in range(2))
        over = attrs.evolve(_import(samples), sha256="ab", mends=one.id)
        over = over.refuse(faults=(), **said())
        with uow() as tx:
            tx.imports.save_all([one, over, other, _import(samples)])
        with uow(read_only=True) as tx:
            found = tx.imports.alike("ab", limit=9)
            assert [job.id for job in found] == sorted([one.id, other.id, over.id], reverse=True)
            assert [job.id for job in tx.imports.alike("ab", limit=2)] == [
                job.id for job in found[:2]
            ]
            assert tx.imports.get(over.id).mends == one.id
            assert tx.imports.alike("cd", limit=9) == []

    def test_jobs_are_found_by_when_they_were_over_and_by_how_they_ended(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        under_way, good = _import(samples), _import(samples)
        bad = _import(samples).refuse(faults=(), **said())
        good = good.check(encoding="utf-8", separator=",", total=0, **said())
        good = good.start(**said()).complete(**said())
        with uow() as tx:
            tx.imports.save_all([under_way, bad, good])

        def ended(tx: Transaction, result: str) -> set[ImportId]:
            return {one.id for one in tx.imports.page(Query(where={"result": result})).items}

        with uow(read_only=True) as tx:
            assert bad.over_at is not None
            assert good.over_at is not None
            found = tx.imports.over_since(bad.over_at, limit=9)
            assert [job.id for job in found] == [good.id, bad.id]
            assert [job.id for job in tx.imports.over_since(bad.over_at, limit=1)] == [good.id]
            assert [job.id for job in tx.imports.over_since(good.over_at, limit=9)] == [good.id]
            assert ended(tx, "with_errors") == {bad.id}
            assert ended(tx, "without_errors") == {under_way.id, good.id}
            with refused(InvalidValue):
                ended(tx, "fine")

    def test_jobs_that_failed_of_late_are_counted(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said

        def running() -> ImportJob:
            job = _import(samples).check(encoding="utf-8", separator=",", total=2, **said())
            return job.start(**said())

        refused = _import(samples).refuse(faults=(), **said())
        failed = running().advance(counts=ImportCounts(read=2, created=1, failed=1), **said())
        done = running().advance(counts=ImportCounts(read=2, created=2), **said())
        tried = attrs.evolve(_import(samples), dry_run=True).refuse(faults=(), **said())
        with uow() as tx:
            tx.imports.save_all([refused, failed, done, tried, _import(samples)])
        with uow(read_only=True) as tx:
            assert tx.imports.count_failed(refused.uploaded_at, most=9) == 2
            assert tx.imports.count_failed(failed.uploaded_at, most=9) == 1
            assert tx.imports.count_failed(refused.uploaded_at, most=1) == 1
            assert tx.imports.count_failed(samples.tick(), most=9) == 0

    def test_jobs_that_were_over_long_ago_are_found_and_their_rows_forgotten(self) -> None:
        uow, samples = self.make(), Samples()
        said = samples.said
        over, later, going = (
            _import(samples).check(encoding="utf-8", separator=",", total=1, **said())
            for _ in range(3)
        )
        over, later = over.abort(**said()), later.abort(**said())
        assert later.over_at is not None
        now = samples.tick()
        row = RowOutcome(line=2, outcome=Outcome.CREATED, warnings=(ODD,))
        with uow() as tx:
            tx.imports.save_all([over, later, going])
            tx.imports.record(over.id, [row])
            tx.imports.claim(over.id, {"sim:1": "2"})
            tx.imports.record(later.id, [row])
        with uow(read_only=True) as tx:
            both = all_on(lambda at: tx.imports.over_before(now, limit=1, cursor=at))
            assert [one.id for one in both] == [over.id, later.id]
        with uow() as tx:
            (found,) = tx.imports.over_before(later.over_at, limit=9).items
            assert found.id == over.id
            tx.imports.forget_rows(found.id)
            assert tx.imports.outcomes(over.id, after_line=0, limit=9) == []
            tx.imports.save(tx.imports.get(found.id).erase_file(**said()))
        with uow(read_only=True) as tx:
            assert tx.imports.outcomes(over.id, after_line=0, limit=9) == []
            assert tx.imports.claimed(over.id, ["sim:1"]) == {}
            assert tx.imports.outcomes(later.id, after_line=0, limit=9) == [row]
            left = tx.imports.over_before(samples.tick(), limit=9).items
        assert [one.id for one in left] == [later.id]

    def test_many_are_saved_in_any_order_and_come_back_in_it(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [_ticket(samples) for _ in range(4)][::-1]
        with uow() as tx:
            tx.tickets.save_all(tickets)
            tx.tickets.save_all([])
        with uow() as tx:
            found = tx.tickets.get_many(one.id for one in tickets)
            assert list(found) == sorted((one.id for one in tickets), key=str)


def made_of(one: object) -> object:
    """Return what a reason is made of, beyond its words; anything else as it is."""
    if not isinstance(one, Reason):
        return type(one), one
    values = one.values.items()
    return one.pattern, {place: [made_of(each) for each in filled] for place, filled in values}


def _sum_up(uow: UnitOfWork) -> None:
    with uow() as tx:
        tx.figures.keep(zone=BISHKEK, limit=1)


def _move(kind: str, before: str, after: str) -> Move:
    return Move(thing="number", kind=kind, before=before, after=after)


def _told(tx: Transaction, since: date, zone: ZoneInfo) -> dict[tuple[date | None, Move], int]:
    return {(one.day, one.move): one.number for one in tx.figures.moves(since=since, zone=zone)}


def _collection(tx: Transaction, name: str) -> Any:
    return getattr(tx.catalog, name) if name in ("tariffs", "options") else getattr(tx, name)


_LISTS: dict[str, str] = {"import_job": "imports", "provisioning_task": "tasks"}


def _listed(tx: Transaction, name: str) -> Any:
    return _collection(tx, _LISTS.get(name, f"{name}s"))


_WORDS = {
    "status": {
        "customer": "active",
        "application": "captured",
        "sim": "bound",
        "number": "assigned",
        "tariff": "active",
        "option": "active",
        "contract": "draft",
        "payment": "unknown",
        "refund": "paid",
        "provisioning_task": "pending",
        "ticket": "free",
        "import_job": "checked",
        "notification": "queued",
        "webhook": "paused",
        "approval": "pending",
        "user": "active",
        "token": "revoked",
    },
    "kind": {
        "customer": "person",
        "application": "port_in",
        "provisioning_task": "bar",
        "import_job": "sims",
        "approval": "refund",
    },
}
_PLAIN = {
    "channel": "api",
    "result": "with_errors",
    "category": "silver",
    "priority": "low",
    "method": "cash",
    "receipt": "B-00000001-0A1B2C3D",
    "role": "admin",
    "phone": "996555000001",
    "iccid": iccid_of(1).digits,
    "msisdn": msisdn_of(1).digits,
}


def _a_value_of(field: str, name: str) -> str:
    if field in _WORDS:
        return _WORDS[field][name]
    if field.endswith("_id") and field != "national_id":
        return "01952b6a-0000-7000-8000-000000000000"
    return _PLAIN.get(field, "X1")


def _key(thing: Any) -> Any:
    return getattr(thing, "code", None) or thing.id


def _sale(samples: Samples, *, document: str = "AN100", begins: date | None = None) -> Sale:
    customer = samples.customer(
        document=document,
        phone="+996555123456",
        email="aigul@example.org",
        national_id=f"21503199{samples.serial():06d}",
        birth_date="1990-03-15",
    )
    account = samples.account(customer.id)
    sim, number = samples.sim(), samples.number()
    contract = samples.contract(
        customer_id=customer.id,
        account_id=account.id,
        sim=sim,
        number=number,
        requested_activation=begins,
    ).accept(tariff=samples.tariff(), policy=PAY_FIRST, live_contracts=0, **samples.said())
    contract = contract.add_document(document=samples.attachment(), **samples.said())
    held: dict[str, Any] = {"contract_id": contract.id, **samples.said()}
    return Sale(
        customer,
        account,
        sim.bind(msisdn=number.msisdn, **held),
        number.assign(**held),
        contract,
    )


def _suspended(samples: Samples, hold: HoldKind) -> Sale:
    sale = _sale(samples, document=f"AN{samples.serial()}")
    requested = sale.contract.request_activation(
        summary=samples.summary(sale.contract), **samples.said()
    )
    served = requested.confirm_activation(**samples.said())
    held = served.suspend(hold=hold, **samples.said())
    account = sale.account.hold_for_money(1, held.id, **samples.said())
    return attrs.evolve(sale, contract=held, account=account)


def _confirmed(
    samples: Samples, account: BillingAccount, *, minor: int = 15_000
) -> tuple[Payment, AccountState]:
    balance = Balance(currency=account.currency, subscriber=minor)
    state = AccountState(account=account, balance=balance, at=samples.tick())
    paid, _ = samples.payment(account.id, minor=minor).confirm(
        state=state,
        entry_id=EntryId(samples.id()),
        reference=None,
        took=Money(minor, account.currency),
        into=LedgerCode.GATEWAY_CLEARING,
        **samples.said(),
    )
    return paid, state


def _refund(samples: Samples, sale: Sale) -> Refund:
    paid, state = _confirmed(samples, sale.account, minor=100)
    refund, _ = Refund.request(
        paid,
        Money(10, sale.account.currency),
        id=RefundId(samples.id()),
        entry_id=EntryId(samples.id()),
        state=state,
        reason="",
        **samples.said(),
    )
    return refund


def _save(tx: Transaction, sale: Sale) -> None:
    tx.customers.save(sale.customer)
    tx.accounts.save(sale.account)
    tx.sims.save(sale.sim)
    tx.numbers.save(sale.number)
    tx.contracts.save(sale.contract)


def _of_every_kind(samples: Samples, sale: Sale) -> dict[str, Any]:
    payment = samples.payment(sale.account.id)
    return {
        "tariffs": samples.tariff(),
        "applications": _application(samples, Priority.HIGH, reference="r-1"),
        "payments": payment.time_out(**samples.said()),
        "tasks": _task(samples, sale.contract),
        "tickets": _ticket(samples).comment(id=samples.id(), text="сообщение", **samples.said()),
        "imports": _import(samples),
        "notifications": _notification(samples, sale.customer),
        "tokens": _token(samples),
        "webhooks": _webhook(samples),
        "approvals": _approval(samples),
        "users": _user(samples),
        "sessions": _session(samples),
        "customer_passwords": CustomerPassword(
            id=CustomerId(samples.id()), password_hash="$argon2id$", set_at=samples.tick()
        ),
    }


def _ticket(samples: Samples, priority: TicketPriority = TicketPriority.NORMAL) -> Any:
    customer = CustomerId(samples.id())
    return samples.ticket(customer, priority=priority, subject="no signal", queue="noc")


def _behind(uow: UnitOfWork, start: int, *, lines: int) -> tuple[int, list[bytes]]:
    """
    Return the end of what is settled behind a place of the trail, and its lines.

    Whoever writes elsewhere on the same server holds the end back: it is asked for until it comes.
    """
    end, found = start, list[bytes]()
    for _ in range(10_000):
        with uow(read_only=True) as tx:
            end = tx.seals.end_of(start, limit=9)
            found = list(tx.seals.lines(start, end))
        if len(found) >= lines:
            break
    return end, found


def _application(
    samples: Samples,
    priority: Priority,
    *,
    reference: str | None = None,
    name: str = "Айгүл",
    phone: str = "",
) -> Application:
    captured = _captured(samples, priority, reference=reference, name=name, phone=phone)
    return captured.validate(data={"full_name": name}, **samples.said())


def _captured(
    samples: Samples,
    priority: Priority,
    *,
    reference: str | None = None,
    name: str = "Айгүл",
    phone: str = "",
) -> Application:
    return Application.capture(
        id=ApplicationId(samples.id()),
        number=f"R-{samples.serial():07d}",
        kind=ApplicationKind.NEW_CONNECTION,
        channel=Channel.API,
        raw={"name": name, "phone": phone, "extra": {"list": [1, None]}},
        external_reference=reference,
        priority=priority,
        scans=[samples.attachment("front")],
        **samples.said(),
    )


def _resting(samples: Samples, serial: int, *, until: datetime) -> Number:
    holder = ContractId(samples.id())
    assigned = samples.number(serial).assign(contract_id=holder, **samples.said())
    return assigned.release(
        until=until,
        customer_id=CustomerId(samples.id()),
        contract_is_live=False,
        **samples.said(),
    )


def _task(samples: Samples, contract: Contract) -> ProvisioningTask:
    return ProvisioningTask.create(
        id=TaskId(samples.id()),
        kind=ProvisioningKind.ACTIVATE,
        contract_id=contract.id,
        iccid=contract.iccid,
        msisdn=contract.msisdn,
        **samples.said(),
    )


def _notification(samples: Samples, customer: Customer) -> Notification:
    return Notification.queue(
        id=NotificationId(samples.id()),
        customer_id=customer.id,
        event=PAYMENT_CONFIRMED,
        channel=NotificationChannel.CONSOLE,
        language="ky",
        facts={"amount": "150.00", "currency": "KGS"},
        **samples.said(),
    )


def _webhook(samples: Samples) -> Webhook:
    return Webhook.register(
        id=WebhookId(samples.id()),
        url="https://example.org/events?shop=1",
        wanted=("PaymentConfirmed", "ContractActivated"),
        secret=bytes(32),
        **samples.said(),
    )


def _approval(samples: Samples) -> Approval:
    return Approval.ask(
        id=ApprovalId(samples.id()),
        kind=ApprovalKind.REFUND,
        thing_id=str(samples.id()),
        amount=Money(15_000, "KGS"),
        reason="paid twice",
        **samples.said(),
    ).approve(by=Actor("second", "t-2"), at=samples.tick())


def _user(samples: Samples) -> User:
    return User.invite(
        id=UserId(samples.id()),
        login=f"user-{samples.serial()}",
        name="Айгүл",
        role=RoleName.CASHIER.value,
        invitation=f"{samples.serial():064x}",
        **samples.said(),
    ).accept(password_hash="$argon2id$…", at=samples.tick())


def _session(samples: Samples) -> Session:
    at = samples.tick()
    return Session(
        id=SessionId(samples.id()),
        digest=f"{samples.serial():064x}",
        csrf="c" * 32,
        user_id=UserId(samples.id()),
        address="192.0.2.7",
        agent="a browser",
        started_at=at,
        seen_at=at,
        ends_at=at + timedelta(hours=12),
    )


def _import(samples: Samples) -> ImportJob:
    return ImportJob.upload(
        id=ImportId(samples.id()),
        request=ImportRequest(kind=ImportKind.SIMS, file_name="карты.csv", separator=";"),
        file_id=DocumentId(samples.id()),
        sha256=f"{samples.serial():064x}",
        **samples.said(),
    )


def _edition(samples: Samples, thing_id: UUID, data: str) -> Edition:
    return Edition(
        id=EditionId(samples.new_id()),
        kind=PaperKind.CONTRACT,
        thing_id=thing_id,
        language="ky",
        template=text_digest("one"),
        template_version=1,
        data=data,
        at=samples.tick(),
    )


def _token(samples: Samples) -> Token:
    return Token.create(
        id=TokenId(samples.id()),
        name="till 1",
        role=RoleName.CASHIER,
        scopes=[Scope.parse("payments:write")],
        secret="s" * 60,
        **samples.said(),
    )
