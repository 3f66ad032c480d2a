"""
The till on PostgreSQL: many payments, two exchanges with the server.

First exchange: lock and read the accounts (in the order of their ids), their contracts, the
payments that exist, and the keys that were used. Then the domain decides on each booking. Second
exchange: one statement writes everything, and the commit goes with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, cast
from uuid import UUID

import attrs
import psycopg
from psycopg import Cursor
from sqlalchemy import Engine

from telecom_crm.adapters.postgres.arrays import ArrayStatement, Texts, Uuids
from telecom_crm.adapters.postgres.booking import Batch
from telecom_crm.adapters.postgres.engine import translated
from telecom_crm.adapters.postgres.ledger import state_from_row
from telecom_crm.adapters.postgres.rows.payments import payment_from_row
from telecom_crm.adapters.postgres.tables import PK_KEYS
from telecom_crm.application.ports import Booking, Contended, Found, IdempotencyKey
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import LIVE, ContractStatus
from telecom_crm.domain.errors import InvalidValue, KeyReused, NotFound, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, ContractId, PaymentId
from telecom_crm.domain.ledger import Balance, JournalEntry
from telecom_crm.domain.payment import Payment

_ACCOUNTS = ArrayStatement.of("""
SELECT * FROM accounts WHERE id = ANY(
  %(accounts)s
  || ARRAY(SELECT account_id FROM directory WHERE id = ANY(%(ids)s))
  || ARRAY(SELECT directory.account_id FROM numbers JOIN directory
           ON directory.id = numbers.contract_id WHERE msisdn = ANY(%(msisdns)s)))
ORDER BY id FOR NO KEY UPDATE
""")

_CONTRACTS = ArrayStatement.of("""
SELECT contracts.id, contracts.account_id, contracts.status, contracts.msisdn FROM contracts
WHERE (account_id, id) IN (
  SELECT account_id, id FROM directory WHERE id = ANY(%(ids)s)
  UNION SELECT directory.account_id, directory.id FROM numbers JOIN directory
    ON directory.id = numbers.contract_id WHERE msisdn = ANY(%(msisdns)s))
""")

_PAYMENTS = ArrayStatement.of("""
SELECT payments.* FROM directory JOIN payments USING (account_id, id)
WHERE directory.id = ANY(%(ids)s) ORDER BY payments.id FOR NO KEY UPDATE OF payments
""")

_REPLAYED = ArrayStatement.of("""
SELECT payments.* FROM directory JOIN payments USING (account_id, id)
WHERE directory.id = ANY(%(ids)s)
""")

_KEYS = ArrayStatement.of("""
SELECT caller, key, digest, resource FROM keys
WHERE (caller, key) IN (SELECT * FROM unnest(%(callers)s, %(keys)s))
""")

ATTEMPTS = 5
"""A batch starts over when a key was used elsewhere at the same moment."""


class Connections(Protocol):
    """Where a till gets a psycopg connection for one transaction; raises as the engine does."""

    def __call__(self) -> AbstractContextManager[psycopg.Connection[Any]]: ...


@attrs.frozen
class EngineConnections:
    """Lends the pool's psycopg connections; a broken one is thrown away."""

    engine: Engine

    @contextmanager
    def __call__(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend one connection; what was not committed is rolled back."""
        with translated("the accounts"):
            lent = self.engine.raw_connection()
            try:
                yield cast("psycopg.Connection[Any]", lent.driver_connection)
            except BaseException as error:
                if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                    lent.invalidate(error)
                raise
            finally:
                lent.close()


@attrs.frozen
class PostgresTill:
    """Writes payments; see `ports.Till`."""

    connections: Connections

    def book(self, bookings: Sequence[Booking]) -> list[Payment | TelecomCrmError]:
        """Write every booking that can be, and return the outcome of each."""
        for _ in range(ATTEMPTS - 1):
            try:
                return self._book(bookings)
            except Contended:
                continue
            except (psycopg.DataError, UnicodeEncodeError):
                if len(bookings) == 1:
                    message = "text without NUL and lone surrogates, amounts within reason"
                    return [InvalidValue.of("payment", "payment", message)]
                # One of them cannot be written as it is: each on its own, so that it fails alone.
                return [self.book([booking])[0] for booking in bookings]
        return self._book(bookings)

    def _book(self, bookings: Sequence[Booking]) -> list[Payment | TelecomCrmError]:
        with self.connections() as connection:
            try:
                sheet = _Sheet.read(connection, bookings)
                outcomes = [sheet.decide(booking) for booking in bookings]
                sheet.write(connection)
            except psycopg.errors.UniqueViolation as error:
                if error.diag.constraint_name == PK_KEYS:
                    raise Contended("an idempotency key") from error
                raise
            return outcomes


@attrs.define
class _Sheet:
    """What a batch found, and what it has decided so far: later bookings see the earlier ones."""

    states: dict[AccountId, AccountState]
    contracts: Mapping[UUID, Mapping[str, Any]]
    on_number: Mapping[str, Mapping[str, Any]]
    payments: dict[PaymentId, Payment]
    keys: dict[tuple[str, str], tuple[str, Payment]]
    written: dict[PaymentId, Payment] = attrs.field(factory=dict)
    balances: dict[AccountId, Balance] = attrs.field(factory=dict)
    entries: list[JournalEntry] = attrs.field(factory=list)
    used: list[tuple[IdempotencyKey, Payment]] = attrs.field(factory=list)

    @classmethod
    def read(cls, connection: psycopg.Connection[Any], bookings: Sequence[Booking]) -> _Sheet:
        """Lock and read all that the bookings speak of; one exchange, unless keys came again."""
        payers = [booking.payer for booking in bookings if booking.payer]
        contract_ids = {payer.contract_id for payer in payers if payer.contract_id}
        payment_ids = {booking.payment_id for booking in bookings if booking.payment_id}
        msisdns = {payer.msisdn.digits for payer in payers if payer.msisdn}
        keys = [booking.key for booking in bookings if booking.key]
        arrays = {
            "accounts": Uuids.of({payer.account_id for payer in payers if payer.account_id}),
            "ids": Uuids.of({*contract_ids, *payment_ids}),
            "msisdns": Texts.of(msisdns),
            "callers": Texts.of(key.caller for key in keys),
            "keys": Texts.of(key.key for key in keys),
        }
        contracts = payments = used = None
        with connection.pipeline():
            accounts = _ACCOUNTS.execute(connection, arrays)
            if contract_ids or msisdns:
                contracts = _CONTRACTS.execute(connection, arrays)
            if payment_ids:
                payments = _PAYMENTS.execute(connection, arrays)
            if keys:
                used = _KEYS.execute(connection, arrays)
        at = bookings[0].at
        found = contracts.fetchall() if contracts else []
        replays = used.fetchall() if used else []
        return cls(
            states={row["id"]: state_from_row(row, at) for row in accounts},
            contracts={row["id"]: row for row in found},
            on_number={
                row["msisdn"]: row for row in found if ContractStatus(row["status"]) in LIVE
            },
            payments=_by_id(payments),
            keys=_replayed(connection, replays),
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
                self.states[payment.account_id] = attrs.evolve(state, balance=balance)
                self.balances[payment.account_id] = balance
                self.entries.append(entry)
        except TelecomCrmError as error:
            return error
        stored = attrs.evolve(payment, events=())
        if payment.events:
            before = self.written.get(payment.id)
            events = (*before.events, *payment.events) if before else payment.events
            self.written[payment.id] = attrs.evolve(payment, events=events)
            self.payments[payment.id] = stored
        if booking.key:
            self.used.append((booking.key, payment))
            self.keys[booking.key.caller, booking.key.key] = (booking.key.digest, stored)
        return stored

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Write everything and commit, in one exchange."""
        if not (self.written or self.entries or self.used):
            connection.rollback()
            return
        batch = Batch(
            balances=self.balances,
            entries=self.entries,
            payments=list(self.written.values()),
            keys=self.used,
        )
        with connection.pipeline():
            batch.write(connection)
            connection.commit()

    def _find(self, booking: Booking) -> Found:
        if booking.payment_id is not None:
            payment = self.payments.get(booking.payment_id)
            if payment is None:
                raise NotFound("payment", str(booking.payment_id))
            return Found(state=self._state(payment.account_id, booking), payment=payment)
        payer = booking.payer
        if payer is None:
            raise LookupError("a booking has a payer or a payment")
        if payer.account_id is not None:
            return Found(state=self._state(payer.account_id, booking))
        if payer.contract_id is not None:
            row = self.contracts.get(payer.contract_id)
            missing = NotFound("contract", str(payer.contract_id))
        else:
            row = self.on_number.get(payer.msisdn.digits) if payer.msisdn else None
            missing = NotFound("contract with number", str(payer.msisdn))
        if row is None:
            raise missing
        return Found(
            state=self._state(row["account_id"], booking),
            contract_id=ContractId(row["id"]),
            contract_status=ContractStatus(row["status"]),
        )

    def _state(self, account_id: AccountId, booking: Booking) -> AccountState:
        state = self.states.get(account_id)
        if state is None:
            raise NotFound("account", str(account_id))
        return state if state.at == booking.at else attrs.evolve(state, at=booking.at)

    def _earlier(self, key: IdempotencyKey) -> Payment | None:
        found = self.keys.get((key.caller, key.key))
        if found is None:
            return None
        digest, payment = found
        if digest != key.digest:
            raise KeyReused(key.key)
        return attrs.evolve(payment, replayed=True)


def _by_id(rows: Cursor[dict[str, Any]] | None) -> dict[PaymentId, Payment]:
    return {row["id"]: payment_from_row(row) for row in rows} if rows else {}


def _replayed(
    connection: psycopg.Connection[Any], used: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str], tuple[str, Payment]]:
    """Read the payments of keys that were used before."""
    if not used:
        return {}
    ids = Uuids.of({row["resource"] for row in used})
    payments = _by_id(_REPLAYED.execute(connection, {"ids": ids}))
    return {
        (row["caller"], row["key"]): (row["digest"], payments[row["resource"]])
        for row in used
        if row["resource"] in payments
    }
