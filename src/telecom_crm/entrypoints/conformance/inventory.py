"""A machine that does anything to SIM cards and numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, multiple, rule

from telecom_crm.domain.errors import Conflict, IllegalTransition, NotFound, RuleViolated
from telecom_crm.domain.identifiers import ICCID, MSISDN, ContractId, CustomerId
from telecom_crm.domain.number import Number, NumberInUse, NumberNotAvailable
from telecom_crm.domain.reservation import reservation_of
from telecom_crm.domain.sim import RetireReason, Sim, SimInUse, SimNotAvailable
from telecom_crm.entrypoints.conformance.machine import Place, StoreMachine, all_on
from telecom_crm.entrypoints.conformance.strategies import iccid_of, msisdn_of, texts

SIM_MOVES = {
    ("available", "reserve"): "reserved",
    ("reserved", "cancel"): "available",
    ("reserved", "expire"): "available",
    ("available", "bind"): "bound",
    ("reserved", "bind"): "bound",
    ("bound", "unbind"): "available",
    ("bound", "activate"): "active",
    ("active", "bar"): "barred",
    ("barred", "unbar"): "active",
    **{(s, "retire"): "retired" for s in ("available", "reserved", "bound", "active", "barred")},
}
NUMBER_MOVES = {
    ("available", "reserve"): "reserved",
    ("reserved", "cancel"): "available",
    ("reserved", "expire"): "available",
    ("available", "assign"): "assigned",
    ("reserved", "assign"): "assigned",
    ("assigned", "unassign"): "available",
    ("assigned", "release"): "quarantined",
    ("quarantined", "restore"): "assigned",
    ("quarantined", "recycle"): "available",
    ("assigned", "port_out"): "ported_out",
    ("ported_out", "return_from_port"): "quarantined",
    ("available", "withdraw"): "withdrawn",
}
"""Both machines once more, by hand: oracles that are not the code under test."""
_SIM_COMMANDS = sorted({command for _, command in SIM_MOVES})
_NUMBER_COMMANDS = sorted({command for _, command in NUMBER_MOVES})
_TAKES = ("reserve", "bind", "assign")
_HOURS = st.integers(1, 5)


@attrs.define
class _Stock:
    """What the model knows of a card or a number."""

    status: str = "available"
    holder: Any = None
    reserved_for: str | None = None
    until: datetime | None = None
    """The end of a reservation or of a quarantine."""
    kept_for: Any = None


def _lapsed(stock: _Stock, at: datetime) -> _Stock:
    """Return it as whoever wants it finds it: a reservation that is over keeps nobody away."""
    if stock.reserved_for is None or stock.until is None or at < stock.until:
        return stock
    return _Stock()


class InventoryMachine(StoreMachine):
    """Do anything to the pool; each card and number has at most one holder, the model's."""

    @initialize(target=StoreMachine.things)
    def begin(self) -> Any:
        """There are two cards, two numbers, two contracts that want them, and two customers."""
        self.model: dict[Any, _Stock] = {}
        self.contracts = [ContractId(self.samples.id()) for _ in range(2)]
        self.customers = [CustomerId(self.samples.id()) for _ in range(2)]
        sims = [self._received("sims", self.samples.sim(serial)) for serial in (1, 2)]
        numbers = [self._received("numbers", self.samples.number(serial)) for serial in (1, 2)]
        return multiple(*sims, *numbers)

    def touched(self, thing: Any) -> Any:
        """What a supplier or the price list says of a thing changes at any time."""
        said = self.samples.said()
        if isinstance(thing, Sim):
            batch = f"B-{self.samples.serial()}"
            return thing.correct(
                imsi=thing.imsi, pin1=thing.pin1, puk1=thing.puk1, batch=batch, **said
            )
        return thing.reclassify(category="gold", price=None, **said)

    @rule(target=StoreMachine.things, serial=st.integers(3, 10**11 - 1), batch=texts(most=8))
    def receive_a_sim(self, serial: int, batch: str) -> Any:
        """Take a card into stock, unless it is there."""
        sim = attrs.evolve(self.samples.sim(serial), batch=batch)
        return multiple() if sim.iccid in self.model else self._received("sims", sim)

    @rule(target=StoreMachine.things, serial=st.integers(3, 999_999))
    def receive_a_number(self, serial: int) -> Any:
        """Take a number into the pool, unless it is there."""
        number = self.samples.number(serial)
        return multiple() if number.msisdn in self.model else self._received("numbers", number)

    @rule(
        place=StoreMachine.things,
        sim_command=st.sampled_from(_SIM_COMMANDS),
        number_command=st.sampled_from(_NUMBER_COMMANDS),
        who=st.integers(0, 1),
        hours=_HOURS,
    )
    def command(
        self, place: Place, sim_command: str, number_command: str, who: int, hours: int
    ) -> None:
        """Give a thing a command; one it does not allow changes nothing."""
        is_sim = isinstance(place[1], ICCID)
        command = sim_command if is_sim else number_command
        stock, at = self.model[place[1]], self.samples.tick()
        seen = _lapsed(stock, at) if command in _TAKES else stock
        give = self._for_sim if is_sim else self._for_number
        given = give(command, who, at, at + timedelta(hours=hours))
        after = (SIM_MOVES if is_sim else NUMBER_MOVES).get((seen.status, command))
        problem = self._problem(seen, command, who, at, after)
        if problem is not None:
            with pytest.raises(problem):
                self.change(place, given)
            return
        assert self.change(place, given).status == after
        self._move(stock, command, str(after), who, at + timedelta(hours=hours))

    @rule(place=StoreMachine.things)
    def put_away_what_is_held(self, place: Place) -> None:
        """A live contract's card or number cannot be put away."""
        stock, said = self.model[place[1]], self.samples.said()
        if stock.holder is None:
            return
        if isinstance(place[1], ICCID):
            with pytest.raises(SimInUse):
                self.change(
                    place,
                    lambda sim: sim.retire(reason=RetireReason.LOST, contract_is_live=True, **said),
                )
            return
        with pytest.raises(NumberInUse):
            self.change(place, lambda number: number.port_out(contract_is_live=True, **said))

    @rule(hours=_HOURS)
    def let_time_pass(self, hours: int) -> None:
        """Reservations and quarantines end."""
        self.samples.tick(seconds=3600 * hours)

    @rule(limit=st.integers(1, 3))
    def look_for_what_is_over(self, limit: int) -> None:
        """Find the reservations and quarantines whose time has come, a page at a time."""
        now = self.samples.tick()
        with self.uow(read_only=True) as tx:
            sims = all_on(lambda at: tx.sims.reservations_over(now, limit=limit, cursor=at))
            numbers = all_on(lambda at: tx.numbers.reservations_over(now, limit=limit, cursor=at))
            resting = all_on(lambda at: tx.numbers.quarantine_over(now, limit=limit, cursor=at))
        reserved = self._over("reserved", now)
        assert [sim.iccid for sim in sims] == [key for key in reserved if isinstance(key, ICCID)]
        assert [one.msisdn for one in numbers] == [
            key for key in reserved if isinstance(key, MSISDN)
        ]
        assert [one.msisdn for one in resting] == self._over("quarantined", now)

    @rule()
    def ask_for_what_is_not_there(self) -> None:
        """A card that was never received is not found, by its own number."""
        stranger = iccid_of(0)
        with self.uow(read_only=True) as tx:
            with pytest.raises(NotFound) as missing:
                tx.sims.get(stranger)
            assert missing.value.key == stranger.digits
            assert tx.numbers.get_many([msisdn_of(0)]) == {}

    @invariant()
    def the_pool_is_as_the_model_says(self) -> None:
        """State, holder and reservation of each thing are the model's."""
        for key, stock in self.model.items():
            thing = self.kept["sims" if isinstance(key, ICCID) else "numbers", key]
            assert (thing.status, thing.contract_id) == (stock.status, stock.holder)
            assert thing.reserved_for == stock.reserved_for

    def _received(self, name: str, thing: Any) -> Place:
        place = self.save(name, thing)
        self.model[place[1]] = _Stock()
        return place

    def _problem(
        self, stock: _Stock, command: str, who: int, at: datetime, after: str | None
    ) -> type[Exception] | None:
        """Return what a command has to be refused with, by the model."""
        if after is None:
            return Conflict if command in _TAKES else IllegalTransition
        mine = reservation_of(self.contracts[who])
        if command in ("bind", "assign") and stock.reserved_for not in (None, mine):
            return SimNotAvailable if command == "bind" else NumberNotAvailable
        early = stock.until is not None and at < stock.until
        if command in ("expire", "recycle") and early:
            return RuleViolated
        if command == "restore" and stock.kept_for != self.customers[who]:
            return RuleViolated
        return None

    def _move(self, stock: _Stock, command: str, after: str, who: int, until: datetime) -> None:
        stock.status = after
        if command in ("bind", "assign", "restore"):
            stock.holder = self.contracts[who]
        elif command in ("unbind", "unassign", "release", "port_out", "retire"):
            stock.holder = None
        stock.reserved_for = reservation_of(self.contracts[who]) if command == "reserve" else None
        kept = command in ("reserve", "release", "return_from_port")
        stock.until = until if kept else None
        stock.kept_for = self.customers[who] if command == "release" else None

    def _over(self, status: str, now: datetime) -> list[Any]:
        over = (
            key
            for key, stock in self.model.items()
            if stock.status == status and stock.until is not None and stock.until <= now
        )
        return sorted(over, key=lambda key: key.digits)

    def _for_sim(
        self, command: str, who: int, at: datetime, until: datetime
    ) -> Callable[[Sim], Sim]:
        said: dict[str, Any] = {**self.samples.said(), "at": at}
        contract = self.contracts[who]

        def given(sim: Sim) -> Sim:
            match command:
                case "reserve":
                    return sim.reserve(for_=reservation_of(contract), until=until, **said)
                case "bind":
                    return sim.bind(contract_id=contract, msisdn=msisdn_of(who), **said)
                case "retire":
                    reason = RetireReason.DEFECTIVE
                    return sim.retire(reason=reason, contract_is_live=False, **said)
                case _:
                    changed: Sim = getattr(sim, command)(**said)
                    return changed

        return given

    def _for_number(
        self, command: str, who: int, at: datetime, until: datetime
    ) -> Callable[[Number], Number]:
        said: dict[str, Any] = {**self.samples.said(), "at": at}
        contract, customer = self.contracts[who], self.customers[who]
        extra: dict[str, dict[str, Any]] = {
            "reserve": {"for_": reservation_of(contract), "until": until},
            "assign": {"contract_id": contract},
            "unassign": {"contract_was_active": False},
            "release": {"until": until, "customer_id": customer, "contract_is_live": False},
            "restore": {"contract_id": contract, "customer_id": customer},
            "port_out": {"contract_is_live": False},
            "return_from_port": {"until": until},
        }

        def given(number: Number) -> Number:
            changed: Number = getattr(number, command)(**extra.get(command, {}), **said)
            return changed

        return given
