"""What always holds: the books, what is whose, the figures, the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from telecom_crm.application.ports import Transaction
from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.notification import LOW_BALANCE
from telecom_crm.domain.number import Number
from telecom_crm.domain.sim import Sim
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.model import MONEY_HOLDS, Model
from telecom_crm.entrypoints.conformance.crm.world import World
from telecom_crm.entrypoints.conformance.machine import patiently

FIRST_DAY = date(2026, 1, 1)
"""Before everything that the samples do."""


class Invariants(World):
    """What the model and the books say after every step."""

    @invariant()
    def falls_are_noticed(self) -> None:
        """The model looks at what is left, as the CRM does with everything that it takes."""
        for account in self.model.accounts.values():
            account.look()

    @invariant()
    def the_money_is_right(self) -> None:
        """Counters are the model's, debits equal credits, and no value came or went by itself."""
        if not self.model.sims:
            return
        with self.uow(read_only=True) as tx:
            states = tx.ledger.states(self.model.accounts, at=self.samples.clock())
            lines = tx.ledger.trial_balance()
            bookings = tx.figures.bookings(since=FIRST_DAY, zone=BISHKEK)
            assert list(tx.ledger.differences()) == []
        for account_id, account in self.model.accounts.items():
            found = states[account_id].balance
            assert (found.subscriber, found.receivable, found.unbilled, found.reserved) == (
                account.subscriber,
                account.receivable,
                account.unbilled,
                account.reserved,
            )
        assert sum(line.debit.minor - line.credit.minor for line in lines) == 0
        for of_days in (True, False):
            told = [one for one in bookings if (one.day is not None) is of_days]
            every = self.model.accounts.values()
            assert sum(one.effect.minor for one in told) == sum(one.balance for one in every)
            owed = sum(max(-one.balance, 0) for one in every)
            assert sum(one.debt.minor for one in told) == owed
        sides = {line.code: line.debit.minor - line.credit.minor for line in lines}
        assert sides.get(LedgerCode.GATEWAY_CLEARING, 0) == self.model.in_clearing
        assert sides.get(LedgerCode.TRANSFERS_IN_TRANSIT, 0) == 0
        assert sides.get(LedgerCode.UNALLOCATED_RECEIPTS, 0) == -self.model.unallocated
        assert sides.get(LedgerCode.GATEWAY_FEES, 0) == self.model.fees
        bank = self.model.settled - self.model.fees + self.model.banked
        assert sides.get(LedgerCode.BANK, 0) == bank
        accounts = self.model.accounts.values()
        assert sides.get(LedgerCode.BAD_DEBT, 0) == sum(one.written_off for one in accounts)
        lost = sum(one.lost_in_disputes for one in accounts)
        assert sides.get(LedgerCode.CHARGEBACK_LOSS, 0) == lost
        balances = sum(account.subscriber for account in self.model.accounts.values())
        assert sides.get(LedgerCode.SUBSCRIBER_BALANCE, 0) == -balances

    @rule(anew=st.booleans())
    def sum_up(self, anew: bool) -> None:
        """Keep the sums of what came since the last time, or of everything: nothing shows it."""
        with self.uow() as tx:
            if anew:
                tx.figures.forget(zone=BISHKEK)
            tx.figures.keep(zone=BISHKEK, limit=9)

    @invariant()
    def everybody_has_what_is_theirs(self) -> None:
        """Contracts and payments are the model's; one live contract holds a SIM or a number."""
        contracts = list(self.crm.contracts.each())
        assert {one.id for one in contracts} == self.model.contracts.keys()
        for contract in contracts:
            expected = self.model.contracts[contract.id]
            assert contract.status == expected.status
            if contract.status != "closed":
                assert {hold.kind.value for hold in contract.holds} == expected.holds
        live = [one for one in contracts if one.status in plain.LIVE]
        assert all(n == 1 for n in Counter(one.iccid for one in live).values())
        assert all(n == 1 for n in Counter(one.msisdn for one in live).values())
        sims = list(self.crm.inventory.each_sim())
        for sim in sims:
            holder = self.model.sims[sim.iccid]
            assert sim.contract_id == (None if holder == "retired" else holder)
        numbers = list(self.crm.inventory.each_number())
        for number in numbers:
            owner = self.model.numbers[number.msisdn]
            assert number.contract_id == (None if isinstance(owner, tuple) else owner)
        self._all_are_counted(contracts, sims, numbers)
        payments = {one.id: one.status for one in self.crm.payments.each()}
        assert payments == {key: one.status for key, one in self.model.payments.items()}
        with self.uow(read_only=True) as tx:
            refunds = tx.refunds.get_many(self.model.refunds)
        assert {key: one.status for key, one in refunds.items()} == {
            key: one.status for key, one in self.model.refunds.items()
        }

    def money_holds_are_counted(self) -> None:
        """An account counts its contracts that are suspended for money."""
        with self.uow(read_only=True) as tx:
            accounts = tx.accounts.get_many(self.model.accounts)
        for account_id, account in accounts.items():
            short = sum(
                one.account == account_id and bool(one.holds & MONEY_HOLDS)
                for one in self.model.contracts.values()
                if one.status == "suspended"
            )
            assert account.money_holds == short
            assert account.overdrawn == self.model.accounts[account_id].overdrawn

    def events_are_complete(self) -> None:
        """Every thing's version is the number of its events; the feed gives each, in order."""
        with self.uow(read_only=True) as tx:
            versions = {key: thing.version for key, thing in _everything(tx, self.model).items()}
        found: Counter[tuple[str, str]] = Counter()
        warned: Counter[str] = Counter()
        cursor = ""
        for _ in patiently():  # others' open transactions may delay the feed
            for reached, event in self.crm.events.since(cursor):
                cursor = reached
                place = (event.thing, event.thing_id)
                found[place] += 1
                warned[event.thing_id] += event.name == LOW_BALANCE
                assert event.sequence == found[place], "a gap, or an event told twice"
            if all(found[place] >= version for place, version in versions.items()):
                break
        assert {place: found[place] for place in versions} == versions
        for account_id, account in self.model.accounts.items():
            assert warned[str(account_id)] == account.warned

    def _all_are_counted(
        self, contracts: list[Contract], sims: list[Sim], numbers: list[Number]
    ) -> None:
        """What came into each state, less what left it, is what is in it."""
        there: list[Contract | Sim | Number] = [*contracts, *sims, *numbers]
        with self.uow(read_only=True) as tx:
            moves = tx.figures.moves(since=FIRST_DAY, zone=BISHKEK)
        for of_days in (True, False):
            found = Counter[tuple[str, str, str]]()
            for one in moves:
                if (one.day is not None) is of_days and one.move.thing != "ticket":
                    found[one.move.thing, one.move.kind, one.move.after] += one.number
                    found[one.move.thing, one.move.kind, one.move.before] -= one.number
            expected = Counter(
                (_machine(one), "" if of_days else _kind(one), one.status.value) for one in there
            )
            assert {key: n for key, n in found.items() if key[2] and n} == expected


def _everything(tx: Transaction, model: Model) -> dict[tuple[str, str], Any]:
    found: dict[str, Mapping[Any, Any]] = {
        "contract": tx.contracts.get_many(model.contracts),
        "account": tx.accounts.get_many(model.accounts),
        "payment": tx.payments.get_many(model.payments),
        "refund": tx.refunds.get_many(model.refunds),
        "sim": tx.sims.get_many(model.sims),
        "number": tx.numbers.get_many(model.numbers),
        "customer": tx.customers.get_many(model.customers.values()),
    }
    things: list[tuple[str, Any]] = [
        (name, thing) for name, kept in found.items() for thing in kept.values()
    ]
    return {(name, thing.key): thing for name, thing in things}


def _machine(thing: Contract | Sim | Number) -> str:
    return type(thing).__name__.lower()


def _kind(thing: Contract | Sim | Number) -> str:
    match thing:
        case Contract():
            return thing.tariff_code
        case Number():
            return thing.category.value
        case _:
            return ""
