"""What of an installation is told beside the settings: what is fixed, kept, and how it goes."""

from __future__ import annotations

from datetime import timedelta
from importlib import metadata

from telecom_crm.application.access.signing_in import ATTEMPTS_KEPT
from telecom_crm.application.intake.capturing import application_number
from telecom_crm.application.sale import account_number, contract_number
from telecom_crm.application.tickets import ticket_number
from telecom_crm.application.users import SESSIONS_KEPT
from telecom_crm.domain.notification import NotificationStatus
from telecom_crm.domain.provisioning import ProvisioningStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.lists import COUNTED, tally
from telecom_crm.entrypoints.http.web.http import Visit
from telecom_crm.entrypoints.http.web.i18n import NAMES, here, ngettext
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.labels import gateway

Facts = list[tuple[str, str]]


def fixed(request: Visit, crm: Crm) -> Facts:
    """Return what is set where the service is started."""
    return [
        (_("Currency"), crm.currency),
        (_("Time zone"), crm.zone.key),
        (_("Name on receipts"), request.pages.on_paper),
        (_("Languages"), ", ".join(NAMES.values())),
    ]


def told(crm: Crm) -> list[tuple[str, Facts]]:
    """Return what else is as it is: under which heading, and what."""
    return [
        (_("Payment channels"), channels(crm)),
        (_("Numbering starts at"), numbering()),
        (_("How long things are kept"), kept(crm)),
    ]


def numbering() -> Facts:
    """Return the number that the first thing of each kind has."""
    return [
        (_("Applications"), application_number(1)),
        (_("Contracts"), contract_number(1)),
        (_("Accounts"), account_number(1)),
        (_("Tickets"), ticket_number(1)),
        (_("Receipts"), f"{account_number(1)}-7C9F3A2B"),
    ]


def channels(crm: Crm) -> Facts:
    """Return where payments come from, and whether it is taken on the spot or asked for."""
    return [
        (
            gateway(name),
            _("Taken on the spot, booked at once")
            if one.takes_at_once
            else _("Asked for over the network"),
        )
        for name, one in crm.gateways.items()
    ]


def kept(crm: Crm) -> Facts:
    """Return how long what is not kept for good is kept."""
    periods = crm.periods
    return [
        (_("Imported files, once they are done"), _days(crm.imports_kept)),
        (_("Who applied, where nothing came of it"), _days(periods.application)),
        (_("Unfinished contracts, with their SIM card and number"), _days(periods.draft)),
        (_("Numbers in quarantine after a contract"), _days(periods.quarantine)),
        (_("Sessions that are over"), _days(SESSIONS_KEPT)),
        (_("Counted tries to sign in"), _days(ATTEMPTS_KEPT)),
        (_("Customers, contracts, books and the audit"), _("For good")),
    ]


def system(crm: Crm) -> Facts:
    """Return how the installation is; that it is told at all says that the database answers."""
    store, sealed = crm.about_store(), crm.audit.state().sealed
    states = (NotificationStatus.QUEUED, NotificationStatus.FAILED)
    messages = crm.notifications.counts(
        *({"status": state.value} for state in states), most=COUNTED + 1
    )
    tasks = crm.provisioning.backlog()
    waiting = tasks[ProvisioningStatus.PENDING] + tasks[ProvisioningStatus.RUNNING]
    seen, due = store.worker_seen, store.duties_due
    return [
        (_("Version"), metadata.version("telecom-crm")),
        (_("Database"), store.name or _("In memory")),
        (_("Revision of its schema"), store.revision),
        (_("The worker was last seen"), here().instant(seen, crm.zone) if seen else ""),
        (_("Work that waits for it"), "" if due is None else tally(due)),
        (_("The worker sealed the audit"), here().instant(sealed.at, crm.zone) if sealed else ""),
        (_("Messages that wait"), tally(messages[0])),
        (_("Messages that failed"), tally(messages[1])),
        (_("Tasks that the network has to do"), here().number(waiting)),
        (_("Tasks that the network refused"), here().number(tasks[ProvisioningStatus.FAILED])),
    ]


def _days(period: timedelta) -> str:
    days = -(-period // timedelta(days=1))
    return ngettext("%(count)s day", "%(count)s days", days)
