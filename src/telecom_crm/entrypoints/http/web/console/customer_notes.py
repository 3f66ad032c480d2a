"""What was written down about a customer: kept in their history, and pinned above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath

from telecom_crm.domain.identifiers import CustomerId, NoteId
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.customers import PATH, shown
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.routes import acts


class CustomerNotePages(Controller):
    """Notes of customers in the console."""

    path = PATH

    @acts("/{customer_id:uuid}/notes", Area.CUSTOMERS)
    def add(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Write something down about a customer."""
        known, pinned = CustomerId(customer_id), form.flag("pinned")
        text = form.text("text", limit=1000)
        add = crm.customers.add_note
        if form.submit(add, known, text=text, pinned=pinned, by=request.by) is None:
            return shown(request, crm, crm.customers.get(known), form)
        return redirect(request, f"{PATH}/{customer_id}", toast=_("Note saved"))

    @acts("/{customer_id:uuid}/notes/{note_id:uuid}/pin", Area.CUSTOMERS)
    def pin(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        note_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Have a note read before all else."""
        return _put(request, form, crm.customers.pin_note, customer_id, note_id, _("Note pinned"))

    @acts("/{customer_id:uuid}/notes/{note_id:uuid}/unpin", Area.CUSTOMERS)
    def unpin(
        self,
        request: Visit,
        customer_id: FromPath[UUID],
        note_id: FromPath[UUID],
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Put a note back among the others."""
        unpin = crm.customers.unpin_note
        return _put(request, form, unpin, customer_id, note_id, _("Note unpinned"))


def _put(
    request: Visit,
    form: Form,
    service: Callable[..., Any],
    customer_id: UUID,
    note_id: UUID,
    done: str,
) -> Response[bytes]:
    """Pin a note or unpin it, and go on where one was."""
    back = request.came_from or f"{PATH}/{customer_id}"
    form.submit(service, CustomerId(customer_id), note_id=NoteId(note_id), by=request.by)
    toast = Toast(done) if form.ok else Toast(form.summary()[0][1], "bad")
    return redirect(request, back, toast=toast)
