"""Selling: contracts drafted and signed, with everything that a sale binds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import attrs

from telecom_crm.application.activation import Case, Prices
from telecom_crm.application.catalog import Offer, offer_in
from telecom_crm.application.contracts.activating import save_posting_and_task
from telecom_crm.application.contracts.desk import ContractDesk
from telecom_crm.application.contracts.ordering import Order, read_newcomer
from telecom_crm.application.contracts.previewing import Plan
from telecom_crm.application.customers.desk import checks_in
from telecom_crm.application.customers.profiles import exact_in, save_new, welcome_back
from telecom_crm.application.declared import at as at_field
from telecom_crm.application.duplicates import for_survivor, rules_in
from telecom_crm.application.idempotency import done_before, request_key
from telecom_crm.application.ports import Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import policies_in
from telecom_crm.application.sale import (
    Sold,
    Terms,
    account_number,
    contract_number,
    draft,
    sell,
    sign,
)
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.charging import Charge, first_fees
from telecom_crm.domain.compatibility import require_compatible
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import Fault, Faults, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
)
from telecom_crm.domain.ledger import Balance
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.tariff import NotOnSale, Tariff


@attrs.frozen
class Selling(ContractDesk):
    """Selling contracts."""

    def create(
        self,
        *,
        customer_id: CustomerId | None = None,
        new_customer: Mapping[str, Any] | None = None,
        iccid: ICCID,
        msisdn: MSISDN,
        tariff: str,
        options: Sequence[str] = (),
        account_id: AccountId | None = None,
        policy: str | None = None,
        application_id: ApplicationId | None = None,
        requested_activation: date | None = None,
        minimum_term_months: int = 0,
        reservation: str | None = None,
        accept: bool = True,
        activate: bool = False,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Sign a contract: bind SIM and number, open the account, and with `activate` ask the network.

        The customer is named by id, or told by `new_customer` (the fields of `Customer.register`):
        whoever has the same document or national id already is taken instead. Without `accept` a
        draft is left, for which SIM and number are kept for some days. All in one transaction.

        Raise `SimNotAvailable`, `NumberNotAvailable`, `NotOnSale`, `OptionsIncompatible`,
        `ActivationRefused`, `RuleViolated`, `NotFound`, `InvalidValue`, `KeyReused`.
        """
        order = Order(
            customer_id=customer_id,
            new_customer=new_customer,
            iccid=iccid,
            msisdn=msisdn,
            tariff=tariff,
            options=tuple(options),
            account_id=account_id,
            policy=policy,
            application_id=application_id,
            requested_activation=requested_activation,
            minimum_term_months=minimum_term_months,
            reservation=reservation,
            accept=accept,
            activate=activate,
        )
        number = contract_number(self.series.take("contract")[0])
        of_account = "" if account_id else account_number(self.series.take("account")[0])
        return self._create(order, number, of_account, idempotency_key, by)

    def quote(
        self, *, tariff: str, options: Sequence[str] = (), msisdn: MSISDN | None = None
    ) -> tuple[Plan, tuple[Charge, ...]]:
        """
        Tell what a sale would come to on the usual policy: the plan, and what its activation costs.

        Raise `NotOnSale`, `NotFound`, `InvalidValue`, and `OptionsIncompatible`.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            offer, policies = offer_in(tx, tariff=tariff, options=options), policies_in(tx)
            price = tx.numbers.get(msisdn).price if msisdn else None
        require_compatible(offer.tariff, offer.options, offer.rules)
        policy = self._default(policies, offer.tariff, now)
        terms = offer.tariff.version_at(now)
        if terms is None:
            reasons = offer.tariff.reasons_unsold(at=now, mode=policy.payment_mode)
            raise NotOnSale("tariff_on_sale", reasons)
        chosen = tuple(
            (one, now_sold) for one in offer.options if (now_sold := one.version_at(now))
        )
        fees = first_fees(
            tariff=(tariff, terms),
            options=[(one.code, version) for one, version in chosen],
            number_price=price,
            policy=policy,
            activated_on=local_date(now, self.zone),
        )
        return Plan(tariff=offer.tariff, terms=terms, options=chosen), fees

    @retried
    def accept(
        self,
        contract_id: ContractId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Sign a draft, on the terms it names; raises as `create` does."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            offer = offer_in(tx, tariff=seen.tariff_code, options=[o.code for o in seen.options])
            policies = policies_in(tx)
        with self.uow() as tx:
            case = self._case(tx, seen, Prices(tariff=offer.tariff), expected_version, now)
            receipt = case.state.account.receipt
            policy = receipt.terms if receipt else self._default(policies, offer.tariff, now)
            sold = sign(
                contract=case.contract,
                customer=case.customer,
                account=case.state.account,
                sim=case.sim,
                number=case.number,
                terms=_terms(offer, policy),
                live_contracts=_live_of(tx, case.customer),
                today=local_date(now, self.zone),
                by=by,
                at=now,
            )
            return save_sold(tx, sold)

    @retried
    def _create(
        self, order: Order, number: str, of_account: str, key: str | None, by: Actor
    ) -> Contract:
        now = self.clock()
        contract_id = ContractId(self.new_id())
        offer, policies, newcomer = self._read(order, by, now)
        with self.uow() as tx:
            asked = attrs.asdict(order, recurse=False)
            claim = request_key(key, "contracts.create", by=by, **asked)
            if earlier := done_before(tx, tx.contracts, claim, contract_id):
                return earlier
            customer = self._customer(tx, order, newcomer, by, now)
            state = self._account(tx, order, customer, of_account, policies, offer, by, now)
            policy = state.account.receipt.terms if state.account.receipt else None
            policy = policy or self._default(policies, offer.tariff, now)
            terms = terms_of(order, offer, policy)
            sold = self._sold(tx, order, contract_id, number, customer, state, terms, by, now)
            requested = None
            if order.activate:
                case = case_of(sold, state, offer)
                requested = self._request(case, by=by, at=now)
                sold = attrs.evolve(sold, account=requested.account, contract=requested.contract)
            saved = save_sold(tx, sold)
            if requested:
                save_posting_and_task(tx, requested, at=now)
            if order.application_id:
                _link(tx, order.application_id, saved, by=by, at=now)
            return saved

    def _read(
        self, order: Order, by: Actor, now: datetime
    ) -> tuple[Offer, dict[str, BillingPolicy], Customer | None]:
        """Read the catalog and the newcomer, before anything is held, with every fault of both."""
        faults = Faults()
        offers: list[Offer] = []
        newcomer, of_newcomer = None, tuple[Fault, ...]()
        with self.uow(read_only=True) as tx:
            policies = policies_in(tx)
            try:
                newcomer = self._newcomer(tx, order, by, now)
            except InvalidValue as error:
                of_newcomer = at_field("customer", error)
            try:
                offers.append(offer_in(tx, tariff=order.tariff, options=order.options))
            except InvalidValue as error:
                faults.extend(error.faults)
        if order.policy is not None and order.policy not in policies:
            faults.add("policy", "policy_unknown", f"one of {', '.join(policies)}", order.policy)
        faults.extend(of_newcomer)
        faults.raise_any()
        return offers[0], policies, newcomer

    def _newcomer(self, tx: Transaction, order: Order, by: Actor, now: datetime) -> Customer | None:
        """
        Return the customer that an order brings, or None; raise `InvalidValue` with every fault.

        How the numbers look that a customer has already who is surely the same is not asked.
        """
        if order.new_customer is None:
            return None
        today = local_date(now, self.zone)
        newcomer = read_newcomer(
            order.new_customer,
            id=CustomerId(self.new_id()),
            today=today,
            read_phone=self.read_phone,
            by=by,
            at=now,
        )
        known = exact_in(tx, newcomer, rules_in(tx, self.deduplication))
        checks = checks_in(tx, self.checks, today=today)
        if faults := checks.faults(newcomer, on_file=(known,) if known else ()):
            raise InvalidValue(faults)
        return newcomer

    def _customer(
        self, tx: Transaction, order: Order, newcomer: Customer | None, by: Actor, now: datetime
    ) -> Customer:
        if newcomer is None:
            if order.customer_id is None:
                raise AssertionError("an order names a customer or brings one")
            return tx.customers.get(order.customer_id)
        known = exact_in(tx, newcomer, rules_in(tx, self.deduplication))
        return welcome_back(tx, known, by=by, at=now) if known else save_new(tx, newcomer)

    def _account(
        self,
        tx: Transaction,
        order: Order,
        customer: Customer,
        of_account: str,
        policies: Mapping[str, BillingPolicy],
        offer: Offer,
        by: Actor,
        now: datetime,
    ) -> AccountState:
        """Return the account that pays, a new one opened; on the policy that was asked for."""
        wanted = policies[order.policy] if order.policy else None
        if order.account_id is not None:
            states = tx.ledger.states([order.account_id], at=now)
            if order.account_id not in states:
                raise NotFound("account", str(order.account_id))
            state = states[order.account_id]
            if state.account.customer_id != customer.id:
                reason = f"account {state.account.number} is another customer's"
                raise RuleViolated("account_of_customer", (reason,))
            receipt = state.account.receipt
            if wanted is None or (receipt and receipt.policy_id == wanted.id):
                return state
            changed = state.account.choose_policy(wanted, by=by, at=now)
            return attrs.evolve(state, account=changed)
        policy = wanted or self._default(policies, offer.tariff, now)
        account = BillingAccount.open(
            id=AccountId(self.new_id()),
            number=of_account,
            customer_id=customer.id,
            currency=policy.currency,
            by=by,
            at=now,
        ).choose_policy(policy, by=by, at=now)
        return AccountState(account=account, balance=Balance(currency=policy.currency), at=now)

    def _default(
        self, policies: Mapping[str, BillingPolicy], tariff: Tariff, now: datetime
    ) -> BillingPolicy:
        offered = [policies[name] for name in self.default_policies if name in policies]
        if not offered:
            raise RuleViolated("default_policy", ("no default policy is there; name one",))
        sold = (p for p in offered if tariff.on_sale(at=now, mode=p.payment_mode))
        return next(sold, offered[0])

    def _sold(
        self,
        tx: Transaction,
        order: Order,
        contract_id: ContractId,
        number: str,
        customer: Customer,
        state: AccountState,
        terms: Terms,
        by: Actor,
        now: datetime,
    ) -> Sold:
        live = _live_of(tx, customer) if order.accept else 0
        given: dict[str, Any] = {
            "contract_id": contract_id,
            "number_of_contract": number,
            "customer": customer,
            "account": state.account,
            "sim": tx.sims.get(order.iccid),
            "number": for_survivor(tx, tx.numbers.get(order.msisdn)),
            "terms": terms,
            "today": local_date(now, self.zone),
            "by": by,
            "at": now,
        }
        if order.accept:
            return sell(live_contracts=live, **given)
        return draft(reserved_until=now + self.draft_lasts, **given)


def terms_of(order: Order, offer: Offer, policy: BillingPolicy) -> Terms:
    """Return what an order is about, with what is offered for it."""
    return attrs.evolve(
        _terms(offer, policy),
        application_id=order.application_id,
        requested_activation=order.requested_activation,
        minimum_term_months=order.minimum_term_months,
        reservation=order.reservation,
    )


def _terms(offer: Offer, policy: BillingPolicy) -> Terms:
    return Terms(tariff=offer.tariff, options=offer.options, rules=offer.rules, policy=policy)


def case_of(sold: Sold, state: AccountState, offer: Offer) -> Case:
    """Return what the activation of a contract that is sold now is decided on."""
    return Case(
        contract=sold.contract,
        customer=sold.customer,
        state=attrs.evolve(state, account=sold.account),
        sim=sold.sim,
        number=sold.number,
        prices=Prices(tariff=offer.tariff, options={o.code: o for o in offer.options}),
    )


def _live_of(tx: Transaction, customer: Customer) -> int:
    return tx.contracts.count_live([customer.id])[customer.id]


def save_sold(tx: Transaction, sold: Sold) -> Contract:
    """Save what a sale changed; return the contract."""
    if sold.customer.events:
        tx.customers.save(sold.customer)
    if sold.account.events:
        tx.accounts.save(sold.account)
    contract = tx.contracts.save(sold.contract)
    tx.sims.save(sold.sim)
    if sold.number.events:
        tx.numbers.save(sold.number)
    return contract


def _link(
    tx: Transaction,
    application_id: ApplicationId,
    contract: Contract,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Tell an application which contract came of it, and whose it is."""
    application = tx.applications.get(application_id)
    if application.customer_id is None:
        application = application.link(customer_id=contract.customer_id, by=by, at=at)
    elif application.customer_id != contract.customer_id:
        reason = f"application {application.number} is another customer's"
        raise RuleViolated("application_of_customer", (reason,))
    tx.applications.save(application.link_contract(contract_id=contract.id, by=by, at=at))
