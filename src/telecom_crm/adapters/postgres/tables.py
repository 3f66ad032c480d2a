"""
The tables, in one place; the migrations build exactly these, and a test holds them to it.

Money and contract tables lead their keys with `account_id`, which never changes; `directory` says
which account an id belongs to. Keys are text or UUIDv7 made outside; there is no foreign key across
them, no trigger and no sequence, so that the schema can be spread over several machines. Personal
data is in `customers`, `identity_documents`, `former_values`, `applications` and `paper_editions`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import CHAR, JSONB
from sqlalchemy.types import UserDefinedType

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

PK_EVENTS = "pk_events"
PK_IDENTITY_DOCUMENTS = "pk_identity_documents"
PK_KEYS = "pk_keys"
UQ_ENTRIES_REVERSES = "uq_entries_account_id_reverses"
UQ_TOKENS_DIGEST = "uq_tokens_digest"
UQ_SESSIONS_DIGEST = "uq_sessions_digest"
UQ_USERS_LOGIN = "uq_users_login"
UQ_APPLICATIONS_REFERENCE = "uq_applications_channel_external_reference"
CK_TRANSFERS_AMOUNT = "ck_transfers_amount_minor"
CK_PAYMENTS_AMOUNT = "ck_payments_amount_minor"
CK_REFUNDS_AMOUNT = "ck_refunds_amount_minor"
XACT_NUMBER = "(pg_current_xact_id()::text)::bigint"


class Xid8(UserDefinedType[Any]):
    """A transaction's 64-bit number (PostgreSQL `xid8`)."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "XID8"


def _id(name: str = "id") -> Column[Any]:
    return Column(name, Uuid(), nullable=False)


def _ref(name: str) -> Column[Any]:
    return Column(name, Uuid())


def _key(name: str) -> Column[Any]:
    # In byte order, whatever the database's locale, as Python sorts it.
    return Column(name, Text(collation="C"), nullable=False)


def _text(name: str) -> Column[Any]:
    return Column(name, Text(), nullable=False)


def _maybe(name: str) -> Column[Any]:
    return Column(name, Text())


def _json(name: str) -> Column[Any]:
    return Column(name, JSONB(), nullable=False)


def _at(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


def _int(name: str, **options: Any) -> Column[Any]:
    return Column(name, Integer(), nullable=False, **options)


def _rank() -> Column[Any]:
    """How a thing's priority sorts, the most urgent highest."""
    return Column("rank", SmallInteger(), nullable=False)


def _minor(name: str, **options: Any) -> Column[Any]:
    """An amount in minor units."""
    return Column(name, BigInteger(), nullable=False, **options)


def _currency() -> Column[Any]:
    return Column("currency", CHAR(3), nullable=False)


def _flag(name: str) -> Column[Any]:
    return Column(name, Boolean(), nullable=False)


def _as_words(column: Column[Any]) -> Any:
    """The words of a text as an index holds them: cut at spaces, and no further by a parser."""
    return func.array_to_tsvector(func.string_to_array(column, text("' '::text")))


customers = Table(
    "customers",
    metadata,
    _id(),
    _text("kind"),
    _text("name"),
    _text("words"),
    Column("city", Text(collation="C")),
    Column("phone", Text(collation="C")),
    _maybe("email"),
    _text("language"),
    _maybe("national_id"),
    _json("documents"),
    Column("birth_date", Date()),
    _maybe("registration_number"),
    _json("addresses"),
    _json("consents"),
    _json("notes"),
    _ref("merged_into"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
# Words of a name, by their beginnings; the end of a phone number, by its digits from behind.
NAME_WORDS = _as_words(customers.c.words)
PHONE_FROM_BEHIND = func.reverse(customers.c.phone)
EMAIL_FOLDED = func.lower(customers.c.email)
Index(
    "ix_customers_unusual",
    customers.c.status,
    customers.c.id,
    postgresql_where=text("status <> 'active'"),
)
Index(
    "ix_customers_kind",
    customers.c.kind,
    customers.c.id,
    postgresql_where=text("kind <> 'person'"),
)
Index(
    "ix_customers_city",
    customers.c.city,
    customers.c.id,
    postgresql_where=text("city IS NOT NULL"),
)
Index("ix_customers_words", NAME_WORDS, postgresql_using="gin")
Index("ix_customers_phone", PHONE_FROM_BEHIND, postgresql_where=text("phone IS NOT NULL"))
Index("ix_customers_email", EMAIL_FOLDED, postgresql_where=text("email IS NOT NULL"))
Index(
    "ix_customers_birth_date",
    customers.c.birth_date,
    postgresql_where=text("birth_date IS NOT NULL"),
)
Index(
    "ix_customers_national_id",
    customers.c.national_id,
    postgresql_where=text("national_id IS NOT NULL"),
)

# National ids are papers of a type of their own here: whatever is in it has one owner.
identity_documents = Table(
    "identity_documents",
    metadata,
    _key("type"),
    _key("number_key"),
    _id("customer_id"),
    PrimaryKeyConstraint("type", "number_key"),
)

former_values = Table(
    "former_values",
    metadata,
    _id("customer_id"),
    _at("at"),
    _key("field"),
    _int("position"),
    _text("value"),
    _text("by_name"),
    _maybe("by_token"),
    PrimaryKeyConstraint("customer_id", "at", "field", "position"),
)

applications = Table(
    "applications",
    metadata,
    _id(),
    _text("number"),
    _text("kind"),
    _text("channel"),
    _maybe("external_reference"),
    _text("priority"),
    _rank(),
    _json("raw"),
    _json("data"),
    _text("words"),
    _json("scans"),
    _json("duplicates"),
    _ref("customer_id"),
    _ref("contract_id"),
    _maybe("claimed_by"),
    _at("claimed_until", nullable=True),
    _text("outcome"),
    _at("captured_at"),
    _at("ended_at", nullable=True),
    _at("erased_at", nullable=True),
    _at("answer_by", nullable=True),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index(
    UQ_APPLICATIONS_REFERENCE,
    applications.c.channel,
    applications.c.external_reference,
    unique=True,
    postgresql_where=text("external_reference IS NOT NULL"),
)
APPLICATION_WORDS = _as_words(applications.c.words)
Index("ix_applications_words", APPLICATION_WORDS, postgresql_using="gin")
Index(
    "ix_applications_claimed_by",
    applications.c.claimed_by,
    applications.c.id,
    postgresql_where=text("claimed_by IS NOT NULL"),
)
Index("ix_applications_status", applications.c.status, applications.c.id)
Index("ix_applications_kind", applications.c.kind, applications.c.id)
Index("ix_applications_channel", applications.c.channel, applications.c.id)
Index(
    "ix_applications_waiting",
    applications.c.rank.desc(),
    applications.c.id,
    postgresql_where=text("status = 'validated'"),
)
Index(
    "ix_applications_claimed_until",
    applications.c.claimed_until,
    postgresql_where=text("claimed_until IS NOT NULL"),
)
Index(
    "ix_applications_answer_by",
    applications.c.answer_by,
    postgresql_where=text("answer_by IS NOT NULL"),
)
Index(
    "ix_applications_ended_at",
    applications.c.ended_at,
    postgresql_where=text("customer_id IS NULL AND erased_at IS NULL AND ended_at IS NOT NULL"),
)
Index(
    "ix_applications_customer_id",
    applications.c.customer_id,
    applications.c.id,
    postgresql_where=text("customer_id IS NOT NULL"),
)

sims = Table(
    "sims",
    metadata,
    _key("iccid"),
    _maybe("imsi"),
    _text("pin1"),
    _text("puk1"),
    _text("batch"),
    _maybe("msisdn"),
    _ref("contract_id"),
    _maybe("reserved_for"),
    _at("reserved_until", nullable=True),
    _at("activated_at", nullable=True),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("iccid"),
)
Index("ix_sims_batch", sims.c.batch, sims.c.iccid, postgresql_where=text("batch <> ''"))
Index("ix_sims_unusual", sims.c.status, sims.c.iccid, postgresql_where=text("status <> 'active'"))
Index("ix_sims_contract_id", sims.c.contract_id, postgresql_where=text("contract_id IS NOT NULL"))
Index(
    "ix_sims_reserved_until",
    sims.c.reserved_until,
    postgresql_where=text("reserved_until IS NOT NULL"),
)
Index(
    "ix_sims_reserved_for",
    sims.c.reserved_for,
    postgresql_where=text("reserved_for IS NOT NULL"),
)

numbers = Table(
    "numbers",
    metadata,
    _key("msisdn"),
    _text("category"),
    Column("price_minor", BigInteger()),
    Column("price_currency", CHAR(3)),
    _text("origin"),
    _ref("contract_id"),
    _maybe("reserved_for"),
    _at("reserved_until", nullable=True),
    _at("quarantined_until", nullable=True),
    _ref("kept_for"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("msisdn"),
)
Index(
    "ix_numbers_unusual",
    numbers.c.status,
    numbers.c.msisdn,
    postgresql_where=text("status <> 'assigned'"),
)
Index(
    "ix_numbers_category",
    numbers.c.category,
    numbers.c.msisdn,
    postgresql_where=text("category <> 'standard'"),
)
Index(
    "ix_numbers_contract_id",
    numbers.c.contract_id,
    postgresql_where=text("contract_id IS NOT NULL"),
)
Index(
    "ix_numbers_reserved_until",
    numbers.c.reserved_until,
    postgresql_where=text("reserved_until IS NOT NULL"),
)
Index(
    "ix_numbers_reserved_for",
    numbers.c.reserved_for,
    postgresql_where=text("reserved_for IS NOT NULL"),
)
Index(
    "ix_numbers_quarantined_until",
    numbers.c.quarantined_until,
    postgresql_where=text("quarantined_until IS NOT NULL"),
)

tariffs = Table(
    "tariffs",
    metadata,
    _key("code"),
    _json("name"),
    _json("description"),
    _json("versions"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("code"),
)

options = Table(
    "options",
    metadata,
    _key("code"),
    _json("name"),
    _json("description"),
    _text("option_group"),
    _json("versions"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("code"),
)

directory = Table("directory", metadata, _id(), _id("account_id"), PrimaryKeyConstraint("id"))

contracts = Table(
    "contracts",
    metadata,
    _id("account_id"),
    _id(),
    _key("number"),
    _id("customer_id"),
    _key("iccid"),
    _key("msisdn"),
    _text("tariff_code"),
    _int("tariff_version"),
    _json("options"),
    _json("documents"),
    _ref("application_id"),
    Column("requested_activation", Date()),
    _int("minimum_term_months"),
    _at("accepted_at", nullable=True),
    _at("activated_at", nullable=True),
    _at("closed_at", nullable=True),
    Column("receipt", JSONB()),
    _json("first_fees"),
    _ref("follows"),
    _json("holds"),
    _json("revisions"),
    Column("pending", JSONB()),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("account_id", "id"),
)
Index("ix_contracts_id", contracts.c.id)
Index(
    "ix_contracts_unusual",
    contracts.c.status,
    contracts.c.id,
    postgresql_where=text("status <> 'active'"),
)
Index("ix_contracts_tariff_code", contracts.c.tariff_code, contracts.c.id)
Index("ix_contracts_customer_id", contracts.c.customer_id, contracts.c.id)
Index("ix_contracts_iccid", contracts.c.iccid)
# From behind, so that the end of a number finds it too.
Index("ix_contracts_msisdn", func.reverse(contracts.c.msisdn))
Index("ix_contracts_number", func.reverse(contracts.c.number))
Index(
    "ix_contracts_requested_activation",
    contracts.c.requested_activation,
    postgresql_where=text("status = 'accepted' AND requested_activation IS NOT NULL"),
)
Index("ix_contracts_pending", contracts.c.id, postgresql_where=text("pending IS NOT NULL"))

accounts = Table(
    "accounts",
    metadata,
    _id(),
    _text("number"),
    _ref("customer_id"),
    _currency(),
    Column("receipt", JSONB()),
    _flag("policy_frozen"),
    Column("promise_minor", BigInteger()),
    _at("promise_until", nullable=True),
    _minor("credit_limit_minor"),
    _int("money_holds"),
    _flag("overdrawn"),
    _text("status"),
    _int("version"),
    _minor("subscriber", server_default=text("0")),
    _minor("receivable", server_default=text("0")),
    _minor("unbilled", server_default=text("0")),
    _minor("reserved", server_default=text("0")),
    PrimaryKeyConstraint("id"),
    # Counters change with every posting: with room in its page, a row touches no index.
    postgresql_with={"fillfactor": "80"},
)
Index("ix_accounts_customer_id", accounts.c.customer_id, accounts.c.id)
Index("ix_accounts_number", accounts.c.number)
Index("ix_accounts_money_holds", accounts.c.id, postgresql_where=text("money_holds > 0"))
Index("ix_accounts_overdrawn", accounts.c.id, postgresql_where=text("overdrawn"))
Index(
    "ix_accounts_promise_until",
    accounts.c.promise_until,
    postgresql_where=text("promise_until IS NOT NULL"),
)

entries = Table(
    "entries",
    metadata,
    _id("account_id"),
    _id(),
    _text("kind"),
    _currency(),
    _at("booked_at"),
    _text("caused_by"),
    _ref("reverses"),
    _text("note"),
    # As a number, for an index of a few pages that costs the till nothing: entries only ever come
    # behind each other.
    Column("xact", BigInteger(), nullable=False, server_default=text(XACT_NUMBER)),
    PrimaryKeyConstraint("account_id", "id"),
)
Index(
    UQ_ENTRIES_REVERSES,
    entries.c.account_id,
    entries.c.reverses,
    unique=True,
    postgresql_where=text("reverses IS NOT NULL"),
)
Index(
    "ix_entries_xact",
    entries.c.xact,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
)
Index("ix_entries_booked_at", entries.c.account_id, entries.c.booked_at, entries.c.id)

transfers = Table(
    "transfers",
    metadata,
    _id("account_id"),
    _id("entry_id"),
    Column("leg", SmallInteger(), nullable=False),
    _text("debit"),
    _text("credit"),
    _minor("amount_minor"),
    _currency(),
    _text("counterparty"),
    _ref("contract_id"),
    _text("tariff"),
    Column("tariff_version", Integer()),
    _text("charge_kind"),
    Column("period_start", Date()),
    Column("period_end", Date()),
    _at("booked_at"),
    PrimaryKeyConstraint("account_id", "entry_id", "leg"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
)

payments = Table(
    "payments",
    metadata,
    _id("account_id"),
    _id(),
    _ref("contract_id"),
    _minor("amount_minor"),
    _currency(),
    _text("method"),
    _text("gateway"),
    _at("at"),
    _maybe("gateway_reference"),
    _text("failure"),
    _maybe("meant_for"),
    _ref("entry_id"),
    _minor("refunded_minor"),
    _text("reconciliation"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("account_id", "id"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
)
Index("ix_payments_id", payments.c.id)
Index(
    "ix_payments_unusual",
    payments.c.status,
    payments.c.id,
    postgresql_where=text("status <> 'confirmed'"),
)
Index(
    "ix_payments_in_flight",
    payments.c.id,
    postgresql_where=text("status IN ('initiated', 'pending', 'unknown')"),
)
Index(
    "ix_payments_gateway_reference",
    payments.c.gateway_reference,
    payments.c.gateway,
    postgresql_where=text("gateway_reference IS NOT NULL"),
)
Index("ix_payments_method", payments.c.method, payments.c.id)
Index("ix_payments_gateway", payments.c.gateway, payments.c.id)

refunds = Table(
    "refunds",
    metadata,
    _id("account_id"),
    _id(),
    _id("payment_id"),
    _minor("amount_minor"),
    _currency(),
    _text("gateway"),
    _text("reason"),
    _id("requested_entry_id"),
    _maybe("gateway_reference"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("account_id", "id"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
)
Index("ix_refunds_id", refunds.c.id)
Index("ix_refunds_payment_id", refunds.c.payment_id)
Index(
    "ix_refunds_in_flight",
    refunds.c.id,
    postgresql_where=text("status IN ('requested', 'pending', 'unknown')"),
)

provisioning_tasks = Table(
    "provisioning_tasks",
    metadata,
    _id(),
    _text("kind"),
    _id("contract_id"),
    _text("iccid"),
    _maybe("imsi"),
    _text("msisdn"),
    _json("bars"),
    _maybe("previous_iccid"),
    _maybe("previous_msisdn"),
    _at("asked_at"),
    _json("steps"),
    _int("attempts"),
    _at("lease_until", nullable=True),
    _flag("silent"),
    _text("error"),
    _ref("ticket_id"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index(
    "ix_provisioning_tasks_contract_id", provisioning_tasks.c.contract_id, provisioning_tasks.c.id
)
Index(
    "ix_provisioning_tasks_status",
    provisioning_tasks.c.status,
    provisioning_tasks.c.id,
    postgresql_where=text("status IN ('skipped', 'undone')"),
)
Index("ix_provisioning_tasks_kind", provisioning_tasks.c.kind, provisioning_tasks.c.id)
Index(
    "ix_provisioning_tasks_due",
    provisioning_tasks.c.id,
    postgresql_where=text("status IN ('pending', 'running', 'failed')"),
)

tickets = Table(
    "tickets",
    metadata,
    _id(),
    _text("number"),
    _id("customer_id"),
    _ref("contract_id"),
    _text("subject"),
    _text("words"),
    _text("priority"),
    _rank(),
    _maybe("assignee"),
    _maybe("queue"),
    _json("comments"),
    _json("attachments"),
    _ref("follow_up_of"),
    _maybe("blocked_for"),
    _at("created_at"),
    _text("status"),
    _at("late_from", nullable=True),
    _int("promised_by", server_default=text("0")),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index(
    "ix_tickets_promised_by",
    tickets.c.promised_by,
    tickets.c.id,
    postgresql_where=text("status IN ('free', 'active', 'suspended')"),
)
Index(
    "ix_tickets_late_from",
    tickets.c.late_from,
    postgresql_where=text("late_from IS NOT NULL"),
)
TICKET_WORDS = _as_words(tickets.c.words)
Index("ix_tickets_words", TICKET_WORDS, postgresql_using="gin")
Index("ix_tickets_customer_id", tickets.c.customer_id, tickets.c.id)
Index("ix_tickets_number", tickets.c.number)
Index("ix_tickets_status", tickets.c.status, tickets.c.id)
Index("ix_tickets_priority", tickets.c.priority, tickets.c.id)
Index(
    "ix_tickets_assignee",
    tickets.c.assignee,
    tickets.c.id,
    postgresql_where=text("assignee IS NOT NULL"),
)
Index(
    "ix_tickets_held_by",
    tickets.c.assignee,
    tickets.c.id,
    postgresql_where=text("assignee IS NOT NULL AND status <> 'closed'"),
)
Index(
    "ix_tickets_contract_id",
    tickets.c.contract_id,
    tickets.c.id,
    postgresql_where=text("contract_id IS NOT NULL"),
)
Index(
    "ix_tickets_free",
    tickets.c.rank.desc(),
    tickets.c.id,
    postgresql_where=text("status = 'free' AND assignee IS NULL"),
)

import_jobs = Table(
    "import_jobs",
    metadata,
    _id(),
    _text("kind"),
    _ref("file_id"),
    _text("file_name"),
    _text("sha256"),
    _maybe("encoding"),
    _maybe("separator"),
    _flag("dry_run"),
    _flag("activate"),
    _maybe("policy"),
    _ref("mends"),
    Column("total", BigInteger()),
    _minor("position"),
    _json("counts"),
    _minor("activating"),
    _minor("blocked"),
    _json("structure_faults"),
    _at("uploaded_at"),
    _at("over_at", nullable=True),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index("ix_import_jobs_sha256", import_jobs.c.sha256, import_jobs.c.id)
Index("ix_import_jobs_over_at", import_jobs.c.over_at, import_jobs.c.id)

import_rows = Table(
    "import_rows",
    metadata,
    _id("job_id"),
    Column("line", BigInteger(), nullable=False),
    _text("outcome"),
    _json("errors"),
    _json("warnings"),
    PrimaryKeyConstraint("job_id", "line"),
)

import_claims = Table(
    "import_claims",
    metadata,
    _id("job_id"),
    _key("key"),
    _text("value"),
    PrimaryKeyConstraint("job_id", "key"),
)

notifications = Table(
    "notifications",
    metadata,
    _id(),
    _id("customer_id"),
    _text("event"),
    _text("channel"),
    _text("language"),
    _json("facts"),
    _int("attempts"),
    _at("expires_at", nullable=True),
    _at("queued_at"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index("ix_notifications_customer_id", notifications.c.customer_id, notifications.c.id)
Index(
    "ix_notifications_unusual",
    notifications.c.status,
    notifications.c.id,
    postgresql_where=text("status NOT IN ('sent', 'delivered')"),
)

webhooks = Table(
    "webhooks",
    metadata,
    _id(),
    _text("url"),
    _json("wanted"),
    _text("secret"),
    _int("failures"),
    _text("last_error"),
    _at("next_attempt_at", nullable=True),
    _at("created_at"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)

approvals = Table(
    "approvals",
    metadata,
    _id(),
    _text("kind"),
    _text("thing_id"),
    Column("amount_minor", BigInteger()),
    Column("currency", CHAR(3)),
    _text("reason"),
    _text("asked_by_name"),
    _maybe("asked_by_token"),
    _maybe("asked_by_maker"),
    _at("asked_at"),
    _maybe("decided_by_name"),
    _maybe("decided_by_token"),
    _text("comment"),
    _text("outcome"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index("ix_approvals_status", approvals.c.status, approvals.c.id)
Index("ix_approvals_thing_id", approvals.c.thing_id)

rules = Table(
    "rules",
    metadata,
    _key("kind"),
    Column("value", JSONB(none_as_null=False), nullable=False),
    _int("version"),
    PrimaryKeyConstraint("kind"),
)

users = Table(
    "users",
    metadata,
    _id(),
    _text("login"),
    _text("name"),
    _text("role"),
    _json("preferences"),
    _maybe("password_hash"),
    _maybe("invitation"),
    _at("invitation_ends_at", nullable=True),
    _maybe("totp_secret"),
    _at("totp_confirmed_at", nullable=True),
    _minor("totp_step"),
    _json("recovery"),
    _at("news_read_at", nullable=True),
    _at("created_at"),
    _text("status"),
    _int("version"),
    PrimaryKeyConstraint("id"),
)
Index(UQ_USERS_LOGIN, users.c.login, unique=True)
Index("ix_users_invitation", users.c.invitation, postgresql_where=text("invitation IS NOT NULL"))

sessions = Table(
    "sessions",
    metadata,
    _id(),
    _text("digest"),
    _text("csrf"),
    _ref("user_id"),
    _ref("customer_id"),
    _text("stage"),
    _text("address"),
    _text("agent"),
    _at("started_at"),
    _at("seen_at"),
    _int("idle_seconds"),
    _at("ends_at"),
    _at("ended_at", nullable=True),
    PrimaryKeyConstraint("id"),
)
Index(UQ_SESSIONS_DIGEST, sessions.c.digest, unique=True)
Index("ix_sessions_user_id", sessions.c.user_id, sessions.c.id)
Index("ix_sessions_customer_id", sessions.c.customer_id, sessions.c.id)
Index("ix_sessions_ends_at", sessions.c.ends_at)

customer_passwords = Table(
    "customer_passwords",
    metadata,
    _id(),
    _maybe("password_hash"),
    _at("set_at"),
    PrimaryKeyConstraint("id"),
)

attempts = Table(
    "attempts",
    metadata,
    _key("key"),
    _int("number"),
    _at("since"),
    PrimaryKeyConstraint("key"),
)
Index("ix_attempts_since", attempts.c.since, attempts.c.key)

tokens = Table(
    "tokens",
    metadata,
    _id(),
    _text("name"),
    _text("role"),
    Column("scopes", JSONB()),
    _text("digest"),
    _text("made_by_name"),
    _maybe("made_by_token"),
    _maybe("made_by_maker"),
    _at("created_at"),
    _at("expires_at", nullable=True),
    _at("revoked_at", nullable=True),
    _at("last_used_at", nullable=True),
    PrimaryKeyConstraint("id"),
)
Index(UQ_TOKENS_DIGEST, tokens.c.digest, unique=True)

keys = Table(
    "keys",
    metadata,
    _key("caller"),
    _key("key"),
    _text("digest"),
    _id("resource"),
    Column("found", Boolean(), nullable=False, server_default=text("false")),
    Column("at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("caller", "key"),
)

events = Table(
    "events",
    metadata,
    _key("thing_id"),
    _int("sequence"),
    _key("thing"),
    _text("name"),
    _at("at"),
    _text("by_name"),
    _maybe("by_token"),
    _maybe("by_address"),
    _text("command"),
    _maybe("before"),
    _text("after"),
    _text("reason"),
    _json("payload"),
    Column("xact", Xid8(), nullable=False, server_default=text("pg_current_xact_id()")),
    PrimaryKeyConstraint("thing_id", "sequence", "thing"),
)
Index("ix_events_xact", events.c.xact, events.c.thing_id, events.c.sequence)
Index("ix_events_name", events.c.name, events.c.xact)
# What every subscriber has many events of is found soon enough without.
Index(
    "ix_events_thing",
    events.c.thing,
    events.c.xact,
    postgresql_where=text(
        "thing NOT IN ('account', 'contract', 'customer', 'notification', 'number', 'payment',"
        " 'provisioning_task', 'sim')"
    ),
)
Index("ix_events_by_name", events.c.by_name, events.c.xact)

event_cursors = Table(
    "event_cursors", metadata, _key("consumer"), _text("cursor"), PrimaryKeyConstraint("consumer")
)

# Sums over events and entries; a day of -infinity is all of time. See `figures.py`.
daily_moves = Table(
    "daily_moves",
    metadata,
    _key("zone"),
    _key("thing"),
    Column("day", Date(), nullable=False),
    _key("kind"),
    _key("before"),
    _key("after"),
    Column("number", BigInteger(), nullable=False),
    PrimaryKeyConstraint("zone", "thing", "day", "kind", "before", "after"),
)

daily_bookings = Table(
    "daily_bookings",
    metadata,
    _key("zone"),
    Column("day", Date(), nullable=False),
    _key("kind"),
    _key("place"),
    _currency(),
    Column("number", BigInteger(), nullable=False),
    _minor("effect_minor"),
    _minor("debt_minor"),
    _minor("received_minor"),
    PrimaryKeyConstraint("zone", "day", "kind", "place", "currency"),
)

audit = Table(
    "audit",
    metadata,
    Column(
        "written_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("clock_timestamp()"),
    ),
    Column("id", Uuid(), nullable=False, server_default=text("gen_random_uuid()")),
    _at("at"),
    _text("action"),
    _text("thing"),
    _text("thing_id"),
    _text("by_name"),
    _maybe("by_token"),
    _maybe("by_address"),
    _text("detail"),
    Column("xact", Xid8(), nullable=False, server_default=text("pg_current_xact_id()")),
    PrimaryKeyConstraint("written_at", "id"),
)
# The trail is in order of transactions.
Index("ix_audit_xact", audit.c.xact)
Index("ix_audit_action", audit.c.action, audit.c.xact)
Index("ix_audit_by_name", audit.c.by_name, audit.c.xact)
Index("ix_audit_thing", audit.c.thing, audit.c.xact)
Index("ix_audit_thing_id", audit.c.thing_id, audit.c.xact)

seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger(), nullable=False, autoincrement=False),
    Column("start_xact", BigInteger(), nullable=False),
    Column("end_xact", BigInteger(), nullable=False),
    Column("lines", BigInteger(), nullable=False),
    _at("at"),
    _text("digest"),
    PrimaryKeyConstraint("number"),
)

paper_sources = Table(
    "paper_sources", metadata, _key("digest"), _text("source"), PrimaryKeyConstraint("digest")
)

paper_editions = Table(
    "paper_editions",
    metadata,
    _id(),
    _text("kind"),
    _id("thing_id"),
    _text("language"),
    _text("template"),
    _int("template_version"),
    _text("data"),
    _at("at"),
    _text("digest"),
    PrimaryKeyConstraint("id"),
)
Index("uq_paper_editions_digest", paper_editions.c.digest, unique=True)
Index("ix_paper_editions_thing_id", paper_editions.c.thing_id, paper_editions.c.at)

# Files that nothing names any more and that are to be deleted.
discarded_files = Table("discarded_files", metadata, _id(), PrimaryKeyConstraint("id"))

number_series = Table(
    "number_series", metadata, _key("name"), _minor("next"), PrimaryKeyConstraint("name")
)

APPEND_ONLY = (
    events,
    entries,
    transfers,
    keys,
    audit,
    seals,
    directory,
    identity_documents,
    former_values,
    paper_sources,
    paper_editions,
    discarded_files,
)
"""Tables whose rows the application may not change."""

DELETABLE = (
    identity_documents,
    former_values,
    paper_editions,
    discarded_files,
    import_rows,
    import_claims,
    sessions,
    attempts,
    daily_moves,
    daily_bookings,
)
"""Tables whose rows the application may remove: what really goes, goes from here."""
