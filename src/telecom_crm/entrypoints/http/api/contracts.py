"""Contracts: signing, listing and showing them, and their papers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.accounts import Accounts
from telecom_crm.application.contracts.service import Contracts
from telecom_crm.application.printing import Papers
from telecom_crm.domain.contract import Contract
from telecom_crm.domain.identifiers import (
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    DocumentId,
)
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm, month_of
from telecom_crm.entrypoints.http.api.account_views import StatementView
from telecom_crm.entrypoints.http.api.accounts import SPAN
from telecom_crm.entrypoints.http.api.contract_commands import ContractCommands
from telecom_crm.entrypoints.http.api.contract_views import (
    ContractView,
    SummaryView,
    contract_made,
    contract_shown,
)
from telecom_crm.entrypoints.http.api.people import NewCustomer, told
from telecom_crm.entrypoints.http.attachments import (
    FILE_TYPES,
    AttachmentView,
    download,
    keep,
    takes_file,
)
from telecom_crm.entrypoints.http.bodies import Body, Code, Codes, IccidText, MsisdnText, Named
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.papers import CUSTOMERS_LANGUAGE, PDF, printed
from telecom_crm.entrypoints.http.routes import makes, reads
from telecom_crm.entrypoints.http.values import EventView, KeyUse, PageView, listed, made, whole


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


class PayerChanging(Body):
    """
    Who pays from now on: a customer by id, or a new one; on an account of theirs, or a new one.

    The tariff and the options that are left out stay. With `activate` the network is asked at once.
    """

    customer_id: UUID | None = None
    customer: NewCustomer | None = None
    account_id: UUID | None = None
    policy: Named | None = None
    tariff: Code | None = None
    options: Codes | None = None
    minimum_term_months: Annotated[int, msgspec.Meta(ge=0, le=120)] = 0
    activate: bool = False


class ContractController(ContractCommands, Controller):
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
        return contract_made(contract)

    @makes("/{contract_id:uuid}/change-payer", Area.CONTRACTS, key=KeyUse.REQUIRED, versioned=True)
    def change_payer(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        data: JSONBody[PayerChanging],
        contracts: NamedDependency[Contracts],
    ) -> Response[ContractView]:
        """End a contract, and sign a new one with its SIM and number that somebody else pays."""
        contract = contracts.change_payer(
            ContractId(contract_id),
            customer_id=CustomerId(data.customer_id) if data.customer_id else None,
            new_customer=told(data.customer) if data.customer else None,
            account_id=AccountId(data.account_id) if data.account_id else None,
            policy=data.policy,
            tariff=data.tariff,
            options=data.options,
            minimum_term_months=data.minimum_term_months,
            activate=data.activate,
            idempotency_key=request.key,
            expected_version=request.seen,
            by=request.by,
        )
        return contract_made(contract)

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
        return contract_shown(contracts.get(ContractId(contract_id)))

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
    ) -> PageView[AttachmentView]:
        """List the files of a contract."""
        return whole(contracts.documents(ContractId(contract_id)), AttachmentView.of)

    @takes_file("/{contract_id:uuid}/documents", Area.CONTRACTS)
    async def add_document(
        self, request: Call, contract_id: FromPath[UUID], contracts: NamedDependency[Contracts]
    ) -> Response[ContractView]:
        """
        Keep a file with a contract: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The body is the file itself. The same content again is no change.
        """

        def store(name: str, content: Iterator[bytes]) -> Contract:
            return contracts.add_document(
                ContractId(contract_id),
                name=name,
                content=content,
                expected_version=request.seen,
                by=request.by,
            )

        contract = await keep(request, store)
        at = f"/contracts/{contract.id}/documents"
        return made(ContractView.of(contract), at=at, version=contract.version)

    @reads(
        "/{contract_id:uuid}/documents/{document_id:uuid}",
        Area.CONTRACTS,
        Action.REVEAL,
        media_types=FILE_TYPES,
    )
    def document(
        self,
        request: Call,
        contract_id: FromPath[UUID],
        document_id: FromPath[UUID],
        contracts: NamedDependency[Contracts],
    ) -> Stream:
        """Download one of a contract's files."""
        asked = ContractId(contract_id), DocumentId(document_id)
        return download(*contracts.open_document(*asked, by=request.by))

    @reads(
        "/{contract_id:uuid}/documents/contract.pdf",
        Area.CONTRACTS,
        Action.REVEAL,
        query=(CUSTOMERS_LANGUAGE,),
        media_type=PDF,
        extra="bills",
    )
    def print_contract(
        self, request: Call, contract_id: FromPath[UUID], papers: NamedDependency[Papers]
    ) -> Response[bytes]:
        """Print a contract as it is now, in the customer's language."""
        language = request.given().get("language")
        content = papers.contract(ContractId(contract_id), language=language, by=request.by)
        return printed(content, name=f"contract-{contract_id}")

    @reads(
        "/{contract_id:uuid}/documents/acceptance.pdf",
        Area.CONTRACTS,
        Action.REVEAL,
        query=(CUSTOMERS_LANGUAGE,),
        media_type=PDF,
        extra="bills",
    )
    def print_acceptance(
        self, request: Call, contract_id: FromPath[UUID], papers: NamedDependency[Papers]
    ) -> Response[bytes]:
        """Print the act by which a subscriber takes over what an activated contract gives."""
        language = request.given().get("language")
        content = papers.acceptance(ContractId(contract_id), language=language, by=request.by)
        return printed(content, name=f"acceptance-{contract_id}")
