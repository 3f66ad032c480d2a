"""What changes tell, in words: states, kinds and reasons as pages have them, not as code has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from itertools import chain
from typing import Any

import attrs

from telecom_crm.application.audit import Key
from telecom_crm.domain.account import AccountStatus
from telecom_crm.domain.application import ApplicationKind, ApplicationStatus, Channel
from telecom_crm.domain.approval import ApprovalKind, ApprovalStatus
from telecom_crm.domain.change import Change
from telecom_crm.domain.compatibility import RuleKind
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.customer import CustomerStatus
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.hold import Bar, HoldKind
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.importing import ImportKind, ImportStatus
from telecom_crm.domain.notification import NotificationChannel, NotificationStatus
from telecom_crm.domain.number import NumberCategory, NumberStatus
from telecom_crm.domain.payment import PaymentStatus
from telecom_crm.domain.policy import FeeTiming, FirstFee, PaymentMode, Proration, Requirement
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningStatus
from telecom_crm.domain.refund import RefundStatus
from telecom_crm.domain.role import Action, Area, RoleName
from telecom_crm.domain.sim import SimStatus
from telecom_crm.domain.tariff import CatalogueStatus
from telecom_crm.domain.ticket import TicketPriority, TicketStatus
from telecom_crm.domain.user import Theme, UserStatus
from telecom_crm.domain.validation import CustomerField
from telecom_crm.domain.webhook import WebhookStatus
from telecom_crm.entrypoints.http.web.audit_labels import field as named
from telecom_crm.entrypoints.http.web.events import EVENTS, event_shown
from telecom_crm.entrypoints.http.web.i18n import NAMES
from telecom_crm.entrypoints.http.web.labels import gateway, label, step_done

STATES: Mapping[str, type[StrEnum]] = {
    "account": AccountStatus,
    "application": ApplicationStatus,
    "approval": ApprovalStatus,
    "contract": ContractStatus,
    "customer": CustomerStatus,
    "import_job": ImportStatus,
    "notification": NotificationStatus,
    "number": NumberStatus,
    "option": CatalogueStatus,
    "payment": PaymentStatus,
    "provisioning_task": ProvisioningStatus,
    "refund": RefundStatus,
    "sim": SimStatus,
    "tariff": CatalogueStatus,
    "ticket": TicketStatus,
    "user": UserStatus,
    "webhook": WebhookStatus,
}
"""The states of things."""

KINDS: Mapping[tuple[str, str], type[StrEnum]] = {
    **{(thing, "status"): states for thing, states in STATES.items()},
    ("application", "kind"): ApplicationKind,
    ("application", "channel"): Channel,
    ("approval", "kind"): ApprovalKind,
    ("contract", "hold"): HoldKind,
    ("customer", "kind"): CustomerKind,
    ("import_job", "kind"): ImportKind,
    ("notification", "channel"): NotificationChannel,
    ("number", "category"): NumberCategory,
    ("provisioning_task", "kind"): ProvisioningKind,
    ("provisioning_task", "bars"): Bar,
    ("ticket", "priority"): TicketPriority,
    ("user", "role"): RoleName,
    ("user", "theme"): Theme,
    # rules tell by the last word of the place
    ("rules", "kind"): RuleKind,
    ("rules", "channel"): NotificationChannel,
    ("rules", "payment_mode"): PaymentMode,
    ("rules", "fee_timing"): FeeTiming,
    ("rules", "proration"): Proration,
    ("rules", "first_fee"): FirstFee,
    ("rules", "required_for_activation"): Requirement,
    ("rules", "exact"): Match,
    ("rules", "document_types"): DocumentType,
    **{("rules", kind.value): CustomerField for kind in CustomerKind},
    **{("rules", area.value): Action for area in Area},
}
"""What is one of a kind, by the thing and the field: told by the words of its kind."""


def _event(name: str) -> str:
    return event_shown(name)[0] if name in EVENTS else name


def _language(code: str) -> str:
    return NAMES.get(code, code)


READ: Mapping[str, Callable[[str], Any]] = {
    "event": _event,
    "language": _language,
    "gateway": gateway,
    "step": step_done,
    "taken": named,
    "began": datetime.fromisoformat,
    "until": datetime.fromisoformat,
    "effective_on": date.fromisoformat,
}
"""What is told otherwise, by the field; pages write days and instants as they do elsewhere."""
NAMED: Mapping[str, str] = {
    **dict.fromkeys(("account", "account_id"), "account"),
    **dict.fromkeys(("contract", "contract_id", "follows", "successor"), "contract"),
    **dict.fromkeys(("customer", "customer_id", "merged_into", "survivor", "to"), "customer"),
    **dict.fromkeys(("became", "payment_id"), "payment"),
    "options": "option",
    "refund_id": "refund",
    **dict.fromkeys(("tariff", "tariff_code"), "tariff"),
    "ticket": "ticket",
}
"""What tells of another thing by its key: the field, and the kind of thing."""
NO_NAMES: Mapping[Key, str] = {}
UNSAID = frozenset({("rules", "status")})
"""What tells nothing: rules that were put always hold."""


def keys_told(changes: Iterable[Change]) -> set[Key]:
    """Return the things that changes tell of by their keys."""
    return {
        (NAMED[one.field], text)
        for one in changes
        if one.field in NAMED
        for value in (one.before, one.after)
        for text in (value if isinstance(value, list | tuple) else [value])
        if isinstance(text, str)
    }


def worded(
    thing: str, changes: Iterable[Change], names: Mapping[Key, str] = NO_NAMES
) -> tuple[Change, ...]:
    """
    Put the values of an event's changes in words; what has none stays as it is written.

    `names` are those of things that changes tell of by their keys.
    """
    return tuple(_worded(thing, one, names) for one in changes if (thing, one.field) not in UNSAID)


def _worded(thing: str, change: Change, names: Mapping[Key, str]) -> Change:
    name = change.field.rpartition(".")[2]
    kind, read, other = KINDS.get((thing, name)), READ.get(name), NAMED.get(change.field, "")
    if kind is None and read is None and not other:
        return change

    def said(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [said(one) for one in value]
        if not isinstance(value, str):
            return value
        if kind is not None:
            return label(kind(value)) if value in list(kind) else value
        return read(value) if read else names.get((other, value), value)

    return attrs.evolve(change, before=said(change.before), after=said(change.after))


def kinds_told() -> set[StrEnum]:
    """Return every member that a change may tell."""
    return set(chain.from_iterable(KINDS.values()))
