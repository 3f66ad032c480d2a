"""Applications: what people ask for, and the queue of those who work on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from telecom_crm.application.intake.service import Intake
from telecom_crm.domain.application import (
    Application,
    ApplicationKind,
    ApplicationStatus,
    Channel,
    Priority,
)
from telecom_crm.domain.identifiers import ApplicationId, ContractId, CustomerId, DocumentId
from telecom_crm.domain.profile import SECRET_FIELDS
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.api.customer_views import SuspicionView
from telecom_crm.entrypoints.http.attachments import (
    FILE_TYPES,
    AttachmentView,
    download,
    keep,
    takes_file,
)
from telecom_crm.entrypoints.http.bodies import Because, Body, Reason, Why
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    KeyUse,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

Given = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 7)]


class NewApplication(Body):
    """A request as it came; `raw` is any JSON object."""

    kind: ApplicationKind
    raw: dict[str, Any]
    channel: Channel = Channel.API
    external_reference: Annotated[str, msgspec.Meta(max_length=200)] | None = None
    priority: Priority = Priority.NORMAL
    customer_id: UUID | None = None


class Supplement(Body):
    """What was missing."""

    raw: dict[str, Any]


class Lease(Body):
    """How long an operator wants it for; the operator's usual time by default."""

    lease_minutes: Minutes | None = None


class Completion(Body):
    """What came of it."""

    contract_id: UUID | None = None
    outcome: Reason = ""


class Whose(Body):
    """Which customer is meant."""

    customer_id: UUID


class ApplicationView(View):
    """
    Somebody's request; `data` is what of `raw` could be read.

    Of the applicant's personal number and that of their document there are the ends, but where
    they were asked for.
    """

    id: UUID
    number: str
    kind: ApplicationKind
    channel: Channel
    external_reference: str | None
    priority: Priority
    raw: dict[str, Any]
    data: dict[str, Any]
    scans: list[AttachmentView]
    duplicates: list[SuspicionView]
    customer_id: UUID | None
    contract_id: UUID | None
    claimed_by: str | None
    claimed_until: datetime | None
    outcome: str
    captured_at: datetime
    ended_at: datetime | None
    erased_at: datetime | None
    status: ApplicationStatus
    version: int

    @classmethod
    def of(cls, application: Application, *, open: bool = False) -> ApplicationView:
        """Show an application, masked or whole."""
        return cls(
            id=application.id,
            number=application.number,
            kind=application.kind,
            channel=application.channel,
            external_reference=application.external_reference,
            priority=application.priority,
            raw=_told(application.raw, open=open),
            data=_told(application.data, open=open),
            scans=[AttachmentView.of(scan) for scan in application.scans],
            duplicates=[SuspicionView.of(one) for one in application.duplicates],
            customer_id=application.customer_id,
            contract_id=application.contract_id,
            claimed_by=application.claimed_by,
            claimed_until=application.claimed_until,
            outcome=application.outcome,
            captured_at=application.captured_at,
            ended_at=application.ended_at,
            erased_at=application.erased_at,
            status=application.status,
            version=application.version,
        )


class ApplicationController(Controller):
    """What people ask for, from capture to an outcome."""

    path = "/applications"
    tags = ("applications",)

    @makes("/", Area.APPLICATIONS, key=KeyUse.OPTIONAL)
    def capture(
        self, request: Call, data: JSONBody[NewApplication], intake: NamedDependency[Intake]
    ) -> Response[ApplicationView]:
        """Take in a request, or return it where the channel sent its reference before."""
        application = intake.capture(
            kind=data.kind,
            channel=data.channel,
            raw=data.raw,
            external_reference=data.external_reference,
            priority=data.priority,
            customer_id=CustomerId(data.customer_id) if data.customer_id else None,
            idempotency_key=request.key,
            by=request.by,
        )
        return made(
            ApplicationView.of(application),
            at=f"/applications/{application.id}",
            version=application.version,
            replayed=application.replayed,
        )

    @reads("/", Area.APPLICATIONS, query=listing("application"))
    def page(
        self, request: Call, intake: NamedDependency[Intake]
    ) -> Response[PageView[ApplicationView]]:
        """List applications."""
        return listed(request, intake.page(request.query()), ApplicationView.of)

    @does("/claim-next", Area.APPLICATIONS)
    def claim_next(
        self, request: Call, data: JSONBody[Lease], intake: NamedDependency[Intake]
    ) -> Response[ApplicationView | None]:
        """Take the most urgent application that waits, of those the oldest; null if none does."""
        application = intake.claim_next(lease=_span(data), by=request.by)
        if application is None:
            return shown(None)
        return shown(ApplicationView.of(application), version=application.version)

    @reads("/{application_id:uuid}", Area.APPLICATIONS)
    def get(
        self, application_id: FromPath[UUID], intake: NamedDependency[Intake]
    ) -> Response[ApplicationView]:
        """Show an application."""
        return _shown(intake.get(ApplicationId(application_id)))

    @reads("/{application_id:uuid}/identity", Area.APPLICATIONS, Action.REVEAL)
    def identity(
        self, request: Call, application_id: FromPath[UUID], intake: NamedDependency[Intake]
    ) -> Response[ApplicationView]:
        """Show an application with its secret numbers whole; it is written down."""
        application = intake.look_at(ApplicationId(application_id), by=request.by)
        return shown(ApplicationView.of(application, open=True), version=application.version)

    @reads("/{application_id:uuid}/timeline", Area.APPLICATIONS)
    def timeline(
        self, application_id: FromPath[UUID], intake: NamedDependency[Intake]
    ) -> PageView[EventView]:
        """Tell what happened to an application, oldest first."""
        return whole(intake.timeline(ApplicationId(application_id)), EventView.of)

    @does("/{application_id:uuid}/validate", Area.APPLICATIONS, versioned=True)
    def validate(
        self,
        request: Call,
        application_id: FromPath[UUID],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Read who asks and look for duplicates."""
        return _shown(
            intake.validate(
                ApplicationId(application_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/register", Area.APPLICATIONS, versioned=True)
    def register(
        self,
        request: Call,
        application_id: FromPath[UUID],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Take up who asks as a customer, or find who they surely are, and link the two."""
        return _shown(
            intake.register(
                ApplicationId(application_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @takes_file("/{application_id:uuid}/scans", Area.APPLICATIONS)
    async def attach(
        self, request: Call, application_id: FromPath[UUID], intake: NamedDependency[Intake]
    ) -> Response[ApplicationView]:
        """
        Keep a scan with an open application: PDF, PNG, JPEG, WEBP or TIFF, to 20 MB.

        The body is the file itself. The same content again is no change.
        """

        def store(name: str, content: Iterator[bytes]) -> Application:
            return intake.attach(
                ApplicationId(application_id),
                name=name,
                content=content,
                expected_version=request.seen,
                by=request.by,
            )

        one = await keep(request, store)
        return made(ApplicationView.of(one), at=f"/applications/{one.id}", version=one.version)

    @reads(
        "/{application_id:uuid}/scans/{scan_id:uuid}",
        Area.APPLICATIONS,
        Action.REVEAL,
        media_types=FILE_TYPES,
    )
    def scan(
        self,
        request: Call,
        application_id: FromPath[UUID],
        scan_id: FromPath[UUID],
        intake: NamedDependency[Intake],
    ) -> Stream:
        """Download one of an application's scans."""
        asked = ApplicationId(application_id), DocumentId(scan_id)
        return download(*intake.open_scan(*asked, by=request.by))

    @does("/{application_id:uuid}/claim", Area.APPLICATIONS, versioned=True)
    def claim(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Lease],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Take one application that waits."""
        return _shown(
            intake.claim(
                ApplicationId(application_id),
                lease=_span(data),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/ask", Area.APPLICATIONS, versioned=True)
    def ask(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Why],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Ask the applicant for what is missing."""
        return _shown(
            intake.ask(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/supply", Area.APPLICATIONS, versioned=True)
    def supply(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Supplement],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Add what was asked for."""
        return _shown(
            intake.supply(
                ApplicationId(application_id),
                raw=data.raw,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/reject", Area.APPLICATIONS, versioned=True)
    def reject(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Why],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Turn a request down."""
        return _shown(
            intake.reject(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/unclaim", Area.APPLICATIONS, versioned=True)
    def unclaim(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Because],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Put a claimed application back into the queue."""
        return _shown(
            intake.unclaim(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/hold", Area.APPLICATIONS, versioned=True)
    def hold(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Why],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Wait for something outside; no lease runs."""
        return _shown(
            intake.hold(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/release", Area.APPLICATIONS, versioned=True)
    def release(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Lease],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Go on with an application that was on hold, with a new lease."""
        return _shown(
            intake.release(
                ApplicationId(application_id),
                lease=_span(data),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/complete", Area.APPLICATIONS, versioned=True)
    def complete(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Completion],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Say that what was asked for is done."""
        return _shown(
            intake.complete(
                ApplicationId(application_id),
                contract_id=ContractId(data.contract_id) if data.contract_id else None,
                outcome=data.outcome,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/fail", Area.APPLICATIONS, versioned=True)
    def fail(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Why],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Give up: it could not be done."""
        return _shown(
            intake.fail(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/cancel", Area.APPLICATIONS, versioned=True)
    def cancel(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Because],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Withdraw a request whose contract is not active."""
        return _shown(
            intake.cancel(
                ApplicationId(application_id),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/link", Area.APPLICATIONS, versioned=True)
    def link(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Whose],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Say which customer's request this is."""
        return _shown(
            intake.link(
                ApplicationId(application_id),
                customer_id=CustomerId(data.customer_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{application_id:uuid}/dismiss-duplicate", Area.APPLICATIONS, versioned=True)
    def dismiss_duplicate(
        self,
        request: Call,
        application_id: FromPath[UUID],
        data: JSONBody[Whose],
        intake: NamedDependency[Intake],
    ) -> Response[ApplicationView]:
        """Say that a suspected customer is somebody else."""
        return _shown(
            intake.dismiss_duplicate(
                ApplicationId(application_id),
                customer_id=CustomerId(data.customer_id),
                expected_version=request.seen,
                by=request.by,
            )
        )


def _told(fields: Mapping[str, Any], *, open: bool) -> dict[str, Any]:
    """Return what an applicant said; unless it is open, the ends alone of secret numbers."""
    return {
        name: masked(str(value)) if value and not open and name in SECRET_FIELDS else value
        for name, value in fields.items()
    }


def _shown(application: Application) -> Response[ApplicationView]:
    return shown(ApplicationView.of(application), version=application.version)


def _span(lease: Lease) -> timedelta | None:
    return None if lease.lease_minutes is None else timedelta(minutes=lease.lease_minutes)
