"""The audit log in the console: refusals, and who took secrets, papers and files."""

from __future__ import annotations

from litestar import Controller, Response
from litestar.di import NamedDependency

from telecom_crm.application.access.service import Access
from telecom_crm.domain.role import Area
from telecom_crm.entrypoints.http.web.console.lists import Listing, tolerant
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Visit, page
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.menu import Entry
from telecom_crm.entrypoints.http.web.routes import shows

PATH = "/console/audit"
FILTERS = ("action", "thing", "thing_id")

ENTRY = Entry(
    path=PATH,
    text=N_("Audit log"),
    icon="history",
    section=N_("System"),
    order=40,
    area=Area.AUDIT,
)


class AuditPages(Controller):
    """What was refused, and who looked at what."""

    path = PATH

    @shows("/", Area.AUDIT)
    def index(self, request: Visit, access: NamedDependency[Access]) -> Response[bytes]:
        """List the lines, filtered by what was done and to what."""
        listing = Listing.of(request, *FILTERS)
        return page(
            request,
            "console/audit/index.html",
            fragment="console/audit/_table.html",
            listing=listing,
            found=tolerant(listing, access.audit),
            form=Form.filled(**listing.where()),
        )
