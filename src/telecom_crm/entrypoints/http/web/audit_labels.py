"""What the audit and histories tell, in words: what was done, to what, to which field, by whom."""

from __future__ import annotations

from collections.abc import Mapping

from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.domain.validation import CustomerField
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
    "audit.verify": N_("Audit verified: untouched"),
    "audit.broken": N_("Audit verified: not as it was"),
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
    "role": N_("Role"),
    "token": N_("API token"),
    "webhook": N_("Webhook"),
    "route": N_("Page or route"),
    "audit": N_("Audit log"),
}
"""What events and lines of the audit are about."""

RULES_OF: Mapping[str, str] = {
    "billing_policies": N_("Billing policies"),
    "brand": N_("Look"),
    "compatibility": N_("Compatibility"),
    "deduplication": N_("Duplicate rules"),
    "demo": N_("Demo"),
    "papers": N_("Templates of papers"),
    "regulations": N_("Limits of payments"),
    "roles": N_("Roles"),
    "self_care": N_("Sections of self-care"),
    "sla": N_("Ticket response times (SLA)"),
    "templates": N_("Messages to customers"),
    "validation": N_("Customer requirements"),
}
"""What kinds of rules there are."""

FIELDS: Mapping[str, str] = {
    "account": N_("Account"),
    "account_id": N_("Account"),
    "activating": N_("Being activated"),
    "addresses": N_("Address"),
    "amount": N_("Amount"),
    "asked": N_("Asked for"),
    "assignee": N_("Assignee"),
    "attachment": N_("File"),
    "attachments": N_("Files"),
    "attempt": N_("Attempt"),
    "available": N_("Available"),
    "bars": N_("Barred"),
    "batch": N_("Batch"),
    "became": N_("Payment"),
    "began": N_("Beginning"),
    "below": N_("Below"),
    "birth_date": N_("Date of birth"),
    "body": N_("Text"),
    "brand": N_("Look"),
    "self_care": N_("Sections of self-care"),
    "off": N_("Switched off"),
    "calendar": N_("Calendar"),
    "category": N_("Class"),
    "change": N_("Change"),
    "channel": N_("Channel"),
    "city": N_("City"),
    "code": N_("Code"),
    "codes": N_("Faults"),
    "comment": N_("Comment"),
    "comments": N_("Comments"),
    "consents": N_("Consents"),
    "contract": N_("Contract"),
    "contract_id": N_("Contract"),
    "created": N_("Created"),
    "credit_limit": N_("Credit limit"),
    "currency": N_("Currency"),
    "customer": N_("Customer"),
    "customer_id": N_("Customer"),
    "customer_kind": N_("Kind"),
    "cycle_day": N_("Day of the month on which periods begin"),
    "day": N_("Day"),
    "description": N_("Description"),
    "digest": N_("Checksum"),
    "document": N_("Document"),
    "document_formats": N_("Formats of documents"),
    "document_issued_on": N_("Issued on"),
    "document_issuer": N_("Issued by"),
    "document_number": N_("Number of the document"),
    "document_type": N_("Kind of document"),
    "document_types": N_("Identity documents"),
    "document_valid_until": N_("Valid until"),
    "documents": N_("Identity document"),
    "dry_run": N_("Trial run"),
    "dunning_profile": N_("Reminders"),
    "duplicates": N_("Possible duplicates"),
    "effective_on": N_("From the day"),
    "email": N_("E-mail"),
    "encoding": N_("Encoding"),
    "entry_id": N_("Entry in the books"),
    "event": N_("Event"),
    "exact": N_("Each of these alone proves the same customer"),
    "expired_documents": N_("Also those that are out of date"),
    "failed": N_("Failed"),
    "failures": N_("Failures"),
    "fee_timing": N_("Fees are charged"),
    "fields": N_("Fields"),
    "first_fee": N_("First fee"),
    "first_response": N_("first answer"),
    "follows": N_("Follows"),
    "full_name": N_("Name"),
    "gateway": N_("Taken at"),
    "grace_days": N_("Days of grace"),
    "grants": N_("Rights"),
    "group": N_("Group"),
    "hold": N_("Reason"),
    "holidays": N_("Holidays"),
    "hours": N_("Working hours"),
    "hue": N_("Hue"),
    "iccid": N_("ICCID"),
    "id": N_("ID"),
    "imsi": N_("IMSI"),
    "internal": N_("Internal"),
    "kind": N_("Kind"),
    "language": N_("Language"),
    "largest": N_("Largest payment"),
    "left": N_("Left"),
    "lived": N_("Past made up"),
    "low_balance": N_("Low-balance notice below"),
    "merged_into": N_("Merged into"),
    "minimum_age": N_("Least age in years"),
    "moved": N_("What moved"),
    "msisdn": N_("Number"),
    "name": N_("Name"),
    "name_likeness": N_("Names are alike from"),
    "national_id": N_("Personal number"),
    "national_id_formats": N_("Formats of personal numbers"),
    "note": N_("Note"),
    "notes": N_("Notes"),
    "number": N_("Number"),
    "options": N_("Options"),
    "others": N_("Others"),
    "payment_id": N_("Payment"),
    "payment_limits": N_("Limits of payments"),
    "payment_mode": N_("Prepaid or postpaid"),
    "percent": N_("Percent"),
    "phone": N_("Phone"),
    "pin1": N_("PIN"),
    "pin2": N_("PIN 2"),
    "policy": N_("Billing policy"),
    "policy_version": N_("Version of the billing policy"),
    "price": N_("Price"),
    "priority": N_("Priority"),
    "promise_days": N_("Days of a promise"),
    "promise_limit": N_("Largest promised payment"),
    "proration": N_("A part of a period"),
    "puk1": N_("PUK"),
    "puk2": N_("PUK 2"),
    "queue": N_("Queue"),
    "read": N_("Read"),
    "refund_id": N_("Refund"),
    "registration_number": N_("Registration number"),
    "registration_number_formats": N_("Formats of registration numbers"),
    "required": N_("What has to be there"),
    "required_for_activation": N_("Asked for before a contract is activated"),
    "resolution": N_("resolution"),
    "role": N_("Role"),
    "scan": N_("Scan"),
    "scans": N_("Scans"),
    "seed": N_("Seed"),
    "separator": N_("Separator"),
    "sha256": N_("Checksum"),
    "shortcuts": N_("Shortcuts of a single key"),
    "sims_per_organisation": N_("Contracts of an organisation at most"),
    "sims_per_person": N_("Contracts of a person at most"),
    "smallest": N_("Smallest payment"),
    "status": N_("Status"),
    "step": N_("Step"),
    "street": N_("Street"),
    "subject": N_("Subject"),
    "successor": N_("Next contract"),
    "shared_addresses": N_("Addresses of both, by their places"),
    "survivor": N_("Who stays"),
    "suspect_from": N_("Points that make a possible duplicate"),
    "suspension_fees": N_("Fees while suspended"),
    "taken": N_("Taken over"),
    "targets": N_("Ticket response times (SLA)"),
    "tariff": N_("Tariff"),
    "tariff_code": N_("Tariff"),
    "tariff_version": N_("Version"),
    "tax": N_("Tax"),
    "theme": N_("Theme"),
    "title": N_("Title"),
    "to": N_("To whom"),
    "tolerance": N_("Difference booked without asking"),
    "tolerances": N_("Differences booked without asking"),
    "took": N_("Taken"),
    "total": N_("Total"),
    "unchanged": N_("Unchanged"),
    "until": N_("Valid until"),
    "updated": N_("Updated"),
    "version": N_("Version"),
    "weights": N_("Points"),
    "zone": N_("Time zone"),
}
"""Fields that events name, and parts of rules."""

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


MEMBERS = (CustomerKind, CustomerField, Match, DocumentType, TicketPriority, Area)
"""Of what kinds rules have a part for each."""


def field(name: str) -> str:
    """Return a field in words; of a place within rules, each of its parts."""
    return " · ".join(map(_part, name.split(".")))


def _part(name: str) -> str:
    """Return what a field is called; an id or a number as it is written."""
    if name in FIELDS:
        return gettext(FIELDS[name])
    if name in THINGS:
        return gettext(THINGS[name])
    if name in NAMES:
        return NAMES[name]
    return next((label(kind(name)) for kind in MEMBERS if name in list(kind)), name)
