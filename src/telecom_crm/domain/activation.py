"""The activation summary: everything that has to be right before a contract is activated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import attrs

from telecom_crm.domain.charging import Charge, gross_total
from telecom_crm.domain.errors import InvalidValue, Reason
from telecom_crm.domain.identifiers import AccountId, ContractId, CustomerId
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import HELD_NUMBER, Number
from telecom_crm.domain.policy import FirstFee, PoliciesReceipt, Requirement
from telecom_crm.domain.sim import HELD_SIM, Sim
from telecom_crm.domain.tariff import Tariff, unsold_for

if TYPE_CHECKING:
    from telecom_crm.domain.contract import Contract


SUMMARY_CODES = (
    "customer",
    "identity",
    "documents",
    "sim",
    "number",
    "tariff",
    "policy",
    "first_fee",
    "activation_date",
)
"""The lines of a summary, in their order."""


@attrs.frozen(kw_only=True)
class CustomerFacts:
    """
    What a contract needs to know of its customer.

    `barred_by` says why it signs nothing; it is empty for a customer in good standing.
    `has_identity` says that an identity document is on file and still valid.
    """

    id: CustomerId
    barred_by: str = ""
    has_identity: bool = False


@attrs.frozen(kw_only=True)
class AccountFacts:
    """What a contract needs to know of its account; `available` counts the credit limit in."""

    id: AccountId
    available: Money


@attrs.frozen
class SummaryLine:
    """
    One thing that has to be right; `reason` says why it is, or what to do.

    What to do is a `Reason`.
    """

    code: str
    passed: bool
    reason: str


@attrs.frozen(kw_only=True)
class ActivationSummary:
    """
    A checklist for one contract; the activation it allows freezes the policy of `receipt`.

    `lacking` is what has to be paid before the first fees can be; None where nothing has to.
    """

    contract_id: ContractId
    lines: tuple[SummaryLine, ...]
    receipt: PoliciesReceipt | None
    first_fees: tuple[Charge, ...] = ()
    lacking: Money | None = None

    @property
    def failed(self) -> tuple[SummaryLine, ...]:
        """The lines that are not right yet."""
        return tuple(line for line in self.lines if not line.passed)

    @property
    def is_green(self) -> bool:
        """Whether the contract may be activated."""
        return not self.failed


def refuse_past_activation(wanted: date | None, *, today: date) -> None:
    """Raise `InvalidValue` where an activation is asked for a local day that is over."""
    if wanted is not None and wanted < today:
        expected = f"today, {today}, or a day to come"
        raise InvalidValue.of("requested_activation", "activation_past", expected, wanted)


def activation_summary(
    *,
    contract: Contract,
    customer: CustomerFacts,
    account: AccountFacts,
    sim: Sim,
    number: Number,
    tariff: Tariff,
    receipt: PoliciesReceipt | None,
    first_fees: Sequence[Charge],
    today: date,
) -> ActivationSummary:
    """
    Check whether a contract may be activated today (the operator's local date).

    The lines are always the same: `SUMMARY_CODES`. What a policy does not ask for passes and says
    so.
    """
    first_fee = _first_fee(receipt, account, first_fees)
    lines = (
        _customer(customer),
        _required(
            Requirement.IDENTITY,
            receipt,
            customer.has_identity,
            "a valid identity document is on file",
            Reason.of("add a valid document of the customer"),
        ),
        _required(
            Requirement.DOCUMENTS,
            receipt,
            bool(contract.documents),
            "the contract's documents are on file",
            Reason.of("add the signed contract as a file"),
        ),
        _sim(contract, sim),
        _number(contract, number),
        _tariff(contract, tariff, receipt),
        _policy(receipt, account),
        first_fee,
        _activation_date(contract, today),
    )
    return ActivationSummary(
        contract_id=contract.id,
        lines=lines,
        receipt=receipt,
        first_fees=tuple(first_fees),
        lacking=None if first_fee.passed else _lacking(account, first_fees),
    )


def _line(code: str, passed: bool, good: str, bad: str) -> SummaryLine:
    return SummaryLine(code, passed, good if passed else bad)


def _customer(customer: CustomerFacts) -> SummaryLine:
    return _line("customer", not customer.barred_by, "in good standing", customer.barred_by)


def _required(
    what: Requirement, receipt: PoliciesReceipt | None, there: bool, good: str, bad: str
) -> SummaryLine:
    if receipt is not None and not there and not receipt.terms.requires(what):
        return SummaryLine(what, True, f"policy {receipt.policy_id} does not ask for it")
    return _line(what, there, good, bad)


def _sim(contract: Contract, sim: Sim) -> SummaryLine:
    named = sim.iccid == contract.iccid
    held = named and sim.status in HELD_SIM and sim.contract_id == contract.id
    bad = Reason.of("the contract does not hold its SIM card")
    return _line("sim", held, f"SIM {sim.iccid} is {sim.status} for this contract", bad)


def _number(contract: Contract, number: Number) -> SummaryLine:
    named = number.msisdn == contract.msisdn
    held = named and number.status in HELD_NUMBER and number.contract_id == contract.id
    bad = Reason.of("the contract does not hold its number")
    return _line("number", held, f"number {number.msisdn} is assigned to this contract", bad)


def _tariff(contract: Contract, tariff: Tariff, receipt: PoliciesReceipt | None) -> SummaryLine:
    named = f"{contract.tariff_code} version {contract.tariff_version}"
    found = [v for v in tariff.versions if v.number == contract.tariff_version]
    if tariff.code != contract.tariff_code or not found:
        pattern = "there is no tariff %(tariff)s in version %(version)s"
        which = {"tariff": contract.tariff_code, "version": contract.tariff_version}
        return SummaryLine("tariff", False, Reason.of(pattern, **which))
    mode = receipt.terms.payment_mode if receipt else None
    if mode is None or mode in found[0].payment_modes:
        return SummaryLine("tariff", True, named)
    return SummaryLine("tariff", False, unsold_for(contract.tariff_code, mode))


def _policy(receipt: PoliciesReceipt | None, account: AccountFacts) -> SummaryLine:
    if receipt is None:
        return SummaryLine("policy", False, Reason.of("choose a billing policy"))
    good = f"policy {receipt.policy_id} version {receipt.policy_version}"
    its, other = receipt.terms.currency, account.available.currency
    bad = Reason.of(
        "the billing policy is in %(its)s, the account in %(other)s", its=its, other=other
    )
    return _line("policy", its == other, good, bad)


def _first_fee(
    receipt: PoliciesReceipt | None, account: AccountFacts, fees: Iterable[Charge]
) -> SummaryLine:
    if receipt is not None and receipt.terms.first_fee is not FirstFee.REQUIRED:
        words = receipt.terms.first_fee.replace("_", " ")
        return SummaryLine("first_fee", True, f"policy {receipt.policy_id}: {words}")
    fees = tuple(fees)
    available, its = account.available, account.available.currency
    if others := {fee.gross.currency for fee in fees} - {its}:
        pattern = "the first fees are in %(others)s, the account in %(its)s"
        return SummaryLine("first_fee", False, Reason.of(pattern, others=sorted(others), its=its))
    needed = gross_total(fees, currency=its)
    good = f"{needed} of {available} available"
    pattern = "the first fees are %(needed)s, and %(available)s is available"
    bad = Reason.of(pattern, needed=needed, available=available)
    # Nothing to pay is always paid, whatever the balance.
    return _line("first_fee", not needed or available >= needed, good, bad)


def _lacking(account: AccountFacts, fees: Iterable[Charge]) -> Money | None:
    """Return what is missing on the account; None where money of its currency pays nothing."""
    fees, currency = tuple(fees), account.available.currency
    if any(fee.gross.currency != currency for fee in fees):
        return None
    return gross_total(fees, currency=currency) - account.available


def _activation_date(contract: Contract, today: date) -> SummaryLine:
    wanted = contract.requested_activation
    reached = wanted is None or wanted <= today
    bad = Reason.of("the day of activation has not come: it is %(day)s", day=wanted)
    return _line("activation_date", reached, "it may be today", bad)
