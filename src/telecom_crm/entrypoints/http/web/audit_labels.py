"""What the audit and histories tell, in words: what was done, to what, to which field, by whom."""

from __future__ import annotations

from collections.abc import Mapping

from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.entrypoints.http.web.i18n import NAMES, gettext
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import gateway, label

GATEWAY = "gateway:"
"""What the name of an actor begins with that is a gateway."""

AUDITED: Mapping[str, str] = {
    "sign_in": N_("Signed in"),
    "sign_in.password": N_("Password accepted, code asked for"),
    "sign_in.refused": N_("Sign-in refused"),
    "attempts.over": N_("Too many tries, locked for a while"),
    "session.end": N_("Session ended"),
    "password.forgotten": N_("New password asked for"),
    "password.refused": N_("Present password wrong"),
    "grant.refused": N_("Granting of rights refused"),
    "password.set": N_("Password of self-care set"),
    "token.create": N_("API token made"),
    "token.revoke": N_("API token revoked"),
    "sim.secrets": N_("PIN and PUK shown"),
    "customer.former_values": N_("Former personal data shown"),
    "customer.identity": N_("Document numbers of a customer shown"),
    "customer.scan": N_("Scan of a customer opened"),
    "customers.export": N_("Customers exported"),
    "list.export": N_("List exported"),
    "application.identity": N_("Document numbers of an application shown"),
    "application.scan": N_("Scan of an application opened"),
    "contract.document": N_("File of a contract opened"),
    "contract.print": N_("Contract printed"),
    "ticket.attachment": N_("File of a ticket opened"),
    "import.errors": N_("Error file of an import taken"),
    "message.sample": N_("Message sent to try it"),
    "audit.verify": N_("Audit verified"),
    "audit.export": N_("Audit exported"),
}
"""What lines of the audit say was done."""

THINGS: Mapping[str, str] = {
    "customer": N_("Customer"),
    "application": N_("Application"),
    "contract": N_("Contract"),
    "account": N_("Account"),
    "payment": N_("Payment"),
    "refund": N_("Refund"),
    "sim": N_("SIM card"),
    "number": N_("Number"),
    "tariff": N_("Tariff"),
    "option": N_("Option"),
    "ticket": N_("Ticket"),
    "approval": N_("Request for approval"),
    "import_job": N_("Import"),
    "provisioning_task": N_("Task for the network"),
    "notification": N_("Message"),
    "rules": N_("Rules"),
    "user": N_("User"),
    "token": N_("API token"),
    "webhook": N_("Webhook"),
    "route": N_("Page or route"),
    "audit": N_("Audit log"),
}
"""What events and lines of the audit are about."""

FIELDS: Mapping[str, str] = {
    "account": N_("Account"),
    "addresses": N_("Address"),
    "amount": N_("Amount"),
    "attempt": N_("Attempt"),
    "assignee": N_("Assignee"),
    "batch": N_("Batch"),
    "birth_date": N_("Date of birth"),
    "category": N_("Class"),
    "consents": N_("Consents"),
    "contract": N_("Contract"),
    "currency": N_("Currency"),
    "customer": N_("Customer"),
    "description": N_("Description"),
    "documents": N_("Identity document"),
    "email": N_("E-mail"),
    "fields": N_("Fields"),
    "group": N_("Group"),
    "hold": N_("Reason"),
    "hue": N_("Hue"),
    "iccid": N_("ICCID"),
    "kind": N_("Kind"),
    "language": N_("Language"),
    "msisdn": N_("Number"),
    "name": N_("Name"),
    "national_id": N_("Personal number"),
    "notes": N_("Notes"),
    "number": N_("Number"),
    "options": N_("Options"),
    "phone": N_("Phone"),
    "policy": N_("Billing policy"),
    "price": N_("Price"),
    "priority": N_("Priority"),
    "queue": N_("Queue"),
    "registration_number": N_("Registration number"),
    "role": N_("Role"),
    "shortcuts": N_("Shortcuts of a single key"),
    "status": N_("Status"),
    "tariff": N_("Tariff"),
    "tariff_version": N_("Version"),
    "theme": N_("Theme"),
    "until": N_("Valid until"),
    "version": N_("Version"),
}
"""Fields that events name; others are read as words."""

ACTORS: Mapping[str, str] = {
    SYSTEM.name: N_("System"),
    SELF_CARE: N_("Subscriber"),
    "command line": N_("Command line"),
    "demo": N_("Demo data"),
}
"""Who acts besides users and programs with a token."""


def audited(action: str) -> str:
    """Return what a line of the audit says was done, in words."""
    if action in AUDITED:
        return gettext(AUDITED[action])
    refused, _, right = action.partition(" ")
    done, _, area = right.partition(" ")
    if refused == "refused" and done in list(Action) and area in list(Area):
        return gettext("Refused: %(right)s (%(area)s)") % {
            "right": label(Action(done)),
            "area": label(Area(area)),
        }
    return label(action)


def actor_named(name: str) -> str:
    """Return who acts by themselves in words; "" for a user or a program with a token."""
    if name.startswith(GATEWAY):
        return gateway(name.removeprefix(GATEWAY))
    return gettext(ACTORS[name]) if name in ACTORS else ""


def thing(name: str) -> str:
    """Return what something is, in words."""
    return gettext(THINGS[name]) if name in THINGS else label(name)


def field(name: str) -> str:
    """Return a field in words, with its language; a place within rules as it is written there."""
    known, _, language = name.partition(".")
    if known in FIELDS and (language in NAMES or not language):
        return " · ".join(filter(None, [gettext(FIELDS[known]), NAMES.get(language)]))
    return name if "." in name else gettext(label(name))  # a word that another text has
