"""Money between accounts, the gateway and the bank, and what a lack of it does."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.errors import InvalidValue, RuleViolated
from telecom_crm.domain.ledger import InsufficientFunds
from telecom_crm.entrypoints.conformance.crm import model as plain
from telecom_crm.entrypoints.conformance.crm.world import CONTRACTS, KEY, MINOR, World, kgs
from telecom_crm.entrypoints.conformance.samples import OPERATOR

_SPENDING = {"transfer", "charge"}


class AccountRules(World):
    """What is done with accounts."""

    @rule(minor=MINOR, kept=st.sampled_from((0, 100, 101)), key=KEY)
    def settle(self, minor: int, kept: int, key: str | None) -> None:
        """The gateway pays what it holds to the bank, and keeps a fee."""
        self.samples.tick()

        def settle() -> Any:
            return self.crm.settlements.settle(
                "simulator", gross=kgs(minor), fee=kgs(kept), idempotency_key=key, by=OPERATOR
            )

        if kept > minor:
            self._refuse(InvalidValue, settle)
            return
        asked = ("settle", minor, kept)
        if self._again(key, asked, settle) is not None:
            return
        self._remember(key, asked, settle().id)
        self.model.settled += minor
        self.model.fees += kept

    @rule(contract_id=CONTRACTS, minor=MINOR | st.none(), by_bank=st.booleans(), key=KEY)
    def pay_out(self, contract_id: Any, minor: int | None, by_bank: bool, key: str | None) -> None:
        """Hand over what a closed account's customer is owed: all of it, or what they ask for."""
        source = self._contract(contract_id).account
        account = self.model.accounts[source]
        minor = minor or max(account.owed_back, 100)

        def pay_out() -> Any:
            return self.crm.settlements.pay_out(
                source,
                amount=kgs(minor),
                reason="moved",
                desk=None if by_bank else "cash_desk",
                idempotency_key=key,
                by=OPERATOR,
            )

        asked = ("pay out", source, minor, by_bank)
        if self._again(key, asked, pay_out) is not None:
            return
        if minor > account.owed_back:
            self._refuse(RuleViolated, pay_out)
            return
        self._remember(key, asked, pay_out().id)
        account.owed_back -= minor
        self.model.banked -= minor if by_bank else 0

    @rule(
        contract_id=CONTRACTS,
        other=CONTRACTS,
        what=st.sampled_from(
            ("transfer", "credit", "charge", "write_off", "write_off_chargeback", "recover")
        ),
        minor=MINOR,
        key=KEY,
    )
    def move_money(
        self, contract_id: Any, other: Any, what: str, minor: int, key: str | None
    ) -> None:
        """
        Move money between accounts, give or charge some: never past what is available; or give a
        debt up and have it again: never past what is owed, or was given up.
        """
        source, target = self._contract(contract_id).account, self._contract(other).account
        if what == "transfer" and source == target:
            return
        accounts, amount = self.crm.accounts, kgs(minor)

        def move() -> Any:
            more: dict[str, Any] = {"amount": amount, "idempotency_key": key, "by": OPERATOR}
            if what == "transfer":
                return accounts.transfer(source, to=target, **more)
            if what == "credit":
                return accounts.credit(source, reason="sorry", **more)
            if what == "charge":
                return accounts.charge(source, kind=ChargeKind.SERVICE, reason="visit", **more)
            return getattr(accounts, what)(source, reason="gone", **more)

        asked = (what, source, target if what == "transfer" else None, minor)
        if self._again(key, asked, move) is not None:
            return
        if minor > self._most(what, source):
            self._refuse(InsufficientFunds if what in _SPENDING else RuleViolated, move)
            return
        self._remember(key, asked, move().id)
        self._moved(what, self.model.accounts[source], self.model.accounts[target], minor)

    @rule()
    def lift_what_was_missed(self) -> None:
        """The worker lifts money holds that no payment has lifted."""
        self.samples.tick()
        self.crm.contracts.lift_all_money_holds()
        for account_id in self.model.accounts:
            self.model.lift(account_id)

    @rule()
    def suspend_what_is_overdrawn(self) -> None:
        """The worker suspends what accounts below zero cannot pay for."""
        self.samples.tick()
        self.crm.contracts.suspend_all_overdrawn()
        for account_id in self.model.accounts:
            self.model.hold(account_id)

    def _moved(self, what: str, source: plain.Account, target: plain.Account, minor: int) -> None:
        if what == "transfer":
            source.subscriber -= minor
            target.subscriber += minor
        elif what == "credit":
            source.receive(minor)
        elif what == "charge":
            source.spend(minor)
        elif what == "recover":
            source.written_off -= minor
            source.owe(minor)
        else:
            source.receive(minor)
            if what == "write_off":
                source.written_off += minor
            else:
                source.lost_in_disputes += minor

    def _most(self, what: str, account_id: Any) -> int:
        """Return how much a command may move."""
        account = self.model.accounts[account_id]
        lost = self.model.charged_back(account_id) - account.lost_in_disputes
        return {
            "credit": 10**9,
            "transfer": account.own,
            "write_off": account.owed,
            "write_off_chargeback": min(account.owed, lost),
            "recover": account.written_off,
        }.get(what, account.available)
