"""Another payer: a contract closed, and a new one with its SIM and number, at one stroke."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from telecom_crm.application.catalog import Offer
from telecom_crm.application.contracts.activating import save_requested
from telecom_crm.application.contracts.desk import held
from telecom_crm.application.contracts.ending import Ending, refuse_unfinished
from telecom_crm.application.contracts.ordering import Order
from telecom_crm.application.contracts.selling import Selling, case_of, save_sold, terms_of
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.ports import Contended, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.sale import Sold, account_number, contract_number
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import CONTRACT_LIFECYCLE, CloseReason, Contract, ContractCommand
from telecom_crm.domain.errors import RuleViolated
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.lifecycle import SYSTEM, Actor, as_stored
from telecom_crm.domain.provisioning import ProvisioningKind


@attrs.frozen(kw_only=True)
class PayerChange:
    """What a caller of `change_payer` asks for: what a repeated key has to ask for again."""

    contract_id: ContractId
    customer_id: CustomerId | None
    new_customer: Mapping[str, Any] | None
    account_id: AccountId | None
    policy: str | None
    tariff: str | None
    options: tuple[str, ...] | None
    minimum_term_months: int
    activate: bool

    def order(self, seen: Contract) -> Order:
        """Return the order of the new contract, which goes on as the old one was."""
        kept = tuple(chosen.code for chosen in seen.options)
        return Order(
            customer_id=self.customer_id,
            new_customer=self.new_customer,
            iccid=seen.iccid,
            msisdn=seen.msisdn,
            tariff=self.tariff or seen.tariff_code,
            options=kept if self.options is None else self.options,
            account_id=self.account_id,
            policy=self.policy,
            application_id=None,
            requested_activation=None,
            minimum_term_months=self.minimum_term_months,
            reservation=None,
            accept=True,
            activate=self.activate,
        )


@attrs.frozen
class ChangingPayer(Selling, Ending):
    """Changes of who pays for a SIM and a number."""

    def change_payer(
        self,
        contract_id: ContractId,
        *,
        customer_id: CustomerId | None = None,
        new_customer: Mapping[str, Any] | None = None,
        account_id: AccountId | None = None,
        policy: str | None = None,
        tariff: str | None = None,
        options: Sequence[str] | None = None,
        minimum_term_months: int = 0,
        activate: bool = False,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Close an active contract and sign a new one with its SIM and number, in one transaction.

        The payer is named or told as in `create`; the tariff and the options stay what they were,
        in the version sold now, unless others are named. The old account is settled as by `close`.
        The network serves the SIM again once the new contract is active, which `activate` asks for
        at once. Return the new contract.

        Raise `IllegalTransition` where it is not in service, `RuleViolated` where it is suspended,
        where the network has still to do something for it, or for the account that pays already;
        else what `create` raises.
        """
        wanted = PayerChange(
            contract_id=contract_id,
            customer_id=customer_id,
            new_customer=new_customer,
            account_id=account_id,
            policy=policy,
            tariff=tariff,
            options=None if options is None else tuple(options),
            minimum_term_months=minimum_term_months,
            activate=activate,
        )
        number = contract_number(self.series.take("contract")[0])
        of_account = "" if account_id else account_number(self.series.take("account")[0])
        return self._change_payer(wanted, number, of_account, idempotency_key, expected_version, by)

    @retried
    def _change_payer(
        self,
        wanted: PayerChange,
        number: str,
        of_account: str,
        key: str | None,
        expected_version: int | None,
        by: Actor,
    ) -> Contract:
        now, new_id = self.clock(), ContractId(self.new_id())
        seen = self.get(wanted.contract_id)
        order = wanted.order(seen)
        offer, policies, newcomer = self._read(order, by, now)
        with self.uow() as tx:
            asked = attrs.asdict(wanted, recurse=False)
            claim = request_key(key, "contracts.change_payer", by=by, **asked)
            if earlier := done_before(tx, tx.contracts, claim, new_id):
                return earlier
            customer = self._customer(tx, order, newcomer, by, now)
            # Both accounts are held at once, in the order that everybody holds them in.
            both = {seen.account_id, order.account_id or seen.account_id}
            left = tx.ledger.states(sorted(both), at=now)[seen.account_id]
            state = self._account(tx, order, customer, of_account, policies, offer, by, now)
            old = held(tx, wanted.contract_id, expected_version)
            if (old.iccid, old.msisdn) != (seen.iccid, seen.msisdn):
                raise Contended(f"contract {old.number}")
            self._close_for(tx, old, left, state, new_id, by, now)
            receipt = state.account.receipt
            policy = receipt.terms if receipt else self._default(policies, offer.tariff, now)
            terms = attrs.evolve(terms_of(order, offer, policy), follows=old.id)
            sold = self._sold(tx, order, new_id, number, customer, state, terms, by, now)
            return self._save_new(tx, sold, state, offer, activate=order.activate, by=by, at=now)

    def _close_for(
        self,
        tx: Transaction,
        old: Contract,
        left: AccountState,
        pays: AccountState,
        successor: ContractId,
        by: Actor,
        now: datetime,
    ) -> None:
        """Close the old contract; its SIM and its number are not let go of."""
        CONTRACT_LIFECYCLE.row(old.status, ContractCommand.CLOSE)
        reasons = [f"contract {old.number} has the hold {hold.kind}: lift it" for hold in old.holds]
        if pays.account.id == old.account_id:
            reasons.append(f"account {pays.account.number} pays for it already")
        if reasons:
            raise RuleViolated("change_payer", tuple(reasons))
        refuse_unfinished(tx, old)
        reason = CloseReason.NEW_PAYER
        closed = old.close(reason=reason, successor=successor, by=by, at=now)
        self._pay_out(tx, left, closed, now)
        tx.contracts.save(closed)

    def _save_new(
        self,
        tx: Transaction,
        sold: Sold,
        state: AccountState,
        offer: Offer,
        *,
        activate: bool,
        by: Actor,
        at: datetime,
    ) -> Contract:
        contract = save_sold(tx, sold)
        # Nobody pays until the new contract is active: the network lets go of the SIM first. It is
        # a task of the new contract, so that it comes before that one's activation.
        self._ask(tx, ProvisioningKind.TERMINATE, contract, by=by, at=at, imsi_of=sold.sim)
        if not activate:
            return contract
        stored = attrs.evolve(sold, contract=contract, account=as_stored(sold.account))
        requested = self._request(case_of(stored, state, offer), by=by, at=at)
        return save_requested(tx, requested, at=at)
