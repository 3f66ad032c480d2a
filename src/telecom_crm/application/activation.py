"""Activation: the checklist, the fees held back, and what the network's answer changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import attrs

from telecom_crm.application.ports import NewId, Transaction
from telecom_crm.application.sale import customer_facts
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.activation import AccountFacts, ActivationSummary, activation_summary
from telecom_crm.domain.application import (
    APPLICATION_LIFECYCLE,
    Application,
    ApplicationCommand,
)
from telecom_crm.domain.charging import Charge, first_fees, gross_total
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import AccountId, ApplicationId, ContractId, EntryId, TaskId
from telecom_crm.domain.ledger import JournalEntry, Posting
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.number import Number
from telecom_crm.domain.policy import FirstFee, PoliciesReceipt
from telecom_crm.domain.provisioning import (
    PROVISIONING_LIFECYCLE,
    ProvisioningCommand,
    ProvisioningKind,
    ProvisioningTask,
)
from telecom_crm.domain.sim import Sim
from telecom_crm.domain.tariff import Option, Tariff


@attrs.frozen(kw_only=True)
class Prices:
    """The tariff and the options that a contract names, in all their versions."""

    tariff: Tariff
    options: Mapping[str, Option] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Case:
    """A contract and everything its activation is decided on."""

    contract: Contract
    customer: Customer
    state: AccountState
    sim: Sim
    number: Number
    prices: Prices


@attrs.frozen(kw_only=True)
class Requested:
    """What a request for activation changes, each ready to be saved; no posting without fees."""

    contract: Contract
    account: BillingAccount
    posting: Posting | None
    task: ProvisioningTask


@attrs.frozen(kw_only=True)
class Confirmed:
    """What the network's yes changes."""

    contract: Contract
    sim: Sim
    postings: tuple[Posting, ...]


def prices_in(tx: Transaction, contract: Contract) -> Prices:
    """Read what a contract's tariff and options cost; versions never change."""
    return Prices(
        tariff=tx.catalog.tariffs.get(contract.tariff_code),
        options=tx.catalog.options.get_many([chosen.code for chosen in contract.options]),
    )


def summarise(case: Case, *, today: date) -> ActivationSummary:
    """Return the checklist of a contract on the operator's date."""
    receipt = case.state.account.receipt
    return activation_summary(
        contract=case.contract,
        customer=customer_facts(case.customer, today=today),
        account=AccountFacts(id=case.state.account.id, available=case.state.available),
        sim=case.sim,
        number=case.number,
        tariff=case.prices.tariff,
        receipt=receipt,
        first_fees=_first_fees(case, receipt, today) if receipt else (),
        today=today,
    )


def request(case: Case, *, task_id: TaskId, today: date, by: Actor, at: datetime) -> Requested:
    """
    Begin to activate: freeze the account's policy, hold back the first fees, ask the network.

    Nothing is read or written here. Raise `ActivationRefused` with every line that is not green.
    """
    summary = summarise(case, today=today)
    contract = case.contract.request_activation(summary=summary, by=by, at=at)
    account = case.state.account.freeze_policy(by=by, at=at)
    held = gross_total(contract.first_fees, currency=account.currency)
    limited = contract.receipt is not None and contract.receipt.terms.first_fee is FirstFee.REQUIRED
    task = ProvisioningTask.create(
        id=task_id,
        kind=ProvisioningKind.ACTIVATE,
        contract_id=contract.id,
        iccid=case.sim.iccid,
        imsi=case.sim.imsi,
        msisdn=case.number.msisdn,
        by=by,
        at=at,
    )
    holding = Posting(account_id=account.id, reserve=held.minor, limited=limited) if held else None
    return Requested(contract=contract, account=account, posting=holding, task=task)


def confirm(
    *,
    contract: Contract,
    account: BillingAccount,
    sim: Sim,
    new_id: NewId,
    by: Actor,
    at: datetime,
) -> Confirmed:
    """Make a contract active: post the first fees for what was held back for them."""
    active = contract.confirm_activation(by=by, at=at)
    return Confirmed(
        contract=active,
        sim=sim.activate(by=by, at=at),
        postings=_charged(contract, account, new_id, at),
    )


def confirm_in(
    tx: Transaction,
    contract_id: ContractId,
    *,
    account_id: AccountId,
    new_id: NewId,
    by: Actor,
    at: datetime,
) -> Contract:
    """Make a contract active in a transaction that goes on, and complete its application."""
    account = tx.accounts.get(account_id)
    contract = tx.contracts.get(contract_id)
    sim = tx.sims.get(contract.iccid)
    done = confirm(contract=contract, account=account, sim=sim, new_id=new_id, by=by, at=at)
    if done.postings:
        tx.ledger.post(done.postings, at=at)
    tx.sims.save(done.sim)
    active = tx.contracts.save(done.contract)
    if active.application_id is not None:
        _complete_in(tx, active.application_id, active, by=by, at=at)
    return active


def fail_in(
    tx: Transaction,
    contract_id: ContractId,
    *,
    account_id: AccountId,
    reason: str,
    by: Actor,
    at: datetime,
) -> Contract:
    """Give an activation up in a transaction that goes on: what was held back is free again."""
    account = tx.accounts.get(account_id)
    contract = tx.contracts.get(contract_id)
    failed = contract.fail_activation(reason=reason, by=by, at=at)
    held = gross_total(contract.first_fees, currency=account.currency)
    if held:
        tx.ledger.post([Posting(account_id=account.id, reserve=-held.minor)], at=at)
    return tx.contracts.save(failed)


def given_up(task: ProvisioningTask, *, reason: str, by: Actor, at: datetime) -> ProvisioningTask:
    """
    Return a task that is not to be done any more; raise `RuleViolated` while somebody is at it.

    A task that nobody has begun is taken and given up at once, so that its history is whole.
    """
    if PROVISIONING_LIFECYCLE.can(task, ProvisioningCommand.START):
        task = task.start(lease_until=at, by=by, at=at).fail(error=reason, by=by, at=at)
    task = task.at_rest(by=by, at=at)
    if PROVISIONING_LIFECYCLE.can(task, ProvisioningCommand.UNDO):
        return task.undo(reason=reason, by=by, at=at)
    return task


def fee_entry(
    charge: Charge, *, contract: Contract, account: BillingAccount, id: EntryId, at: datetime
) -> JournalEntry:
    """Return the entry that charges a contract's fee to its account."""
    return JournalEntry(
        id=id,
        account_id=account.id,
        kind=posting.posting_kind(charge.kind),
        transfers=posting.fee_charged(
            charge,
            contract_id=contract.id,
            tariff=contract.tariff_code,
            postpaid=account.postpaid,
        ),
        booked_at=at,
        caused_by=f"contract:{contract.id}",
        note=charge.code,
    )


def _charged(
    contract: Contract, account: BillingAccount, new_id: NewId, at: datetime
) -> tuple[Posting, ...]:
    postings: list[Posting] = []
    for charge in contract.first_fees:
        entry_id = EntryId(new_id())
        entry = fee_entry(charge, contract=contract, account=account, id=entry_id, at=at)
        # Each fee frees its own part, so that what is available never moves.
        reserve = -charge.gross.minor
        postings.append(Posting(account_id=account.id, entry=entry, reserve=reserve))
    return tuple(postings)


def _first_fees(case: Case, receipt: PoliciesReceipt, today: date) -> tuple[Charge, ...]:
    contract, prices = case.contract, case.prices
    version = prices.tariff.version_numbered(contract.tariff_version)
    return first_fees(
        tariff=(contract.tariff_code, version),
        options=[
            (chosen.code, prices.options[chosen.code].version_numbered(chosen.version))
            for chosen in contract.options
        ],
        # A number that stays with its subscriber, whoever pays, is not sold again.
        number_price=None if contract.follows else case.number.price,
        policy=receipt.terms,
        activated_on=today,
    )


def _complete_in(
    tx: Transaction, application_id: ApplicationId, contract: Contract, *, by: Actor, at: datetime
) -> None:
    application = tx.applications.get(application_id)
    done = _complete(application, contract, by=by, at=at)
    if done is not application:
        tx.applications.save(done)


def _complete(
    application: Application, contract: Contract, *, by: Actor, at: datetime
) -> Application:
    """Return a request fulfilled, unless it ended already."""
    until = at + timedelta(minutes=1)
    if APPLICATION_LIFECYCLE.can(application, ApplicationCommand.CLAIM):
        application = application.claim(until=until, by=by, at=at)
    elif APPLICATION_LIFECYCLE.can(application, ApplicationCommand.RELEASE):
        application = application.release(until=until, by=by, at=at)
    if not APPLICATION_LIFECYCLE.can(application, ApplicationCommand.COMPLETE):
        return application
    if not application.is_with(by):
        application = application.take_over(until=until, by=by, at=at)
    return application.complete(contract_id=contract.id, outcome="activated", by=by, at=at)
