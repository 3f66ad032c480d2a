"""What was looked at in an application, and how each of it stands."""

from __future__ import annotations

from datetime import date

from telecom_crm.application.applicants import CONSENTS, Findings
from telecom_crm.domain.application import Application
from telecom_crm.domain.calendar import local_date
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import ngettext
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.messages import said

ENDS_SOON_DAYS = 30


def checks_of(
    request: Visit, application: Application, findings: Findings
) -> list[tuple[str, str, list[str]]]:
    """Return what was looked at: its name, how it stands as a tone, and in words."""
    scans = len(application.scans)
    checks = [
        (
            _("Data"),
            "bad" if findings.faults else "ok",
            list(dict.fromkeys(said(fault) for fault in findings.faults)) or [_("In order")],
        ),
        (
            _("Scans"),
            "ok" if scans else "warn",
            [ngettext("%(count)s file", "%(count)s files", scans) if scans else _("None")],
        ),
    ]
    if application.customer_id is not None and not application.said("document_number"):
        return checks  # a customer of ours asks, whose papers were seen before
    return [*checks, *_checks_of_newcomer(request, application, findings)]


def _checks_of_newcomer(
    request: Visit, application: Application, findings: Findings
) -> list[tuple[str, str, list[str]]]:
    given = application.raw.get(CONSENTS)
    consents = isinstance(given, list) and "personal_data" in given
    exact = any(one.exact for one in findings.suspects)
    likely = [_("They are a customer already") if exact else _("Somebody is like them")]
    return [
        (_("Document"), *_paper(request, application)),
        (
            _("Duplicates"),
            "warn" if findings.suspects else "ok",
            likely if findings.suspects else [_("No similar customers")],
        ),
        (
            _("Consent"),
            "ok" if consents else "warn",
            [_("Given") if consents else _("Not given")],
        ),
    ]


def _paper(request: Visit, application: Application) -> tuple[str, list[str]]:
    if not application.said("document_number"):
        return "warn", [_("None")]
    until = read_day(application.said("document_valid_until"))
    if until is None:
        return "none", [_("Expiry date not given")]
    pages = request.pages
    left = (until - local_date(pages.clock(), pages.zone)).days
    if left < 0:
        return "bad", [_("The document is out of date")]
    if left < ENDS_SOON_DAYS:
        return "warn", [_("The document ends soon")]
    return "ok", [_("In order")]


def document_kind(text: str) -> str:
    """Return a kind of document in words; what is none, as it came."""
    return label(DocumentType(text)) if text in list(DocumentType) else text


def read_day(text: str) -> date | None:
    """Return a day as applications keep it; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
