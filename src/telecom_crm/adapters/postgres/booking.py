"""
Writing money: payments, entries, counters, events and keys with one statement.

However many payments a batch has, their rows go out as one data-modifying statement, the columns of
many rows as arrays, so that a batch costs one exchange with the server. The accounts it touches
are locked by whoever decided on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple

import attrs
import psycopg

from telecom_crm.adapters.postgres.arrays import (
    DATES,
    INSTANTS,
    JSONS,
    NUMBERS,
    TEXTS,
    UUIDS,
    ValueType,
)
from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.adapters.postgres.pipeline import Pipeline, Statement
from telecom_crm.application.ports import IdempotencyKey
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.ledger import Balance, JournalEntry, Transfer
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.payment import Payment

FEW = 2
"""
Rows that a statement names value by value. For these PostgreSQL needs no function to take arrays
apart, which costs more than writing them; for more, the statements would be too many to prepare.
"""


class UsedKey(NamedTuple):
    """An idempotency key, and the payment it stands for from now on."""

    key: IdempotencyKey
    payment: Payment


@attrs.define
class Batch:
    """Everything that one statement writes."""

    balances: Mapping[AccountId, Balance]
    entries: Sequence[JournalEntry] = ()
    payments: Sequence[Payment] = ()
    keys: Sequence[UsedKey] = ()

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Write it in the transaction that the connection is in."""
        with Pipeline.over(connection) as pipeline:
            self.send(pipeline)

    def send(self, pipeline: Pipeline) -> None:
        """Send it; the rows of `balances` are held by this transaction."""
        rows = [(part, things) for part, things in self._rows() if things]
        shape = tuple((part, len(things) if len(things) <= FEW else 0) for part, things in rows)
        parameters = [value for part, things in rows for value in part.parameters(things)]
        pipeline.send(_statement(shape), parameters)

    def _rows(self) -> tuple[tuple[_Part, Sequence[Any]], ...]:
        new: list[Payment] = []
        known: list[Payment] = []
        for payment in self.payments:
            (known if payment.version > len(payment.events) else new).append(payment)
        legs = [_Leg(e, n, leg) for e in self.entries for n, leg in enumerate(e.transfers)]
        return (
            (_PAYMENTS, new),
            (_DIRECTORY, new),
            (_KNOWN_PAYMENTS, known),
            (_KEYS, self.keys),
            (_ENTRIES, self.entries),
            (_TRANSFERS, legs),
            (_EVENTS, [event for payment in self.payments for event in payment.events]),
            (_COUNTERS, [_Counters(id, balance) for id, balance in self.balances.items()]),
        )


class _Leg(NamedTuple):
    entry: JournalEntry
    number: int
    transfer: Transfer


class _Counters(NamedTuple):
    account_id: AccountId
    balance: Balance


Read = Callable[[Any], Any]


@attrs.frozen(eq=False)
class _Part:
    """What a statement does with rows of one shape; `columns` says how each is read and packed."""

    name: str
    template: str
    columns: tuple[tuple[ValueType, Read], ...]

    @classmethod
    def of(cls, name: str, template: str, /, **columns: tuple[ValueType, str | Read]) -> _Part:
        """Name the columns in the template, where it says so, and read them by path."""
        readers = tuple(
            (kind, attrgetter(read) if isinstance(read, str) else read)
            for kind, read in columns.values()
        )
        return cls(name, template.replace("{columns}", ", ".join(columns)), readers)

    @classmethod
    def inserting(cls, table: str, /, **columns: tuple[ValueType, str | Read]) -> _Part:
        """Insert the rows."""
        template = f"INSERT INTO {table} ({{columns}}) SELECT * FROM {{rows}} AS row"
        return cls.of(table, template, **columns)

    def text(self, placeholders: Iterator[int], few: int) -> str:
        """Return it as SQL: of that few rows, each value by itself; of many (0), as arrays."""
        kinds = [kind.name for kind, _ in self.columns]
        if few:
            one_by_one = (
                ", ".join(f"${next(placeholders)}::{kind}" for kind in kinds) for _ in range(few)
            )
            rows = f"(VALUES {', '.join(f'({row})' for row in one_by_one)})"
        else:
            columns = ", ".join(f"${next(placeholders)}::{kind}[]" for kind in kinds)
            rows = f"unnest({columns})"
        return f"{self.name}_written AS ({self.template.replace('{rows}', rows)})"

    def parameters(self, things: Sequence[Any]) -> list[bytes | None]:
        """Return the values of these things, as the text of so many wants them."""
        if len(things) > FEW:
            return [kind.pack(map(read, things)) for kind, read in self.columns]
        return [
            None if (value := read(thing)) is None else kind.pack_one(value)
            for thing in things
            for kind, read in self.columns
        ]


@cache
def _statement(shape: tuple[tuple[_Part, int], ...]) -> Statement:
    """Return one statement of all these parts; what a batch has no rows of costs nothing."""
    placeholders = count(1)
    texts = [part.text(placeholders, few) for part, few in shape]
    return Statement.of(f"WITH {', '.join(texts)} SELECT")


def _payload(event: Event) -> str:
    return dumps(event.payload) if event.payload else "{}"


_PAYMENTS = _Part.inserting(
    "payments",
    account_id=(UUIDS, "account_id"),
    id=(UUIDS, "id"),
    contract_id=(UUIDS, "contract_id"),
    amount_minor=(NUMBERS, "amount.minor"),
    currency=(TEXTS, "amount.currency"),
    method=(TEXTS, "method"),
    gateway=(TEXTS, "gateway"),
    at=(INSTANTS, "at"),
    gateway_reference=(TEXTS, "gateway_reference"),
    failure=(TEXTS, "failure"),
    meant_for=(TEXTS, "meant_for"),
    entry_id=(UUIDS, "entry_id"),
    refunded_minor=(NUMBERS, "refunded.minor"),
    reconciliation=(TEXTS, "reconciliation"),
    status=(TEXTS, "status"),
    version=(NUMBERS, "version"),
)

_DIRECTORY = _Part.inserting("directory", id=(UUIDS, "id"), account_id=(UUIDS, "account_id"))

_KNOWN_PAYMENTS = _Part.of(
    "known_payments",
    """UPDATE payments SET amount_minor = row.amount_minor,
      gateway_reference = row.gateway_reference, failure = row.failure, entry_id = row.entry_id,
      refunded_minor = row.refunded_minor, reconciliation = row.reconciliation,
      status = row.status, version = row.version
    FROM {rows} AS row ({columns})
    WHERE payments.account_id = row.account_id AND payments.id = row.id""",
    account_id=(UUIDS, "account_id"),
    id=(UUIDS, "id"),
    amount_minor=(NUMBERS, "amount.minor"),
    gateway_reference=(TEXTS, "gateway_reference"),
    failure=(TEXTS, "failure"),
    entry_id=(UUIDS, "entry_id"),
    refunded_minor=(NUMBERS, "refunded.minor"),
    reconciliation=(TEXTS, "reconciliation"),
    status=(TEXTS, "status"),
    version=(NUMBERS, "version"),
)

_KEYS = _Part.inserting(
    "keys",
    caller=(TEXTS, "key.caller"),
    key=(TEXTS, "key.key"),
    digest=(TEXTS, "key.digest"),
    resource=(UUIDS, "payment.id"),
)

_ENTRIES = _Part.inserting(
    "entries",
    account_id=(UUIDS, "account_id"),
    id=(UUIDS, "id"),
    kind=(TEXTS, "kind"),
    currency=(TEXTS, "currency"),
    booked_at=(INSTANTS, "booked_at"),
    caused_by=(TEXTS, "caused_by"),
    reverses=(UUIDS, "reverses"),
    note=(TEXTS, "note"),
)

_TRANSFERS = _Part.inserting(
    "transfers",
    account_id=(UUIDS, "entry.account_id"),
    entry_id=(UUIDS, "entry.id"),
    leg=(NUMBERS, "number"),
    debit=(TEXTS, "transfer.debit"),
    credit=(TEXTS, "transfer.credit"),
    amount_minor=(NUMBERS, "transfer.amount.minor"),
    currency=(TEXTS, "transfer.amount.currency"),
    counterparty=(TEXTS, "transfer.counterparty"),
    contract_id=(UUIDS, "transfer.contract_id"),
    tariff=(TEXTS, "transfer.tariff"),
    tariff_version=(NUMBERS, "transfer.tariff_version"),
    charge_kind=(TEXTS, "transfer.charge_kind"),
    period_start=(DATES, "transfer.period_start"),
    period_end=(DATES, "transfer.period_end"),
    booked_at=(INSTANTS, "entry.booked_at"),
)

_EVENTS = _Part.inserting(
    "events",
    thing_id=(TEXTS, "thing_id"),
    sequence=(NUMBERS, "sequence"),
    thing=(TEXTS, "thing"),
    name=(TEXTS, "name"),
    at=(INSTANTS, "at"),
    by_name=(TEXTS, "by.name"),
    by_token=(TEXTS, "by.token"),
    by_address=(TEXTS, "by.address"),
    command=(TEXTS, "command"),
    before=(TEXTS, "before"),
    after=(TEXTS, "after"),
    reason=(TEXTS, "reason"),
    payload=(JSONS, _payload),
)

_COUNTERS = _Part.of(
    "counters",
    """UPDATE accounts SET subscriber = row.subscriber, receivable = row.receivable,
      unbilled = row.unbilled, reserved = row.reserved
    FROM {rows} AS row ({columns}) WHERE accounts.id = row.id""",
    id=(UUIDS, "account_id"),
    subscriber=(NUMBERS, "balance.subscriber"),
    receivable=(NUMBERS, "balance.receivable"),
    unbilled=(NUMBERS, "balance.unbilled"),
    reserved=(NUMBERS, "balance.reserved"),
)
