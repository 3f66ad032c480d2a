"""
The till on PostgreSQL: many payments, two exchanges with the server.

First exchange: lock and read the accounts (in the order of their ids), their contracts and the
payments that exist, and ask whether a key was used before. Then the domain decides on each booking.
Second exchange: one statement writes everything.

Both are in one pipeline, so that PostgreSQL begins with the first statement and commits at the
pipeline's end, without a word more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Protocol, cast
from uuid import UUID

import attrs
import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, Pool, event

from telecom_crm.adapters.postgres.arrays import TEXTS, UUIDS
from telecom_crm.adapters.postgres.booking import Batch, UsedKey
from telecom_crm.adapters.postgres.engine import translated
from telecom_crm.adapters.postgres.json import receipt_of
from telecom_crm.adapters.postgres.pipeline import Pipeline, Rows, Statement
from telecom_crm.adapters.postgres.rows.payments import payment_from_row
from telecom_crm.adapters.postgres.tables import payments as payments_table
from telecom_crm.application.ports import Booking, Contended, Found, IdempotencyKey
from telecom_crm.domain.account import (
    AccountState,
    AccountStatus,
    BillingAccount,
    PromisedPayment,
)
from telecom_crm.domain.contract import LIVE, ContractStatus
from telecom_crm.domain.errors import Busy, InvalidValue, KeyReused, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, ContractId, PaymentId
from telecom_crm.domain.ledger import Balance, JournalEntry
from telecom_crm.domain.lifecycle import as_stored
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import Payment

_PLAN_ONCE = """
SELECT set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('enable_seqscan', 'off', false), set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false)
"""
"""
For a till's connections: plan once for all, which costs more than the work, and go by the keys,
which is what every look-up here has. A plan made while a table is small would read all of it, later
too.
"""

_HOLD = """
WITH held AS (
  SELECT id, currency, subscriber, receivable, unbilled, reserved, number, customer_id,
    policy_frozen, promise_minor, promise_until, money_holds, status, version,
    receipt->>'policy_id', (receipt->>'policy_version')::integer, (receipt->'terms')::text,
    receipt->>'at'
  FROM accounts WHERE id = ANY({accounts}) ORDER BY id FOR NO KEY UPDATE {held}
), used AS (
  SELECT EXISTS (SELECT FROM keys
    WHERE (caller, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))) AS any
)
SELECT used.any, held.* FROM used LEFT JOIN held ON true
"""
_BY_ID = "$3::uuid[]"
_BY_ANYTHING = """$3::uuid[]
    || ARRAY(SELECT account_id FROM directory WHERE id = ANY($4::uuid[]))
    || ARRAY(SELECT directory.account_id FROM numbers JOIN directory
             ON directory.id = numbers.contract_id WHERE msisdn = ANY($5::text[]))"""
"""Accounts that payers name by contract or number, or that payments are of, with those by id."""

_CONTRACTS = Statement.of("""
SELECT contracts.id, contracts.account_id, contracts.status, contracts.msisdn FROM contracts
WHERE (account_id, id) IN (
  SELECT account_id, id FROM directory WHERE id = ANY($1::uuid[])
  UNION SELECT directory.account_id, directory.id FROM numbers JOIN directory
    ON directory.id = numbers.contract_id WHERE msisdn = ANY($2::text[]))
""")

_COLUMNS = tuple(column.name for column in payments_table.columns)

_OF_PAYMENTS = f"""
SELECT {", ".join(f"payments.{name}" for name in _COLUMNS)}
FROM directory JOIN payments USING (account_id, id) WHERE directory.id = ANY($1::uuid[])
"""
_HOLD_PAYMENTS = f"{_OF_PAYMENTS} ORDER BY payments.id FOR NO KEY UPDATE OF payments {{held}}"
_REPLAYED = Statement.of(_OF_PAYMENTS)

_USED = Statement.of("""
SELECT caller, key, digest, resource FROM keys
WHERE (caller, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))
""")


@attrs.frozen
class _Reads:
    """The statements that hold and read what a batch speaks of."""

    by_id: Statement
    by_anything: Statement
    payments: Statement

    @classmethod
    def with_held(cls, held: str) -> _Reads:
        return cls(
            by_id=Statement.of(_HOLD.format(accounts=_BY_ID, held=held)),
            by_anything=Statement.of(_HOLD.format(accounts=_BY_ANYTHING, held=held)),
            payments=Statement.of(_HOLD_PAYMENTS.format(held=held)),
        )


_WAITING = _Reads.with_held("")
_PASSING_BY = _Reads.with_held("SKIP LOCKED")

SLICE = 64
"""Bookings of a batch that are written while the next are decided, in the same transaction."""

ATTEMPTS = 5
"""A batch starts over when a key was used elsewhere at the same moment."""


class Connections(Protocol):
    """
    Where a till gets a pipeline for one transaction; raises as the engine does.

    It commits at the pipeline's end, or its owner does later.
    """

    def __call__(self) -> AbstractContextManager[Pipeline]: ...


@attrs.frozen
class PooledConnections:
    """
    Lends pipelines over connections that only tills use; a broken one is thrown away.

    They are made as the engine makes its own, as many at most, and set to plan each statement once.
    """

    pool: Pool

    @classmethod
    def like(cls, engine: Engine) -> PooledConnections:
        """Return connections beside an engine's own; nothing is connected yet."""
        pool = engine.pool.recreate()
        event.listen(pool, "connect", _set_up)
        return cls(pool)

    @contextmanager
    def __call__(self) -> Iterator[Pipeline]:
        """Lend one, on a connection without a transaction."""
        with translated("the accounts"):
            lent = self.pool.connect()
            connection = cast("psycopg.Connection[Any]", lent.driver_connection)
            try:
                with Pipeline.over(connection) as pipeline:
                    yield pipeline
            finally:
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    lent.invalidate()
                lent.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self.pool.dispose()


def _set_up(connection: psycopg.Connection[Any], _record: object) -> None:
    connection.autocommit = True
    connection.execute(_PLAN_ONCE)
    connection.autocommit = False


@attrs.frozen
class PostgresTill:
    """Writes payments; see `ports.Till`."""

    connections: Connections

    def book(
        self, bookings: Sequence[Booking], *, wait: bool = True
    ) -> list[Payment | TelecomCrmError]:
        """Write every booking that can be, and return the outcome of each."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._book(bookings, wait=wait)
            except Contended:
                continue
            except (psycopg.DataError, UnicodeEncodeError):
                if len(bookings) == 1:
                    message = "text without NUL and lone surrogates, amounts within reason"
                    return [InvalidValue.of("payment", "payment", message)]
                # One of them cannot be written as it is: each on its own, so that it fails alone.
                return [self.book([booking], wait=wait)[0] for booking in bookings]
        return self._book(bookings, wait=wait)

    def _book(self, bookings: Sequence[Booking], *, wait: bool) -> list[Payment | TelecomCrmError]:
        outcomes: list[Payment | TelecomCrmError] = []
        with self.connections() as pipeline:
            sheet = _Sheet.read(pipeline, bookings, wait=wait)
            for start in range(0, len(bookings), SLICE):
                if start:
                    # The server writes what is decided while the rest is being decided.
                    sheet.write_payments(pipeline)
                    pipeline.flush()
                outcomes += [sheet.decide(one) for one in bookings[start : start + SLICE]]
            sheet.write(pipeline)
        return outcomes


@attrs.frozen
class _FoundContract:
    """What a payment asks of the contract it is for."""

    id: ContractId
    account_id: AccountId
    status: ContractStatus = attrs.field(converter=ContractStatus)
    msisdn: str

    @property
    def live(self) -> bool:
        return self.status in LIVE


@attrs.define
class _Sheet:
    """What a batch found, and what it has decided so far: later bookings see the earlier ones."""

    states: dict[AccountId, AccountState]
    contracts: Mapping[ContractId, _FoundContract]
    on_number: Mapping[str, _FoundContract]
    payments: dict[PaymentId, Payment]
    keys: dict[tuple[str, str], tuple[str, Payment | None]]
    waited: bool
    """Whether what is not there does not exist; else another transaction may hold it."""
    written: dict[PaymentId, Payment] = attrs.field(factory=dict)
    balances: dict[AccountId, Balance] = attrs.field(factory=dict)
    entries: list[JournalEntry] = attrs.field(factory=list)
    used: list[UsedKey] = attrs.field(factory=list)

    @classmethod
    def read(cls, pipeline: Pipeline, bookings: Sequence[Booking], *, wait: bool) -> _Sheet:
        """Lock and read all that the bookings speak of; one exchange, unless keys came again."""
        payers = [booking.payer for booking in bookings if booking.payer]
        contract_ids = {payer.contract_id for payer in payers if payer.contract_id}
        payment_ids = {booking.payment_id for booking in bookings if booking.payment_id}
        keys = [booking.key for booking in bookings if booking.key]
        digits = {payer.msisdn.digits for payer in payers if payer.msisdn}
        accounts = UUIDS.pack({payer.account_id for payer in payers if payer.account_id})
        used = TEXTS.pack(key.caller for key in keys), TEXTS.pack(key.key for key in keys)
        reads = _WAITING if wait else _PASSING_BY
        contracts: Rows = []
        payments: Rows = []
        if contract_ids or payment_ids or digits:
            ids = UUIDS.pack({*contract_ids, *payment_ids})
            msisdns = TEXTS.pack(digits)
            held = pipeline.send(reads.by_anything, [*used, accounts, ids, msisdns])
            contracts = pipeline.send(_CONTRACTS, [ids, msisdns])
            payments = pipeline.send(reads.payments, [ids])
        else:
            held = pipeline.send(reads.by_id, [*used, accounts])
        pipeline.receive()
        found = [_FoundContract(*row) for row in contracts]
        at = bookings[0].at
        return cls(
            states={row[1]: _state_from(row, at) for row in held if row[1]},
            contracts={contract.id: contract for contract in found},
            on_number={contract.msisdn: contract for contract in found if contract.live},
            payments=_by_id(payments),
            keys=_replayed(pipeline, used) if held[0][0] else {},
            waited=wait,
        )

    def decide(self, booking: Booking) -> Payment | TelecomCrmError:
        """Return the outcome of one booking, and keep what it writes."""
        try:
            if booking.key and (earlier := self._earlier(booking.key)):
                return earlier
            booked = booking.decide(self._find(booking))
            payment, entry = booked.payment, booked.entry
            if entry:
                state = self.states[payment.account_id]
                balance = state.balance.after(entry)
                self.states[payment.account_id] = AccountState(
                    account=state.account, balance=balance, at=state.at
                )
                self.balances[payment.account_id] = balance
                self.entries.append(entry)
        except TelecomCrmError as error:
            return error
        stored = as_stored(payment)
        if payment.events:
            if before := self.written.get(payment.id):
                events = (*before.events, *payment.events)
                self.written[payment.id] = attrs.evolve(payment, events=events)
            else:
                self.written[payment.id] = payment
            self.payments[payment.id] = stored
        if booking.key:
            self.used.append(UsedKey(booking.key, payment))
            self.keys[booking.key.caller, booking.key.key] = (booking.key.digest, stored)
        return stored

    def write(self, pipeline: Pipeline) -> None:
        """Write what was decided and not yet written, and the keys of all."""
        # In one order, as the accounts, so that two batches with the same keys take turns.
        keys = sorted(self.used, key=lambda used: (used.key.caller, used.key.key))
        self._send(pipeline, keys)

    def write_payments(self, pipeline: Pipeline) -> None:
        """Write what was decided since the last time, but for the keys."""
        self._send(pipeline, ())
        self.written, self.balances, self.entries = {}, {}, []

    def _send(self, pipeline: Pipeline, keys: Sequence[UsedKey]) -> None:
        if self.written or self.entries or keys:
            Batch(
                balances=self.balances,
                entries=self.entries,
                payments=list(self.written.values()),
                keys=keys,
            ).send(pipeline)

    def _find(self, booking: Booking) -> Found:
        if booking.payment_id is not None:
            payment = self.payments.get(booking.payment_id)
            if payment is None:
                raise self._missing("payment", booking.payment_id)
            return Found(state=self._state(payment.account_id, booking), payment=payment)
        payer = booking.payer
        if payer is None:
            raise LookupError("a booking has a payer or a payment")
        if payer.account_id is not None:
            return Found(state=self._state(payer.account_id, booking))
        if payer.contract_id is not None:
            contract = self.contracts.get(payer.contract_id)
            missing = NotFound("contract", str(payer.contract_id))
        else:
            contract = self.on_number.get(payer.msisdn.digits) if payer.msisdn else None
            missing = NotFound("contract with number", str(payer.msisdn))
        if contract is None:
            raise missing
        return Found(
            state=self._state(contract.account_id, booking),
            contract_id=contract.id,
            contract_status=contract.status,
        )

    def _state(self, account_id: AccountId, booking: Booking) -> AccountState:
        state = self.states.get(account_id)
        if state is None:
            raise self._missing("account", account_id)
        if state.at == booking.at:
            return state
        return AccountState(account=state.account, balance=state.balance, at=booking.at)

    def _missing(self, thing: str, id: UUID) -> TelecomCrmError:
        return NotFound(thing, str(id)) if self.waited else Busy(f"{thing} {id}")

    def _earlier(self, key: IdempotencyKey) -> Payment | None:
        found = self.keys.get((key.caller, key.key))
        if found is None:
            return None
        digest, payment = found
        if digest != key.digest or payment is None:  # None: it stands for something else
            raise KeyReused(key.key)
        return attrs.evolve(payment, replayed=True)


def _state_from(row: tuple[Any, ...], at: datetime) -> AccountState:
    """Return an account with its counters, of a row that `_HOLD` found."""
    _, account_id, currency, subscriber, receivable, unbilled, reserved, *about = row
    number, customer_id, frozen, promised, promised_until, holds, status, version, *terms = about
    promise = None
    if promised is not None:
        promise = PromisedPayment(amount=Money(promised, currency), until=promised_until)
    account = BillingAccount(
        id=account_id,
        number=number,
        customer_id=customer_id,
        currency=currency,
        receipt=None if terms[0] is None else receipt_of(*terms),
        policy_frozen=frozen,
        promise=promise,
        money_holds=holds,
        status=AccountStatus(status),
        version=version,
    )
    balance = Balance(
        currency=currency,
        subscriber=subscriber,
        receivable=receivable,
        unbilled=unbilled,
        reserved=reserved,
    )
    return AccountState(account=account, balance=balance, at=at)


def _by_id(rows: Rows) -> dict[PaymentId, Payment]:
    named = (dict(zip(_COLUMNS, row, strict=True)) for row in rows)
    return {row["id"]: payment_from_row(row) for row in named}


def _replayed(
    pipeline: Pipeline, keys: Sequence[bytes]
) -> dict[tuple[str, str], tuple[str, Payment | None]]:
    """Read the payments of keys that were used before."""
    used = pipeline.send(_USED, keys)
    pipeline.receive()
    rows = pipeline.send(_REPLAYED, [UUIDS.pack({resource for *_, resource in used})])
    pipeline.receive()
    payments = _by_id(rows)
    return {
        (caller, key): (digest, payments.get(resource)) for caller, key, digest, resource in used
    }
