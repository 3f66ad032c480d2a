"""Customers taken up and corrected: one form for who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import CustomerId
from telecom_crm.domain.identity_document import DocumentType, IdentityDocument
from telecom_crm.domain.profile import Address, CustomerKind
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web import kyc
from telecom_crm.entrypoints.http.web.audit_labels import field
from telecom_crm.entrypoints.http.web.console.customers import PATH
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, local_path, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.identity import at_field, national_id_asked, read
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.routes import acts, shows

KEPT = ("name", "phone", "email", "national_id", "birth_date", "registration_number", "addresses")
"""What a customer who is known keeps as it is, whatever is typed."""
PAPER = (
    *("document_type", "document_number", "document_issuer"),
    *("document_issued_on", "document_valid_until"),
)
SENSITIVE = ("name", "national_id", "documents")
"""What says who somebody is: a change of it has a reason."""
SCAN = "scan"
FORM_BYTES = kyc.SCAN_BYTES + 1024**2


class RegisteringPages(Controller):
    """New customers, and corrections of those there are."""

    path = PATH

    @shows("/new", Area.CUSTOMERS, Action.WRITE)
    def ask(self, request: Visit, crm: NamedDependency[Crm]) -> Response[bytes]:
        """Ask who the customer is."""
        return _asked(
            request,
            crm,
            Form.filled(
                kind=CustomerKind.PERSON,
                language=here().locale.language,
                document_type=DocumentType.ID_CARD,
            ),
        )

    @acts("/new", Area.CUSTOMERS)
    def register(
        self, request: Visit, form: NamedDependency[Form], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Take a customer up, or find the one who is there already."""
        given = _read(form, crm, None)
        made = form.submit(crm.customers.register, **given, idempotency_key=form.key, by=request.by)
        if made is None:
            return _asked(request, crm, form)
        sells = request.query_params.get("next") == "contract"
        to = f"/console/contracts/new/number?customer={made.id}" if sells else f"{PATH}/{made.id}"
        done = _known(given, made) if made.known else Toast(_("The customer is registered"))
        return redirect(request, to, toast=done)

    @shows("/{customer_id:uuid}/edit", Area.CUSTOMERS, Action.WRITE)
    def edit(
        self, request: Visit, customer_id: FromPath[UUID], crm: NamedDependency[Crm]
    ) -> Response[bytes]:
        """Show what can be corrected; `back` in the address is where one came from."""
        customer = crm.customers.get(CustomerId(customer_id))
        return _asked(request, crm, _filled(customer), customer)

    @acts("/{customer_id:uuid}/edit", Area.CUSTOMERS, request_max_body_size=FORM_BYTES)
    def update(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Correct a customer, and keep the scan of their paper."""
        customer = crm.customers.get(CustomerId(customer_id))
        changes, scan = _read(form, crm, customer), _read_scan(form, crm)
        told = any(
            name in changes and changes[name] != getattr(customer, name) for name in SENSITIVE
        )
        reason = form.text("reason", required=told, limit=500)
        done = form.submit(
            crm.customers.update,
            customer.id,
            changes=changes,
            reason=reason,
            expected_version=form.version,
            by=request.by,
        )
        if done is not None and scan is not None and done.documents:
            paper = done.documents[0].key
            form.submit(crm.scans.add, done.id, document=paper, content=[scan], by=request.by)
        if not form.ok:
            return _asked(request, crm, form, done or customer)  # what was changed is kept
        return redirect(request, _back(request, customer), toast=_("Saved"))


def _read_scan(form: Form, crm: Crm) -> bytes | None:
    """Return the scan that was chosen; what is wrong with it is so before anything is changed."""
    found = kyc.read_scans(form, among=(SCAN,))
    if not found:
        return None
    scan = b"".join(found[SCAN])  # looked at, and then kept
    kyc.look_at(form, crm, {SCAN: [scan]})
    return scan


def _known(given: Mapping[str, Any], made: Customer) -> Toast:
    """Say that the customer was there, and what was typed that they have otherwise."""
    fields = [name for name in KEPT if given.get(name) and given[name] != getattr(made, name)]
    papers = {(one.type, one.number) for one in made.documents}
    if any((one.type, one.number) not in papers for one in given.get("documents", ())):
        fields.append("documents")
    if not fields:
        return Toast(_("This customer is known already"), "info")
    said = _("This customer is known already. Not taken over:")
    return Toast(" ".join((said, ", ".join(field(name) for name in fields))), "warn")


def _back(request: Visit, customer: Customer | None) -> str:
    """Return where a correction leads back to: the sale that it was made for, or the profile."""
    profile = f"{PATH}/{customer.id}" if customer else PATH
    return local_path(request.query_params.get("back")) or profile


def _asked(
    request: Visit, crm: Crm, form: Form, customer: Customer | None = None
) -> Response[bytes]:
    form.faults = [at_field(fault) for fault in form.faults]
    return page(
        request,
        "console/customers/edit.html",
        status=200 if form.ok else form.status,
        form=form,
        customer=customer,
        action=request.here,
        back=_back(request, customer),
        kinds=[(kind.value, label(kind)) for kind in CustomerKind],
        papers=[(paper.value, label(paper)) for paper in DocumentType],
        national_id=national_id_asked(crm),
        megabytes=kyc.SCAN_BYTES // 1024**2,
    )


def _filled(customer: Customer) -> Form:
    """Return the form of a correction: what is secret is not in it."""
    address = customer.addresses[0] if customer.addresses else Address()
    paper = customer.documents[0] if customer.documents else None
    return Form.filled(
        kind=customer.kind,
        name=customer.name,
        phone=customer.phone,
        email=customer.email,
        language=customer.language,
        birth_date=customer.birth_date and f"{customer.birth_date:%d.%m.%Y}",
        registration_number=customer.registration_number,
        city=address.city,
        street=address.street,
        document_type=paper.type if paper else DocumentType.ID_CARD,
        document_issuer=paper.issuer if paper else "",
        document_issued_on=paper and paper.issued_on and f"{paper.issued_on:%d.%m.%Y}",
        document_valid_until=paper and paper.valid_until and f"{paper.valid_until:%d.%m.%Y}",
    )


def _read(form: Form, crm: Crm, customer: Customer | None) -> dict[str, Any]:
    """Read who a customer is, as `Customers.register` and `update` take it."""
    kind = form.choice("kind", CustomerKind) if customer is None else customer.kind
    person = kind is CustomerKind.PERSON
    given: dict[str, Any] = {
        "name": form.text("name"),
        **read(form, crm, ("phone", "email", "language", "national_id")),
        "addresses": read_addresses(form, crm, customer),
    }
    if given["language"] is None:
        del given["language"]
    if customer is None:
        given["kind"] = kind
    elif given["national_id"] is None:  # it is secret, and not shown: empty, it stays
        del given["national_id"]
    if person:
        given |= read(form, crm, ("birth_date",))
        given["documents"] = _documents(form, crm, customer)
    else:
        [number] = read(form, crm, ("registration_number",)).values()
        given["registration_number"] = number or None
    return given


def read_addresses(form: Form, crm: Crm, customer: Customer | None) -> tuple[Address, ...]:
    """Return the first address as it is typed, and the others as they are."""
    typed = Address(**read(form, crm, ("city", "street")))
    others = customer.addresses[1:] if customer else ()
    return (typed, *others) if typed != Address() else others


def _documents(form: Form, crm: Crm, customer: Customer | None) -> tuple[IdentityDocument, ...]:
    """Return the first document as it is typed, and the others as they are."""
    kept = customer.documents if customer else ()
    typed = read(form, crm, PAPER, required=("document_type",))
    kind, number, issuer, issued, until = typed.values()
    if kind is None or not (number or kept):
        return kept
    scan = None if number else kept[0].scan
    try:
        paper = IdentityDocument(
            type=kind,
            number=number or kept[0].number,
            issuer=issuer,
            issued_on=issued,
            valid_until=until,
            scan=scan,
        )
    except InvalidValue as error:
        for fault in error.faults:
            form.fault(f"document_{fault.field}", fault.code, fault.message)
        return kept
    return (paper, *kept[1:])
