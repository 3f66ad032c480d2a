"""What every store has to do: what is due comes in its order, and never twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import attrs

from telecom_crm.domain.application import Priority
from telecom_crm.domain.identifiers import (
    ContractId,
    CustomerId,
    EntryId,
    RefundId,
)
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number
from telecom_crm.domain.payment import PaymentStatus
from telecom_crm.domain.provisioning import (
    UNFINISHED,
    ProvisioningStatus,
)
from telecom_crm.domain.refund import Refund
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.entrypoints.conformance.machine import all_on
from telecom_crm.entrypoints.conformance.samples import (
    BEGINNING,
    PAY_FIRST,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    Sale,
    a_confirmed_payment,
    a_notification,
    a_sale,
    a_task,
    a_ticket,
    an_application,
    save_sale,
)


class Queues(StoreSuite):
    """What is due comes in its order, and never twice."""

    def test_the_queue_gives_the_most_urgent_then_the_oldest_and_never_one_twice(self) -> None:
        uow, samples = self.make(), Samples()
        wanted = [Priority.NORMAL, Priority.URGENT, Priority.NORMAL, Priority.URGENT]
        waiting = [an_application(samples, priority) for priority in wanted]
        with uow() as tx:
            tx.applications.save_all(waiting)
        with uow() as one, uow() as two, uow() as three:
            got = [tx.applications.next_waiting() for tx in (one, two, three)]
        expected = [waiting[1].id, waiting[3].id, waiting[0].id]
        assert [application.id for application in got if application] == expected

    def test_free_tickets_held_by_another_are_passed_over(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [a_ticket(samples), a_ticket(samples, TicketPriority.URGENT)]
        with uow() as tx:
            tx.tickets.save_all(tickets)
        with uow() as one, uow() as two, uow() as three:
            got = [tx.tickets.next_free() for tx in (one, two, three)]
        assert [ticket and ticket.id for ticket in got] == [tickets[1].id, tickets[0].id, None]

    def test_a_channels_reference_leads_to_its_application(self) -> None:
        uow, samples = self.make(), Samples()
        application = an_application(samples, Priority.LOW, reference="ref-1")
        with uow() as tx:
            tx.applications.save(application)
        with uow(read_only=True) as tx:
            assert tx.applications.by_reference("api", "ref-1") == application
            assert tx.applications.by_reference("console", "ref-1") is None

    def test_of_a_contracts_tasks_the_oldest_unfinished_is_due(self) -> None:
        uow, samples = self.make(), Samples()
        sale = a_sale(samples)
        tasks = [a_task(samples, sale.contract) for _ in range(2)]
        with uow() as tx:
            save_sale(tx, sale)
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

    def test_tasks_of_some_contracts_are_found_together(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [a_sale(samples, document=f"AN{n}") for n in range(3)]
        tasks = [a_task(samples, sale.contract) for _ in range(2) for sale in sales]
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
            tx.tasks.save_all(tasks)
        two = [sale.contract.id for sale in sales[:2]]
        with uow(read_only=True) as tx:
            assert tx.tasks.of_contracts([]) == []
            found = tx.tasks.of_contracts([*two, *two])
        assert [task.id for task in found] == [task.id for task in tasks if task.contract_id in two]

    def test_a_change_of_terms_is_due_from_its_day_on(self) -> None:
        uow, samples = self.make(), Samples()
        sale = a_sale(samples)
        summary, other = samples.summary(sale.contract), samples.tariff("OTHER")
        day = BEGINNING.date() + timedelta(days=7)
        active = sale.contract.request_activation(summary=summary, **samples.said())
        amended = active.confirm_activation(**samples.said()).amend(
            tariff=other, policy=PAY_FIRST, effective_on=day, **samples.said()
        )
        with uow() as tx:
            save_sale(tx, attrs.evolve(sale, contract=amended))
        with uow(read_only=True) as tx:
            assert tx.contracts.amendments_due(day - timedelta(days=1), limit=9).items == ()
            assert tx.contracts.amendments_due(day, limit=9).items == (amended,)

    def test_what_sweeps_ask_for_comes_in_pages_that_go_on(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [a_sale(samples, document=f"AN{n}", begins=BEGINNING.date()) for n in range(3)]
        payments = [samples.payment(sale.account.id) for sale in sales]
        refunds = [_refund(samples, sale) for sale in sales]
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
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
        sale = a_sale(samples)
        pending, lost = (samples.payment(sale.account.id) for _ in range(2))
        lost = lost.time_out(**samples.said())
        later = samples.tick()
        with uow() as tx:
            save_sale(tx, sale)
            tx.payments.save_all([pending, lost])
        with uow(read_only=True) as tx:
            for states, payment in ((lost.status, lost), (pending.status, pending)):
                found = tx.payments.uncertain(later, states={states}, limit=1)
                assert ([one.id for one in found.items], found.next) == ([payment.id], None)
            settled = {PaymentStatus.CONFIRMED}
            assert tx.payments.uncertain(later, states=settled, limit=1).items == ()

    def test_what_is_kept_too_long_comes_in_pages_that_go_on(self) -> None:
        uow, samples = self.make(), Samples()
        now = samples.tick()
        hour, two = now + timedelta(hours=1), now + timedelta(hours=2)
        ends = (hour, hour, hour, two)
        claimed = [
            an_application(samples, Priority.LOW).claim(until=end, **samples.said()) for end in ends
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

    def test_waiting_messages_come_oldest_first_and_never_twice(self) -> None:
        uow, samples = self.make(), Samples()
        customer = samples.customer()
        messages = [a_notification(samples, customer) for _ in range(3)]
        with uow() as tx:
            tx.customers.save(customer)
            tx.notifications.save_all(messages)
        with uow() as one, uow() as two:
            got = one.notifications.waiting(limit=2) + two.notifications.waiting(limit=2)
        assert [message.id for message in got] == [message.id for message in messages]

    def test_tickets_are_found_by_number_subject_and_owner(self) -> None:
        uow, samples = self.make(), Samples()
        signal, bill = a_ticket(samples), attrs.evolve(a_ticket(samples), subject="Счёт за октябрь")
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
        old, new, ended, held = (a_ticket(samples) for _ in range(4))
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
        one, other, never = (a_ticket(samples) for _ in range(3))
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


def _refund(samples: Samples, sale: Sale) -> Refund:
    paid, state = a_confirmed_payment(samples, sale.account, minor=100)
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


def _resting(samples: Samples, serial: int, *, until: datetime) -> Number:
    holder = ContractId(samples.id())
    assigned = samples.number(serial).assign(contract_id=holder, **samples.said())
    return assigned.release(
        until=until,
        customer_id=CustomerId(samples.id()),
        contract_is_live=False,
        **samples.said(),
    )
