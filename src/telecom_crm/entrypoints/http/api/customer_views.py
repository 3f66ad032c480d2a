"""How customers are shown, with their papers, and who may be the same person."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from litestar import Response

from telecom_crm.application.ports import FormerValue
from telecom_crm.domain.customer import Customer, CustomerStatus
from telecom_crm.domain.deduplication import Match, Suspicion
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.attachments import AttachmentView
from telecom_crm.entrypoints.http.values import View, shown


class DocumentView(View):
    """A paper that says who somebody is; of its number the ends, but where it was asked for."""

    type: DocumentType
    number: str
    issuer: str
    issued_on: date | None
    valid_until: date | None
    scan: AttachmentView | None

    @classmethod
    def of(cls, paper: IdentityDocument, *, open: bool = False) -> DocumentView:
        """Show a paper, masked or whole."""
        return cls(
            type=paper.type,
            number=paper.number if open else masked(paper.number, first=2, last=3),
            issuer=paper.issuer,
            issued_on=paper.issued_on,
            valid_until=paper.valid_until,
            scan=AttachmentView.of(paper.scan) if paper.scan else None,
        )


class AddressView(View):
    """Where a customer lives or gets post."""

    purpose: str
    country: str
    city: str
    street: str
    postcode: str


class ConsentView(View):
    """What a customer allowed or forbade."""

    purpose: str
    granted: bool
    at: datetime


class NoteView(View):
    """What an operator wrote down."""

    id: UUID
    text: str
    by: str
    at: datetime
    pinned: bool


class IdentityView(View):
    """The numbers that say who a customer is, whole."""

    national_id: str | None
    documents: list[DocumentView]

    @classmethod
    def of(cls, customer: Customer) -> IdentityView:
        """Show them."""
        return cls(
            national_id=customer.national_id,
            documents=[DocumentView.of(paper, open=True) for paper in customer.documents],
        )


class CustomerView(View):
    """A person or an organisation; `IdentityView` has the numbers that are masked here."""

    id: UUID
    kind: CustomerKind
    name: str
    phone: str | None
    email: str | None
    language: str
    national_id: str | None
    documents: list[DocumentView]
    birth_date: date | None
    registration_number: str | None
    addresses: list[AddressView]
    consents: list[ConsentView]
    notes: list[NoteView]
    merged_into: UUID | None
    status: CustomerStatus
    version: int

    @classmethod
    def of(cls, customer: Customer) -> CustomerView:
        """Show a customer."""
        return cls(
            id=customer.id,
            kind=customer.kind,
            name=customer.name,
            phone=str(customer.phone) if customer.phone else None,
            email=customer.email,
            language=customer.language,
            national_id=masked(customer.national_id) or None,
            documents=[DocumentView.of(paper) for paper in customer.documents],
            birth_date=customer.birth_date,
            registration_number=customer.registration_number,
            addresses=[
                AddressView(
                    purpose=one.purpose,
                    country=one.country,
                    city=one.city,
                    street=one.street,
                    postcode=one.postcode,
                )
                for one in customer.addresses
            ],
            consents=[
                ConsentView(purpose=one.purpose, granted=one.granted, at=one.at)
                for one in customer.consents
            ],
            notes=[
                NoteView(id=one.id, text=one.text, by=one.by, at=one.at, pinned=one.pinned)
                for one in customer.notes
            ],
            merged_into=customer.merged_into,
            status=customer.status,
            version=customer.version,
        )


class SuspicionView(View):
    """A customer who may be the same, how sure that is (0 to 100), and why."""

    customer_id: UUID
    score: int
    exact: bool
    reasons: list[Match]
    words: str
    dismissed: bool

    @classmethod
    def of(cls, suspicion: Suspicion) -> SuspicionView:
        """Show a suspicion."""
        return cls(
            customer_id=suspicion.customer_id,
            score=suspicion.score,
            exact=suspicion.exact,
            reasons=list(suspicion.reasons),
            words=suspicion.words,
            dismissed=suspicion.dismissed,
        )


class FormerValueView(View):
    """What a personal field of a customer was before somebody changed it."""

    field: str
    value: str
    at: datetime
    by: str

    @classmethod
    def of(cls, former: FormerValue) -> FormerValueView:
        """Show a former value."""
        return cls(field=former.field, value=former.value, at=former.at, by=former.by.name)


def customer_shown(customer: Customer) -> Response[CustomerView]:
    """Answer with a customer, and its version."""
    return shown(CustomerView.of(customer), version=customer.version)
