"""States and kinds in words, and the tone that each is shown in."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from telecom_crm.application.contracts.amending import When
from telecom_crm.application.ports import TrailKind
from telecom_crm.domain.account import AccountStatus
from telecom_crm.domain.application import ApplicationKind, ApplicationStatus, Channel, Priority
from telecom_crm.domain.approval import ApprovalKind, ApprovalStatus
from telecom_crm.domain.charging import ChargeKind
from telecom_crm.domain.compatibility import RuleKind
from telecom_crm.domain.contract import CloseReason, ContractStatus
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.hold import Bar, HoldKind
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.importing import ImportKind, ImportResult, ImportStatus, Outcome
from telecom_crm.domain.language import Wording
from telecom_crm.domain.ledger import JournalEntry, PostingKind
from telecom_crm.domain.notification import NotificationChannel, NotificationStatus
from telecom_crm.domain.number import NumberCategory, NumberOrigin, NumberStatus
from telecom_crm.domain.payment import PaymentMethod, PaymentStatus
from telecom_crm.domain.policy import (
    BillingPolicy,
    FeeTiming,
    FirstFee,
    PaymentMode,
    Proration,
    Requirement,
)
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningStatus
from telecom_crm.domain.refund import RefundStatus
from telecom_crm.domain.report import Concern, FirstStep
from telecom_crm.domain.role import Action, Area, Limit, RoleName
from telecom_crm.domain.self_care import Section
from telecom_crm.domain.sim import RetireReason, SimStatus
from telecom_crm.domain.tariff import CatalogueStatus, UsageService
from telecom_crm.domain.ticket import BlockReason, TicketPriority, TicketStatus
from telecom_crm.domain.token import TokenStatus
from telecom_crm.domain.user import Theme, UserStatus
from telecom_crm.domain.validation import CustomerField
from telecom_crm.domain.webhook import WebhookStatus
from telecom_crm.entrypoints.http.web.i18n import gettext, pgettext, spoken
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word


def within(context: str, message: str) -> tuple[str, str]:
    """Mark a word to be translated by what it is said of: a customer is closed as no ticket is."""
    return context, message


Word = str | tuple[str, str]

_PRIORITIES: Mapping[str, Word] = {
    "low": within("priority", "Low"),
    "normal": within("priority", "Normal"),
    "high": within("priority", "High"),
    "urgent": within("priority", "Urgent"),
}

LABELS: Mapping[type[StrEnum], Mapping[str, Word]] = {
    CustomerStatus: {
        "prospect": within("customer", "Prospect"),
        "active": within("customer", "Active"),
        "blocked": within("customer", "Blocked"),
        "closed": within("customer", "Closed"),
    },
    CustomerKind: {
        "person": within("customer", "Person"),
        "organisation": within("customer", "Organisation"),
    },
    DocumentType: {
        "id_card": N_("ID card"),
        "passport": N_("Passport"),
        "birth_certificate": N_("Birth certificate"),
        "residence_permit": N_("Residence permit"),
        "driving_licence": N_("Driving licence"),
        "military_id": N_("Military ID"),
        "refugee_certificate": N_("Refugee certificate"),
        "other": N_("Other"),
    },
    CustomerField: {
        "phone": N_("Phone"),
        "email": N_("E-mail"),
        "birth_date": N_("Date of birth"),
        "national_id": N_("Personal number"),
        "registration_number": N_("Registration number"),
        "documents": N_("Identity document"),
    },
    Match: {
        "national_id": N_("The same personal number"),
        "document": N_("The same document"),
        "phone": N_("The same phone"),
        "email": N_("The same e-mail"),
        "name_and_birth_date": N_("Nearly the same name, and the same date of birth"),
    },
    RuleKind: {
        "requires": N_("needs one of"),
        "excludes": N_("does not go with"),
        "included_in": N_("is part of"),
        "max_one_of": N_("one of the group at most"),
        "migrates_to": N_("changes only to"),
    },
    AccountStatus: {"open": within("account", "Open")},
    ContractStatus: {
        "draft": within("contract", "Draft"),
        "accepted": within("contract", "Signed"),
        "activating": within("contract", "Being activated"),
        "active": within("contract", "Active"),
        "suspended": within("contract", "Suspended"),
        "closed": within("contract", "Closed"),
        "cancelled": within("contract", "Cancelled"),
    },
    CloseReason: {
        "customer_request": N_("The customer asked for it"),
        "non_payment": N_("Not paid"),
        "port_out": N_("Number taken to another operator"),
        "new_payer": N_("Given to another payer"),
        "fraud": N_("Fraud"),
        "regulatory": N_("Demanded by law"),
        "deceased": N_("The customer died"),
        "other": N_("Other"),
    },
    ApplicationStatus: {
        "captured": within("application", "New"),
        "needs_info": within("application", "Needs more data"),
        "validated": within("application", "Approved"),
        "in_progress": within("application", "In work"),
        "on_hold": within("application", "On hold"),
        "completed": within("application", "Completed"),
        "failed": within("application", "Failed"),
        "rejected": within("application", "Rejected"),
        "cancelled": within("application", "Cancelled"),
    },
    ApplicationKind: {
        "new_connection": N_("New connection"),
        "tariff_change": N_("Change of tariff"),
        "sim_swap": N_("Another SIM card"),
        "number_change": N_("Another number"),
        "port_in": N_("Number from another operator"),
        "closure": N_("End of contract"),
        "other": N_("Other"),
    },
    Channel: {
        "console": N_("Office"),
        "self_care": N_("Self-care"),
        "import": N_("Import"),
        "api": N_("Other system"),
    },
    TicketStatus: {
        "free": within("ticket", "Unassigned"),
        "active": within("ticket", "In work"),
        "suspended": within("ticket", "Paused"),
        "blocked": within("ticket", "Blocked"),
        "closed": within("ticket", "Closed"),
    },
    Priority: _PRIORITIES,
    TicketPriority: _PRIORITIES,
    BlockReason: {
        "external": N_("Waits for somebody outside"),
        "resolved": N_("Resolved"),
        "duplicate": N_("Duplicate"),
        "cancelled": within("reason", "Cancelled"),
        "rejected": within("reason", "Rejected"),
    },
    PaymentStatus: {
        "initiated": within("payment", "Begun"),
        "pending": within("payment", "Waiting"),
        "unknown": within("payment", "Outcome not known"),
        "confirmed": within("payment", "Paid"),
        "failed": within("payment", "Failed"),
        "cancelled": within("payment", "Cancelled"),
        "expired": within("payment", "Expired"),
        "disputed": within("payment", "Disputed"),
        "charged_back": within("payment", "Charged back"),
        "reversed": within("payment", "Undone"),
        "unallocated": within("payment", "Unallocated"),
        "allocated": within("payment", "Matched"),
        "returned": within("payment", "Returned"),
    },
    PaymentMethod: {
        "cash": N_("Cash"),
        "card": N_("Card"),
        "bank_transfer": N_("Bank transfer"),
        "wallet": N_("E-wallet"),
        "terminal": N_("Terminal"),
    },
    RefundStatus: {
        "requested": within("refund", "Requested"),
        "pending": within("refund", "Waiting"),
        "unknown": within("refund", "Outcome not known"),
        "paid": within("refund", "Paid back"),
        "failed": within("refund", "Failed"),
    },
    PostingKind: {
        "payment": within("entry", "Payment"),
        "payment_reversal": within("entry", "Payment undone"),
        "unallocated_payment": within("entry", "Unallocated payment"),
        "allocation": within("entry", "Payment matched to its owner"),
        "refund_requested": within("entry", "Refund"),
        "refund_paid": within("entry", "Refund paid out"),
        "refund_failed": within("entry", "Refund that failed"),
        "dispute_opened": within("entry", "Dispute opened"),
        "dispute_won": within("entry", "Dispute won"),
        "dispute_lost": within("entry", "Dispute lost"),
        "one_time_fee": within("entry", "One-time fee"),
        "recurring_fee": within("entry", "Monthly fee"),
        "option_fee": within("entry", "Fee for an option"),
        "penalty": within("entry", "Penalty"),
        "goodwill": within("entry", "Goodwill"),
        "chargeback_loss": within("entry", "Write-off of a lost dispute"),
        "transfer_out": within("entry", "Transfer to another account"),
        "transfer_in": within("entry", "Transfer from another account"),
        "write_off": within("entry", "Write-off"),
        "recovery": within("entry", "Debt recovered"),
        "opening_balance": within("entry", "Balance taken over"),
        "closing_refund": within("entry", "Refund at the end"),
        "pay_out": within("entry", "Paid out"),
        "settlement": within("entry", "Settlement"),
        "cash_banked": within("entry", "Cash taken to the bank"),
        "till_difference": within("entry", "Difference in the till"),
        "reversal": within("entry", "Undone"),
    },
    HoldKind: {
        "non_payment": N_("Not paid"),
        "low_balance": N_("Balance used up"),
        "voluntary": N_("The customer asked for it"),
        "lost_stolen": N_("SIM lost or stolen"),
        "fraud": N_("Fraud"),
        "kyc": N_("Identity to be checked"),
        "regulatory": N_("Demanded by law"),
        "admin": N_("Operator's decision"),
    },
    Bar: {
        "outgoing": N_("Outgoing calls"),
        "incoming": N_("Incoming calls"),
        "data": N_("Internet"),
    },
    ChargeKind: {
        "activation": N_("Connection"),
        "recurring": N_("Monthly fee"),
        "option": N_("Option"),
        "number_price": N_("Price of the number"),
        "sim_swap": N_("SIM replacement"),
        "number_change": N_("Change of number"),
        "penalty": N_("Penalty"),
        "service": N_("Service"),
    },
    NumberCategory: {
        "standard": N_("Standard"),
        "silver": N_("Silver"),
        "gold": N_("Gold"),
        "platinum": N_("Platinum"),
    },
    When: {"now": N_("At once"), "next_period": N_("From the next period on")},
    SimStatus: {
        "available": within("sim", "In stock"),
        "reserved": within("sim", "Reserved"),
        "bound": within("sim", "Sold"),
        "active": within("sim", "Active"),
        "barred": within("sim", "Barred"),
        "retired": within("sim", "Retired"),
    },
    RetireReason: {
        "lost": within("sim", "Lost"),
        "stolen": within("sim", "Stolen"),
        "defective": within("sim", "Defective"),
        "closed": within("sim", "Contract ended"),
        "swapped": within("sim", "Replacement asked for"),
    },
    NumberOrigin: {"own": N_("Our own range"), "ported_in": N_("Another operator")},
    NumberStatus: {
        "available": within("number", "Free"),
        "reserved": within("number", "Reserved"),
        "assigned": within("number", "Assigned"),
        "quarantined": within("number", "In quarantine"),
        "returned": within("number", "Returned"),
        "ported_out": within("number", "Ported out"),
        "withdrawn": within("number", "Withdrawn"),
    },
    CatalogueStatus: {
        "draft": within("tariff", "Draft"),
        "active": within("tariff", "On sale"),
        "retired": within("tariff", "Not sold any more"),
        "obsolete": within("tariff", "Obsolete"),
    },
    FeeTiming: {
        "advance": N_("At the beginning of the period"),
        "arrears": N_("At its end"),
    },
    Proration: {
        "actual_days": N_("By the days used"),
        "fixed_30": N_("By thirtieths"),
        "none": N_("Not shared out"),
    },
    FirstFee: {
        "required": N_("Paid before"),
        "on_credit": N_("May be owed"),
        "waived": N_("Not charged"),
    },
    Requirement: {
        "identity": N_("Valid identity document"),
        "documents": N_("Documents there"),
    },
    PaymentMode: {"prepaid": N_("Prepaid"), "postpaid": N_("Postpaid")},
    UsageService: {"voice": N_("Calls"), "message": N_("SMS"), "data": N_("Internet")},
    ImportKind: {
        "sims": N_("SIM cards"),
        "numbers": N_("Numbers"),
        "subscribers": N_("Subscribers"),
    },
    ImportResult: {
        "with_errors": N_("With errors"),
        "without_errors": N_("Without errors"),
    },
    ImportStatus: {
        "uploaded": within("import", "Uploaded"),
        "checked": within("import", "Checked"),
        "structure_error": within("import", "Wrong structure"),
        "running": within("import", "Running"),
        "completed": within("import", "Completed"),
        "aborted": within("import", "Stopped"),
    },
    Outcome: {
        "created": within("row", "Created"),
        "updated": within("row", "Updated"),
        "unchanged": within("row", "Unchanged"),
        "failed": within("row", "Failed"),
    },
    ProvisioningStatus: {
        "pending": within("task", "Waiting"),
        "running": within("task", "Running"),
        "done": within("task", "Done"),
        "failed": within("task", "Failed"),
        "skipped": within("task", "Skipped"),
        "undone": within("task", "Dropped"),
    },
    ProvisioningKind: {
        "activate": N_("Activation"),
        "bar": N_("Barring"),
        "unbar": N_("Unbarring"),
        "swap_sim": N_("Another SIM card"),
        "change_number": N_("Another number"),
        "terminate": N_("Switching off"),
    },
    NotificationChannel: {"console": N_("Screen"), "sms": N_("SMS"), "email": N_("E-mail")},
    NotificationStatus: {
        "queued": within("message", "Queued"),
        "sent": within("message", "Sent"),
        "delivered": within("message", "Delivered"),
        "failed": within("message", "Failed"),
        "expired": within("message", "Expired"),
    },
    RoleName: {
        "admin": N_("Administrator"),
        "operator": N_("Operator"),
        "senior_operator": N_("Senior operator"),
        "cashier": N_("Cashier"),
        "support": N_("Support"),
        "auditor": N_("Auditor"),
    },
    ApprovalKind: {
        "refund": N_("Refund"),
        "goodwill": N_("Goodwill"),
        "write_off": N_("Write-off"),
        "chargeback_write_off": N_("Write-off of a lost dispute"),
        "erasure": N_("Erasure of personal data"),
    },
    ApprovalStatus: {
        "pending": within("approval", "Waiting"),
        "approved": within("approval", "Approved"),
        "done": within("approval", "Carried out"),
        "failed": within("approval", "Failed"),
        "returned": within("approval", "Sent back"),
        "withdrawn": within("approval", "Withdrawn"),
    },
    Concern: {
        "approvals": N_("Requests for you to decide"),
        "applications": N_("Applications that nobody has taken"),
        "overdue_tickets": N_("Tickets with a late answer"),
        "unknown_payments": N_("Payments with an unknown outcome"),
        "waiting_payments": N_("Payments that wait for their gateway"),
        "unallocated_payments": N_("Unallocated payments"),
        "failed_imports": N_("Imports with errors this week"),
        "failed_provisioning": N_("Changes that failed in the network"),
        "few_sims": N_("Few free SIM cards are left"),
        "few_numbers": N_("Few free standard numbers are left"),
    },
    FirstStep: {
        "name": N_("Give the operator its name and colours"),
        "tariff": N_("Put a tariff on sale"),
        "sims": N_("Bring SIM cards in"),
        "numbers": N_("Bring numbers in"),
        "customer": N_("Register the first customer"),
    },
    TrailKind: {
        "change": N_("Changes"),
        "access": N_("Accesses and refusals"),
    },
    TokenStatus: {
        "issued": within("token", "Not revoked"),
        "revoked": within("token", "Revoked"),
    },
    UserStatus: {
        "invited": within("user", "Invited"),
        "active": within("user", "Active"),
        "blocked": within("user", "Blocked"),
        "removed": within("user", "Removed"),
    },
    Theme: {
        "auto": N_("As the device"),
        "light": N_("Light"),
        "dark": N_("Dark"),
    },
    WebhookStatus: {
        "active": within("webhook", "Active"),
        "paused": within("webhook", "Paused"),
        "removed": within("webhook", "Removed"),
    },
    Area: {
        "applications": N_("Applications"),
        "customers": N_("Customers"),
        "inventory": N_("SIMs and numbers"),
        "catalog": N_("Tariffs"),
        "contracts": N_("Contracts"),
        "accounts": N_("Accounts"),
        "payments": N_("Payments"),
        "tickets": N_("Tickets"),
        "approvals": N_("Approvals"),
        "imports": N_("Bulk import"),
        "network": N_("Network"),
        "notifications": N_("Messages"),
        "rules": N_("Rules"),
        "reports": N_("Reports"),
        "users": N_("Users and roles"),
        "tokens": N_("API tokens"),
        "audit": N_("Audit log"),
        "operations": N_("Operations"),
    },
    Action: {
        "read": within("right", "See"),
        "write": within("right", "Change"),
        "reveal": within("right", "See personal data"),
        "export": within("right", "Export"),
        "approve": within("right", "Approve"),
    },
    Section: {
        "applying": N_("Becoming a subscriber"),
        "tariff": N_("Tariff and its change"),
        "options": N_("Options"),
        "sim": N_("SIM card, PIN and PUK"),
        "support": N_("Support"),
    },
    Limit: {
        "payment": N_("Takes a payment up to"),
        "promise": N_("Grants a promised payment up to"),
        "refund": N_("Refunds alone up to"),
        "adjustment": N_("Adjusts an account alone up to"),
    },
}
"""Every member that a page shows."""


GATEWAYS: Mapping[str, str] = {
    "cash_desk": N_("Cash desk"),
    "card_terminal": N_("Card terminal"),
    "simulator": N_("Trial gateway"),
}
"""What the gateways are called that come along; others by their name."""

_TONES: Mapping[str, str] = {
    "ok": "active confirmed completed done delivered paid available resolved created matched",
    "warn": "suspended on_hold needs_info pending unknown reserved quarantined barred high"
    " disputed unallocated activating",
    "bad": "blocked failed rejected charged_back structure_error urgent aborted expired",
    "info": "prospect draft accepted captured validated in_progress initiated free running"
    " queued uploaded sent requested checked invited",
}
_TONE_OF = {state: name for name, states in _TONES.items() for state in states.split()}


def label(member: object) -> str:
    """Return a member in words; one without any as it is written in code, read as words."""
    words = LABELS.get(type(member), {}) if isinstance(member, StrEnum) else {}
    found = words.get(str(member))
    if found is None:
        text = str(member).replace("_", " ")
        return text[:1].upper() + text[1:]
    return pgettext(*found) if isinstance(found, tuple) else gettext(found)


def entry_title(entry: JournalEntry) -> str:
    """Return what an entry books: a fee that is charged once by what it is for."""
    kind = entry.transfers[0].charge_kind
    if entry.kind is PostingKind.ONE_TIME_FEE and kind:
        return label(ChargeKind(kind))
    return label(entry.kind)


def entry_note(entry: JournalEntry, names: Mapping[str, Wording]) -> str:
    """Return what an entry notes: the tariff or option that it charges by what that is called."""
    is_code = entry.transfers[0].charge_kind and entry.note in names
    return spoken(names[entry.note]) if is_code else entry.note


def gateway(name: str) -> str:
    """Return where a payment is taken, in words."""
    return gettext(GATEWAYS[name]) if name in GATEWAYS else label(name)


def role_title(name: str, title: str) -> str:
    """Return a role in words; one of the operator's own by the title that it was given."""
    return label(RoleName(name)) if name in list(RoleName) else title


STEPS: Mapping[str, str] = {
    "register": N_("SIM card registered"),
    "replace": N_("SIM card or number replaced"),
    "deregister": N_("SIM card removed"),
    "allow": N_("Use allowed"),
    "bar": N_("Use barred"),
}
"""What the network that comes with this does, step by step."""


def step_done(name: str) -> str:
    """Return in words what the network did; a step of somebody else's network by its name."""
    return gettext(STEPS[name]) if name in STEPS else name


_POLICIES = (N_("Prepaid"), N_("Postpaid"), N_("Migration from another system"))
"""What the billing policies are called that every operator begins with."""


def policy_title(policy: BillingPolicy) -> str:
    """Return a billing policy in words; one of the operator's own by the name that it was given."""
    return gettext(policy.name) if policy.name in _POLICIES else policy.name


def tone(member: object) -> str:
    """Return the tone of a state: ok, warn, bad, info, or none."""
    return _TONE_OF.get(str(member), "none")
