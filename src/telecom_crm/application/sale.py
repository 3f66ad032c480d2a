"""Selling a contract: everything that changes with it, as one calculation on values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import attrs

from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.activation import CustomerFacts, refuse_past_activation
from telecom_crm.domain.compatibility import CompatibilityRule
from telecom_crm.domain.contract import ChosenOption, Contract
from telecom_crm.domain.customer import BARRED, CUSTOMER_LIFECYCLE, Customer, CustomerCommand
from telecom_crm.domain.errors import Reason, RuleViolated
from telecom_crm.domain.identifiers import ApplicationId, ContractId
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.number import NUMBER_LIFECYCLE, Number, NumberCommand
from telecom_crm.domain.policy import BillingPolicy
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.reservation import opens, reservation_of
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import NotOnSale, Option, Tariff


@attrs.frozen(kw_only=True)
class Terms:
    """What a contract is about, beside who, which card and which number."""

    tariff: Tariff
    options: tuple[Option, ...] = ()
    rules: Sequence[CompatibilityRule] = ()
    policy: BillingPolicy
    """The policy of the account, or the one a new account gets."""
    application_id: ApplicationId | None = None
    requested_activation: date | None = None
    minimum_term_months: int = 0
    reservation: str | None = None
    """Under which SIM and number are reserved, if they are."""
    follows: ContractId | None = None
    """The contract of another payer that it takes SIM and number over from."""


@attrs.frozen
class Sold:
    """What a sale changes, each ready to be saved."""

    customer: Customer
    account: BillingAccount
    contract: Contract
    sim: Sim
    number: Number


def account_number(taken: int) -> str:
    """Return an account's number as people read it."""
    return f"B-{taken:08d}"


def contract_number(taken: int) -> str:
    """Return a contract's number as people read it."""
    return f"C-{taken:08d}"


def customer_facts(customer: Customer, *, today: date) -> CustomerFacts:
    """Return what a contract needs to know of its customer today."""
    barred: str = BARRED.get(customer.status, "")
    if (survivor := customer.merged_into) is not None:
        barred = Reason.of("the customer is merged into %(survivor)s", survivor=str(survivor))
    identified = customer.is_identified(today)
    return CustomerFacts(id=customer.id, barred_by=barred, has_identity=identified)


def sell(
    *,
    contract_id: ContractId,
    number_of_contract: str,
    customer: Customer,
    account: BillingAccount,
    sim: Sim,
    number: Number,
    terms: Terms,
    live_contracts: int,
    today: date,
    by: Actor,
    at: datetime,
) -> Sold:
    """
    Draft and accept a contract: give it the SIM and the number, and the account its policy.

    Nothing is read or written here. `live_contracts` is how many the customer has already. Raise
    `SimNotAvailable`, `NumberNotAvailable`, `NotOnSale`, `OptionsIncompatible` or `RuleViolated`.
    """
    drafted = _draft(
        contract_id, number_of_contract, customer, account, sim, number, terms, today, by, at
    )
    contract, account = _sign(drafted, customer, account, terms, live_contracts, by, at)
    return Sold(
        _welcome(customer, by=by, at=at),
        account,
        contract,
        _bind(sim, contract, terms, by, at),
        _assign(number, contract, terms, by, at),
    )


def draft(
    *,
    contract_id: ContractId,
    number_of_contract: str,
    customer: Customer,
    account: BillingAccount,
    sim: Sim,
    number: Number,
    terms: Terms,
    reserved_until: datetime,
    today: date,
    by: Actor,
    at: datetime,
) -> Sold:
    """
    Draft a contract that is signed later: SIM and number are kept for it until an instant.

    A number that rests and was this customer's is kept for them already.
    """
    drafted = _draft(
        contract_id, number_of_contract, customer, account, sim, number, terms, today, by, at
    )
    if account.receipt is None:
        account = account.choose_policy(terms.policy, by=by, at=at)
    for_ = reservation_of(drafted.id)
    if terms.reservation is not None:
        # What the buyer had kept goes over to the contract.
        sim = sim.cancel(by=by, at=at) if opens(terms.reservation, sim.reserved_for) else sim
        kept = opens(terms.reservation, number.reserved_for)
        number = number.cancel(by=by, at=at) if kept else number
    sim = sim.reserve(for_=for_, until=reserved_until, by=by, at=at)
    if not _comes_back(number, drafted):
        number = number.reserve(for_=for_, until=reserved_until, by=by, at=at)
    return Sold(customer, account, drafted, sim, number)


def sign(
    *,
    contract: Contract,
    customer: Customer,
    account: BillingAccount,
    sim: Sim,
    number: Number,
    terms: Terms,
    live_contracts: int,
    today: date,
    by: Actor,
    at: datetime,
) -> Sold:
    """Accept a contract that was drafted earlier; raises as `sell` does."""
    facts = customer_facts(customer, today=today)
    if facts.barred_by:
        raise RuleViolated("customer_may_contract", (facts.barred_by,))
    signed, account = _sign(contract, customer, account, terms, live_contracts, by, at)
    return Sold(
        _welcome(customer, by=by, at=at),
        account,
        signed,
        _bind(sim, signed, terms, by, at),
        _assign(number, signed, terms, by, at),
    )


def _draft(
    contract_id: ContractId,
    number_of_contract: str,
    customer: Customer,
    account: BillingAccount,
    sim: Sim,
    number: Number,
    terms: Terms,
    today: date,
    by: Actor,
    at: datetime,
) -> Contract:
    tariff, options = terms.tariff, terms.options
    refuse_past_activation(terms.requested_activation, today=today)
    version = tariff.version_at(at)
    if version is None:
        reasons = tariff.reasons_unsold(at=at, mode=terms.policy.payment_mode)
        raise NotOnSale("tariff_on_sale", reasons)
    if version.currency != account.currency:
        why = f"tariff {tariff.code} is in {version.currency}, the account in {account.currency}"
        raise RuleViolated("currency", (why,))
    return Contract.draft(
        id=contract_id,
        number=number_of_contract,
        customer=customer_facts(customer, today=today),
        account_id=account.id,
        iccid=sim.iccid,
        msisdn=number.msisdn,
        tariff_code=tariff.code,
        tariff_version=version.number,
        options=_chosen(options, at) if options else (),
        application_id=terms.application_id,
        requested_activation=terms.requested_activation,
        minimum_term_months=terms.minimum_term_months,
        follows=terms.follows,
        by=by,
        at=at,
    )


def _chosen(options: Iterable[Option], at: datetime) -> tuple[ChosenOption, ...]:
    return tuple(ChosenOption(o.code, o.require_on_sale(at=at).number) for o in options)


def _sign(
    contract: Contract,
    customer: Customer,
    account: BillingAccount,
    terms: Terms,
    live_contracts: int,
    by: Actor,
    at: datetime,
) -> tuple[Contract, BillingAccount]:
    if account.receipt is None:
        account = account.choose_policy(terms.policy, by=by, at=at)
    signed = contract.accept(
        tariff=terms.tariff,
        options=terms.options,
        rules=terms.rules,
        policy=account.receipt.terms if account.receipt else terms.policy,
        live_contracts=live_contracts,
        organisation=customer.kind is CustomerKind.ORGANISATION,
        by=by,
        at=at,
    )
    return signed, account


def _welcome(customer: Customer, *, by: Actor, at: datetime) -> Customer:
    if CUSTOMER_LIFECYCLE.can(customer, CustomerCommand.ACTIVATE):
        return customer.activate(by=by, at=at)
    return customer


def _bind(sim: Sim, contract: Contract, terms: Terms, by: Actor, at: datetime) -> Sim:
    if terms.follows is not None and sim.contract_id == terms.follows:
        return sim.hand_over(contract_id=contract.id, by=by, at=at)
    return sim.bind(
        contract_id=contract.id,
        msisdn=contract.msisdn,
        reservation=terms.reservation,
        by=by,
        at=at,
    )


def _comes_back(number: Number, contract: Contract) -> bool:
    """Tell whether a number rests that was this customer's own."""
    resting = NUMBER_LIFECYCLE.can(number, NumberCommand.RESTORE)
    return resting and number.kept_for == contract.customer_id


def _assign(number: Number, contract: Contract, terms: Terms, by: Actor, at: datetime) -> Number:
    if terms.follows is not None and number.contract_id == terms.follows:
        return number.hand_over(contract_id=contract.id, by=by, at=at)
    if _comes_back(number, contract):
        return number.restore(
            contract_id=contract.id, customer_id=contract.customer_id, by=by, at=at
        )
    return number.assign(contract_id=contract.id, reservation=terms.reservation, by=by, at=at)
