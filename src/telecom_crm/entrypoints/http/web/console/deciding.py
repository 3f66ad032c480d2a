"""What takes a second person past what one decides alone: done at once, or asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from uuid import UUID

from litestar import Response

from telecom_crm.domain.approval import FOUR_EYES, ApprovalKind
from telecom_crm.domain.errors import KeyReused, RuleViolated
from telecom_crm.domain.money import Money
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _


def decide(
    request: Visit,
    crm: Crm,
    form: Form,
    kind: ApprovalKind,
    thing_id: UUID,
    *,
    amount: Money,
    reason: str,
    do: Callable[..., object],
    back: str,
    done: str,
) -> Response[bytes] | None:
    """
    Do what the visitor decides alone, else ask a second person for it; None where it is refused.

    `do` is the command of a service, which knows what takes two; `done` is said once it was
    carried out, at `back`. Both ways go under the form's one key, so that the form sent again finds
    what it did.
    """
    asked = {"amount": amount, "reason": reason, "idempotency_key": form.key, "by": request.by}
    did = form.submit(_did, partial(do, thing_id, rights=request.rights, **asked))
    if did is None:
        return None
    if did:
        return redirect(request, back, toast=done)
    assert request.visitor is not None, "nobody decides as a guest"
    crm.access.permit(request.visitor, Area.APPROVALS, Action.WRITE, thing="approval")
    approval = form.submit(crm.approvals.ask, kind, thing_id, **asked)  # type: ignore[arg-type]
    if approval is None:
        return None
    said = Toast(_("A second person has to approve this: the request is sent"), "info")
    return redirect(request, f"/console/approvals/{approval.id}", toast=said)


def _did(do: Callable[[], object]) -> bool:
    """Do something, and tell whether that was it: False where it takes, or took, a request."""
    try:
        do()
    except KeyReused:
        return False  # the form has asked for it before
    except RuleViolated as refusal:
        if refusal.rule != FOUR_EYES:
            raise
        return False
    return True
