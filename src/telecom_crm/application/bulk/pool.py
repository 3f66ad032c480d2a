"""Rows of SIM cards and of numbers: the stock that subscribers get theirs from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import attrs

from telecom_crm.application.bulk.chunk import Memo, Tally, Turn, bounded
from telecom_crm.application.bulk.repeats import Repeats
from telecom_crm.application.bulk.table import Columns
from telecom_crm.application.inventory.receiving import (
    NumberData,
    SimData,
    receive_number,
    receive_sim,
)
from telecom_crm.application.ports import ReadPhone, Transaction
from telecom_crm.domain.errors import Fault, Faults, InvalidValue
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN
from telecom_crm.domain.importing import Outcome
from telecom_crm.domain.money import Money
from telecom_crm.domain.number import Number, number_category
from telecom_crm.domain.sim import Sim, SimNotAvailable
from telecom_crm.domain.text import is_digits, read_text

T = TypeVar("T")


@attrs.define
class Item:
    """A row of stock as read: its key, what the row says, and what is wrong with it."""

    line: int
    key: ICCID | MSISDN | None
    given: dict[str, Any]
    """The fields that the row has something in; an empty cell changes nothing."""
    faults: list[Fault]
    repeats: bool = False


@attrs.frozen(kw_only=True)
class SimRows:
    """Rows `iccid,imsi,pin1,puk1,batch`, known by their ICCID."""

    columns = Columns(required=("iccid", "imsi", "pin1", "puk1", "batch"), secret=("pin1", "puk1"))

    def note(self, repeats: Repeats, row: Mapping[str, str], *, dry_run: bool) -> None:  # noqa: ARG002  # the kind's form
        repeats.add(row["iccid"].strip())

    def read(
        self,
        line: int,
        row: Mapping[str, str],
        *,
        repeats: Repeats,
        dry_run: bool,  # noqa: ARG002  # the kind's form
        today: date,  # noqa: ARG002  # the kind's form
    ) -> Item:
        text = row["iccid"].strip()
        faults = Faults()
        given: dict[str, Any] = {}
        key = faults.check("iccid", ICCID, text)
        for name, make in _SIM_READERS.items():
            if cell := row[name].strip():
                given[name] = faults.check(name, make, cell)
        return Item(line, key, given, bounded(faults.found), text in repeats)

    def misread(self, line: int, fault: Fault) -> Item:
        return Item(line, None, {}, [fault])

    def prepare(self, turn: Turn, readings: Sequence[Item]) -> SimRows:  # noqa: ARG002  # the kind's form
        return self

    def apply(self, tx: Transaction, turn: Turn, readings: Sequence[Item]) -> Tally:
        return _apply(tx.sims, "iccid", _sim_as_told, tx, turn, readings)


@attrs.frozen(kw_only=True)
class NumberRows:
    """Rows `msisdn,category` and perhaps `price`, known by their MSISDN."""

    columns = Columns(required=("msisdn", "category"), optional=("price",), phones=("msisdn",))
    currency: str
    read_phone: ReadPhone = MSISDN

    def note(self, repeats: Repeats, row: Mapping[str, str], *, dry_run: bool) -> None:  # noqa: ARG002  # the kind's form
        repeats.add(row["msisdn"].strip().lstrip("+"))

    def read(
        self,
        line: int,
        row: Mapping[str, str],
        *,
        repeats: Repeats,
        dry_run: bool,  # noqa: ARG002  # the kind's form
        today: date,  # noqa: ARG002  # the kind's form
    ) -> Item:
        text = row["msisdn"].strip()
        faults = Faults()
        given: dict[str, Any] = {}
        key = faults.check("msisdn", self.read_phone, text)
        if category := row["category"].strip().lower():
            given["category"] = faults.check("category", number_category, category)
        if price := row.get("price", "").strip():
            given["price"] = faults.check("price", self._price, price)
        return Item(line, key, given, bounded(faults.found), text.lstrip("+") in repeats)

    def misread(self, line: int, fault: Fault) -> Item:
        return Item(line, None, {}, [fault])

    def prepare(self, turn: Turn, readings: Sequence[Item]) -> NumberRows:  # noqa: ARG002  # the kind's form
        return self

    def apply(self, tx: Transaction, turn: Turn, readings: Sequence[Item]) -> Tally:
        return _apply(tx.numbers, "msisdn", _number_as_told, tx, turn, readings)

    def _price(self, raw: str) -> Money:
        price = Money.parse(raw, self.currency)
        if price.minor < 0:
            raise InvalidValue.of("price", "price", "zero or more", raw)
        return price


def _apply(
    collection: Any,
    name: str,
    as_told: Callable[[Any, Item, Turn], Any],
    tx: Transaction,
    turn: Turn,
    readings: Sequence[Item],
) -> Tally:
    tally, changed = Tally(), {}
    memo = Memo.of(tx, turn.job, (_memo_key(name, r) for r in readings if r.repeats and r.key))
    stock = dict(collection.get_many({r.key for r in readings if r.key is not None}))
    for item in readings:
        if item.faults or item.key is None:
            tally.fail(item.line, item.faults)
            continue
        memo_key = _memo_key(name, item)
        told = memo.facts(memo_key)
        if told is not None:
            _end_told(tally, item, told, name)
            continue
        old = stock.get(item.key)
        try:
            new = as_told(old, item, turn)
        except SimNotAvailable as error:
            tally.fail(item.line, [Fault("imsi", "differs", str(error))])
            continue
        memo.tell(memo_key, {"line": item.line, **_facts(new or old)}, lasting=item.repeats)
        if new is not None:
            changed[item.key] = new
        changed_outcome = Outcome.CREATED if old is None else Outcome.UPDATED
        tally.end(item.line, Outcome.UNCHANGED if new is None else changed_outcome)
    if not turn.job.dry_run and changed:
        collection.save_all(list(changed.values()))
    memo.keep(tx, turn.job)
    return tally


def _end_told(tally: Tally, item: Item, told: Mapping[str, Any], name: str) -> None:
    """End a row whose key an earlier row has: the same again, or a contradiction."""
    faults = [
        Fault(field, "differs", f"line {told['line']} says otherwise of this {name}")
        for field, value in item.given.items()
        if _plain(value) != told[field]
    ]
    if faults:
        tally.fail(item.line, faults)
    else:
        tally.end(item.line, Outcome.UNCHANGED)


def _memo_key(name: str, item: Item) -> str:
    return f"{name}:{item.key.digits if item.key else ''}"


def _facts(thing: Any) -> dict[str, Any]:
    if isinstance(thing, Sim):
        return {
            "imsi": _plain(thing.imsi),
            "pin1": thing.pin1,
            "puk1": thing.puk1,
            "batch": thing.batch,
        }
    return {"category": thing.category, "price": _plain(thing.price)}


def _plain(value: Any) -> str | None:
    if isinstance(value, IMSI):
        return value.digits
    return None if value is None else str(value)


def _sim_as_told(sim: Sim | None, item: Item, turn: Turn) -> Sim | None:
    if not isinstance(item.key, ICCID):
        raise TypeError("a SIM is known by its ICCID")
    fields = {} if sim is None else {name: getattr(sim, name) for name in _SIM_READERS}
    data = SimData(iccid=item.key, **{**fields, **item.given})
    return receive_sim(sim, data, by=turn.by, at=turn.at)


def _number_as_told(number: Number | None, item: Item, turn: Turn) -> Number | None:
    if not isinstance(item.key, MSISDN):
        raise TypeError("a number is known by its MSISDN")
    fields = {} if number is None else {"category": number.category, "price": number.price}
    data = NumberData(msisdn=item.key, **{**fields, **item.given})
    return receive_number(number, data, by=turn.by, at=turn.at)


def _secret(name: str, shortest: int, longest: int) -> Callable[[str], str]:
    def read(raw: str) -> str:
        if not (shortest <= len(raw) <= longest and is_digits(raw)):
            # The value itself is a secret, and errors are shown: it is not repeated here.
            digits = (
                f"{shortest} to {longest} digits" if shortest < longest else f"{shortest} digits"
            )
            raise InvalidValue.of(name, f"{name}_format", digits)
        return raw

    return read


def _batch(raw: str) -> str:
    return read_text(raw, field="batch", limit=100)


_SIM_READERS: Mapping[str, Callable[[str], Any]] = {
    "imsi": IMSI,
    "pin1": _secret("pin1", 4, 8),
    "puk1": _secret("puk1", 8, 8),
    "batch": _batch,
}
