"""A machine that does anything to any contract."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, multiple, rule

from telecom_crm.domain.calendar import BISHKEK
from telecom_crm.domain.contract import CloseReason, Contract, HoldNotThere, HoldThere
from telecom_crm.domain.errors import IllegalTransition, RuleViolated
from telecom_crm.domain.hold import HoldKind
from telecom_crm.entrypoints.conformance.machine import Place, StoreMachine, all_on
from telecom_crm.entrypoints.conformance.samples import BEGINNING, PAY_FIRST
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of

MOVES = {
    ("draft", "accept"): "accepted",
    ("draft", "cancel"): "cancelled",
    ("accepted", "cancel"): "cancelled",
    ("accepted", "request_activation"): "activating",
    ("activating", "confirm_activation"): "active",
    ("activating", "fail_activation"): "accepted",
    ("active", "swap_sim"): "active",
    ("suspended", "swap_sim"): "suspended",
    ("active", "change_number"): "active",
    ("suspended", "change_number"): "suspended",
    ("active", "close"): "closed",
    ("suspended", "close"): "closed",
}
"""The machine of contracts once more, by hand, suspension aside: the oracle."""
LIVE = {"accepted", "activating", "active", "suspended"}
COMMANDS = sorted({command for _, command in MOVES})
_DAYS = st.none() | st.integers(0, 3).map(lambda days: BEGINNING.date() + timedelta(days=days))


@attrs.define
class _Terms:
    """What the model knows of a contract."""

    status: str = "draft"
    holds: set[HoldKind] = attrs.field(factory=set)
    iccid: Any = None
    msisdn: Any = None
    revisions: int = 0
    tariff: str = "PLAIN"
    waiting: str | None = None
    """The tariff that begins another day."""


class ContractMachine(StoreMachine):
    """Do anything to any contract; the store must agree with plain values."""

    @initialize(target=StoreMachine.things)
    def begin(self) -> Any:
        """There are two customers with an account and a draft each, and a tariff."""
        self.model: dict[Any, _Terms] = {}
        people = [self.samples.customer(), self.samples.customer()]
        self.save("customers", *people)
        self.accounts = [self.samples.account(person.id) for person in people]
        self.save("accounts", *self.accounts)
        self.tariff, self.other = self.samples.tariff(), self.samples.tariff("OTHER")
        self.save("tariffs", self.tariff, self.other)
        return multiple(*(self._signed(who, None) for who in (0, 1)))

    def touched(self, thing: Any) -> Any | None:
        """A contract takes documents until it is over."""
        if thing.status in ("closed", "cancelled"):
            return None
        document = self.samples.attachment()
        return thing.add_document(document=document, **self.samples.said())

    @rule(target=StoreMachine.things, who=st.integers(0, 1), wanted=_DAYS)
    def sign(self, who: int, wanted: date | None) -> Place:
        """Draft a contract on a new SIM and a new number."""
        return self._signed(who, wanted)

    @rule(place=StoreMachine.things, command=st.sampled_from(COMMANDS), serial=st.integers(1, 9))
    def command(self, place: Place, command: str, serial: int) -> None:
        """Give a contract a command; one its state does not allow changes nothing."""
        terms = self.model[place[1]]
        after = MOVES.get((terms.status, command))
        if after is None:
            with pytest.raises(IllegalTransition):
                self.change(place, lambda contract: self._given(contract, command, serial))
            return
        contract = self.change(place, lambda contract: self._given(contract, command, serial))
        terms.status = after
        if command in ("swap_sim", "change_number"):
            terms.revisions += 1
            terms.iccid, terms.msisdn = contract.iccid, contract.msisdn
        assert contract.status == after

    @rule(place=StoreMachine.things, hold=st.sampled_from(HoldKind))
    def suspend(self, place: Place, hold: HoldKind) -> None:
        """Suspend for one more reason."""
        terms = self.model[place[1]]

        def suspended(contract: Contract) -> Contract:
            return contract.suspend(hold=hold, reason="why'not", **self.samples.said())

        if terms.status not in ("active", "suspended"):
            with pytest.raises(IllegalTransition):
                self.change(place, suspended)
        elif hold in terms.holds:
            with pytest.raises(HoldThere):
                self.change(place, suspended)
        else:
            self.change(place, suspended)
            terms.status = "suspended"
            terms.holds.add(hold)

    @rule(place=StoreMachine.things, hold=st.sampled_from(HoldKind))
    def resume(self, place: Place, hold: HoldKind) -> None:
        """Lift one hold; the last one makes the contract active."""
        terms = self.model[place[1]]

        def resumed(contract: Contract) -> Contract:
            return contract.resume(hold=hold, **self.samples.said())

        if terms.status != "suspended":
            with pytest.raises(IllegalTransition):
                self.change(place, resumed)
        elif hold not in terms.holds:
            with pytest.raises(HoldNotThere):
                self.change(place, resumed)
        else:
            terms.holds.remove(hold)
            terms.status = "suspended" if terms.holds else "active"
            assert self.change(place, resumed).status == terms.status

    @rule(place=StoreMachine.things)
    def suspend_and_resume_at_once(self, place: Place) -> None:
        """Several events in one save, some of which leave the state as it was."""
        terms = self.model[place[1]]
        hold = HoldKind.ADMIN
        if terms.status not in ("active", "suspended") or hold in terms.holds:
            return
        said = self.samples.said()
        self.change(place, lambda one: one.suspend(hold=hold, **said).resume(hold=hold, **said))

    @rule(place=StoreMachine.things, other=st.booleans(), later=st.booleans())
    def amend(self, place: Place, other: bool, later: bool) -> None:
        """Go on with a tariff, the same or another, at once or from another day on."""
        terms, tariff = self.model[place[1]], self.other if other else self.tariff
        day = BEGINNING.date() if later else None

        def amended(contract: Contract) -> Contract:
            said = self.samples.said()
            return contract.amend(tariff=tariff, policy=PAY_FIRST, effective_on=day, **said)

        if terms.status != "active":
            with pytest.raises(IllegalTransition):
                self.change(place, amended)
            return
        self.change(place, amended)
        terms.waiting = tariff.code if later else None
        if not later:
            terms.tariff = tariff.code
            terms.revisions += 1

    @rule(place=StoreMachine.things)
    def let_the_change_begin(self, place: Place) -> None:
        """The day of a change has come, for a contract in service or suspended."""
        terms = self.model[place[1]]

        def begun(contract: Contract) -> Contract:
            return contract.take_effect(today=BEGINNING.date(), **self.samples.said())

        if terms.waiting is None or terms.status not in ("active", "suspended"):
            with pytest.raises(RuleViolated):
                self.change(place, begun)
            return
        self.change(place, begun)
        terms.tariff, terms.waiting = terms.waiting, None
        terms.revisions += 1

    @rule(place=StoreMachine.things)
    def add_a_document(self, place: Place) -> None:
        """Keep a file with a contract that is not over."""
        document, said = self.samples.attachment(), self.samples.said()
        if self.model[place[1]].status in ("closed", "cancelled"):
            with pytest.raises(RuleViolated):
                self.change(place, lambda one: one.add_document(document=document, **said))
            return
        kept = self.change(place, lambda one: one.add_document(document=document, **said))
        assert kept.documents[-1] == document

    @rule(days=st.integers(0, 4))
    def look_up(self, days: int) -> None:
        """Find contracts by customer, by account, and by the day they are to begin."""
        every = self.all_of("contracts").values()
        today = BEGINNING.date() + timedelta(days=days)
        with self.uow(read_only=True) as tx:
            for account in self.accounts:
                mine = [one for one in every if one.account_id == account.id]
                assert tx.contracts.of_account(account.id) == mine
                live = sum(self.model[one.id].status in LIVE for one in mine)
                assert account.customer_id is not None
                found = tx.contracts.count_live([account.customer_id])
                assert found.get(account.customer_id, 0) == live
                theirs = [one for one in every if one.customer_id == account.customer_id]
                latest = tx.contracts.latest_of([account.customer_id])
                assert list(latest.values()) == theirs[-1:]
            due = {
                one.id
                for one in every
                if self.model[one.id].status == "accepted"
                and one.requested_activation is not None
                and one.requested_activation <= today
            }
            waiting = all_on(lambda at: tx.contracts.activation_due(today, limit=1, cursor=at))
            assert [one.id for one in waiting] == sorted(due, key=str)

    @invariant()
    def contracts_are_as_the_model_says(self) -> None:
        """State, holds, SIM, number and revisions are those of the model."""
        for contract in self.all_of("contracts").values():
            terms = self.model[contract.id]
            assert contract.status == terms.status
            assert {hold.kind for hold in contract.holds} == terms.holds
            assert (contract.iccid, contract.msisdn) == (terms.iccid, terms.msisdn)
            assert len(contract.revisions) == terms.revisions
            assert contract.tariff_code == terms.tariff

    @invariant()
    def they_are_counted_by_tariff_and_state(self) -> None:
        """What came into each state on each tariff, less what left it, is what is in it."""
        if not self.kept:
            return
        with self.uow(read_only=True) as tx:
            moves = tx.figures.moves(since=BEGINNING.date(), zone=BISHKEK)
        found, by_day = Counter[tuple[str, str]](), Counter[str]()
        for one in moves:
            if one.move.thing != "contract":
                continue
            if one.day is None:
                found[one.move.kind, one.move.after] += one.number
                found[one.move.kind, one.move.before] -= one.number
            else:
                by_day.update({one.move.after: one.number, one.move.before: -one.number})
        there = Counter((terms.tariff, terms.status) for terms in self.model.values())
        assert {key: n for key, n in found.items() if key[1] and n} == there
        states = Counter(terms.status for terms in self.model.values())
        assert {state: n for state, n in by_day.items() if state and n} == states

    def _signed(self, who: int, wanted: date | None) -> Place:
        sim, number = self.samples.sim(), self.samples.number()
        account = self.accounts[who]
        assert account.customer_id is not None
        made = self.samples.contract(
            customer_id=account.customer_id,
            account_id=account.id,
            sim=sim,
            number=number,
            requested_activation=wanted,
        )
        self.save("sims", sim)
        self.save("numbers", number)
        self.model[made.id] = _Terms(iccid=made.iccid, msisdn=made.msisdn)
        return self.save("contracts", made)

    def _given(self, contract: Contract, command: str, serial: int) -> Contract:
        said = self.samples.said()
        match command:
            case "accept":
                return contract.accept(
                    tariff=self.tariff, policy=PAY_FIRST, live_contracts=0, **said
                )
            case "request_activation":
                summary = self.samples.summary(contract)
                return contract.request_activation(summary=summary, **said)
            case "fail_activation":
                return contract.fail_activation(reason="no answer", **said)
            case "swap_sim":
                return contract.swap_sim(iccid=iccid_of(900 + serial), **said)
            case "change_number":
                return contract.change_number(msisdn=msisdn_of(900 + serial), **said)
            case "close":
                return contract.close(reason=CloseReason.CUSTOMER_REQUEST, **said)
            case _:
                changed: Contract = getattr(contract, command)(**said)
                return changed
