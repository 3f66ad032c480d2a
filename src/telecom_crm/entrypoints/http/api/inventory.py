"""SIM cards and numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.inventory.service import Inventory
from telecom_crm.domain.errors import InvalidValue, NotFound
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId
from telecom_crm.domain.number import Number, NumberCategory, NumberOrigin, NumberStatus
from telecom_crm.domain.role import Action, Area
from telecom_crm.domain.sim import RetireReason, Sim, SimStatus
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.bodies import Because, Body, InstantText
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    MoneyView,
    PageView,
    View,
    listed,
    shown,
    whole,
)


class Reservation(Body):
    """For whom and until when; a new reservation for an hour by default."""

    reserved_for: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    until: InstantText | None = None


class Retirement(Body):
    """Why a card is used no more."""

    reason: RetireReason


class ForContract(Body):
    """For which contract."""

    contract_id: UUID


class SimView(View):
    """A SIM card; its secrets are shown nowhere but under `/secrets`."""

    iccid: str
    imsi: str | None
    batch: str
    msisdn: str | None
    contract_id: UUID | None
    reserved_for: str | None
    reserved_until: datetime | None
    activated_at: datetime | None
    status: SimStatus
    version: int

    @classmethod
    def of(cls, sim: Sim) -> SimView:
        """Show a card."""
        return cls(
            iccid=sim.iccid.digits,
            imsi=sim.imsi.digits if sim.imsi else None,
            batch=sim.batch,
            msisdn=str(sim.msisdn) if sim.msisdn else None,
            contract_id=sim.contract_id,
            reserved_for=sim.reserved_for,
            reserved_until=sim.reserved_until,
            activated_at=sim.activated_at,
            status=sim.status,
            version=sim.version,
        )


class SecretsView(View):
    """The codes of a card."""

    pin1: str
    puk1: str


class NumberView(View):
    """A number of the pool."""

    msisdn: str
    category: NumberCategory
    price: MoneyView | None
    origin: NumberOrigin
    contract_id: UUID | None
    reserved_for: str | None
    reserved_until: datetime | None
    quarantined_until: datetime | None
    kept_for: UUID | None
    status: NumberStatus
    version: int

    @classmethod
    def of(cls, number: Number) -> NumberView:
        """Show a number."""
        return cls(
            msisdn=str(number.msisdn),
            category=number.category,
            price=MoneyView.of_any(number.price),
            origin=number.origin,
            contract_id=number.contract_id,
            reserved_for=number.reserved_for,
            reserved_until=number.reserved_until,
            quarantined_until=number.quarantined_until,
            kept_for=number.kept_for,
            status=number.status,
            version=number.version,
        )


class SimController(Controller):
    """The pool of SIM cards."""

    path = "/sims"
    tags = ("inventory",)

    @reads("/", Area.INVENTORY, query=listing("sim", key="iccid"))
    def page(
        self, request: Call, inventory: NamedDependency[Inventory]
    ) -> Response[PageView[SimView]]:
        """List cards."""
        return listed(request, inventory.sims(request.query()), SimView.of)

    @reads("/{iccid:str}", Area.INVENTORY)
    def get(self, iccid: FromPath[str], inventory: NamedDependency[Inventory]) -> Response[SimView]:
        """Show a card."""
        return _shown_sim(inventory.sim(_iccid(iccid)))

    @reads("/{iccid:str}/history", Area.INVENTORY)
    def history(
        self, iccid: FromPath[str], inventory: NamedDependency[Inventory]
    ) -> PageView[EventView]:
        """Tell what happened to a card, oldest first."""
        return whole(inventory.sim_history(_iccid(iccid)), EventView.of)

    @does("/{iccid:str}/secrets", Area.INVENTORY, Action.REVEAL)
    def secrets(
        self, request: Call, iccid: FromPath[str], inventory: NamedDependency[Inventory]
    ) -> SecretsView:
        """Show the PIN and PUK of a card; that somebody looked is written down."""
        found = inventory.secrets(_iccid(iccid), by=request.by)
        return SecretsView(pin1=found.pin1, puk1=found.puk1)

    @does("/{iccid:str}/reserve", Area.INVENTORY, versioned=True)
    def reserve(
        self,
        request: Call,
        iccid: FromPath[str],
        data: JSONBody[Reservation],
        inventory: NamedDependency[Inventory],
    ) -> Response[SimView]:
        """Keep a card; `reserved_for` of the answer is what the contract brings along."""
        return _shown_sim(
            inventory.reserve_sim(
                _iccid(iccid),
                for_=data.reserved_for,
                until=data.until.value if data.until else None,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{iccid:str}/cancel-reservation", Area.INVENTORY, versioned=True)
    def cancel_reservation(
        self, request: Call, iccid: FromPath[str], inventory: NamedDependency[Inventory]
    ) -> Response[SimView]:
        """Give a reserved card back to stock."""
        return _shown_sim(
            inventory.cancel_sim_reservation(
                _iccid(iccid), expected_version=request.seen, by=request.by
            )
        )

    @does("/{iccid:str}/retire", Area.INVENTORY, versioned=True)
    def retire(
        self,
        request: Call,
        iccid: FromPath[str],
        data: JSONBody[Retirement],
        inventory: NamedDependency[Inventory],
    ) -> Response[SimView]:
        """Use a card no more."""
        return _shown_sim(
            inventory.retire(
                _iccid(iccid),
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )


def read_number(msisdn: FromPath[str], crm: NamedDependency[Crm]) -> MSISDN:
    """Read a number out of a path, as people write it: what cannot be one names nothing."""
    try:
        return crm.read_phone(msisdn)
    except InvalidValue:
        raise NotFound("number", _short(msisdn)) from None


class NumberController(Controller):
    """The pool of numbers."""

    path = "/numbers"
    tags = ("inventory",)

    @reads("/", Area.INVENTORY, query=listing("number", key="msisdn"))
    def page(
        self, request: Call, inventory: NamedDependency[Inventory]
    ) -> Response[PageView[NumberView]]:
        """List numbers."""
        return listed(request, inventory.numbers(request.query()), NumberView.of)

    @reads("/{msisdn:str}", Area.INVENTORY)
    def get(
        self, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Show a number."""
        return _shown_number(inventory.number(number))

    @reads("/{msisdn:str}/history", Area.INVENTORY)
    def history(
        self, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> PageView[EventView]:
        """Tell what happened to a number, oldest first."""
        return whole(inventory.number_history(number), EventView.of)

    @does("/{msisdn:str}/reserve", Area.INVENTORY, versioned=True)
    def reserve(
        self,
        request: Call,
        number: NamedDependency[MSISDN],
        data: JSONBody[Reservation],
        inventory: NamedDependency[Inventory],
    ) -> Response[NumberView]:
        """Keep a number; `reserved_for` of the answer is what the contract brings along."""
        return _shown_number(
            inventory.reserve_number(
                number,
                for_=data.reserved_for,
                until=data.until.value if data.until else None,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{msisdn:str}/cancel-reservation", Area.INVENTORY, versioned=True)
    def cancel_reservation(
        self, request: Call, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Give a reserved number back to the pool."""
        return _shown_number(
            inventory.cancel_number_reservation(
                number, expected_version=request.seen, by=request.by
            )
        )

    @does("/{msisdn:str}/release", Area.INVENTORY, versioned=True)
    def release(
        self, request: Call, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Let a number rest that no live contract needs."""
        return _shown_number(
            inventory.release(number, expected_version=request.seen, by=request.by)
        )

    @does("/{msisdn:str}/withdraw", Area.INVENTORY, versioned=True)
    def withdraw(
        self,
        request: Call,
        number: NamedDependency[MSISDN],
        data: JSONBody[Because],
        inventory: NamedDependency[Inventory],
    ) -> Response[NumberView]:
        """Take a free number out of the pool for good."""
        return _shown_number(
            inventory.withdraw(
                number,
                reason=data.reason,
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{msisdn:str}/recycle", Area.INVENTORY, versioned=True)
    def recycle(
        self, request: Call, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Offer a number again whose quarantine is over."""
        return _shown_number(
            inventory.recycle(number, expected_version=request.seen, by=request.by)
        )

    @does("/{msisdn:str}/restore", Area.INVENTORY, versioned=True)
    def restore(
        self,
        request: Call,
        number: NamedDependency[MSISDN],
        data: JSONBody[ForContract],
        inventory: NamedDependency[Inventory],
    ) -> Response[NumberView]:
        """Give a resting number back to the customer who had it, for a live contract of theirs."""
        return _shown_number(
            inventory.restore(
                number,
                contract_id=ContractId(data.contract_id),
                expected_version=request.seen,
                by=request.by,
            )
        )

    @does("/{msisdn:str}/port-in", Area.INVENTORY)
    def port_in(
        self,
        request: Call,
        number: NamedDependency[MSISDN],
        data: JSONBody[ForContract],
        inventory: NamedDependency[Inventory],
    ) -> Response[NumberView]:
        """Take over a number that a subscriber brings along."""
        contract_id = ContractId(data.contract_id)
        return _shown_number(inventory.port_in(number, contract_id=contract_id, by=request.by))

    @does("/{msisdn:str}/port-out", Area.INVENTORY, versioned=True)
    def port_out(
        self, request: Call, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Let a number go to another operator."""
        return _shown_number(
            inventory.port_out(number, expected_version=request.seen, by=request.by)
        )

    @does("/{msisdn:str}/return-from-port", Area.INVENTORY, versioned=True)
    def return_from_port(
        self, request: Call, number: NamedDependency[MSISDN], inventory: NamedDependency[Inventory]
    ) -> Response[NumberView]:
        """Take a number back that the other operator needs no more; it rests first."""
        return _shown_number(
            inventory.return_from_port(number, expected_version=request.seen, by=request.by)
        )


def _iccid(raw: str) -> ICCID:
    """Read a card's number out of a path: what cannot be one names nothing."""
    try:
        return ICCID(raw)
    except InvalidValue:
        raise NotFound("sim", _short(raw)) from None


def _short(raw: str) -> str:
    return "".join(char if char.isprintable() else "\ufffd" for char in raw[:40])


def _shown_sim(sim: Sim) -> Response[SimView]:
    return shown(SimView.of(sim), version=sim.version)


def _shown_number(number: Number) -> Response[NumberView]:
    return shown(NumberView.of(number), version=number.version)
