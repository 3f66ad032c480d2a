"""Every filter of every list finds its way by an index, but those that leave most of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, get_type_hints
from uuid import UUID

import pytest
from sqlalchemy import Connection

from telecom_crm.adapters.postgres.collections import conditions_of
from telecom_crm.adapters.postgres.engine import open_engine
from telecom_crm.adapters.postgres.payments import _TAKEN
from telecom_crm.adapters.postgres.unit_of_work import PostgresTransaction
from telecom_crm.application.ports import FILTERS, Query
from telecom_crm.domain.refund import Refund
from telecom_crm.entrypoints.conformance.samples import BEGINNING
from telecom_crm.entrypoints.http.calls import _KINDS

SHORT = {"approval", "import_job", "option", "tariff", "token", "user", "webhook"}
"""Lists that are never long."""
MOST = {
    "customer status=active",
    "customer kind=person",
    "sim status=active",
    "number status=assigned",
    "number category=standard",
    "contract status=active",
    "payment status=confirmed",
    "refund status=paid",
    "refund status=failed",  # no route lists refunds by it
    "provisioning_task status=done",
    "notification status=sent",
    "notification status=delivered",
}
"""What most of a list is: going through the list finds a page of it soon enough."""
SAMPLES = {
    "email": "aida@example.org",
    "iccid": "8999608004477127826",
    "msisdn": "+996555123456",
    "phone": "+996555123456",
    "receipt": "B-00000042-7C9F3A2B",
}
KINDS = {**_KINDS, "refund": Refund}


@pytest.fixture
def connection(fresh_database: Callable[[], str]) -> Iterator[Connection]:
    engine = open_engine(fresh_database())
    with engine.connect() as connection:
        connection.exec_driver_sql("SET enable_seqscan = off")
        yield connection
    engine.dispose()


def lists_of(connection: Connection) -> Iterator[Any]:
    tx = PostgresTransaction(connection, read_only=True)
    names = [name for name in dir(type(tx)) if not name.startswith("_")]
    for part in [*(getattr(tx, name) for name in names), tx.catalog.tariffs, tx.catalog.options]:
        if hasattr(part, "shape"):
            yield part


def values_of(thing: str, field: str) -> list[str]:
    """Return every value of a filter by choice, or one of any other."""
    kind = KINDS.get(thing)
    told = getattr(kind, field, None)
    hints = get_type_hints(told.fget if isinstance(told, property) else kind) if kind else {}
    hint = hints.get("return" if isinstance(told, property) else field)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return [one.value for one in hint]
    return [SAMPLES.get(field, str(UUID(int=7)))]


def nodes_of(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes_of(part)


def reads_all(connection: Connection, table: str, condition: str, given: dict[str, Any]) -> bool:
    """Tell whether a condition finds no index that begins with it, nor one of such rows alone."""
    indexes = {
        name: (first, is_partial)
        for name, first, is_partial in connection.exec_driver_sql(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid, 1, true),"
            " indpred IS NOT NULL FROM pg_index"
        )
    }
    sql = f"EXPLAIN (FORMAT JSON) SELECT FROM {table} t WHERE {condition}"
    [found] = connection.exec_driver_sql(sql, given).scalar_one()
    for node in nodes_of(found["Plan"]):
        first, is_partial = indexes.get(node.get("Index Name", ""), ("", False))
        if first and first in node.get("Index Cond", first if is_partial else ""):
            return False
    return True


def test_every_filter_of_a_long_list_has_an_index(connection: Connection) -> None:
    things, slow = set[str](), set[str]()
    for part in lists_of(connection):
        shape = part.shape
        things.add(shape.thing)
        assert set(shape.filters) == set(FILTERS[shape.thing]), shape.thing
        for field in shape.filters if shape.thing not in SHORT else ():
            for value in values_of(shape.thing, field):
                [condition], given = conditions_of(Query(where={field: value}), shape.filters)
                if reads_all(connection, shape.sheet.table, condition, given):
                    slow.add(f"{shape.thing} {field}={value}")
    assert things == set(FILTERS)
    assert slow == MOST


def test_what_a_cashier_took_in_is_found_among_what_they_began_alone(
    connection: Connection,
) -> None:
    facts = {
        "by": "cashier",
        "gateways": "{cash_desk}",
        "since": BEGINNING,
        "currency": "KGS",
    }
    [found] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {_TAKEN}", facts).scalar_one()
    of_events = [node for node in nodes_of(found["Plan"]) if node.get("Relation Name") == "events"]
    back, begun = sorted(of_events, key=lambda node: "xact >=" in node.get("Index Cond", ""))
    assert {back.get("Index Name"), begun.get("Index Name")} == {"ix_events_by_name"}
    assert back["Scan Direction"] == "Backward"
    assert "xact >=" in begun["Index Cond"]
