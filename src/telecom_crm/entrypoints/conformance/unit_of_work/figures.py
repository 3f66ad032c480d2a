"""What every store has to do: counts and sums by the operator's days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest

from telecom_crm.application.ports import (
    Transaction,
    UnitOfWork,
)
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.identifiers import (
    ContractId,
    EntryId,
    PaymentId,
)
from telecom_crm.domain.ledger import LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import Actor, as_stored
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment, PaymentMethod, PaymentStatus
from telecom_crm.domain.report import Move
from telecom_crm.entrypoints.conformance.machine import Abandoned, refused
from telecom_crm.entrypoints.conformance.samples import (
    CURRENCY,
    OPERATOR,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite


class Figures(StoreSuite):
    """Counts and sums by the operator's days."""

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


def _sum_up(uow: UnitOfWork) -> None:
    with uow() as tx:
        tx.figures.keep(zone=BISHKEK, limit=1)


def _move(kind: str, before: str, after: str) -> Move:
    return Move(thing="number", kind=kind, before=before, after=after)


def _told(tx: Transaction, since: date, zone: ZoneInfo) -> dict[tuple[date | None, Move], int]:
    return {(one.day, one.move): one.number for one in tx.figures.moves(since=since, zone=zone)}
