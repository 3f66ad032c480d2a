"""SIM cards: from the box they come in to the day they are retired."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from telecom_crm.domain.change import CHANGES, FIELDS
from telecom_crm.domain.errors import Conflict, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import ICCID, IMSI, MSISDN, ContractId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.reservation import goes_to
from telecom_crm.domain.text import is_digits


class SimStatus(StrEnum):
    """Where a SIM stands."""

    AVAILABLE = "available"
    RESERVED = "reserved"
    BOUND = "bound"
    ACTIVE = "active"
    BARRED = "barred"
    RETIRED = "retired"


class SimCommand(StrEnum):
    """What can be done with a SIM."""

    RECEIVE = "receive"
    RESERVE = "reserve"
    CANCEL = "cancel"
    EXPIRE = "expire"
    BIND = "bind"
    HAND_OVER = "hand_over"
    UNBIND = "unbind"
    ACTIVATE = "activate"
    BAR = "bar"
    UNBAR = "unbar"
    RETIRE = "retire"


class RetireReason(StrEnum):
    """Why a SIM is never used again."""

    LOST = "lost"
    STOLEN = "stolen"
    DEFECTIVE = "defective"
    CLOSED = "closed"
    SWAPPED = "swapped"


_S, _C = SimStatus, SimCommand
_FREE = (_S.AVAILABLE, _S.RESERVED)
_IN_USE = (_S.BOUND, _S.ACTIVE, _S.BARRED)

SIM_LIFECYCLE = Lifecycle(
    "sim",
    SimStatus,
    SimCommand,
    [
        Row(source=None, command=_C.RECEIVE, target=_S.AVAILABLE, event="SimReceived"),
        Row(source=_S.AVAILABLE, command=_C.RESERVE, target=_S.RESERVED, event="SimReserved"),
        Row(
            source=_S.RESERVED,
            command=_C.CANCEL,
            target=_S.AVAILABLE,
            event="SimReservationCancelled",
        ),
        Row(
            source=_S.RESERVED,
            command=_C.EXPIRE,
            target=_S.AVAILABLE,
            event="SimReservationExpired",
            needs="the reservation's time is over",
        ),
        Row(
            source=_FREE,
            command=_C.BIND,
            target=_S.BOUND,
            event="SimBound",
            needs="it is free, or reserved for this contract",
        ),
        Row(
            source=_IN_USE,
            command=_C.HAND_OVER,
            target=_S.BOUND,
            event="SimHandedOver",
            needs="its contract is closed for another payer's",
        ),
        Row(
            source=_S.BOUND,
            command=_C.UNBIND,
            target=_S.AVAILABLE,
            event="SimUnbound",
            needs="it was never activated",
        ),
        Row(source=_S.BOUND, command=_C.ACTIVATE, target=_S.ACTIVE, event="SimActivated"),
        Row(source=_S.ACTIVE, command=_C.BAR, target=_S.BARRED, event="SimBarred"),
        Row(source=_S.BARRED, command=_C.UNBAR, target=_S.ACTIVE, event="SimUnbarred"),
        Row(
            source=(*_FREE, *_IN_USE),
            command=_C.RETIRE,
            target=_S.RETIRED,
            event="SimRetired",
            needs="no live contract holds it",
        ),
    ],
)

HELD_SIM = frozenset(_IN_USE)
"""The states in which a SIM belongs to a contract."""


@attrs.define
class SimNotAvailable(Conflict):
    """Somebody else has this SIM, or it is used up; `contract` is set where one holds it."""

    code: ClassVar[str] = "sim_not_available"

    iccid: str
    state: str
    contract: str | None = None

    def __str__(self) -> str:
        holder = f" by contract {self.contract}" if self.contract else ""
        return f"SIM {self.iccid} is not available: it is {self.state}{holder}"


@attrs.define
class SimInUse(Conflict):
    """A live contract holds this SIM: close the contract or swap the SIM first."""

    code: ClassVar[str] = "sim_in_use"

    iccid: str
    state: str
    contract: str

    def __str__(self) -> str:
        return f"SIM {self.iccid} is {self.state} and held by contract {self.contract}"


def _digits(
    name: str, shortest: int, longest: int
) -> Callable[[object, attrs.Attribute[str], str], None]:
    def check(_: object, __: attrs.Attribute[str], value: str) -> None:
        if value and not (shortest <= len(value) <= longest and is_digits(value)):
            # The value itself is a secret, and errors are printed: it is not repeated here.
            raise InvalidValue.of(name, f"{name}_format", f"{shortest} to {longest} digits")

    return check


@attrs.frozen(kw_only=True, slots=False)
class Sim:
    """
    A SIM card, known by its ICCID.

    `msisdn` is the number it answers to now. `pin1` and `puk1` are secrets: never listed, never in
    an event.
    `reserved_for` is the name under which it is kept (`domain/reservation.py`).
    """

    iccid: ICCID
    imsi: IMSI | None = None
    pin1: str = attrs.field(default="", repr=False, validator=_digits("pin1", 4, 8))
    puk1: str = attrs.field(default="", repr=False, validator=_digits("puk1", 8, 8))
    batch: str = ""
    msisdn: MSISDN | None = None
    contract_id: ContractId | None = None
    reserved_for: str | None = None
    reserved_until: datetime | None = None
    activated_at: datetime | None = None
    status: SimStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @classmethod
    def receive(
        cls,
        *,
        iccid: ICCID,
        imsi: IMSI | None = None,
        pin1: str = "",
        puk1: str = "",
        batch: str = "",
        by: Actor,
        at: datetime,
    ) -> Sim:
        """Take a new card into stock."""
        begun = SIM_LIFECYCLE.begin(
            _C.RECEIVE, key=iccid.digits, by=by, at=at, payload={"batch": batch}
        )
        return cls(iccid=iccid, imsi=imsi, pin1=pin1, puk1=puk1, batch=batch, **begun)

    @property
    def key(self) -> str:
        """The ICCID's digits."""
        return self.iccid.digits

    def correct(
        self, *, imsi: IMSI | None, pin1: str, puk1: str, batch: str, by: Actor, at: datetime
    ) -> Sim:
        """Write down what the supplier's list says now; the IMSI of a card in use cannot change."""
        wanted: dict[str, Any] = {"imsi": imsi, "pin1": pin1, "puk1": puk1, "batch": batch}
        changed = {name: new for name, new in wanted.items() if getattr(self, name) != new}
        if "imsi" in changed and not SIM_LIFECYCLE.can(self, _C.BIND):
            raise SimNotAvailable(self.key, self.status, self._contract)
        payload = {FIELDS: sorted(changed)}
        return SIM_LIFECYCLE.note(
            self, "SimCorrected", "correct", by=by, at=at, payload=payload, **changed
        )

    def reserve(self, *, for_: str, until: datetime, by: Actor, at: datetime) -> Sim:
        """Keep the card under a name for a time; raise `SimNotAvailable`."""
        free = self._lapsed(by=by, at=at)
        if not SIM_LIFECYCLE.can(free, _C.RESERVE):
            raise SimNotAvailable(self.key, self.status, self._contract)
        return SIM_LIFECYCLE.move(
            free,
            _C.RESERVE,
            by=by,
            at=at,
            payload={"until": until.isoformat()},
            reserved_for=for_,
            reserved_until=until,
        )

    def cancel(self, *, by: Actor, at: datetime) -> Sim:
        """Give up the reservation."""
        return SIM_LIFECYCLE.move(
            self, _C.CANCEL, by=by, at=at, reserved_for=None, reserved_until=None
        )

    def expire(self, *, by: Actor, at: datetime) -> Sim:
        """Let the reservation lapse, its time being over."""
        SIM_LIFECYCLE.row(self.status, _C.EXPIRE)
        if self.reserved_until is not None and at < self.reserved_until:
            reason = f"SIM {self.key} is reserved until {self.reserved_until.isoformat()}"
            raise RuleViolated("reservation_over", (reason,))
        return SIM_LIFECYCLE.move(
            self, _C.EXPIRE, by=by, at=at, reserved_for=None, reserved_until=None
        )

    def bind(
        self,
        *,
        contract_id: ContractId,
        msisdn: MSISDN,
        reservation: str | None = None,
        by: Actor,
        at: datetime,
    ) -> Sim:
        """
        Give the card to a contract, under a number; raise `SimNotAvailable` where it is not free.

        A reserved one goes to the contract whose draft keeps it, or to who brings its reservation;
        once the reservation's time is over, to anybody.
        """
        if not self.is_free(at, for_=contract_id, reservation=reservation):
            raise SimNotAvailable(self.key, self.status, self._contract)
        return SIM_LIFECYCLE.move(
            self._lapsed(by=by, at=at),
            _C.BIND,
            by=by,
            at=at,
            payload={"contract": str(contract_id)},
            contract_id=contract_id,
            msisdn=msisdn,
            reserved_for=None,
            reserved_until=None,
        )

    def hand_over(self, *, contract_id: ContractId, by: Actor, at: datetime) -> Sim:
        """Leave the card with its subscriber, under a contract that another one pays."""
        payload = {CHANGES: {"contract": [self._contract, str(contract_id)]}}
        return SIM_LIFECYCLE.move(
            self, _C.HAND_OVER, by=by, at=at, payload=payload, contract_id=contract_id
        )

    def unbind(self, *, by: Actor, at: datetime) -> Sim:
        """Take the card, never activated, back from its contract; else raise `RuleViolated`."""
        SIM_LIFECYCLE.row(self.status, _C.UNBIND)
        if self.activated_at is not None:
            raise RuleViolated("never_activated", (f"SIM {self.key} was in use: retire it",))
        return SIM_LIFECYCLE.move(
            self,
            _C.UNBIND,
            by=by,
            at=at,
            payload={"contract": self._contract},
            contract_id=None,
            msisdn=None,
        )

    def renumber(self, *, msisdn: MSISDN, by: Actor, at: datetime) -> Sim:
        """Let the card answer to another number of the same contract."""
        if self.status not in HELD_SIM:
            raise RuleViolated("sim_held", (f"SIM {self.key} is {self.status}, with no contract",))
        return SIM_LIFECYCLE.note(self, "SimRenumbered", "renumber", by=by, at=at, msisdn=msisdn)

    def activate(self, *, by: Actor, at: datetime) -> Sim:
        """Record that the network knows the card."""
        return SIM_LIFECYCLE.move(self, _C.ACTIVATE, by=by, at=at, activated_at=at)

    def bar(self, *, reason: str = "", by: Actor, at: datetime) -> Sim:
        """Record that the network bars the card."""
        return SIM_LIFECYCLE.move(self, _C.BAR, by=by, at=at, reason=reason)

    def unbar(self, *, by: Actor, at: datetime) -> Sim:
        """Record that the network serves the card again."""
        return SIM_LIFECYCLE.move(self, _C.UNBAR, by=by, at=at)

    def retire(
        self, *, reason: RetireReason, contract_is_live: bool, by: Actor, at: datetime
    ) -> Sim:
        """
        Use the card no more.

        `contract_is_live` says whether the contract that the card names is live and still needs
        it: not once it is closed or has another SIM. Raise `SimInUse` where it does.
        """
        SIM_LIFECYCLE.row(self.status, _C.RETIRE)
        if contract_is_live and self.contract_id is not None:
            raise SimInUse(self.key, self.status, str(self.contract_id))
        return SIM_LIFECYCLE.move(
            self,
            _C.RETIRE,
            by=by,
            at=at,
            reason=reason,
            payload={"contract": self._contract} if self._contract else {},
            contract_id=None,
            msisdn=None,
            reserved_for=None,
            reserved_until=None,
        )

    def is_over(self, at: datetime) -> bool:
        """Tell whether it is reserved for longer than it was to be."""
        return self.reserved_until is not None and self.reserved_until <= at

    def is_free(
        self, at: datetime, *, for_: ContractId | None = None, reservation: str | None = None
    ) -> bool:
        """Tell whether a contract, or any, may have it: nobody has, and it is kept for no other."""
        goes = self.is_over(at) or goes_to(self.reserved_for, for_, reservation)
        return goes and SIM_LIFECYCLE.can(self, _C.BIND)

    def _lapsed(self, *, by: Actor, at: datetime) -> Sim:
        """Return it without a reservation that is over, which nobody has come to end yet."""
        return self.expire(by=by, at=at) if self.is_over(at) else self

    @property
    def _contract(self) -> str | None:
        return str(self.contract_id) if self.contract_id else None
