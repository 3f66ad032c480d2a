"""
An operator after years of work: a database with so many customers, and all they leave behind.

The library makes a few of everything, and SQL makes copies of those rows: each generation of copies
is about a minute older than the next, by ids and all. A few things in a million are in rare states,
and a few in none, which is what lists are slow with. Events are those of customers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psycopg

import telecom_crm
from benchmarks.database import Database
from telecom_crm.application.ports import Payer
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.search import words_of
from telecom_crm.entrypoints import demo
from telecom_crm.entrypoints.conformance.strategies import iccid_of

PASSWORD = "correct horse battery staple"
RARE = "Чынгызхан Бейшеналиев"
"""Who is called so is one in a hundred thousand."""

_FIRST = (
    *("Айгүл", "Бакыт", "Чолпон", "Данияр", "Элина", "Нурлан", "Гүлнара", "Тимур", "Aigerim"),
    *("Жылдыз", "Өмүрбек", "Ольга", "Сергей", "Fatima", "Мээрим", "Алмаз", "Юлия", "Рахим", "Анна"),
)
_ROOTS = (
    *("Асан", "Токтогул", "Ибраим", "Рахим", "Мамат", "Жумабек", "Осмон", "Сыдык", "Абды"),
    *("Соколов", "Иван", "Эсен", "Бейшен", "Калмурат", "Шерали", "Төлөгөн", "Муса", "Öztürk"),
)
_ENDS = ("ова", "ов", "бекова", "бек уулу", "алиева", "алиев", "баева", "баев", "кулов", "кызы")
_EVENTS_AT_ONCE = 50_000

_SETTING_UP = """
CREATE FUNCTION pg_temp.copied(id uuid, ago bigint) RETURNS uuid IMMUTABLE PARALLEL SAFE
LANGUAGE SQL AS $$
  SELECT (lpad(to_hex(('x' || left(id::text, 8))::bit(32)::bigint - ago), 8, '0')
    || substr(id::text, 9))::uuid
$$;
CREATE TEMP TABLE drawn (
  n integer, place integer, ago bigint, name text, words text, iccid text, msisdn text
);
CREATE TEMP TABLE models AS SELECT row_number() OVER (ORDER BY c.id) - 1 AS place,
  c.customer_id, c.account_id, c.id AS contract_id FROM contracts c;
"""

_STATE = """
CASE WHEN n % 20 = 9 THEN 'closed' WHEN n % 50 = 7 THEN 'suspended'
  WHEN n % 1000 = 3 THEN 'cancelled' WHEN n % 50000 = 11 THEN 'draft'
  WHEN n % 50000 = 13 THEN 'accepted' WHEN n % 250000 = 17 THEN 'activating' ELSE 'active' END
"""

_COPIES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (
        "customers",
        "t.id = m.customer_id",
        {
            "id": "copied(t.id, ago)",
            "name": "d.name",
            "words": "d.words",
            "phone": "d.msisdn",
            "email": "'user' || n || '@example.org'",
            "documents": "jsonb_set(documents, '{0,number}', to_jsonb('ID' || n))",
            "birth_date": "birth_date + n % 9000",
            "status": "CASE WHEN n % 50 = 3 THEN 'closed' WHEN n % 50000 = 11 THEN 'prospect'"
            " WHEN n % 100000 = 13 THEN 'blocked' ELSE 'active' END",
        },
    ),
    (
        "identity_documents",
        "t.customer_id = m.customer_id",
        {"number_key": "'ID' || n", "customer_id": "copied(t.customer_id, ago)"},
    ),
    (
        "accounts",
        "t.id = m.account_id",
        {
            "id": "copied(t.id, ago)",
            "number": "'B-' || lpad((n + 1000)::text, 8, '0')",
            "customer_id": "copied(t.customer_id, ago)",
        },
    ),
    (
        "directory",
        "t.account_id = m.account_id",
        {"id": "copied(t.id, ago)", "account_id": "copied(t.account_id, ago)"},
    ),
    (
        "contracts",
        "t.id = m.contract_id",
        {
            "account_id": "copied(t.account_id, ago)",
            "id": "copied(t.id, ago)",
            "number": "'C-' || lpad((n + 1000)::text, 8, '0')",
            "customer_id": "copied(t.customer_id, ago)",
            "iccid": "d.iccid",
            "msisdn": "d.msisdn",
            "status": _STATE,
        },
    ),
    (
        "sims",
        "t.contract_id = m.contract_id",
        {
            "iccid": "d.iccid",
            "imsi": "'43705' || lpad(n::text, 10, '0')",
            "batch": "'B' || n / 5000",
            "msisdn": "d.msisdn",
            "contract_id": "copied(t.contract_id, ago)",
        },
    ),
    (
        "numbers",
        "t.contract_id = m.contract_id",
        {"msisdn": "d.msisdn", "contract_id": "copied(t.contract_id, ago)"},
    ),
    (
        "entries",
        "t.account_id = m.account_id",
        {"account_id": "copied(t.account_id, ago)", "id": "copied(t.id, ago)"},
    ),
    (
        "transfers",
        "t.account_id = m.account_id",
        {"account_id": "copied(t.account_id, ago)", "entry_id": "copied(t.entry_id, ago)"},
    ),
    (
        "payments",
        "t.account_id = m.account_id",
        {
            "account_id": "copied(t.account_id, ago)",
            "id": "copied(t.id, ago)",
            "contract_id": "copied(t.contract_id, ago)",
            "entry_id": "copied(t.entry_id, ago)",
            "gateway_reference": "gateway_reference || '-' || n",
            "status": "CASE WHEN n % 100 = 3 THEN 'failed' WHEN n % 50000 = 7 THEN 'pending'"
            " WHEN n % 100000 = 9 THEN 'unknown' WHEN n % 50000 = 11 THEN 'disputed'"
            " WHEN n % 20000 = 13 THEN 'unallocated' ELSE 'confirmed' END",
            "method": "CASE WHEN n % 3 = 1 THEN 'card' WHEN n % 100000 = 5 THEN 'bank_transfer'"
            " ELSE 'cash' END",
        },
    ),
    (
        "provisioning_tasks",
        "t.contract_id = m.contract_id",
        {
            "id": "copied(t.id, ago)",
            "contract_id": "copied(t.contract_id, ago)",
            "iccid": "d.iccid",
            "msisdn": "d.msisdn",
            "status": "CASE WHEN n % 50000 = 7 THEN 'failed' WHEN n % 10000 = 9 THEN 'skipped'"
            " WHEN n % 200000 = 11 THEN 'undone' ELSE 'done' END",
        },
    ),
    (
        "tickets",
        "t.customer_id = m.customer_id",
        {
            "id": "copied(t.id, ago)",
            "number": "'T-' || lpad((n + 1000)::text, 7, '0')",
            "customer_id": "copied(t.customer_id, ago)",
            "contract_id": "copied(t.contract_id, ago)",
            "assignee": "CASE WHEN n % 3 = 1 THEN 'operator' END",
            "status": "CASE WHEN ago < 4 THEN 'free' WHEN n % 5000 = 0 THEN 'active'"
            " WHEN n % 9000 = 8 THEN 'suspended' ELSE 'closed' END",
        },
    ),
    (
        "applications",
        "t.external_reference = 'demo-application-' || d.place AND m.place = d.place",
        {
            "id": "copied(t.id, ago)",
            "number": "'R-' || lpad((n + 1000)::text, 7, '0')",
            "external_reference": "'shop-' || n",
            "raw": "raw || jsonb_build_object('full_name', d.name, 'phone', '+' || d.msisdn)",
            "words": "'r' || lpad((n + 1000)::text, 7, '0') || ' ' || d.words || ' ' || d.msisdn"
            " || ' x' || reverse(d.msisdn)",
            "claimed_by": "CASE WHEN n % 30000 = 0 THEN 'operator' END",
            "status": "CASE WHEN n % 10 = 3 THEN 'rejected' WHEN ago < 9 THEN 'captured'"
            " WHEN n % 30000 = 0 THEN 'in_progress' WHEN ago < 30 THEN 'validated'"
            " WHEN n % 20000 = 1 THEN 'on_hold' ELSE 'completed' END",
        },
    ),
)
"""What is copied: a table, whose model a row of it is, and the columns that are others."""

_EVENTS = {"thing_id": "copied(t.thing_id::uuid, ago)::text", "at": "at - ago * interval '65.5 s'"}

_MODEL_EVENTS = """
CREATE TEMPORARY TABLE model_events AS
SELECT m.place, t.* FROM models m
  JOIN events t ON t.thing = 'customer' AND t.thing_id = m.customer_id::text
UNION ALL
SELECT m.place, t.* FROM models m JOIN tickets o ON o.customer_id = m.customer_id
  JOIN events t ON t.thing = 'ticket' AND t.thing_id = o.id::text
"""
"""The past of customers and of their tickets, whose lists tell of it."""

_STOCK = """
INSERT INTO sims ({sims})
SELECT {sims_copied} FROM sims t JOIN stock d ON true WHERE t.iccid = (
  SELECT iccid FROM sims WHERE batch = 'DEMO-STOCK' LIMIT 1);
INSERT INTO numbers ({numbers})
SELECT {numbers_copied} FROM numbers t JOIN stock d ON true WHERE t.msisdn = (
  SELECT msisdn FROM numbers WHERE status = 'available' LIMIT 1)
"""
_STOCK_OF = {
    "sims": {
        "iccid": "d.iccid",
        "imsi": "'43706' || lpad(n::text, 10, '0')",
        "batch": "'STOCK-' || n / 5000",
        "reserved_for": "CASE WHEN n % 1000 = 3 THEN 'shop' END",
        "reserved_until": "CASE WHEN n % 1000 = 3 THEN now() + interval '30 minutes' END",
        "status": "CASE WHEN n % 1000 = 3 THEN 'reserved' WHEN n % 1000 = 5 THEN 'retired'"
        " WHEN n % 10000 = 7 THEN 'bound' ELSE 'available' END",
    },
    "numbers": {
        "msisdn": "d.msisdn",
        "category": "CASE WHEN n % 10 = 3 THEN 'silver' WHEN n % 100 = 5 THEN 'gold'"
        " ELSE 'standard' END",
        "reserved_for": "CASE WHEN n % 1000 = 3 THEN 'shop' END",
        "reserved_until": "CASE WHEN n % 1000 = 3 THEN now() + interval '30 minutes' END",
        "quarantined_until": "CASE WHEN n % 50 = 7 THEN now() + interval '90 days' END",
        "status": "CASE WHEN n % 1000 = 3 THEN 'reserved' WHEN n % 50 = 7 THEN 'quarantined'"
        " WHEN n % 10000 = 9 THEN 'withdrawn' WHEN n % 10000 = 11 THEN 'ported_out'"
        " ELSE 'available' END",
    },
}

_AUDIT = """
INSERT INTO audit (written_at, at, action, thing, thing_id, by_name, detail)
SELECT now() - n * interval '65.5 s', now() - n * interval '65.5 s',
  CASE WHEN n % 10 = 3 THEN 'sign_in.refused' WHEN n % 20000 = 7 THEN 'customers.export'
    ELSE 'sign_in' END,
  'user', (n % 50)::text, CASE WHEN n % 10000 = 9 THEN 'auditor' ELSE 'operator' END, '10.0.0.1'
FROM generate_series({start} + 1, {start} + {lines}) AS n
"""

_SERIES = "UPDATE number_series SET next = next + %(customers)s + 1000"


def fill(database: Database, customers: int) -> None:
    """Fill an empty database; the users of `demo` have `PASSWORD`."""
    with telecom_crm.open(database.url, gateways=demo.GATEWAYS) as crm:
        demo.load(crm)
        demo.load_applications(crm)
        demo.load_accounts(crm, PASSWORD)
        for contract in crm.contracts.each():
            crm.payments.take(
                payer=Payer(account_id=contract.account_id),
                amount=Money.parse("250.00", crm.currency),
                method=PaymentMethod.CASH,
                gateway="cash_desk",
            )
        with database.connect() as connection:
            _copy(connection, customers)
        crm.reports.keep()
    with database.connect() as connection:
        connection.execute("VACUUM ANALYZE")


def _copy(connection: psycopg.Connection, customers: int) -> None:
    connection.execute(_SETTING_UP)
    connection.execute(_MODEL_EVENTS)
    _draw(connection, customers)
    tables = [table for table, _, _ in _COPIES]
    with _without_indexes(connection, [*tables, "events"]):
        for table, whose, others in _COPIES:
            connection.execute(
                f"INSERT INTO {table} ({', '.join(_columns(connection, table))})"
                f" SELECT {_copied(connection, table, others)} FROM drawn d"
                f" JOIN models m ON m.place = d.place JOIN {table} t ON {whose} ORDER BY n"
            )
        _copy_stock(connection, customers // 10)
        for start in range(0, customers, _EVENTS_AT_ONCE):
            connection.execute(
                f"INSERT INTO events ({', '.join(_columns(connection, 'events'))})"
                f" SELECT {_copied(connection, 'events', _EVENTS)} FROM drawn d"
                " JOIN model_events t ON t.place = d.place"
                " WHERE n >= %(start)s AND n < %(end)s ORDER BY n",
                {"start": start, "end": start + _EVENTS_AT_ONCE},
            )
    lines = customers // 500
    for start in range(0, 100 * lines, lines):
        connection.execute(_AUDIT.format(start=100 * lines - lines - start, lines=lines))
    connection.execute(_SERIES, {"customers": customers})


def _draw(connection: psycopg.Connection, customers: int) -> None:
    """Draw who they are: the words of a name are the library's to find."""
    models = connection.execute("SELECT count(*) FROM models").fetchone()
    if models is None:
        raise RuntimeError("the demo made no contracts")
    spelled = {name: " ".join(words_of(name)) for name in {*map(name_of, range(100_000))}}
    generations = -(-customers // models[0])
    with connection.cursor().copy("COPY drawn FROM STDIN") as copy:
        for n in range(customers):
            name = name_of(n)
            generation, place = divmod(n, models[0])
            row = (n, place, generations - generation, name, spelled[name], str(iccid_of(n)))
            copy.write_row((*row, msisdn_of(n)))
    connection.execute("CREATE INDEX ON drawn (n); ANALYZE drawn; ANALYZE models")


def _copy_stock(connection: psycopg.Connection, size: int) -> None:
    connection.execute("CREATE TEMP TABLE stock (n integer, iccid text, msisdn text)")
    with connection.cursor().copy("COPY stock FROM STDIN") as copy:
        for n in range(size):
            copy.write_row((n, str(iccid_of(5_000_000 + n)), msisdn_of(5_000_000 + n)))
    named = {table: ", ".join(_columns(connection, table)) for table in _STOCK_OF}
    copied = {
        f"{table}_copied": _copied(connection, table, others) for table, others in _STOCK_OF.items()
    }
    connection.execute(_STOCK.format(**named, **copied))


def name_of(n: int) -> str:
    """Return the name of a customer: many share one, and some have one that is rare."""
    if n % 100_000 == 77_777 or n == 777:
        return RARE
    last = _ROOTS[n // 7 % len(_ROOTS)] + _ENDS[n // 140 % len(_ENDS)]
    return f"{last} {_FIRST[n % len(_FIRST)]}"


def msisdn_of(n: int) -> str:
    """Return the number of a customer, or of stock."""
    return f"99670{n:07d}"


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    found = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " AND NOT attisdropped AND attname <> 'xact'",
        (table,),
    )
    return [name for (name,) in found]


def _copied(connection: psycopg.Connection, table: str, others: Mapping[str, str]) -> str:
    """Return the columns of a copy as SQL."""
    return ", ".join(
        others[name].replace("copied(", "pg_temp.copied(") if name in others else f"t.{name}"
        for name in _columns(connection, table)
    )


@contextmanager
def _without_indexes(connection: psycopg.Connection, tables: Sequence[str]) -> Iterator[None]:
    """Do without the indexes and keys of some tables, and make them anew after."""
    away, back = [], []
    for table in tables:
        for name, made in connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'p'",
            (table,),
        ):
            away.append(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
            back.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {made}")
        for name, made in connection.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
            " WHERE indrelid = %s::regclass AND NOT indisprimary",
            (table,),
        ):
            away.append(f"DROP INDEX {name}")
            back.append(made)
    connection.execute("SET maintenance_work_mem = '256MB'; SET work_mem = '256MB'")
    for statement in away:
        connection.execute(statement)
    yield
    for statement in back:
        connection.execute(statement)
