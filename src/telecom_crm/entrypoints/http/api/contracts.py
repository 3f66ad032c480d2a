"""Contracts: selling, activating, suspending, changing and closing them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, post
from litestar.concurrency import sync_to_thread
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.amending import When
from telecom_crm.application.contracts.paperwork import DOCUMENT_LIMIT
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.domain.activation import ActivationSummary
from telecom_crm.domain.charging import Charge, ChargeKind
from telecom_crm.domain.contract import (
    Amendment,
    ChosenOption,
    CloseReason,
    Contract,
    ContractCommand,
    ContractDocument,
    ContractStatus,
    Revision,
)
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    DocumentId,
)
from telecom_crm.domain.policy import PoliciesReceipt
from telecom_crm.domain.sim import RetireReason
from telecom_crm.domain.user import Action, Area
from telecom_crm.entrypoints.crm import Crm, month_of
from telecom_crm.entrypoints.http.access import Permission
from telecom_crm.entrypoints.http.api.accounts import SPAN, StatementView
from telecom_crm.entrypoints.http.api.people import NewCustomer, told
from telecom_crm.entrypoints.http.bodies import (
    Because,
    Body,
    Code,
    IccidText,
    MsisdnText,
    Reason,
    Why,
)
from telecom_crm.entrypoints.http.calls import Call, Parameter, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.uploads import chunks, received
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    MoneyView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

Given = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Codes = Annotated[list[Code], msgspec.Meta(max_length=50)]
Named = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class NewContract(Body):
    """
    A contract to sign: with a customer by id, or with a new one.

    Without `accept` a draft is left; with `activate` the network is asked at once.
    """

    iccid: IccidText
    msisdn: MsisdnText
    tariff: Code
    customer_id: UUID | None = None
    customer: NewCustomer | None = None
    options: Codes = msgspec.field(default_factory=list)
    account_id: UUID | None = None
    policy: Named | None = None
    application_id: UUID | None = None
    requested_activation: date | None = None
    minimum_term_months: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    reservation: Named | None = None
    accept: bool = True
    activate: bool = False


class PolicyChoice(Body):
    """A billing policy by its id."""

    policy: Named


class Holding(Body):
    """For what reason a contract is suspended, or no more."""

    hold: HoldKind
    reason: Reason = ""


class Amending(Body):
    """Other terms; what is left out stays."""

    tariff: Code | None = None
    options: Codes | None = None
    when: When = When.NOW


class Swap(Body):
    """Another SIM card."""

    iccid: IccidText
    reason: RetireReason = RetireReason.SWAPPED
    lift_lost_stolen: bool = False
    reservation: Named | None = None


class Renumbering(Body):
    """Another number."""

    msisdn: MsisdnText
    reservation: Named | None = None


class Closing(Body):
    """Why a contract ends."""

    reason: CloseReason


class OptionChoiceView(View):
    """An option of a contract, in the version it was sold."""

    code: str
    version: int


class ContractDocumentView(View):
    """A file of a contract."""

    id: UUID
    name: str
    media_type: str
    sha256: str
    size: int

    @classmethod
    def of(cls, document: ContractDocument) -> ContractDocumentView:
        """Show a file."""
        return cls(
            id=document.id,
            name=document.name,
            media_type=document.media_type,
            sha256=document.sha256,
            size=document.size,
        )


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
    description: str
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
            description=charge.description,
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
    documents: list[ContractDocumentView]
    application_id: UUID | None
    requested_activation: date | None
    minimum_term_months: int
    accepted_at: datetime | None
    activated_at: datetime | None
    closed_at: datetime | None
    receipt: PolicyReceiptView | None
    first_fees: list[ChargeView]
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
            documents=[ContractDocumentView.of(one) for one in contract.documents],
            application_id=contract.application_id,
            requested_activation=contract.requested_activation,
            minimum_term_months=contract.minimum_term_months,
            accepted_at=contract.accepted_at,
            activated_at=contract.activated_at,
            closed_at=contract.closed_at,
            receipt=PolicyReceiptView.of(contract.receipt) if contract.receipt else None,
            first_fees=[ChargeView.of(one) for one in contract.first_fees],
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
                SummaryLineView(code=one.code, passed=one.passed, reason=one.reason)
                for one in summary.lines
            ],
            receipt=PolicyReceiptView.of(summary.receipt) if summary.receipt else None,
            first_fees=[ChargeView.of(one) for one in summary.first_fees],
        )


_NAME = Parameter(
    name="name",
    schema={"type": "string", "minLength": 1, "maxLength": 255},
    required=True,
    description="What the file is called.",
)


class ContractController(Controller):
    """Agreements with customers."""

    path = "/contracts"
    tags = ("contracts",)

    @makes("/", Area.CONTRACTS, key=KeyUse.REQUIRED)
    def create(
        self, request: Call, data: JSONBody[NewContract], contracts: NamedDependency[Contracts]
    ) -> Response[ContractView]:
        """Sign a contract: bind SIM and number, open the account, all or nothing."""
        contract = contracts.create(
            customer_id=CustomerId(data.customer_id) if data.customer_id else None,
            new_customer=told(data.customer) if data.customer else None,
            iccid=data.iccid.value,
            msisdn=data.msisdn.value,
            tariff=data.tariff,
            options=data.options,
            account_id=AccountId(data.account_id) if data.account_id else None,
            policy=data.policy,
            application_id=ApplicationId(data.application_id) if data.application_id else None,
            requested_activation=data.requested_activation,
            minimum_term_months=data.minimum_term_months,
            reservation=data.reservation,
            accept=data.accept,
            activate=data.activate,
            idempotency_key=request.key,
            by=request.by,
        )
        return made(
            ContractView.of(contract),
            at=f"/contracts/{contract.id}",
            version=contract.version,
            replayed=contract.replayed,
        )

    @reads("/", Area.CONTRACTS, query=listing("contract"))
    def page(
        self, request: Call, contracts: NamedDependency[Contracts]
    ) -> Response[PageView[ContractView]]:
        """List contracts."""
        return listed(request, contracts.page(request.query()), ContractView.of)

    @reads("/{contract_id:uuid}", Area.CONTRACTS)
    def get(
        self, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> Response[ContractView]:
        """Show a contract."""
        return _shown(contracts.get(ContractId(contract_id)))

    @reads("/{contract_id:uuid}/activation-summary", Area.CONTRACTS)
    def activation_summary(
        self, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> SummaryView:
        """Tell, line by line, what a contract's activation still needs."""
        return SummaryView.of(contracts.activation_summary(ContractId(contract_id)))

    @reads("/{contract_id:uuid}/timeline", Area.CONTRACTS)
    def timeline(
        self, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> PageView[EventView]:
        """Tell what happened to a contract and in the network for it, oldest first."""
        return whole(contracts.timeline(ContractId(contract_id)), EventView.of)

    @reads("/{contract_id:uuid}/statement", Area.ACCOUNTS, query=SPAN)
    def statement(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
        accounts: NamedDependency[Accounts],
        crm: NamedDependency[Crm],
    ) -> StatementView:
        """Show the statement of a contract's account; of this month, where no span is given."""
        given = request.given()
        first, last = month_of(crm, crm.clock())
        account_id = contracts.get(ContractId(contract_id)).account_id
        start, end = given.get("start") or first, given.get("end") or last
        return StatementView.of(accounts.statement(account_id, start=start, end=end))

    @reads("/{contract_id:uuid}/documents", Area.CONTRACTS)
    def documents(
        self, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> PageView[ContractDocumentView]:
        """List the files of a contract."""
        return whole(contracts.documents(ContractId(contract_id)), ContractDocumentView.of)

    @post(
        "/{contract_id:uuid}/documents",
        access=Permission(Area.CONTRACTS, Action.WRITE),
        query=(_NAME,),
        versioned=True,
        raw_body="application/octet-stream",
        request_max_body_size=DOCUMENT_LIMIT,
    )
    async def add_document(
        self, request: Call, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> Response[ContractView]:
        """
        Keep a file with a contract: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The body is the file itself. The same content again is no change.
        """
        name = request.given()["name"]
        async with received(request) as file:

            def keep() -> Contract:
                return contracts.add_document(
                    ContractId(contract_id),
                    name=name,
                    content=chunks(file.content),
                    expected_version=request.seen,
                    by=request.by,
                )

            contract = await sync_to_thread(keep)
        at = f"/contracts/{contract.id}/documents"
        return made(ContractView.of(contract), at=at, version=contract.version)

    @reads(
        "/{contract_id:uuid}/documents/{document_id:uuid}",
        Area.CONTRACTS,
        media_type="application/octet-stream",
    )
    def document(
        self,
        contract_id: FromPath[UUID],
        document_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Stream:
        """Download one of a contract's files."""
        document, content = contracts.open_document(
            ContractId(contract_id), DocumentId(document_id)
        )
        # The name is the uploader's; a browser must not be made to show what it is sent.
        headers = {
            "Content-Disposition": f'attachment; filename="{document.id}"',
            "X-Content-Type-Options": "nosniff",
        }
        return Stream(chunks(content), media_type=document.media_type, headers=headers)

    @does("/{contract_id:uuid}/policy", Area.CONTRACTS, versioned=True)
    def policy(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[PolicyChoice],
        contracts: NamedDependency[Contracts],
    ) -> PolicyReceiptView:
        """Choose the billing policy of a contract's account."""
        return PolicyReceiptView.of(
            contracts.choose_policy(
                ContractId(contract_id),
                policy=data.policy,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/accept", Area.CONTRACTS, versioned=True)
    def accept(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Sign a draft, on the terms it names."""
        return _shown(
            contracts.accept(
                ContractId(contract_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/cancel", Area.CONTRACTS, versioned=True)
    def cancel(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Because],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Give a contract up that was never active."""
        return _shown(
            contracts.cancel(
                ContractId(contract_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/request-activation", Area.CONTRACTS, versioned=True)
    def request_activation(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Activate a contract whose summary is all green; the network is asked afterwards."""
        return _shown(
            contracts.request_activation(
                ContractId(contract_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/fail-activation", Area.CONTRACTS, versioned=True)
    def fail_activation(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Why],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Give an activation up; it can be requested again."""
        return _shown(
            contracts.fail_activation(
                ContractId(contract_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/suspend", Area.CONTRACTS, versioned=True)
    def suspend(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Holding],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Suspend a contract for one more reason."""
        return _shown(
            contracts.suspend(
                ContractId(contract_id),
                hold=data.hold,
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/resume", Area.CONTRACTS, versioned=True)
    def resume(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Holding],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Lift one hold; with the last one the contract is active again."""
        return _shown(
            contracts.resume(
                ContractId(contract_id),
                hold=data.hold,
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/amend", Area.CONTRACTS, versioned=True)
    def amend(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Amending],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Change the tariff or the options, now or from the next period on."""
        return _shown(
            contracts.amend(
                ContractId(contract_id),
                tariff=data.tariff,
                options=data.options,
                when=data.when,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/swap-sim", Area.CONTRACTS, versioned=True)
    def swap_sim(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Swap],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Go on with another SIM card; the old one is retired."""
        return _shown(
            contracts.swap_sim(
                ContractId(contract_id),
                iccid=data.iccid.value,
                reason=data.reason,
                lift_lost_stolen=data.lift_lost_stolen,
                reservation=data.reservation,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/change-number", Area.CONTRACTS, versioned=True)
    def change_number(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Renumbering],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """Go on under another number, whose price is charged; the old one rests."""
        return _shown(
            contracts.change_number(
                ContractId(contract_id),
                msisdn=data.msisdn.value,
                reservation=data.reservation,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{contract_id:uuid}/close", Area.CONTRACTS, versioned=True)
    def close(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[Closing],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """End a contract: the SIM is retired, the number rests."""
        return _shown(
            contracts.close(
                ContractId(contract_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )


def _shown(contract: Contract) -> Response[ContractView]:
    return shown(ContractView.of(contract), version=contract.version)


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
