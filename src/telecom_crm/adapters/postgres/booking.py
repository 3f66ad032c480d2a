"""
Writing money: payments, entries, counters, events and keys with one statement over arrays.

However many payments a batch has, their rows go out as one data-modifying statement, so that a
batch costs one exchange with the server. The accounts it touches are locked by whoever decided on
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import psycopg

from telecom_crm.adapters.postgres.arrays import (
    ArrayStatement,
    BigInts,
    Dates,
    Instants,
    PackedArray,
    Texts,
    Uuids,
)
from telecom_crm.adapters.postgres.json import dumps
from telecom_crm.application.ports import IdempotencyKey
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.ledger import Balance, JournalEntry
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.payment import Payment

_PAYMENTS = """(%(p_account)s, %(p_id)s, %(p_contract)s, %(p_amount)s, %(p_currency)s,
    %(p_method)s, %(p_gateway)s, %(p_at)s, %(p_reference)s, %(p_failure)s, %(p_entry)s,
    %(p_refunded)s, %(p_reconciliation)s, %(p_status)s, %(p_version)s, %(p_known)s)
  AS row (account_id, id, contract_id, amount_minor, currency, method, gateway, at,
    gateway_reference, failure, entry_id, refunded_minor, reconciliation, status, version, known)"""

_WRITE = ArrayStatement.of(f"""
WITH paid AS (
  INSERT INTO payments (account_id, id, contract_id, amount_minor, currency, method, gateway, at,
    gateway_reference, failure, entry_id, refunded_minor, reconciliation, status, version)
  SELECT account_id, id, contract_id, amount_minor, currency, method, gateway, at,
    gateway_reference, failure, entry_id, refunded_minor, reconciliation, status, version
  FROM unnest{_PAYMENTS} WHERE known = 0
), listed AS (
  INSERT INTO directory (id, account_id)
  SELECT id, account_id FROM unnest(%(p_id)s, %(p_account)s, %(p_known)s)
    AS row (id, account_id, known) WHERE known = 0
), moved AS (
  UPDATE payments SET amount_minor = row.amount_minor, gateway_reference = row.gateway_reference,
    failure = row.failure, entry_id = row.entry_id, refunded_minor = row.refunded_minor,
    reconciliation = row.reconciliation, status = row.status, version = row.version
  FROM unnest{_PAYMENTS}
  WHERE row.known = 1 AND payments.account_id = row.account_id AND payments.id = row.id
), used AS (
  INSERT INTO keys (caller, key, digest, resource)
  SELECT * FROM unnest(%(k_caller)s, %(k_key)s, %(k_digest)s, %(k_resource)s)
), booked AS (
  INSERT INTO entries (account_id, id, kind, currency, booked_at, caused_by, reverses, note)
  SELECT * FROM unnest(%(e_account)s, %(e_id)s, %(e_kind)s, %(e_currency)s, %(e_at)s,
    %(e_cause)s, %(e_reverses)s, %(e_note)s)
), transferred AS (
  INSERT INTO transfers (account_id, entry_id, leg, debit, credit, amount_minor, currency,
    counterparty, contract_id, tariff, tariff_version, charge_kind, period_start, period_end,
    booked_at)
  SELECT * FROM unnest(%(t_account)s, %(t_entry)s, %(t_leg)s, %(t_debit)s, %(t_credit)s,
    %(t_amount)s, %(t_currency)s, %(t_party)s, %(t_contract)s, %(t_tariff)s, %(t_version)s,
    %(t_kind)s, %(t_start)s, %(t_end)s, %(t_at)s)
), told AS (
  INSERT INTO events (thing_id, sequence, thing, name, at, by_name, by_token, command, before,
    after, reason, payload)
  SELECT thing_id, sequence, thing, name, at, by_name, by_token, command, before, after, reason,
    payload::jsonb
  FROM unnest(%(v_key)s, %(v_sequence)s, %(v_thing)s, %(v_name)s, %(v_at)s, %(v_by)s, %(v_token)s,
    %(v_command)s, %(v_before)s, %(v_after)s, %(v_reason)s, %(v_payload)s)
    AS row (thing_id, sequence, thing, name, at, by_name, by_token, command, before, after, reason,
      payload)
)
UPDATE accounts SET subscriber = row.subscriber, receivable = row.receivable,
  unbilled = row.unbilled, reserved = row.reserved
FROM unnest(%(a_id)s, %(a_subscriber)s, %(a_receivable)s, %(a_unbilled)s, %(a_reserved)s)
  AS row (id, subscriber, receivable, unbilled, reserved)
WHERE accounts.id = row.id
""")


@attrs.define
class Batch:
    """Everything that one statement writes."""

    balances: Mapping[AccountId, Balance]
    entries: Sequence[JournalEntry] = ()
    payments: Sequence[Payment] = ()
    keys: Sequence[tuple[IdempotencyKey, Payment]] = ()

    def write(self, connection: psycopg.Connection[Any]) -> None:
        """Send it; the rows of `balances` are held by this transaction."""
        _WRITE.execute(connection, self._arrays())

    def _arrays(self) -> dict[str, PackedArray]:
        events = [event for payment in self.payments for event in payment.events]
        return {
            **_payment_columns(self.payments),
            **_key_columns(self.keys),
            **_entry_columns(self.entries),
            **_transfer_columns(self.entries),
            **_event_columns(events),
            **_balance_columns(self.balances),
        }


def _payment_columns(payments: Sequence[Payment]) -> dict[str, PackedArray]:
    return {
        "p_account": Uuids.of(p.account_id for p in payments),
        "p_id": Uuids.of(p.id for p in payments),
        "p_contract": Uuids.of(p.contract_id for p in payments),
        "p_amount": BigInts.of(p.amount.minor for p in payments),
        "p_currency": Texts.of(p.amount.currency for p in payments),
        "p_method": Texts.of(p.method for p in payments),
        "p_gateway": Texts.of(p.gateway for p in payments),
        "p_at": Instants.of(p.at for p in payments),
        "p_reference": Texts.of(p.gateway_reference for p in payments),
        "p_failure": Texts.of(p.failure for p in payments),
        "p_entry": Uuids.of(p.entry_id for p in payments),
        "p_refunded": BigInts.of(p.refunded.minor for p in payments),
        "p_reconciliation": Texts.of(p.reconciliation for p in payments),
        "p_status": Texts.of(p.status for p in payments),
        "p_version": BigInts.of(p.version for p in payments),
        "p_known": BigInts.of(int(p.version > len(p.events)) for p in payments),
    }


def _key_columns(keys: Sequence[tuple[IdempotencyKey, Payment]]) -> dict[str, PackedArray]:
    return {
        "k_caller": Texts.of(key.caller for key, _ in keys),
        "k_key": Texts.of(key.key for key, _ in keys),
        "k_digest": Texts.of(key.digest for key, _ in keys),
        "k_resource": Uuids.of(payment.id for _, payment in keys),
    }


def _entry_columns(entries: Sequence[JournalEntry]) -> dict[str, PackedArray]:
    return {
        "e_account": Uuids.of(e.account_id for e in entries),
        "e_id": Uuids.of(e.id for e in entries),
        "e_kind": Texts.of(e.kind for e in entries),
        "e_currency": Texts.of(e.currency for e in entries),
        "e_at": Instants.of(e.booked_at for e in entries),
        "e_cause": Texts.of(e.caused_by for e in entries),
        "e_reverses": Uuids.of(e.reverses for e in entries),
        "e_note": Texts.of(e.note for e in entries),
    }


def _transfer_columns(entries: Sequence[JournalEntry]) -> dict[str, PackedArray]:
    legs = [(e, number, leg) for e in entries for number, leg in enumerate(e.transfers)]
    return {
        "t_account": Uuids.of(e.account_id for e, _, _ in legs),
        "t_entry": Uuids.of(e.id for e, _, _ in legs),
        "t_leg": BigInts.of(number for _, number, _ in legs),
        "t_debit": Texts.of(leg.debit for _, _, leg in legs),
        "t_credit": Texts.of(leg.credit for _, _, leg in legs),
        "t_amount": BigInts.of(leg.amount.minor for _, _, leg in legs),
        "t_currency": Texts.of(leg.amount.currency for _, _, leg in legs),
        "t_party": Texts.of(leg.counterparty for _, _, leg in legs),
        "t_contract": Uuids.of(leg.contract_id for _, _, leg in legs),
        "t_tariff": Texts.of(leg.tariff for _, _, leg in legs),
        "t_version": BigInts.of(leg.tariff_version for _, _, leg in legs),
        "t_kind": Texts.of(leg.charge_kind for _, _, leg in legs),
        "t_start": Dates.of(leg.period_start for _, _, leg in legs),
        "t_end": Dates.of(leg.period_end for _, _, leg in legs),
        "t_at": Instants.of(e.booked_at for e, _, _ in legs),
    }


def _event_columns(events: Iterable[Event]) -> dict[str, PackedArray]:
    events = tuple(events)
    return {
        "v_key": Texts.of(v.thing_id for v in events),
        "v_sequence": BigInts.of(v.sequence for v in events),
        "v_thing": Texts.of(v.thing for v in events),
        "v_name": Texts.of(v.name for v in events),
        "v_at": Instants.of(v.at for v in events),
        "v_by": Texts.of(v.by.name for v in events),
        "v_token": Texts.of(v.by.token for v in events),
        "v_command": Texts.of(v.command for v in events),
        "v_before": Texts.of(v.before for v in events),
        "v_after": Texts.of(v.after for v in events),
        "v_reason": Texts.of(v.reason for v in events),
        "v_payload": Texts.of(dumps(dict(v.payload)) if v.payload else "{}" for v in events),
    }


def _balance_columns(balances: Mapping[AccountId, Balance]) -> dict[str, PackedArray]:
    return {
        "a_id": Uuids.of(balances),
        "a_subscriber": BigInts.of(b.subscriber for b in balances.values()),
        "a_receivable": BigInts.of(b.receivable for b in balances.values()),
        "a_unbilled": BigInts.of(b.unbilled for b in balances.values()),
        "a_reserved": BigInts.of(b.reserved for b in balances.values()),
    }
