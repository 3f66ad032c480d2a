"""What every store has to do: things are found by what they have, and come in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.application.ports import (
    Query,
)
from telecom_crm.domain.errors import (
    InvalidValue,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    ContractId,
    CustomerId,
    EntryId,
    PaymentId,
)
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import NumberCategory
from telecom_crm.domain.payment import Payment, PaymentStatus
from telecom_crm.entrypoints.conformance.machine import all_on, refused
from telecom_crm.entrypoints.conformance.samples import (
    CURRENCY,
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    Sale,
    a_sale,
    a_ticket,
    save_sale,
)


class Searches(StoreSuite):
    """Things are found by what they have, and come in order."""

    def test_keys_of_what_filters_leave_come_in_order(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [a_sale(samples, document=f"AN{n}") for n in range(2)]
        tickets = [a_ticket(samples) for _ in range(2)]
        owner = str(sales[0].customer.id)
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
            tx.tickets.save_all(tickets[::-1])
            assert tx.contracts.keys({"customer_id": owner}) == [sales[0].contract.key]
        with uow(read_only=True) as tx:
            assert tx.contracts.keys({"customer_id": owner}) == [sales[0].contract.key]
            assert tx.tickets.keys({}) == [ticket.key for ticket in tickets]
            with refused(InvalidValue):
                tx.tickets.keys({"height": "1"})

    def test_what_each_of_some_filters_leaves_is_counted_to_a_most(self) -> None:
        uow, samples = self.make(), Samples()
        sales = [a_sale(samples, document=f"AN{n}") for n in range(3)]
        first, nobody = sales[0].contract, {"customer_id": str(UUID(int=7))}
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
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
        sales = [a_sale(samples, document=f"AN{n}") for n in range(3)]
        accounts = [sale.account.id for sale in sales]
        paid = [samples.payment(account) for _ in range(2) for account in accounts]
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
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
        sales = [a_sale(samples, document=f"AN{n}") for n in range(3)]
        accounts = [sale.account.id for sale in sales]
        paid = [samples.payment(account) for _ in range(3) for account in accounts]
        paid[1] = paid[1].fail(reason="declined", **samples.said())
        paid[4] = attrs.evolve(paid[4], status=PaymentStatus.CONFIRMED)
        with uow() as tx:
            for sale in sales:
                save_sale(tx, sale)
            tx.payments.save_all(paid)

        def found(start: Payment, end: Payment, limit: int) -> list[PaymentId]:
            with uow(read_only=True) as tx:
                told = tx.payments.unbooked(accounts[:2], start=start.at, end=end.at, limit=limit)
            return [payment.id for payment in told]

        assert found(paid[0], paid[7], 9) == [paid[n].id for n in (6, 3, 1, 0)]
        assert found(paid[0], paid[7], 2) == [paid[6].id, paid[3].id]
        assert found(paid[1], paid[6], 9) == [paid[3].id, paid[1].id]
        assert found(paid[4], paid[5], 9) == []

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
                save_sale(tx, sale)
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


def _suspended(samples: Samples, hold: HoldKind) -> Sale:
    sale = a_sale(samples, document=f"AN{samples.serial()}")
    requested = sale.contract.request_activation(
        summary=samples.summary(sale.contract), **samples.said()
    )
    served = requested.confirm_activation(**samples.said())
    held = served.suspend(hold=hold, **samples.said())
    account = sale.account.hold_for_money(1, held.id, **samples.said())
    return attrs.evolve(sale, contract=held, account=account)
