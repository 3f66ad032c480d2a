"""What every store has to do: filters, cursors and pages of every list."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from telecom_crm.application.ports import (
    FILTERS,
    Query,
    Transaction,
)
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.errors import (
    InvalidValue,
)
from telecom_crm.domain.identifiers import (
    PaymentId,
)
from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, ReceiptNumber
from telecom_crm.domain.tariff import Option, OptionTerms
from telecom_crm.entrypoints.conformance.samples import (
    CURRENCY,
    Samples,
)
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    a_confirmed_payment,
    a_sale,
    a_ticket,
    collection_of,
    save_sale,
)


class Lists(StoreSuite):
    """Filters, cursors and pages of every list."""

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

    def test_a_ticket_is_held_by_whom_it_was_given_to_until_it_ends(self) -> None:
        uow, samples = self.make(), Samples()
        given, over, free = (a_ticket(samples) for _ in range(3))
        given, over = (one.assign(assignee="aida", **samples.said()) for one in (given, over))
        over = over.activate(**samples.said()).resolve(**samples.said())
        with uow() as tx:
            for one in (given, over, free):
                tx.tickets.save(one)
        with uow(read_only=True) as tx:
            for where, found in (
                ({"assignee": "aida"}, [given.id, over.id]),
                ({"held_by": "aida"}, [given.id]),
                ({"held_by": "aida", "status": "closed"}, []),
            ):
                assert [one.id for one in tx.tickets.page(Query(where=where)).items] == found
            assert tx.tickets.counts([{"held_by": "aida"}], most=5) == [1]

    def test_what_is_sold_is_told_by_name(self) -> None:
        uow, samples = self.make(), Samples()
        named = Wording(en="Start", ru="Старт", ky="Баштоо")
        tariff = attrs.evolve(samples.tariff("START"), name=named)
        terms = OptionTerms(fee=Money(1, CURRENCY))
        option = Option.create(code="NET", name="Net", terms=terms, **samples.said())
        with uow() as tx:
            tx.catalog.tariffs.save(tariff)
            tx.catalog.options.save(option)
            seen = tx.catalog.names()
        with uow(read_only=True) as tx:
            assert seen == tx.catalog.names() == {"START": named, "NET": option.name}

    def test_a_payment_is_found_by_the_number_of_its_receipt(self) -> None:
        uow, samples = self.make(), Samples()
        one, other = (a_sale(samples, document=f"AN{n}") for n in range(2))
        paid = [a_confirmed_payment(samples, sale.account)[0] for sale in (one, one, other)]
        asked = samples.payment(one.account.id)
        with uow() as tx:
            for sale in (one, other):
                save_sale(tx, sale)
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
        tickets = [a_ticket(samples) for _ in range(5)]
        with uow() as tx:
            tx.tickets.save_all(tickets[:4])
            first = tx.tickets.page(Query(limit=2))
        with uow() as tx:
            tx.tickets.save(tickets[4])
        with uow(read_only=True) as tx:
            rest = tx.tickets.page(Query(limit=9, cursor=first.next))
        assert [one.id for one in (*first.items, *rest.items)] == [one.id for one in tickets]


_LISTS: dict[str, str] = {"import_job": "imports", "provisioning_task": "tasks"}


def _listed(tx: Transaction, name: str) -> Any:
    return collection_of(tx, _LISTS.get(name, f"{name}s"))


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
    "holder": "house",
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
