"""How contracts are shown: their terms, holds, papers, first fees and what they were before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from litestar import Response

from telecom_crm.domain.activation import ActivationSummary
from telecom_crm.domain.charging import Charge, ChargeKind
from telecom_crm.domain.contract import (
    Amendment,
    ChosenOption,
    Contract,
    ContractCommand,
    ContractStatus,
    Revision,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.policy import PoliciesReceipt
from telecom_crm.entrypoints.http.attachments import AttachmentView
from telecom_crm.entrypoints.http.values import MoneyView, View, made, shown


class OptionChoiceView(View):
    """An option of a contract, in the version it was sold."""

    code: str
    version: int


class HoldView(View):
    """A reason for which a contract is suspended."""

    kind: HoldKind
    since: datetime
    reason: str


class ChargeView(View):
    """A price to be paid: net and tax make gross."""

    kind: ChargeKind
    gross: MoneyView
    net: MoneyView
    tax: MoneyView
    tax_code: str
    code: str
    period_start: date | None
    period_end: date | None

    @classmethod
    def of(cls, charge: Charge) -> ChargeView:
        """Show a price."""
        return cls(
            kind=charge.kind,
            gross=MoneyView.of(charge.gross),
            net=MoneyView.of(charge.net),
            tax=MoneyView.of(charge.tax),
            tax_code=charge.tax_code,
            code=charge.code,
            period_start=charge.period.start if charge.period else None,
            period_end=charge.period.end if charge.period else None,
        )


class PolicyReceiptView(View):
    """Which billing policy was chosen, in which version, and when."""

    policy: str
    policy_version: int
    at: datetime

    @classmethod
    def of(cls, receipt: PoliciesReceipt) -> PolicyReceiptView:
        """Show a choice."""
        return cls(policy=receipt.policy_id, policy_version=receipt.policy_version, at=receipt.at)


class RevisionView(View):
    """What a contract was until a change."""

    number: int
    until: datetime
    command: ContractCommand
    tariff: str
    tariff_version: int
    options: list[OptionChoiceView]
    iccid: str
    msisdn: str


class AmendmentView(View):
    """Terms that begin on a date."""

    tariff: str
    tariff_version: int
    options: list[OptionChoiceView]
    effective_on: date


class ContractView(View):
    """An agreement about one SIM, one number and one tariff."""

    id: UUID
    number: str
    customer_id: UUID
    account_id: UUID
    iccid: str
    msisdn: str
    tariff: str
    tariff_version: int
    options: list[OptionChoiceView]
    documents: list[AttachmentView]
    application_id: UUID | None
    requested_activation: date | None
    minimum_term_months: int
    accepted_at: datetime | None
    activated_at: datetime | None
    closed_at: datetime | None
    receipt: PolicyReceiptView | None
    first_fees: list[ChargeView]
    follows: UUID | None
    holds: list[HoldView]
    revisions: list[RevisionView]
    pending: AmendmentView | None
    status: ContractStatus
    version: int

    @classmethod
    def of(cls, contract: Contract) -> ContractView:
        """Show a contract."""
        return cls(
            id=contract.id,
            number=contract.number,
            customer_id=contract.customer_id,
            account_id=contract.account_id,
            iccid=contract.iccid.digits,
            msisdn=str(contract.msisdn),
            tariff=contract.tariff_code,
            tariff_version=contract.tariff_version,
            options=_chosen(contract.options),
            documents=[AttachmentView.of(one) for one in contract.documents],
            application_id=contract.application_id,
            requested_activation=contract.requested_activation,
            minimum_term_months=contract.minimum_term_months,
            accepted_at=contract.accepted_at,
            activated_at=contract.activated_at,
            closed_at=contract.closed_at,
            receipt=PolicyReceiptView.of(contract.receipt) if contract.receipt else None,
            first_fees=[ChargeView.of(one) for one in contract.first_fees],
            follows=contract.follows,
            holds=[
                HoldView(kind=one.kind, since=one.since, reason=one.reason)
                for one in contract.holds
            ],
            revisions=[_revision(one) for one in contract.revisions],
            pending=_amendment(contract.pending) if contract.pending else None,
            status=contract.status,
            version=contract.version,
        )


class SummaryLineView(View):
    """One thing that has to be right, and what to do where it is not."""

    code: str
    passed: bool
    reason: str


class SummaryView(View):
    """What a contract's activation still needs; `ready` when every line passed."""

    contract_id: UUID
    ready: bool
    lines: list[SummaryLineView]
    receipt: PolicyReceiptView | None
    first_fees: list[ChargeView]

    @classmethod
    def of(cls, summary: ActivationSummary) -> SummaryView:
        """Show a checklist."""
        return cls(
            contract_id=summary.contract_id,
            ready=summary.is_green,
            lines=[
                SummaryLineView(code=one.code, passed=one.passed, reason=str(one.reason))
                for one in summary.lines
            ],
            receipt=PolicyReceiptView.of(summary.receipt) if summary.receipt else None,
            first_fees=[ChargeView.of(one) for one in summary.first_fees],
        )


def contract_shown(contract: Contract) -> Response[ContractView]:
    """Answer with a contract, and its version."""
    view = ContractView.of(contract)
    return shown(view, version=contract.version, replayed=contract.replayed)


def contract_made(contract: Contract) -> Response[ContractView]:
    """Answer with a contract that was signed, and where it is."""
    return made(
        ContractView.of(contract),
        at=f"/contracts/{contract.id}",
        version=contract.version,
        replayed=contract.replayed,
    )


def _chosen(options: Iterable[ChosenOption]) -> list[OptionChoiceView]:
    return [OptionChoiceView(code=one.code, version=one.version) for one in options]


def _revision(one: Revision) -> RevisionView:
    return RevisionView(
        number=one.number,
        until=one.until,
        command=one.command,
        tariff=one.tariff_code,
        tariff_version=one.tariff_version,
        options=_chosen(one.options),
        iccid=one.iccid.digits,
        msisdn=str(one.msisdn),
    )


def _amendment(one: Amendment) -> AmendmentView:
    return AmendmentView(
        tariff=one.tariff_code,
        tariff_version=one.tariff_version,
        options=_chosen(one.options),
        effective_on=one.effective_on,
    )
