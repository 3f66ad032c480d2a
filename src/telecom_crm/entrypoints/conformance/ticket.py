"""A machine that does anything to any ticket."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, multiple, rule

from telecom_crm.domain.errors import IllegalTransition, RuleViolated
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.ticket import FILES_LIMIT, BlockReason, Ticket, TicketPriority
from telecom_crm.entrypoints.conformance.machine import Place, StoreMachine
from telecom_crm.entrypoints.conformance.strategies import texts

MOVES = {
    ("free", "activate"): "active",
    ("active", "suspend"): "suspended",
    ("suspended", "resume"): "active",
    ("active", "block"): "blocked",
    ("blocked", "close"): "closed",
}
"""The machine of tickets once more, by hand: an oracle that is not the code under test."""
_RANK = ("low", "normal", "high", "urgent")
_BY = st.sampled_from([Actor("ann", token="t-1"), Actor("бек"), Actor("system")])


class TicketMachine(StoreMachine):
    """Do anything to any ticket; the store must agree with a plain dictionary."""

    @initialize(target=StoreMachine.things)
    def begin(self) -> Any:
        """A customer has two tickets."""
        customer = self.samples.customer()
        self.save("customers", customer)
        self.customer_id = customer.id
        self.states: dict[Any, str] = {}
        urgencies = (TicketPriority.NORMAL, TicketPriority.URGENT)
        return multiple(*(self._opened(one, "no signal", None) for one in urgencies))

    def touched(self, thing: Any) -> Any:
        """A merge may repoint any ticket, closed ones included."""
        return thing.repoint(customer_id=self.customer_id, **self.samples.said())

    @rule(
        target=StoreMachine.things,
        priority=st.sampled_from(TicketPriority),
        subject=texts(),
        queue=st.none() | texts(most=10),
    )
    def open(self, priority: TicketPriority, subject: str, queue: str | None) -> Place:
        """Open a ticket."""
        return self._opened(priority, subject, queue)

    @rule(
        place=StoreMachine.things,
        command=st.sampled_from(("activate", "suspend", "resume", "block", "close")),
        reason=st.sampled_from(BlockReason),
        by=_BY,
    )
    def command(self, place: Place, command: str, reason: BlockReason, by: Actor) -> None:
        """Give a ticket a command; one its state does not allow changes nothing."""
        said: dict[str, Any] = {"by": by, "at": self.samples.tick()}
        if command == "block":
            said["reason"] = reason
        after = MOVES.get((self.states[place[1]], command))
        if after is None:
            with pytest.raises(IllegalTransition):
                self.change(place, lambda ticket: getattr(ticket, command)(**said))
            return
        ticket = self.change(place, lambda ticket: getattr(ticket, command)(**said))
        assert ticket.status == after
        self.states[place[1]] = after

    @rule(place=StoreMachine.things)
    def resolve(self, place: Place) -> None:
        """Block and close at once: two events, or none."""
        if self.states[place[1]] != "active":
            with pytest.raises(IllegalTransition):
                self.change(place, lambda ticket: ticket.resolve(**self.samples.said()))
            return
        version = self.kept[place].version
        ticket = self.change(place, lambda ticket: ticket.resolve(**self.samples.said()))
        assert (ticket.status, ticket.version) == ("closed", version + 2)
        self.states[place[1]] = "closed"

    @rule(
        place=StoreMachine.things,
        what=st.sampled_from(("assign", "queue", "prioritise", "comment", "attach")),
        text=texts(),
        priority=st.sampled_from(TicketPriority),
    )
    def write_on_it(self, place: Place, what: str, text: str, priority: TicketPriority) -> None:
        """Change what a ticket says, its state aside; a closed one takes nothing."""
        samples = self.samples

        def written(ticket: Ticket) -> Ticket:
            match what:
                case "assign":
                    return ticket.assign(assignee=text, **samples.said())
                case "queue":
                    return ticket.assign(queue=text, **samples.said())
                case "prioritise":
                    return ticket.prioritise(priority=priority, **samples.said())
                case "comment":
                    said = samples.said()
                    return ticket.comment(id=samples.id(), text=text, internal=True, **said)
                case _:
                    return ticket.attach(attachment=samples.attachment(), **samples.said())

        is_full = what == "attach" and len(self.kept[place].attachments) == FILES_LIMIT
        if is_full or self.states[place[1]] == "closed":
            with pytest.raises(RuleViolated):
                self.change(place, written)
            return
        assert self.change(place, written).status == self.states[place[1]]

    @rule(takes=st.booleans())
    def take_the_next(self, takes: bool) -> None:
        """The queue gives the most urgent free ticket that is nobody's, of those the oldest."""
        waiting = [
            ticket
            for ticket in self.all_of("tickets").values()
            if self.states[ticket.id] == "free" and ticket.assignee is None
        ]
        waiting.sort(key=lambda ticket: (-_RANK.index(ticket.priority.value), ticket.created_at))
        with self.uow() as tx:
            found = tx.tickets.next_free()
            assert found == (waiting[0] if waiting else None)
            if found is None or not takes:
                return
            mine = found.assign(assignee="ann", **self.samples.said())
            mine = mine.activate(**self.samples.said())
            tx.tickets.save(mine)
        self.remember("tickets", mine)
        self.states[mine.id] = "active"

    def _opened(self, priority: TicketPriority, subject: str, queue: str | None) -> Place:
        made = self.samples.ticket(
            self.customer_id, priority=priority, subject=subject, queue=queue
        )
        self.states[made.id] = "free"
        return self.save("tickets", made)
