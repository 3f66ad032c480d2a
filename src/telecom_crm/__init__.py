"""
A telecom operator's back office, as a library: customers, SIMs, contracts, money and tickets.

    >>> import telecom_crm
    >>> crm = telecom_crm.in_memory()

Three doors open it: `in_memory`, `open` on a PostgreSQL that is there, and `open_embedded` on one
of its own. Every type that a service takes or returns is here under a name that stays. Nothing
heavy is imported before it is needed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Unpack

    from telecom_crm.adapters.clock import ManualClock as ManualClock
    from telecom_crm.adapters.clock import SequentialIds as SequentialIds
    from telecom_crm.application.access.signing_in import SignedIn as SignedIn
    from telecom_crm.application.applicants import Findings as Findings
    from telecom_crm.application.applying import Followed as Followed
    from telecom_crm.application.audit import TrailState as TrailState
    from telecom_crm.application.audit import Verification as Verification
    from telecom_crm.application.catalog import Applied as Applied
    from telecom_crm.application.catalog_file import demo_catalog as demo_catalog
    from telecom_crm.application.catalog_file import read_catalog_toml as read_catalog_toml
    from telecom_crm.application.contracts.amending import When as When
    from telecom_crm.application.contracts.ending import Closing as Closing
    from telecom_crm.application.contracts.foreseeing import Overview as Overview
    from telecom_crm.application.contracts.previewing import Choices as Choices
    from telecom_crm.application.contracts.previewing import Plan as Plan
    from telecom_crm.application.contracts.previewing import Preview as Preview
    from telecom_crm.application.duplicates import SuspectedPair as SuspectedPair
    from telecom_crm.application.intake.working import Question as Question
    from telecom_crm.application.inventory.receiving import NumberData as NumberData
    from telecom_crm.application.inventory.receiving import Received as Received
    from telecom_crm.application.inventory.receiving import SimData as SimData
    from telecom_crm.application.inventory.service import SimSecrets as SimSecrets
    from telecom_crm.application.operations import Direction as Direction
    from telecom_crm.application.operations import Operation as Operation
    from telecom_crm.application.payments.request import PaymentRequest as PaymentRequest
    from telecom_crm.application.ports import AuditRecord as AuditRecord
    from telecom_crm.application.ports import Clock as Clock
    from telecom_crm.application.ports import EventSink as EventSink
    from telecom_crm.application.ports import Files as Files
    from telecom_crm.application.ports import FormerValue as FormerValue
    from telecom_crm.application.ports import GatewayAnswer as GatewayAnswer
    from telecom_crm.application.ports import GatewayReceipt as GatewayReceipt
    from telecom_crm.application.ports import GatewayUncertain as GatewayUncertain
    from telecom_crm.application.ports import Message as Message
    from telecom_crm.application.ports import Messenger as Messenger
    from telecom_crm.application.ports import Network as Network
    from telecom_crm.application.ports import NewId as NewId
    from telecom_crm.application.ports import NotInstalled as NotInstalled
    from telecom_crm.application.ports import Outcome as Outcome
    from telecom_crm.application.ports import Page as Page
    from telecom_crm.application.ports import Payer as Payer
    from telecom_crm.application.ports import PaymentGateway as PaymentGateway
    from telecom_crm.application.ports import Query as Query
    from telecom_crm.application.ports import TableFormat as TableFormat
    from telecom_crm.application.ports import TrialGateway as TrialGateway
    from telecom_crm.application.provisioning import Worked as Worked
    from telecom_crm.application.rule_keeping import InForce as InForce
    from telecom_crm.application.rule_readers import ServiceLevels as ServiceLevels
    from telecom_crm.application.tickets import TicketStanding as TicketStanding
    from telecom_crm.domain.account import AccountBooks as AccountBooks
    from telecom_crm.domain.account import AccountState as AccountState
    from telecom_crm.domain.account import AccountStatement as AccountStatement
    from telecom_crm.domain.account import BillingAccount as BillingAccount
    from telecom_crm.domain.activation import ActivationSummary as ActivationSummary
    from telecom_crm.domain.application import Application as Application
    from telecom_crm.domain.application import ApplicationKind as ApplicationKind
    from telecom_crm.domain.application import Channel as Channel
    from telecom_crm.domain.application import Priority as Priority
    from telecom_crm.domain.approval import Approval as Approval
    from telecom_crm.domain.approval import ApprovalKind as ApprovalKind
    from telecom_crm.domain.attachment import Attachment as Attachment
    from telecom_crm.domain.brand import Brand as Brand
    from telecom_crm.domain.catalogue import CatalogueFile as CatalogueFile
    from telecom_crm.domain.charging import Charge as Charge
    from telecom_crm.domain.charging import ChargeKind as ChargeKind
    from telecom_crm.domain.compatibility import CompatibilityRule as CompatibilityRule
    from telecom_crm.domain.contract import CloseReason as CloseReason
    from telecom_crm.domain.contract import Contract as Contract
    from telecom_crm.domain.customer import Customer as Customer
    from telecom_crm.domain.customer import MergeField as MergeField
    from telecom_crm.domain.deduplication import DeduplicationRules as DeduplicationRules
    from telecom_crm.domain.deduplication import Suspicion as Suspicion
    from telecom_crm.domain.demo import Demo as Demo
    from telecom_crm.domain.errors import Busy as Busy
    from telecom_crm.domain.errors import Conflict as Conflict
    from telecom_crm.domain.errors import Fault as Fault
    from telecom_crm.domain.errors import GatewayError as GatewayError
    from telecom_crm.domain.errors import IllegalTransition as IllegalTransition
    from telecom_crm.domain.errors import InvalidValue as InvalidValue
    from telecom_crm.domain.errors import KeyReused as KeyReused
    from telecom_crm.domain.errors import NotFound as NotFound
    from telecom_crm.domain.errors import NotPermitted as NotPermitted
    from telecom_crm.domain.errors import Reason as Reason
    from telecom_crm.domain.errors import RuleViolated as RuleViolated
    from telecom_crm.domain.errors import SchemaOutdated as SchemaOutdated
    from telecom_crm.domain.errors import StaleVersion as StaleVersion
    from telecom_crm.domain.errors import TelecomCrmError as TelecomCrmError
    from telecom_crm.domain.errors import Unavailable as Unavailable
    from telecom_crm.domain.errors import VersionSeen as VersionSeen
    from telecom_crm.domain.hold import HoldKind as HoldKind
    from telecom_crm.domain.identifiers import ICCID as ICCID
    from telecom_crm.domain.identifiers import IMSI as IMSI
    from telecom_crm.domain.identifiers import MSISDN as MSISDN
    from telecom_crm.domain.identifiers import AccountId as AccountId
    from telecom_crm.domain.identifiers import ApplicationId as ApplicationId
    from telecom_crm.domain.identifiers import ApprovalId as ApprovalId
    from telecom_crm.domain.identifiers import ContractId as ContractId
    from telecom_crm.domain.identifiers import CustomerId as CustomerId
    from telecom_crm.domain.identifiers import DocumentId as DocumentId
    from telecom_crm.domain.identifiers import EditionId as EditionId
    from telecom_crm.domain.identifiers import EntryId as EntryId
    from telecom_crm.domain.identifiers import ImportId as ImportId
    from telecom_crm.domain.identifiers import NoteId as NoteId
    from telecom_crm.domain.identifiers import NotificationId as NotificationId
    from telecom_crm.domain.identifiers import PaymentId as PaymentId
    from telecom_crm.domain.identifiers import RefundId as RefundId
    from telecom_crm.domain.identifiers import SessionId as SessionId
    from telecom_crm.domain.identifiers import TaskId as TaskId
    from telecom_crm.domain.identifiers import TicketId as TicketId
    from telecom_crm.domain.identifiers import TokenId as TokenId
    from telecom_crm.domain.identifiers import UserId as UserId
    from telecom_crm.domain.identifiers import WebhookId as WebhookId
    from telecom_crm.domain.identity_document import DocumentType as DocumentType
    from telecom_crm.domain.identity_document import IdentityDocument as IdentityDocument
    from telecom_crm.domain.importing import ImportJob as ImportJob
    from telecom_crm.domain.importing import ImportKind as ImportKind
    from telecom_crm.domain.importing import ImportSummary as ImportSummary
    from telecom_crm.domain.importing import RowError as RowError
    from telecom_crm.domain.language import Wording as Wording
    from telecom_crm.domain.ledger import JournalEntry as JournalEntry
    from telecom_crm.domain.ledger import LedgerCode as LedgerCode
    from telecom_crm.domain.ledger import TrialBalanceLine as TrialBalanceLine
    from telecom_crm.domain.lifecycle import Actor as Actor
    from telecom_crm.domain.lifecycle import Event as Event
    from telecom_crm.domain.money import Money as Money
    from telecom_crm.domain.notification import Notification as Notification
    from telecom_crm.domain.notification import Template as Template
    from telecom_crm.domain.number import Number as Number
    from telecom_crm.domain.number import NumberCategory as NumberCategory
    from telecom_crm.domain.paper import Edition as Edition
    from telecom_crm.domain.paper import PaperKind as PaperKind
    from telecom_crm.domain.paper import TemplateVersion as TemplateVersion
    from telecom_crm.domain.payment import Payment as Payment
    from telecom_crm.domain.payment import PaymentMethod as PaymentMethod
    from telecom_crm.domain.payment import PaymentReceipt as PaymentReceipt
    from telecom_crm.domain.payment import Takings as Takings
    from telecom_crm.domain.policy import BillingPolicy as BillingPolicy
    from telecom_crm.domain.policy import PaymentMode as PaymentMode
    from telecom_crm.domain.policy import PoliciesReceipt as PoliciesReceipt
    from telecom_crm.domain.profile import Address as Address
    from telecom_crm.domain.profile import Consent as Consent
    from telecom_crm.domain.profile import CustomerKind as CustomerKind
    from telecom_crm.domain.provisioning import ProvisioningStatus as ProvisioningStatus
    from telecom_crm.domain.provisioning import ProvisioningTask as ProvisioningTask
    from telecom_crm.domain.refund import Refund as Refund
    from telecom_crm.domain.regulation import PaymentLimits as PaymentLimits
    from telecom_crm.domain.regulation import Regulations as Regulations
    from telecom_crm.domain.report import Attention as Attention
    from telecom_crm.domain.report import Concern as Concern
    from telecom_crm.domain.report import Dashboard as Dashboard
    from telecom_crm.domain.report import FirstStep as FirstStep
    from telecom_crm.domain.report import News as News
    from telecom_crm.domain.report import PoolFigures as PoolFigures
    from telecom_crm.domain.role import Action as Action
    from telecom_crm.domain.role import Area as Area
    from telecom_crm.domain.role import Limit as Limit
    from telecom_crm.domain.role import Rights as Rights
    from telecom_crm.domain.role import Role as Role
    from telecom_crm.domain.role import RoleName as RoleName
    from telecom_crm.domain.role import Scope as Scope
    from telecom_crm.domain.role import Visitor as Visitor
    from telecom_crm.domain.seal import Breach as Breach
    from telecom_crm.domain.seal import Seal as Seal
    from telecom_crm.domain.self_care import Offered as Offered
    from telecom_crm.domain.self_care import Section as Section
    from telecom_crm.domain.session import Session as Session
    from telecom_crm.domain.session import Subscriber as Subscriber
    from telecom_crm.domain.sim import RetireReason as RetireReason
    from telecom_crm.domain.sim import Sim as Sim
    from telecom_crm.domain.tariff import Allowances as Allowances
    from telecom_crm.domain.tariff import Option as Option
    from telecom_crm.domain.tariff import OptionTerms as OptionTerms
    from telecom_crm.domain.tariff import Tariff as Tariff
    from telecom_crm.domain.tariff import TariffTerms as TariffTerms
    from telecom_crm.domain.tariff import UsageRate as UsageRate
    from telecom_crm.domain.ticket import BlockReason as BlockReason
    from telecom_crm.domain.ticket import SlaState as SlaState
    from telecom_crm.domain.ticket import Ticket as Ticket
    from telecom_crm.domain.ticket import TicketPriority as TicketPriority
    from telecom_crm.domain.token import Token as Token
    from telecom_crm.domain.user import Preferences as Preferences
    from telecom_crm.domain.user import User as User
    from telecom_crm.domain.validation import CustomerField as CustomerField
    from telecom_crm.domain.validation import ValidationRules as ValidationRules
    from telecom_crm.domain.webhook import Webhook as Webhook
    from telecom_crm.entrypoints.container import DoorOptions
    from telecom_crm.entrypoints.crm import Crm as Crm
    from telecom_crm.entrypoints.periods import Periods as Periods

_STABLE = {
    "adapters.clock": "ManualClock SequentialIds",
    "application.access.signing_in": "SignedIn",
    "application.applicants": "Findings",
    "application.applying": "Followed",
    "application.audit": "TrailState Verification",
    "application.catalog": "Applied",
    "application.catalog_file": "demo_catalog read_catalog_toml",
    "application.contracts.amending": "When",
    "application.contracts.foreseeing": "Overview",
    "application.contracts.ending": "Closing",
    "application.contracts.previewing": "Choices Plan Preview",
    "application.duplicates": "SuspectedPair",
    "application.intake.working": "Question",
    "application.inventory.receiving": "NumberData Received SimData",
    "application.inventory.service": "SimSecrets",
    "application.operations": "Direction Operation",
    "application.payments.request": "PaymentRequest",
    "application.ports": """
        AuditRecord Clock EventSink Files FormerValue GatewayAnswer GatewayReceipt
        GatewayUncertain Message Messenger Network NewId NotInstalled Outcome Page Payer
        PaymentGateway Query TableFormat TrialGateway
    """,
    "application.provisioning": "Worked",
    "application.rule_keeping": "InForce",
    "application.rule_readers": "ServiceLevels",
    "application.tickets": "TicketStanding",
    "domain.account": "AccountBooks AccountState AccountStatement BillingAccount",
    "domain.activation": "ActivationSummary",
    "domain.application": "Application ApplicationKind Channel Priority",
    "domain.approval": "Approval ApprovalKind",
    "domain.attachment": "Attachment",
    "domain.brand": "Brand",
    "domain.catalogue": "CatalogueFile",
    "domain.charging": "Charge ChargeKind",
    "domain.compatibility": "CompatibilityRule",
    "domain.contract": "CloseReason Contract",
    "domain.customer": "Customer MergeField",
    "domain.deduplication": "DeduplicationRules Suspicion",
    "domain.demo": "Demo",
    "domain.errors": """
        Busy Conflict Fault GatewayError IllegalTransition InvalidValue KeyReused NotFound
        NotPermitted Reason RuleViolated SchemaOutdated StaleVersion TelecomCrmError Unavailable
        VersionSeen
    """,
    "domain.hold": "HoldKind",
    "domain.identifiers": """
        AccountId ApplicationId ApprovalId ContractId CustomerId DocumentId EditionId EntryId
        ICCID IMSI ImportId MSISDN NoteId NotificationId PaymentId RefundId SessionId TaskId
        TicketId TokenId UserId WebhookId
    """,
    "domain.identity_document": "DocumentType IdentityDocument",
    "domain.importing": "ImportJob ImportKind ImportSummary RowError",
    "domain.language": "Wording",
    "domain.ledger": "JournalEntry LedgerCode TrialBalanceLine",
    "domain.lifecycle": "Actor Event",
    "domain.money": "Money",
    "domain.notification": "Notification Template",
    "domain.number": "Number NumberCategory",
    "domain.paper": "Edition PaperKind TemplateVersion",
    "domain.payment": "Payment PaymentMethod PaymentReceipt Takings",
    "domain.policy": "BillingPolicy PaymentMode PoliciesReceipt",
    "domain.profile": "Address Consent CustomerKind",
    "domain.provisioning": "ProvisioningStatus ProvisioningTask",
    "domain.refund": "Refund",
    "domain.regulation": "PaymentLimits Regulations",
    "domain.report": "Attention Concern Dashboard FirstStep News PoolFigures",
    "domain.role": "Action Area Limit Rights Role RoleName Scope Visitor",
    "domain.seal": "Breach Seal",
    "domain.self_care": "Offered Section",
    "domain.session": "Session Subscriber",
    "domain.sim": "RetireReason Sim",
    "domain.tariff": "Allowances Option OptionTerms Tariff TariffTerms UsageRate",
    "domain.ticket": "BlockReason SlaState Ticket TicketPriority",
    "domain.token": "Token",
    "domain.user": "Preferences User",
    "domain.validation": "CustomerField ValidationRules",
    "domain.webhook": "Webhook",
    "entrypoints.crm": "Crm",
    "entrypoints.periods": "Periods",
}
"""Stable names, by the module that each is loaded from when it is first asked for."""

_PLACES = {name: module for module, names in _STABLE.items() for name in names.split()}

__all__ = ["in_memory", "open", "open_embedded", *_PLACES]  # noqa: PLE0604  # all of them are texts


def in_memory(**options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM that lives as long as this process: for tests, and for trying things out.

    Options are those of `telecom_crm.entrypoints.container.Options`, such as `clock`, `new_id`,
    `gateways`, `network`, `messenger`, `files`, `event_sink`, `zone` and `currency`. Of gateways
    there is the cash desk where none are named; `"simulator"` is one to try things out with.
    """
    from telecom_crm.entrypoints import doors

    return doors.in_memory(**options)


def open(url: str, **options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM on a PostgreSQL 15 or later, such as `postgresql://user:secret@host/database`.

    Never migrates: raise `SchemaOutdated`, which names the command, where the schema (option
    `schema`) is not the one that this version needs, `Unavailable` where the database cannot be
    reached, and `NotInstalled` without the extra `postgres`.
    Further options: those of `in_memory`, `data` (a directory for files), `pool_size`, `engine`.
    """
    from telecom_crm.entrypoints import doors

    return doors.open(url, **options)


def open_embedded(directory: str | Path, **options: Unpack[DoorOptions]) -> Crm:
    """
    Open a CRM on a PostgreSQL of its own below a directory, started there or joined where it runs.

    Makes the database and migrates it. Whoever closes last stops the server. Raise
    `EmbeddedPostgresFailed`, and `NotInstalled` without the extra `embedded`.
    """
    from telecom_crm.entrypoints import doors

    return doors.open_embedded(directory, **options)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
