"""What every store has to do: what is committed is there whole, and nothing else."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from telecom_crm.application.ports import (
    AuditRecord,
    IdempotencyKey,
    Query,
)
from telecom_crm.domain.application import Priority
from telecom_crm.domain.errors import (
    InvalidValue,
    NotFound,
)
from telecom_crm.domain.identifiers import (
    CustomerId,
    WebhookId,
)
from telecom_crm.domain.lifecycle import SYSTEM, Event
from telecom_crm.domain.session import CustomerPassword
from telecom_crm.domain.webhook import Webhook
from telecom_crm.entrypoints.conformance.machine import Abandoned, refused
from telecom_crm.entrypoints.conformance.samples import (
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    Sale,
    a_notification,
    a_sale,
    a_session,
    a_task,
    a_ticket,
    a_token,
    a_user,
    an_application,
    an_approval,
    an_import,
    collection_of,
    save_sale,
)


class Transactions(StoreSuite):
    """What is committed is there whole, and nothing else."""

    def test_what_is_committed_is_there_for_others(self) -> None:
        uow, samples = self.make(), Samples()
        ticket = a_ticket(samples)
        with uow() as tx:
            tx.tickets.save(ticket)
        for reading in (False, True):
            with uow(read_only=reading) as tx:
                assert tx.tickets.get(ticket.id) == ticket
                assert tx.events.of("ticket", ticket.key) == list(ticket.events)

    def test_the_histories_of_several_things_are_told_as_one_in_order_of_time(self) -> None:
        uow, samples = self.make(), Samples()
        first, second, third = (a_ticket(samples) for _ in range(3))
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
        sale = a_sale(samples)
        key = IdempotencyKey("ann", "key", "digest")
        record = AuditRecord(action="look", thing="sim", thing_id="1", by=SYSTEM, at=samples.tick())
        with refused(Abandoned), uow() as tx:
            save_sale(tx, sale)
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
        sale = a_sale(samples)
        others = _of_every_kind(samples, sale)
        with uow() as tx:
            save_sale(tx, sale)
            for name, thing in others.items():
                assert collection_of(tx, name).save(thing) == thing
        with uow(read_only=True) as tx:
            assert tx.contracts.get(sale.contract.id) == sale.contract
            assert tx.customers.get(sale.customer.id) == sale.customer
            assert tx.accounts.get(sale.account.id) == sale.account
            assert tx.sims.get(sale.sim.iccid) == sale.sim
            assert tx.numbers.get(sale.number.msisdn) == sale.number
            for name, thing in others.items():
                assert collection_of(tx, name).get(_key(thing)) == thing

    def test_what_is_missing_is_named(self) -> None:
        uow, samples = self.make(), Samples()
        missing = CustomerId(samples.id())
        with uow(read_only=True) as tx, pytest.raises(NotFound) as told:
            tx.customers.get(missing)
        assert (told.value.thing, told.value.key) == ("customer", str(missing))

    def test_many_are_saved_in_any_order_and_come_back_in_it(self) -> None:
        uow, samples = self.make(), Samples()
        tickets = [a_ticket(samples) for _ in range(4)][::-1]
        with uow() as tx:
            tx.tickets.save_all(tickets)
            tx.tickets.save_all([])
        with uow() as tx:
            found = tx.tickets.get_many(one.id for one in tickets)
            assert list(found) == sorted((one.id for one in tickets), key=str)


def _key(thing: Any) -> Any:
    return getattr(thing, "code", None) or thing.id


def _of_every_kind(samples: Samples, sale: Sale) -> dict[str, Any]:
    payment = samples.payment(sale.account.id)
    return {
        "tariffs": samples.tariff(),
        "applications": an_application(samples, Priority.HIGH, reference="r-1"),
        "payments": payment.time_out(**samples.said()),
        "tasks": a_task(samples, sale.contract),
        "tickets": a_ticket(samples).comment(id=samples.id(), text="сообщение", **samples.said()),
        "imports": an_import(samples),
        "notifications": a_notification(samples, sale.customer),
        "tokens": a_token(samples),
        "webhooks": _webhook(samples),
        "approvals": an_approval(samples),
        "users": a_user(samples),
        "sessions": a_session(samples),
        "customer_passwords": CustomerPassword(
            id=CustomerId(samples.id()), password_hash="$argon2id$", set_at=samples.tick()
        ),
    }


def _webhook(samples: Samples) -> Webhook:
    return Webhook.register(
        id=WebhookId(samples.id()),
        url="https://example.org/events?shop=1",
        wanted=("PaymentConfirmed", "ContractActivated"),
        secret=bytes(32),
        **samples.said(),
    )
