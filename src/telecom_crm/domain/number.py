"""Phone numbers as stock: a number outlives the SIM cards and the contracts that use it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from telecom_crm.domain.change import CHANGES
from telecom_crm.domain.errors import Conflict, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import MSISDN, ContractId, CustomerId
from telecom_crm.domain.lifecycle import NOTHING_MORE, Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money
from telecom_crm.domain.reservation import goes_to


class NumberStatus(StrEnum):
    """Where a number stands."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    ASSIGNED = "assigned"
    QUARANTINED = "quarantined"
    RETURNED = "returned"
    PORTED_OUT = "ported_out"
    WITHDRAWN = "withdrawn"


class NumberCommand(StrEnum):
    """What can be done with a number."""

    RECEIVE = "receive"
    PORT_IN = "port_in"
    RESERVE = "reserve"
    CANCEL = "cancel"
    EXPIRE = "expire"
    ASSIGN = "assign"
    HAND_OVER = "hand_over"
    UNASSIGN = "unassign"
    RELEASE = "release"
    GIVE_BACK = "give_back"
    RESTORE = "restore"
    RECYCLE = "recycle"
    PORT_OUT = "port_out"
    RETURN_FROM_PORT = "return_from_port"
    WITHDRAW = "withdraw"


class NumberOrigin(StrEnum):
    """Whose number it is: from our own range, or brought along from another operator."""

    OWN = "own"
    PORTED_IN = "ported_in"


class NumberCategory(StrEnum):
    """How well a number can be remembered; its price is its own."""

    STANDARD = "standard"
    SILVER = "silver"
    GOLD = "gold"
    PLATINUM = "platinum"


def number_category(raw: str) -> NumberCategory:
    """Return the category that a text names; raise `InvalidValue`."""
    try:
        return NumberCategory(raw)
    except ValueError:
        message = f"one of {', '.join(NumberCategory)}"
        raise InvalidValue.of("category", "category", message, raw) from None


_S, _C = NumberStatus, NumberCommand
_UNHELD = "no live contract holds it"

NUMBER_LIFECYCLE = Lifecycle(
    "number",
    NumberStatus,
    NumberCommand,
    [
        Row(source=None, command=_C.RECEIVE, target=_S.AVAILABLE, event="NumberReceived"),
        Row(source=None, command=_C.PORT_IN, target=_S.ASSIGNED, event="NumberPortedIn"),
        Row(source=_S.AVAILABLE, command=_C.RESERVE, target=_S.RESERVED, event="NumberReserved"),
        Row(
            source=(_S.AVAILABLE, _S.RESERVED),
            command=_C.ASSIGN,
            target=_S.ASSIGNED,
            event="NumberAssigned",
            needs="it is free, or reserved for this contract",
        ),
        Row(
            source=_S.ASSIGNED,
            command=_C.HAND_OVER,
            target=_S.ASSIGNED,
            event="NumberHandedOver",
            needs="its contract is closed for another payer's",
        ),
        Row(
            source=_S.RESERVED,
            command=_C.CANCEL,
            target=_S.AVAILABLE,
            event="NumberReservationCancelled",
        ),
        Row(
            source=_S.RESERVED,
            command=_C.EXPIRE,
            target=_S.AVAILABLE,
            event="NumberReservationExpired",
            needs="the reservation's time is over",
        ),
        Row(
            source=_S.ASSIGNED,
            command=_C.UNASSIGN,
            target=_S.AVAILABLE,
            event="NumberUnassigned",
            needs="its contract was never active",
        ),
        Row(
            source=_S.ASSIGNED,
            command=_C.RELEASE,
            target=_S.QUARANTINED,
            event="NumberQuarantined",
            needs=f"{_UNHELD}, and it is our own",
        ),
        Row(
            source=_S.ASSIGNED,
            command=_C.GIVE_BACK,
            target=_S.RETURNED,
            event="NumberReturned",
            needs=f"{_UNHELD}, and it was ported in",
        ),
        Row(
            source=_S.QUARANTINED,
            command=_C.RESTORE,
            target=_S.ASSIGNED,
            event="NumberRestored",
            needs="the customer who had it",
        ),
        Row(
            source=_S.QUARANTINED,
            command=_C.RECYCLE,
            target=_S.AVAILABLE,
            event="NumberRecycled",
            needs="the quarantine is over",
        ),
        Row(
            source=_S.ASSIGNED,
            command=_C.PORT_OUT,
            target=_S.PORTED_OUT,
            event="NumberPortedOut",
            needs=_UNHELD,
        ),
        Row(
            source=_S.PORTED_OUT,
            command=_C.RETURN_FROM_PORT,
            target=_S.QUARANTINED,
            event="NumberReturnedFromPort",
        ),
        Row(source=_S.AVAILABLE, command=_C.WITHDRAW, target=_S.WITHDRAWN, event="NumberWithdrawn"),
    ],
)

HELD_NUMBER = frozenset({_S.ASSIGNED})
"""The states in which a number belongs to a contract."""


@attrs.define
class NumberNotAvailable(Conflict):
    """Somebody else has this number, or nobody can have it; `contract` is the one that holds it."""

    code: ClassVar[str] = "number_not_available"

    msisdn: str
    state: str
    contract: str | None = None

    def __str__(self) -> str:
        holder = f" to contract {self.contract}" if self.contract else ""
        return f"number {self.msisdn} is not available: it is {self.state}{holder}"


@attrs.define
class NumberInUse(Conflict):
    """A live contract holds this number: close the contract or change its number first."""

    code: ClassVar[str] = "number_in_use"

    msisdn: str
    state: str
    contract: str

    def __str__(self) -> str:
        return f"number {self.msisdn} is {self.state} and held by contract {self.contract}"


@attrs.frozen(kw_only=True, slots=False)
class Number:
    """
    A phone number of the operator's pool, known by its MSISDN.

    `price` is what choosing it costs once, tax included. `reserved_for` is the name under which it
    is kept (`domain/reservation.py`). While it rests, `quarantined_until` says how long, and
    `kept_for` who may have it back.
    """

    msisdn: MSISDN
    category: NumberCategory = attrs.field(
        default=NumberCategory.STANDARD, converter=number_category
    )
    price: Money | None = None
    origin: NumberOrigin = NumberOrigin.OWN
    contract_id: ContractId | None = None
    reserved_for: str | None = None
    reserved_until: datetime | None = None
    quarantined_until: datetime | None = None
    kept_for: CustomerId | None = None
    status: NumberStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @classmethod
    def receive(
        cls,
        *,
        msisdn: MSISDN,
        category: str = NumberCategory.STANDARD,
        price: Money | None = None,
        by: Actor,
        at: datetime,
    ) -> Number:
        """Take a number of our own range into the pool."""
        begun = NUMBER_LIFECYCLE.begin(
            _C.RECEIVE, key=msisdn.digits, by=by, at=at, payload={"category": category}
        )
        return cls(msisdn=msisdn, category=category, price=price, **begun)

    @classmethod
    def port_in(cls, *, msisdn: MSISDN, contract_id: ContractId, by: Actor, at: datetime) -> Number:
        """Take over a number that a subscriber brings from another operator."""
        payload = {"contract": str(contract_id), "category": NumberCategory.STANDARD}
        begun = NUMBER_LIFECYCLE.begin(_C.PORT_IN, key=msisdn.digits, by=by, at=at, payload=payload)
        origin = NumberOrigin.PORTED_IN
        return cls(msisdn=msisdn, origin=origin, contract_id=contract_id, **begun)

    @property
    def key(self) -> str:
        """The number's digits, without the plus."""
        return self.msisdn.digits

    def reclassify(self, *, category: str, price: Money | None, by: Actor, at: datetime) -> Number:
        """Put the number in another category, at another price."""
        prices = [None if one is None else str(one) for one in (self.price, price)]
        both: dict[str, list[Any]] = {"category": [self.category, category], "price": prices}
        changed = {name: pair for name, pair in both.items() if pair[0] != pair[1]}
        payload = {"category": category, CHANGES: changed}
        return NUMBER_LIFECYCLE.note(
            self,
            "NumberReclassified",
            "reclassify",
            by=by,
            at=at,
            payload=payload,
            category=category,
            price=price,
        )

    def reserve(self, *, for_: str, until: datetime, by: Actor, at: datetime) -> Number:
        """Keep the number under a name for a time; raise `NumberNotAvailable`."""
        free = self._lapsed(by=by, at=at)
        if not NUMBER_LIFECYCLE.can(free, _C.RESERVE):
            raise NumberNotAvailable(self.key, self.status, self._contract)
        return free._move(
            _C.RESERVE,
            by=by,
            at=at,
            payload={"until": until.isoformat()},
            reserved_for=for_,
            reserved_until=until,
        )

    def cancel(self, *, by: Actor, at: datetime) -> Number:
        """Give up the reservation."""
        return self._move(_C.CANCEL, by=by, at=at, reserved_for=None, reserved_until=None)

    def expire(self, *, by: Actor, at: datetime) -> Number:
        """Let the reservation lapse, its time being over."""
        NUMBER_LIFECYCLE.row(self.status, _C.EXPIRE)
        self._require_over(self.reserved_until, at, "reservation_over", "reserved")
        return self._move(_C.EXPIRE, by=by, at=at, reserved_for=None, reserved_until=None)

    def assign(
        self,
        *,
        contract_id: ContractId,
        reservation: str | None = None,
        by: Actor,
        at: datetime,
    ) -> Number:
        """
        Give the number to a contract; raise `NumberNotAvailable` where it is not free.

        A reserved one goes to the contract whose draft keeps it, or to who brings its reservation;
        once the reservation's time is over, to anybody.
        """
        if not self.is_free(at, for_=contract_id, reservation=reservation):
            raise NumberNotAvailable(self.key, self.status, self._contract)
        return self._lapsed(by=by, at=at)._move(
            _C.ASSIGN,
            by=by,
            at=at,
            payload={"contract": str(contract_id)},
            contract_id=contract_id,
            reserved_for=None,
            reserved_until=None,
        )

    def hand_over(self, *, contract_id: ContractId, by: Actor, at: datetime) -> Number:
        """Leave the number with its subscriber, under a contract that another one pays."""
        payload = {CHANGES: {"contract": [self._contract, str(contract_id)]}}
        return self._move(_C.HAND_OVER, by=by, at=at, payload=payload, contract_id=contract_id)

    def unassign(self, *, contract_was_active: bool, by: Actor, at: datetime) -> Number:
        """Take the number, which need not rest, back from a contract that was never active."""
        NUMBER_LIFECYCLE.row(self.status, _C.UNASSIGN)
        if contract_was_active:
            reason = f"contract {self._contract} was active: release number {self.key} instead"
            raise RuleViolated("never_active", (reason,))
        return self._leave(_C.UNASSIGN, by=by, at=at)

    def release(
        self,
        *,
        until: datetime,
        customer_id: CustomerId,
        contract_is_live: bool,
        by: Actor,
        at: datetime,
    ) -> Number:
        """
        Let our own number rest until an instant; till then its last customer may have it back.

        `contract_is_live` says whether the contract that the number names is live and still needs
        it: not once it is closed or has another number. Raise `NumberInUse` where it does.
        """
        self._require_leaving(_C.RELEASE, NumberOrigin.OWN, contract_is_live)
        return self._leave(_C.RELEASE, by=by, at=at, quarantined_until=until, kept_for=customer_id)

    def give_back(self, *, contract_is_live: bool, by: Actor, at: datetime) -> Number:
        """Return a number that was ported in to the operator whose range it is from."""
        self._require_leaving(_C.GIVE_BACK, NumberOrigin.PORTED_IN, contract_is_live)
        return self._leave(_C.GIVE_BACK, by=by, at=at)

    def restore(
        self, *, contract_id: ContractId, customer_id: CustomerId, by: Actor, at: datetime
    ) -> Number:
        """Give a resting number back to the customer who had it, under another contract."""
        NUMBER_LIFECYCLE.row(self.status, _C.RESTORE)
        if customer_id != self.kept_for:
            reason = f"number {self.key} was another customer's; it is free after its quarantine"
            raise RuleViolated("same_customer", (reason,))
        return self._move(
            _C.RESTORE,
            by=by,
            at=at,
            payload={"contract": str(contract_id)},
            contract_id=contract_id,
            quarantined_until=None,
            kept_for=None,
        )

    def recycle(self, *, by: Actor, at: datetime) -> Number:
        """Offer a number again whose quarantine is over."""
        NUMBER_LIFECYCLE.row(self.status, _C.RECYCLE)
        self._require_over(self.quarantined_until, at, "quarantine_over", "quarantined")
        return self._move(_C.RECYCLE, by=by, at=at, quarantined_until=None, kept_for=None)

    def port_out(self, *, contract_is_live: bool, by: Actor, at: datetime) -> Number:
        """Let the number go to another operator with its subscriber."""
        self._require_leaving(_C.PORT_OUT, None, contract_is_live)
        return self._leave(_C.PORT_OUT, by=by, at=at)

    def return_from_port(self, *, until: datetime, by: Actor, at: datetime) -> Number:
        """Take a number back that the other operator no longer needs; it rests until an instant."""
        return self._move(_C.RETURN_FROM_PORT, by=by, at=at, quarantined_until=until)

    def withdraw(self, *, reason: str = "", by: Actor, at: datetime) -> Number:
        """Take a free number out of the pool for good."""
        return self._move(_C.WITHDRAW, by=by, at=at, reason=reason)

    @property
    def _contract(self) -> str | None:
        return str(self.contract_id) if self.contract_id else None

    def _move(
        self, command: NumberCommand, *, payload: Mapping[str, Any] = NOTHING_MORE, **more: Any
    ) -> Number:
        # Each event says the category, so that the free ones of each can be counted by events.
        told = {**payload, "category": self.category}
        return NUMBER_LIFECYCLE.move(self, command, payload=told, **more)

    def _leave(self, command: NumberCommand, *, by: Actor, at: datetime, **more: Any) -> Number:
        payload = {"contract": self._contract}
        return self._move(command, by=by, at=at, payload=payload, contract_id=None, **more)

    def is_over(self, at: datetime) -> bool:
        """Tell whether it is reserved for longer than it was to be."""
        return self.reserved_until is not None and self.reserved_until <= at

    def is_free(
        self, at: datetime, *, for_: ContractId | None = None, reservation: str | None = None
    ) -> bool:
        """Tell whether a contract, or any, may have it: nobody has, and it is kept for no other."""
        goes = self.is_over(at) or goes_to(self.reserved_for, for_, reservation)
        return goes and NUMBER_LIFECYCLE.can(self, _C.ASSIGN)

    def _lapsed(self, *, by: Actor, at: datetime) -> Number:
        """Return it without a reservation that is over, which nobody has come to end yet."""
        return self.expire(by=by, at=at) if self.is_over(at) else self

    def _require_leaving(
        self, command: NumberCommand, origin: NumberOrigin | None, contract_is_live: bool
    ) -> None:
        NUMBER_LIFECYCLE.row(self.status, command)
        if contract_is_live:
            raise NumberInUse(self.key, self.status, str(self.contract_id))
        if origin not in (None, self.origin):
            reasons = {
                NumberOrigin.OWN: f"number {self.key} is our own: release it",
                NumberOrigin.PORTED_IN: f"number {self.key} was ported in: give it back",
            }
            raise RuleViolated("number_origin", (reasons[self.origin],))

    def _require_over(self, until: datetime | None, at: datetime, rule: str, what: str) -> None:
        if until is not None and at < until:
            reason = f"number {self.key} is {what} until {until.isoformat()}"
            raise RuleViolated(rule, (reason,))
