"""Everything there is in the first version: tables, and the role that works with them."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE customers (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    words TEXT NOT NULL,
    city TEXT COLLATE "C",
    phone TEXT COLLATE "C",
    email TEXT,
    language TEXT NOT NULL,
    national_id TEXT,
    documents JSONB NOT NULL,
    birth_date DATE,
    registration_number TEXT,
    addresses JSONB NOT NULL,
    consents JSONB NOT NULL,
    notes JSONB NOT NULL,
    merged_into UUID,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_customers PRIMARY KEY (id)
);
CREATE INDEX ix_customers_birth_date
    ON customers (birth_date)
    WHERE birth_date IS NOT NULL;
CREATE INDEX ix_customers_city
    ON customers (city, id)
    WHERE city IS NOT NULL;
CREATE INDEX ix_customers_email ON customers (lower(email))
    WHERE email IS NOT NULL;
CREATE INDEX ix_customers_kind
    ON customers (kind, id)
    WHERE kind <> 'person';
CREATE INDEX ix_customers_national_id
    ON customers (national_id)
    WHERE national_id IS NOT NULL;
CREATE INDEX ix_customers_phone ON customers (reverse(phone))
    WHERE phone IS NOT NULL;
CREATE INDEX ix_customers_unusual
    ON customers (status, id)
    WHERE status <> 'active';
CREATE INDEX ix_customers_words
    ON customers USING gin (array_to_tsvector(string_to_array(words, ' '::text)));

CREATE TABLE identity_documents (
    type TEXT COLLATE "C" NOT NULL,
    number_key TEXT COLLATE "C" NOT NULL,
    customer_id UUID NOT NULL,
    CONSTRAINT pk_identity_documents PRIMARY KEY (type, number_key)
);

CREATE TABLE former_values (
    customer_id UUID NOT NULL,
    at timestamptz NOT NULL,
    field TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    value TEXT NOT NULL,
    by_name TEXT NOT NULL,
    by_token TEXT,
    CONSTRAINT pk_former_values PRIMARY KEY (customer_id, at, field, position)
);

CREATE TABLE applications (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    channel TEXT NOT NULL,
    external_reference TEXT,
    priority TEXT NOT NULL,
    rank SMALLINT NOT NULL,
    raw JSONB NOT NULL,
    data JSONB NOT NULL,
    words TEXT NOT NULL,
    scans JSONB NOT NULL,
    duplicates JSONB NOT NULL,
    customer_id UUID,
    contract_id UUID,
    claimed_by TEXT,
    claimed_until timestamptz,
    outcome TEXT NOT NULL,
    captured_at timestamptz NOT NULL,
    ended_at timestamptz,
    erased_at timestamptz,
    answer_by timestamptz,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_applications PRIMARY KEY (id)
);
CREATE INDEX ix_applications_answer_by
    ON applications (answer_by)
    WHERE answer_by IS NOT NULL;
CREATE INDEX ix_applications_channel ON applications (channel, id);
CREATE INDEX ix_applications_claimed_by
    ON applications (claimed_by, id)
    WHERE claimed_by IS NOT NULL;
CREATE INDEX ix_applications_claimed_until
    ON applications (claimed_until)
    WHERE claimed_until IS NOT NULL;
CREATE INDEX ix_applications_customer_id
    ON applications (customer_id, id)
    WHERE customer_id IS NOT NULL;
CREATE INDEX ix_applications_ended_at
    ON applications (ended_at)
    WHERE customer_id IS NULL AND erased_at IS NULL AND ended_at IS NOT NULL;
CREATE INDEX ix_applications_kind ON applications (kind, id);
CREATE INDEX ix_applications_status ON applications (status, id);
CREATE INDEX ix_applications_waiting
    ON applications (rank DESC, id)
    WHERE status = 'validated';
CREATE INDEX ix_applications_words
    ON applications USING gin (array_to_tsvector(string_to_array(words, ' '::text)));
CREATE UNIQUE INDEX uq_applications_channel_external_reference
    ON applications (channel, external_reference)
    WHERE external_reference IS NOT NULL;

CREATE TABLE sims (
    iccid TEXT COLLATE "C" NOT NULL,
    imsi TEXT,
    pin1 TEXT NOT NULL,
    puk1 TEXT NOT NULL,
    batch TEXT NOT NULL,
    msisdn TEXT,
    contract_id UUID,
    reserved_for TEXT,
    reserved_until timestamptz,
    activated_at timestamptz,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_sims PRIMARY KEY (iccid)
);
CREATE INDEX ix_sims_batch
    ON sims (batch, iccid)
    WHERE batch <> '';
CREATE INDEX ix_sims_contract_id
    ON sims (contract_id)
    WHERE contract_id IS NOT NULL;
CREATE INDEX ix_sims_reserved_for
    ON sims (reserved_for)
    WHERE reserved_for IS NOT NULL;
CREATE INDEX ix_sims_reserved_until
    ON sims (reserved_until)
    WHERE reserved_until IS NOT NULL;
CREATE INDEX ix_sims_unusual
    ON sims (status, iccid)
    WHERE status <> 'active';

CREATE TABLE numbers (
    msisdn TEXT COLLATE "C" NOT NULL,
    category TEXT NOT NULL,
    price_minor BIGINT,
    price_currency CHAR(3),
    origin TEXT NOT NULL,
    contract_id UUID,
    reserved_for TEXT,
    reserved_until timestamptz,
    quarantined_until timestamptz,
    kept_for UUID,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_numbers PRIMARY KEY (msisdn)
);
CREATE INDEX ix_numbers_category
    ON numbers (category, msisdn)
    WHERE category <> 'standard';
CREATE INDEX ix_numbers_contract_id
    ON numbers (contract_id)
    WHERE contract_id IS NOT NULL;
CREATE INDEX ix_numbers_quarantined_until
    ON numbers (quarantined_until)
    WHERE quarantined_until IS NOT NULL;
CREATE INDEX ix_numbers_reserved_for
    ON numbers (reserved_for)
    WHERE reserved_for IS NOT NULL;
CREATE INDEX ix_numbers_reserved_until
    ON numbers (reserved_until)
    WHERE reserved_until IS NOT NULL;
CREATE INDEX ix_numbers_unusual
    ON numbers (status, msisdn)
    WHERE status <> 'assigned';

CREATE TABLE tariffs (
    code TEXT COLLATE "C" NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    versions JSONB NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_tariffs PRIMARY KEY (code)
);

CREATE TABLE options (
    code TEXT COLLATE "C" NOT NULL,
    name JSONB NOT NULL,
    description JSONB NOT NULL,
    option_group TEXT NOT NULL,
    versions JSONB NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_options PRIMARY KEY (code)
);

CREATE TABLE directory (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    CONSTRAINT pk_directory PRIMARY KEY (id)
);

CREATE TABLE contracts (
    account_id UUID NOT NULL,
    id UUID NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    customer_id UUID NOT NULL,
    iccid TEXT COLLATE "C" NOT NULL,
    msisdn TEXT COLLATE "C" NOT NULL,
    tariff_code TEXT NOT NULL,
    tariff_version INTEGER NOT NULL,
    options JSONB NOT NULL,
    documents JSONB NOT NULL,
    application_id UUID,
    requested_activation DATE,
    minimum_term_months INTEGER NOT NULL,
    accepted_at timestamptz,
    activated_at timestamptz,
    closed_at timestamptz,
    receipt JSONB,
    first_fees JSONB NOT NULL,
    follows UUID,
    holds JSONB NOT NULL,
    revisions JSONB NOT NULL,
    pending JSONB,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_contracts PRIMARY KEY (account_id, id)
);
CREATE INDEX ix_contracts_customer_id ON contracts (customer_id, id);
CREATE INDEX ix_contracts_iccid ON contracts (iccid);
CREATE INDEX ix_contracts_id ON contracts (id);
CREATE INDEX ix_contracts_msisdn ON contracts (reverse(msisdn));
CREATE INDEX ix_contracts_number ON contracts (reverse(number));
CREATE INDEX ix_contracts_requested_activation
    ON contracts (requested_activation)
    WHERE status = 'accepted' AND requested_activation IS NOT NULL;
CREATE INDEX ix_contracts_pending ON contracts (id) WHERE pending IS NOT NULL;
CREATE INDEX ix_contracts_tariff_code ON contracts (tariff_code, id);
CREATE INDEX ix_contracts_unusual
    ON contracts (status, id)
    WHERE status <> 'active';

CREATE TABLE accounts (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    customer_id UUID,
    currency CHAR(3) NOT NULL,
    receipt JSONB,
    policy_frozen BOOLEAN NOT NULL,
    promise_minor BIGINT,
    promise_until timestamptz,
    credit_limit_minor BIGINT NOT NULL,
    money_holds INTEGER NOT NULL,
    overdrawn BOOLEAN NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    subscriber BIGINT DEFAULT 0 NOT NULL,
    receivable BIGINT DEFAULT 0 NOT NULL,
    unbilled BIGINT DEFAULT 0 NOT NULL,
    reserved BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_accounts PRIMARY KEY (id)
)

WITH (fillfactor = 80);
CREATE INDEX ix_accounts_customer_id ON accounts (customer_id, id);
CREATE INDEX ix_accounts_money_holds ON accounts (id)
    WHERE money_holds > 0;
CREATE INDEX ix_accounts_number ON accounts (number);
CREATE INDEX ix_accounts_overdrawn ON accounts (id) WHERE overdrawn;
CREATE INDEX ix_accounts_promise_until ON accounts (promise_until)
    WHERE promise_until IS NOT NULL;

CREATE TABLE entries (
    account_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    currency CHAR(3) NOT NULL,
    booked_at timestamptz NOT NULL,
    caused_by TEXT NOT NULL,
    reverses UUID,
    note TEXT NOT NULL,
    xact BIGINT DEFAULT (pg_current_xact_id()::text)::bigint NOT NULL,
    CONSTRAINT pk_entries PRIMARY KEY (account_id, id)
);
CREATE INDEX ix_entries_xact
    ON entries USING brin (xact)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX ix_entries_booked_at ON entries (account_id, booked_at, id);
CREATE UNIQUE INDEX uq_entries_account_id_reverses
    ON entries (account_id, reverses)
    WHERE reverses IS NOT NULL;

CREATE TABLE transfers (
    account_id UUID NOT NULL,
    entry_id UUID NOT NULL,
    leg SMALLINT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    counterparty TEXT NOT NULL,
    contract_id UUID,
    tariff TEXT NOT NULL,
    tariff_version INTEGER,
    charge_kind TEXT NOT NULL,
    period_start DATE,
    period_end DATE,
    booked_at timestamptz NOT NULL,
    CONSTRAINT pk_transfers PRIMARY KEY (account_id, entry_id, leg),
    CONSTRAINT ck_transfers_amount_minor CHECK (amount_minor > 0)
);

CREATE TABLE payments (
    account_id UUID NOT NULL,
    id UUID NOT NULL,
    contract_id UUID,
    amount_minor BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    method TEXT NOT NULL,
    gateway TEXT NOT NULL,
    at timestamptz NOT NULL,
    gateway_reference TEXT,
    failure TEXT NOT NULL,
    meant_for TEXT,
    entry_id UUID,
    refunded_minor BIGINT NOT NULL,
    reconciliation TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_payments PRIMARY KEY (account_id, id),
    CONSTRAINT ck_payments_amount_minor CHECK (amount_minor > 0)
);
CREATE INDEX ix_payments_gateway ON payments (gateway, id);
CREATE INDEX ix_payments_gateway_reference
    ON payments (gateway_reference, gateway)
    WHERE gateway_reference IS NOT NULL;
CREATE INDEX ix_payments_id ON payments (id);
CREATE INDEX ix_payments_in_flight
    ON payments (id)
    WHERE status IN ('initiated', 'pending', 'unknown');
CREATE INDEX ix_payments_method ON payments (method, id);
CREATE INDEX ix_payments_unusual
    ON payments (status, id)
    WHERE status <> 'confirmed';

CREATE TABLE refunds (
    account_id UUID NOT NULL,
    id UUID NOT NULL,
    payment_id UUID NOT NULL,
    amount_minor BIGINT NOT NULL,
    currency CHAR(3) NOT NULL,
    gateway TEXT NOT NULL,
    reason TEXT NOT NULL,
    requested_entry_id UUID NOT NULL,
    gateway_reference TEXT,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_refunds PRIMARY KEY (account_id, id),
    CONSTRAINT ck_refunds_amount_minor CHECK (amount_minor > 0)
);
CREATE INDEX ix_refunds_id ON refunds (id);
CREATE INDEX ix_refunds_in_flight
    ON refunds (id)
    WHERE status IN ('requested', 'pending', 'unknown');
CREATE INDEX ix_refunds_payment_id ON refunds (payment_id);

CREATE TABLE provisioning_tasks (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    contract_id UUID NOT NULL,
    iccid TEXT NOT NULL,
    imsi TEXT,
    msisdn TEXT NOT NULL,
    bars JSONB NOT NULL,
    previous_iccid TEXT,
    previous_msisdn TEXT,
    asked_at timestamptz NOT NULL,
    steps JSONB NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until timestamptz,
    silent BOOLEAN NOT NULL,
    error TEXT NOT NULL,
    ticket_id UUID,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_provisioning_tasks PRIMARY KEY (id)
);
CREATE INDEX ix_provisioning_tasks_contract_id ON provisioning_tasks (contract_id, id);
CREATE INDEX ix_provisioning_tasks_due
    ON provisioning_tasks (id)
    WHERE status IN ('pending', 'running', 'failed');
CREATE INDEX ix_provisioning_tasks_kind ON provisioning_tasks (kind, id);
CREATE INDEX ix_provisioning_tasks_status
    ON provisioning_tasks (status, id)
    WHERE status IN ('skipped', 'undone');

CREATE TABLE tickets (
    id UUID NOT NULL,
    number TEXT NOT NULL,
    customer_id UUID NOT NULL,
    contract_id UUID,
    subject TEXT NOT NULL,
    words TEXT NOT NULL,
    priority TEXT NOT NULL,
    rank SMALLINT NOT NULL,
    assignee TEXT,
    queue TEXT,
    comments JSONB NOT NULL,
    attachments JSONB NOT NULL,
    follow_up_of UUID,
    blocked_for TEXT,
    created_at timestamptz NOT NULL,
    status TEXT NOT NULL,
    late_from timestamptz,
    promised_by INTEGER DEFAULT 0 NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_tickets PRIMARY KEY (id)
);
CREATE INDEX ix_tickets_assignee
    ON tickets (assignee, id)
    WHERE assignee IS NOT NULL;
CREATE INDEX ix_tickets_contract_id
    ON tickets (contract_id, id)
    WHERE contract_id IS NOT NULL;
CREATE INDEX ix_tickets_customer_id ON tickets (customer_id, id);
CREATE INDEX ix_tickets_free
    ON tickets (rank DESC, id)
    WHERE status = 'free' AND assignee IS NULL;
CREATE INDEX ix_tickets_held_by
    ON tickets (assignee, id)
    WHERE assignee IS NOT NULL AND status <> 'closed';
CREATE INDEX ix_tickets_late_from
    ON tickets (late_from)
    WHERE late_from IS NOT NULL;
CREATE INDEX ix_tickets_promised_by
    ON tickets (promised_by, id)
    WHERE status IN ('free', 'active', 'suspended');
CREATE INDEX ix_tickets_priority ON tickets (priority, id);
CREATE INDEX ix_tickets_status ON tickets (status, id);
CREATE INDEX ix_tickets_number ON tickets (number);
CREATE INDEX ix_tickets_words
    ON tickets USING gin (array_to_tsvector(string_to_array(words, ' '::text)));

CREATE TABLE import_jobs (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    file_id UUID,
    file_name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    encoding TEXT,
    separator TEXT,
    dry_run BOOLEAN NOT NULL,
    activate BOOLEAN NOT NULL,
    policy TEXT,
    mends UUID,
    total BIGINT,
    position BIGINT NOT NULL,
    counts JSONB NOT NULL,
    activating BIGINT NOT NULL,
    blocked BIGINT NOT NULL,
    structure_faults JSONB NOT NULL,
    uploaded_at timestamptz NOT NULL,
    over_at timestamptz,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_import_jobs PRIMARY KEY (id)
);
CREATE INDEX ix_import_jobs_sha256 ON import_jobs (sha256, id);
CREATE INDEX ix_import_jobs_over_at ON import_jobs (over_at, id);

CREATE TABLE import_rows (
    job_id UUID NOT NULL,
    line BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    errors JSONB NOT NULL,
    warnings JSONB NOT NULL,
    CONSTRAINT pk_import_rows PRIMARY KEY (job_id, line)
);

CREATE TABLE import_claims (
    job_id UUID NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    CONSTRAINT pk_import_claims PRIMARY KEY (job_id, key)
);

CREATE TABLE notifications (
    id UUID NOT NULL,
    customer_id UUID NOT NULL,
    event TEXT NOT NULL,
    channel TEXT NOT NULL,
    language TEXT NOT NULL,
    facts JSONB NOT NULL,
    attempts INTEGER NOT NULL,
    expires_at timestamptz,
    queued_at timestamptz NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_notifications PRIMARY KEY (id)
);
CREATE INDEX ix_notifications_customer_id ON notifications (customer_id, id);
CREATE INDEX ix_notifications_unusual
    ON notifications (status, id)
    WHERE status NOT IN ('sent', 'delivered');

CREATE TABLE webhooks (
    id UUID NOT NULL,
    url TEXT NOT NULL,
    wanted JSONB NOT NULL,
    secret TEXT NOT NULL,
    failures INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    next_attempt_at timestamptz,
    created_at timestamptz NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_webhooks PRIMARY KEY (id)
);

CREATE TABLE approvals (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    thing_id TEXT NOT NULL,
    amount_minor BIGINT,
    currency CHAR(3),
    reason TEXT NOT NULL,
    asked_by_name TEXT NOT NULL,
    asked_by_token TEXT,
    asked_by_maker TEXT,
    asked_at timestamptz NOT NULL,
    decided_by_name TEXT,
    decided_by_token TEXT,
    comment TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_approvals PRIMARY KEY (id)
);
CREATE INDEX ix_approvals_status ON approvals (status, id);
CREATE INDEX ix_approvals_thing_id ON approvals (thing_id);

CREATE TABLE rules (
    kind TEXT COLLATE "C" NOT NULL,
    value JSONB NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_rules PRIMARY KEY (kind)
);

CREATE TABLE users (
    id UUID NOT NULL,
    login TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    preferences JSONB NOT NULL,
    password_hash TEXT,
    invitation TEXT,
    invitation_ends_at timestamptz,
    totp_secret TEXT,
    totp_confirmed_at timestamptz,
    totp_step BIGINT NOT NULL,
    recovery JSONB NOT NULL,
    news_read_at timestamptz,
    created_at timestamptz NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_users PRIMARY KEY (id)
);
CREATE INDEX ix_users_invitation ON users (invitation)
    WHERE invitation IS NOT NULL;
CREATE UNIQUE INDEX uq_users_login ON users (login);

CREATE TABLE sessions (
    id UUID NOT NULL,
    digest TEXT NOT NULL,
    csrf TEXT NOT NULL,
    user_id UUID,
    customer_id UUID,
    stage TEXT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    started_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    idle_seconds INTEGER NOT NULL,
    ends_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT pk_sessions PRIMARY KEY (id)
);
CREATE INDEX ix_sessions_customer_id ON sessions (customer_id, id);
CREATE INDEX ix_sessions_ends_at ON sessions (ends_at);
CREATE INDEX ix_sessions_user_id ON sessions (user_id, id);
CREATE UNIQUE INDEX uq_sessions_digest ON sessions (digest);

CREATE TABLE customer_passwords (
    id UUID NOT NULL,
    password_hash TEXT,
    set_at timestamptz NOT NULL,
    CONSTRAINT pk_customer_passwords PRIMARY KEY (id)
);

CREATE TABLE attempts (
    key TEXT COLLATE "C" NOT NULL,
    number INTEGER NOT NULL,
    since timestamptz NOT NULL,
    CONSTRAINT pk_attempts PRIMARY KEY (key)
);
CREATE INDEX ix_attempts_since ON attempts (since, key);

CREATE TABLE tokens (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    scopes JSONB,
    digest TEXT NOT NULL,
    made_by_name TEXT NOT NULL,
    made_by_token TEXT,
    made_by_maker TEXT,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CONSTRAINT pk_tokens PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_tokens_digest ON tokens (digest);

CREATE TABLE keys (
    caller TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    digest TEXT NOT NULL,
    resource UUID NOT NULL,
    found BOOLEAN DEFAULT false NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_keys PRIMARY KEY (caller, key)
);

CREATE TABLE events (
    thing_id TEXT COLLATE "C" NOT NULL,
    sequence INTEGER NOT NULL,
    thing TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    at timestamptz NOT NULL,
    by_name TEXT NOT NULL,
    by_token TEXT,
    by_address TEXT,
    command TEXT NOT NULL,
    before TEXT,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    payload JSONB NOT NULL,
    xact XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_events PRIMARY KEY (thing_id, sequence, thing)
);
CREATE INDEX ix_events_by_name ON events (by_name, xact);
CREATE INDEX ix_events_name ON events (name, xact);
CREATE INDEX ix_events_thing
    ON events (thing, xact)
    WHERE thing NOT IN ('account', 'contract', 'customer', 'notification', 'number', 'payment',
        'provisioning_task', 'sim');
CREATE INDEX ix_events_xact ON events (xact, thing_id, sequence);

CREATE TABLE event_cursors (
    consumer TEXT COLLATE "C" NOT NULL,
    cursor TEXT NOT NULL,
    CONSTRAINT pk_event_cursors PRIMARY KEY (consumer)
);

CREATE TABLE daily_moves (
    zone TEXT COLLATE "C" NOT NULL,
    thing TEXT COLLATE "C" NOT NULL,
    day DATE NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    before TEXT COLLATE "C" NOT NULL,
    after TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    CONSTRAINT pk_daily_moves PRIMARY KEY (zone, thing, day, kind, before, after)
);

CREATE TABLE daily_bookings (
    zone TEXT COLLATE "C" NOT NULL,
    day DATE NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    place TEXT COLLATE "C" NOT NULL,
    currency CHAR(3) NOT NULL,
    number BIGINT NOT NULL,
    effect_minor BIGINT NOT NULL,
    debt_minor BIGINT NOT NULL,
    received_minor BIGINT NOT NULL,
    CONSTRAINT pk_daily_bookings PRIMARY KEY (zone, day, kind, place, currency)
);

CREATE TABLE audit (
    written_at timestamptz DEFAULT clock_timestamp() NOT NULL,
    id UUID DEFAULT gen_random_uuid() NOT NULL,
    at timestamptz NOT NULL,
    action TEXT NOT NULL,
    thing TEXT NOT NULL,
    thing_id TEXT NOT NULL,
    by_name TEXT NOT NULL,
    by_token TEXT,
    by_address TEXT,
    detail TEXT NOT NULL,
    xact XID8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (written_at, id)
);
CREATE INDEX ix_audit_action ON audit (action, xact);
CREATE INDEX ix_audit_by_name ON audit (by_name, xact);
CREATE INDEX ix_audit_thing ON audit (thing, xact);
CREATE INDEX ix_audit_thing_id ON audit (thing_id, xact);
CREATE INDEX ix_audit_xact ON audit (xact);

CREATE TABLE seals (
    number BIGINT NOT NULL,
    start_xact BIGINT NOT NULL,
    end_xact BIGINT NOT NULL,
    lines BIGINT NOT NULL,
    at timestamptz NOT NULL,
    digest TEXT NOT NULL,
    CONSTRAINT pk_seals PRIMARY KEY (number)
);

CREATE TABLE paper_sources (
    digest TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    CONSTRAINT pk_paper_sources PRIMARY KEY (digest)
);

CREATE TABLE paper_editions (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    thing_id UUID NOT NULL,
    language TEXT NOT NULL,
    template TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    at timestamptz NOT NULL,
    digest TEXT NOT NULL,
    CONSTRAINT pk_paper_editions PRIMARY KEY (id)
);
CREATE UNIQUE INDEX uq_paper_editions_digest ON paper_editions (digest);
CREATE INDEX ix_paper_editions_thing_id ON paper_editions (thing_id, at);

CREATE TABLE discarded_files (
    id UUID NOT NULL,
    CONSTRAINT pk_discarded_files PRIMARY KEY (id)
);

CREATE TABLE number_series (
    name TEXT COLLATE "C" NOT NULL,
    next BIGINT NOT NULL,
    CONSTRAINT pk_number_series PRIMARY KEY (name)
);
"""

CHANGEABLE = (
    "customers",
    "applications",
    "sims",
    "numbers",
    "tariffs",
    "options",
    "contracts",
    "accounts",
    "payments",
    "refunds",
    "provisioning_tasks",
    "tickets",
    "import_jobs",
    "import_rows",
    "import_claims",
    "notifications",
    "rules",
    "tokens",
    "webhooks",
    "approvals",
    "users",
    "sessions",
    "customer_passwords",
    "attempts",
    "event_cursors",
    "daily_moves",
    "daily_bookings",
    "number_series",
)
APPEND_ONLY = (
    "events",
    "entries",
    "transfers",
    "keys",
    "audit",
    "seals",
    "directory",
    "identity_documents",
    "former_values",
    "paper_sources",
    "paper_editions",
    "discarded_files",
)
DELETABLE = (
    "identity_documents",
    "former_values",
    "paper_editions",
    "discarded_files",
    "import_rows",
    "import_claims",
    "sessions",
    "attempts",
    "daily_moves",
    "daily_bookings",
)

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
        CREATE ROLE "{role}" NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- another database of the same server was quicker
END $$;
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = CURRENT_USER) THEN
        GRANT "{role}" TO CURRENT_USER;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    NULL;  -- whoever made the role decides who is in it
END $$;
GRANT USAGE ON SCHEMA "{schema}" TO "{role}";
GRANT SELECT ON "{schema}".alembic_version TO "{role}";
"""

ROLE_GOES = """
REVOKE ALL ON SCHEMA "{schema}" FROM "{role}";
REVOKE ALL ON "{schema}".alembic_version FROM "{role}";
DO $$
BEGIN
    DROP ROLE "{role}";
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
    NULL;  -- another database of the same server uses it
END $$;
"""


def upgrade() -> None:
    """Create the tables; the role may add everywhere, and change only what may change."""
    _run(TABLES + ROLE)
    for verbs, tables in (
        ("SELECT, INSERT", (*CHANGEABLE, *APPEND_ONLY)),
        ("UPDATE", CHANGEABLE),
        ("DELETE", DELETABLE),
    ):
        _run(f'GRANT {verbs} ON {", ".join(tables)} TO "{{role}}"')


def downgrade() -> None:
    """Remove everything, and the role where no other database of the server uses it."""
    _run(f"DROP TABLE {', '.join((*CHANGEABLE, *APPEND_ONLY))};" + ROLE_GOES)


def _run(sql: str) -> None:
    connection = op.get_bind()
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar()
    filled = sql.replace("{schema}", f"{schema}").replace("{role}", f"{schema}_app")
    connection.exec_driver_sql(filled)
