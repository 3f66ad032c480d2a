"""
The ledger on PostgreSQL: journal rows that are only added, and counters in the accounts' rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import attrs
import psycopg
from psycopg import Cursor
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from sqlalchemy import Connection

from telecom_crm.adapters.postgres.booking import Batch
from telecom_crm.adapters.postgres.rows.accounts import account_from_row
from telecom_crm.adapters.postgres.tables import UQ_ENTRIES_REVERSES
from telecom_crm.application.ports import LedgerDifference, Page
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId
from telecom_crm.domain.ledger import (
    AlreadyReversed,
    Balance,
    JournalEntry,
    LedgerCode,
    Posting,
    PostingKind,
    Transfer,
    TrialBalanceLine,
)
from telecom_crm.domain.money import Money

_C = LedgerCode


def _counted(code: LedgerCode, *, grows: str, falls: str) -> str:
    plus_minus = f"WHEN {grows} THEN amount_minor WHEN {falls} THEN -amount_minor"
    return f"coalesce(sum(CASE '{code}' {plus_minus} END), 0)"


_COUNTED = f"""
  {_counted(_C.SUBSCRIBER_BALANCE, grows="credit", falls="debit")} AS subscriber,
  {_counted(_C.RECEIVABLE, grows="debit", falls="credit")} AS receivable,
  {_counted(_C.UNBILLED_RECEIVABLE, grows="debit", falls="credit")} AS unbilled
"""

_ENTRIES = """
SELECT * FROM entries WHERE account_id = %(account)s
AND (%(start)s::timestamptz IS NULL OR booked_at >= %(start)s)
AND (%(end)s::timestamptz IS NULL OR booked_at < %(end)s)
AND (%(at)s::timestamptz IS NULL OR (booked_at, id) {past} (%(at)s, %(id)s::uuid))
AND (%(charging)s::uuid IS NULL OR EXISTS (
  SELECT FROM transfers t
  WHERE t.account_id = entries.account_id AND t.entry_id = entries.id
  AND t.contract_id = %(charging)s AND t.charge_kind <> ''))
ORDER BY booked_at {order}, id {order} LIMIT %(limit)s
"""

_DIFFERENCES = f"""
SELECT accounts.id, stored, computed, counter
FROM accounts
LEFT JOIN (SELECT account_id, {_COUNTED} FROM transfers GROUP BY account_id) AS journal
  ON journal.account_id = accounts.id
LEFT JOIN (
  SELECT account_id, sum((fee->'gross'->>'minor')::bigint) AS reserved
  FROM contracts CROSS JOIN jsonb_array_elements(first_fees) AS fee
  WHERE first_fees <> '[]' GROUP BY account_id
) AS held ON held.account_id = accounts.id
CROSS JOIN LATERAL (VALUES
  ('subscriber', accounts.subscriber, coalesce(journal.subscriber, 0)),
  ('receivable', accounts.receivable, coalesce(journal.receivable, 0)),
  ('unbilled', accounts.unbilled, coalesce(journal.unbilled, 0)),
  ('reserved', accounts.reserved, coalesce(held.reserved, 0))
) AS pair (counter, stored, computed)
WHERE stored <> computed
ORDER BY accounts.id, counter
"""

_TRIAL_BALANCE = """
SELECT currency, side.code, sum(side.debit)::bigint AS debit, sum(side.credit)::bigint AS credit
FROM transfers CROSS JOIN LATERAL (VALUES
  (transfers.debit, amount_minor, 0), (transfers.credit, 0, amount_minor)
) AS side (code, debit, credit)
{where} GROUP BY currency, side.code ORDER BY currency, side.code
"""


def state_from_row(row: Mapping[str, Any], at: datetime) -> AccountState:
    """Return an account with its counters as of an instant."""
    balance = Balance(
        currency=row["currency"],
        subscriber=row["subscriber"],
        receivable=row["receivable"],
        unbilled=row["unbilled"],
        reserved=row["reserved"],
    )
    return AccountState(account=account_from_row(row), balance=balance, at=at)


@attrs.frozen
class PostgresLedger:
    """The journal within one transaction."""

    connection: Connection
    read_only: bool

    def post(self, postings: Sequence[Posting], *, at: datetime) -> None:
        """Book entries and move counters; see `ports.Ledger`."""
        states = self.states({posting.account_id for posting in postings}, at=at)
        balances: dict[AccountId, Balance] = {}
        for posting in postings:
            if (state := states.get(posting.account_id)) is None:
                raise NotFound("account", str(posting.account_id))
            before = balances.get(posting.account_id, state.balance)
            balances[posting.account_id] = posting.apply(before, state.credit_limit)
        entries = [posting.entry for posting in postings if posting.entry]
        try:
            Batch(balances=balances, entries=entries).write(self._driver())
        except UniqueViolation as error:
            if error.diag.constraint_name != UQ_ENTRIES_REVERSES:
                raise
            why = "the entry was reversed before; a reversal can be reversed, an entry only once"
            raise AlreadyReversed("reversal", (why,)) from error

    def states(
        self, account_ids: Iterable[AccountId], *, at: datetime
    ) -> dict[AccountId, AccountState]:
        """Return accounts with their counters, held while writing."""
        hold = "" if self.read_only else " FOR NO KEY UPDATE"
        query = f"SELECT * FROM accounts WHERE id = ANY(%s) ORDER BY id{hold}"
        rows = self._cursor().execute(query, [list(account_ids)])
        return {row["id"]: state_from_row(row, at) for row in rows}

    def entry(self, entry_id: EntryId, *, account_id: AccountId) -> JournalEntry:
        """Return one entry."""
        rows = self._cursor().execute(
            "SELECT * FROM entries WHERE account_id = %s AND id = %s", [account_id, entry_id]
        )
        for entry in self._with_transfers(rows.fetchall()):
            return entry
        raise NotFound("journal entry", str(entry_id))

    def entries(
        self,
        account_id: AccountId,
        *,
        start: datetime | None,
        end: datetime | None,
        limit: int,
        cursor: str | None,
        descending: bool = False,
        charging: ContractId | None = None,
    ) -> Page[JournalEntry]:
        """Return a page of an account's entries; see `ports.Ledger`."""
        after_at, after_id = _read_cursor(cursor)
        past, order = ("<", "DESC") if descending else (">", "ASC")
        rows = (
            self._cursor()
            .execute(
                _ENTRIES.format(past=past, order=order),
                {
                    "account": account_id,
                    "start": start,
                    "end": end,
                    "at": after_at,
                    "id": after_id,
                    "limit": limit + 1,
                    "charging": charging,
                },
            )
            .fetchall()
        )
        items = self._with_transfers(rows[:limit])
        more = len(rows) > limit
        return Page(
            items=tuple(items),
            next=f"{items[-1].booked_at.isoformat()}~{items[-1].id}" if more else None,
        )

    def moved(
        self, account_id: AccountId, *, start: datetime | None, end: datetime | None
    ) -> Money:
        """Return what the entries booked in [start, end) add to the balance."""
        row = (
            self._cursor()
            .execute(
                f"""SELECT accounts.currency, journal.* FROM accounts, LATERAL (
                    SELECT {_COUNTED} FROM transfers
                    WHERE account_id = accounts.id
                    AND booked_at >= coalesce(%(start)s::timestamptz, '-infinity')
                    AND booked_at < coalesce(%(end)s::timestamptz, 'infinity')) AS journal
                    WHERE accounts.id = %(account)s""",
                {"account": account_id, "start": start, "end": end},
            )
            .fetchone()
        )
        if row is None:
            raise NotFound("account", str(account_id))
        minor = int(row["subscriber"] - row["receivable"] - row["unbilled"])
        return Money(minor, row["currency"])

    def trial_balance(self, *, account_id: AccountId | None = None) -> tuple[TrialBalanceLine, ...]:
        """Sum the whole journal, or one account's entries."""
        where = "" if account_id is None else "WHERE account_id = %(account)s"
        return tuple(
            TrialBalanceLine(
                code=LedgerCode(row["code"]),
                debit=Money(row["debit"], row["currency"]),
                credit=Money(row["credit"], row["currency"]),
            )
            for row in self._cursor().execute(
                _TRIAL_BALANCE.format(where=where), {"account": account_id}
            )
        )

    def differences(self) -> Iterator[LedgerDifference]:
        """Recompute every counter on the server; only what differs travels."""
        for row in self._cursor().execute(_DIFFERENCES):
            yield LedgerDifference(
                account_id=row["id"],
                counter=row["counter"],
                stored=row["stored"],
                computed=int(row["computed"]),
            )

    def _with_transfers(self, rows: Sequence[Mapping[str, Any]]) -> list[JournalEntry]:
        if not rows:
            return []
        legs: dict[UUID, list[Transfer]] = {row["id"]: [] for row in rows}
        found = self._cursor().execute(
            """SELECT * FROM transfers WHERE account_id = %s AND entry_id = ANY(%s)
               ORDER BY entry_id, leg""",
            [rows[0]["account_id"], list(legs)],
        )
        for row in found:
            legs[row["entry_id"]].append(_transfer_from_row(row))
        return [_entry_from_row(row, tuple(legs[row["id"]])) for row in rows]

    def _cursor(self) -> Cursor[dict[str, Any]]:
        return self._driver().cursor(row_factory=dict_row)

    def _driver(self) -> psycopg.Connection[Any]:
        return cast("psycopg.Connection[Any]", self.connection.connection.driver_connection)


def _transfer_from_row(row: Mapping[str, Any]) -> Transfer:
    return Transfer(
        debit=LedgerCode(row["debit"]),
        credit=LedgerCode(row["credit"]),
        amount=Money(row["amount_minor"], row["currency"]),
        counterparty=row["counterparty"],
        contract_id=row["contract_id"],
        tariff=row["tariff"],
        tariff_version=row["tariff_version"],
        charge_kind=row["charge_kind"],
        period_start=row["period_start"],
        period_end=row["period_end"],
    )


def _entry_from_row(row: Mapping[str, Any], legs: tuple[Transfer, ...]) -> JournalEntry:
    return JournalEntry(
        id=row["id"],
        account_id=row["account_id"],
        kind=PostingKind(row["kind"]),
        transfers=legs,
        booked_at=row["booked_at"],
        caused_by=row["caused_by"],
        reverses=row["reverses"],
        note=row["note"],
    )


def _read_cursor(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    at, _, id = cursor.partition("~")
    try:
        after = datetime.fromisoformat(at)
        if after.tzinfo is None:
            raise ValueError("naive")
        return after, UUID(id)
    except ValueError:
        message = "the `next` of a page, unchanged"
        raise InvalidValue.of("cursor", "cursor", message, cursor[:80]) from None
