"""
Customers: people and organisations as the operator knows them, and how long they stay.

What is known about one, and how it is read, is in `profile` and `identity_document`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from telecom_crm.domain.cards import without_cards
from telecom_crm.domain.change import FIELDS
from telecom_crm.domain.errors import Conflict, Faults, NotFound, Reason, RuleViolated
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NoteId
from telecom_crm.domain.identity_document import NATIONAL_ID, IdentityDocument
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.lifecycle import NOTHING_MORE, Actor, Event, Lifecycle, Row
from telecom_crm.domain.profile import (
    KNOWN_FIELDS,
    LIST_FIELDS,
    Address,
    Consent,
    CustomerKind,
    Profile,
    folded_city,
    read_fields,
)
from telecom_crm.domain.text import check_text, read_text

ERASED = "erased"
"""What stands where a person was."""
PINNED_NOTES = 3
"""So many notes of a customer are pinned at most: what everybody reads first is short."""


class CustomerStatus(StrEnum):
    """Where a customer stands with the operator."""

    PROSPECT = "prospect"
    ACTIVE = "active"
    BLOCKED = "blocked"
    CLOSED = "closed"


class CustomerCommand(StrEnum):
    """What changes a customer's status."""

    REGISTER = "register"
    ACTIVATE = "activate"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CLOSE = "close"
    REOPEN = "reopen"


class MergeField(StrEnum):
    """What a merge may take from the one who goes: a field of `Customer` by its name."""

    NAME = "name"
    PHONE = "phone"
    EMAIL = "email"
    LANGUAGE = "language"
    BIRTH_DATE = "birth_date"
    NATIONAL_ID = "national_id"
    REGISTRATION_NUMBER = "registration_number"
    DOCUMENTS = "documents"
    ADDRESSES = "addresses"


class ContractsHeld(StrEnum):
    """What an unblocked customer goes back to depends on this."""

    SOME = "with a contract"
    NONE = "without a contract"


_S, _C = CustomerStatus, CustomerCommand
CUSTOMER_LIFECYCLE = Lifecycle(
    "customer",
    CustomerStatus,
    CustomerCommand,
    (
        Row(source=None, command=_C.REGISTER, target=_S.PROSPECT, event="CustomerRegistered"),
        Row(
            source=_S.PROSPECT,
            command=_C.ACTIVATE,
            target=_S.ACTIVE,
            event="CustomerActivated",
            needs="the first contract is accepted",
        ),
        Row(
            source=(_S.PROSPECT, _S.ACTIVE),
            command=_C.BLOCK,
            target=_S.BLOCKED,
            event="CustomerBlocked",
        ),
        Row(
            source=_S.BLOCKED,
            command=_C.UNBLOCK,
            guard=ContractsHeld.SOME,
            target=_S.ACTIVE,
            event="CustomerUnblocked",
        ),
        Row(
            source=_S.BLOCKED,
            command=_C.UNBLOCK,
            guard=ContractsHeld.NONE,
            target=_S.PROSPECT,
            event="CustomerUnblocked",
        ),
        Row(
            source=(_S.PROSPECT, _S.ACTIVE),
            command=_C.CLOSE,
            target=_S.CLOSED,
            event="CustomerClosed",
            needs="no open contract",
        ),
        Row(source=_S.CLOSED, command=_C.REOPEN, target=_S.PROSPECT, event="CustomerReopened"),
    ),
)
BARRED = {
    CustomerStatus.BLOCKED: Reason.of("the customer is blocked"),
    CustomerStatus.CLOSED: Reason.of("the customer is closed"),
}
"""Why a customer in such a state drafts no contract."""


@attrs.define
class CustomerMerged(Conflict):
    """The customer was found to be another one; send the command to the survivor."""

    code: ClassVar[str] = "customer_merged"

    customer: str
    survivor: str

    def __str__(self) -> str:
        return f"customer {self.customer} was merged into {self.survivor}; use that one"


@attrs.define
class PaymentsInFlight(Conflict):
    """A payment of the customer has no outcome yet; wait for it, then merge."""

    code: ClassVar[str] = "payments_in_flight"
    retryable: ClassVar[bool] = True

    customer: str
    count: int

    def __str__(self) -> str:
        return f"customer {self.customer} has {self.count} payment(s) without an outcome yet"


@attrs.frozen(kw_only=True)
class Note:
    """What an operator wrote down about a customer; a pinned one is read before all else."""

    id: NoteId
    text: str = attrs.field(converter=without_cards, validator=check_text)
    by: str
    at: datetime
    pinned: bool = False


@attrs.frozen(kw_only=True, slots=False)
class Customer:
    """
    A person or an organisation that has, had or wants contracts.

    `merged_into` names the survivor when this one turned out to be a duplicate; every command but
    `unmerge` is then refused with `CustomerMerged`. `known` marks one whom registering found
    instead of making another, `replayed` an answer to an idempotency key that was used before;
    neither is stored.
    """

    id: CustomerId
    kind: CustomerKind = CustomerKind.PERSON
    name: str
    phone: MSISDN | None = None
    email: str | None = None
    language: str = LANGUAGES.default
    national_id: str | None = None
    documents: tuple[IdentityDocument, ...] = ()
    birth_date: date | None = None
    registration_number: str | None = None
    addresses: tuple[Address, ...] = ()
    consents: tuple[Consent, ...] = ()
    notes: tuple[Note, ...] = ()
    merged_into: CustomerId | None = None
    status: CustomerStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    known: bool = attrs.field(default=False, eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def identities(self) -> tuple[str, ...]:
        """
        The keys of what only one customer has, each once: the national id, and each paper's.

        Whoever comes with one of them is this customer.
        """
        own = [f"{NATIONAL_ID}:{self.national_id}"] if self.national_id else []
        return tuple(dict.fromkeys([*own, *(paper.key for paper in self.documents)]))

    @property
    def city(self) -> str | None:
        """The city of the first address as lists are filtered by it: see `folded_city`."""
        return folded_city(self.addresses[0].city) or None if self.addresses else None

    @property
    def is_gone(self) -> bool:
        """Whether nothing is theirs any more: closed, or merged into another."""
        return CUSTOMER_LIFECYCLE.is_final(self.status) or self.merged_into is not None

    def is_identified(self, today: date) -> bool:
        """Tell whether an identity document is on file that is valid today."""
        return any(one.valid_until is None or one.valid_until >= today for one in self.documents)

    def paper(self, place: int) -> IdentityDocument:
        """Return one of the documents by its place, counted from 0; raise `NotFound`."""
        if not 0 <= place < len(self.documents):
            raise NotFound("document", f"{place} of customer {self.id}")
        return self.documents[place]

    def papers_ending(self, before: date) -> tuple[IdentityDocument, ...]:
        """Return the documents that are not valid on that day any more."""
        return tuple(one for one in self.documents if one.valid_until and one.valid_until < before)

    @property
    def pinned_notes(self) -> tuple[Note, ...]:
        """The notes that are read before all else, the oldest first."""
        return tuple(one for one in self.notes if one.pinned)

    @property
    def may_sign(self) -> bool:
        """Tell whether a contract may be drafted: not blocked, not closed, not merged."""
        return self.status not in BARRED and self.merged_into is None

    @classmethod
    def register(
        cls,
        *,
        id: CustomerId,
        name: str,
        kind: CustomerKind = CustomerKind.PERSON,
        phone: MSISDN | str | None = None,
        email: str | None = None,
        language: str | None = None,
        national_id: str | None = None,
        documents: Iterable[IdentityDocument] = (),
        birth_date: date | str | None = None,
        registration_number: str | None = None,
        addresses: Iterable[Address] = (),
        consents: Iterable[Consent] = (),
        phones: Callable[[str], MSISDN] = MSISDN,
        today: date,
        by: Actor,
        at: datetime,
    ) -> Customer:
        """
        Take up a new customer as a prospect; raise `InvalidValue` with every fault at once.

        `phones` reads a phone number that is a text. `today` is the operator's own day at that
        instant: nobody is born and no document is issued after it.
        """
        given = {
            "name": name,
            "phone": phone,
            "email": email,
            "language": language,
            "national_id": national_id,
            "documents": documents,
            "birth_date": birth_date,
            "registration_number": registration_number,
            "addresses": addresses,
            "consents": consents,
        }
        fields = read_fields(given, today=today, phones=phones)
        return cls._begun(id=id, kind=CustomerKind(kind), fields=fields, by=by, at=at)

    @classmethod
    def from_profile(cls, *, id: CustomerId, profile: Profile, by: Actor, at: datetime) -> Customer:
        """Take up a newcomer from a profile that was read already, as a prospect."""
        fields = {
            "name": profile.name,
            "phone": profile.phone,
            "email": profile.email,
            "birth_date": profile.birth_date,
            "language": profile.language,
            "documents": (profile.document,) if profile.document else (),
            "registration_number": profile.registration_number,
            "addresses": (profile.address,) if profile.address else (),
        }
        return cls._begun(id=id, kind=profile.kind, fields=fields, by=by, at=at)

    def activate(self, *, by: Actor, at: datetime) -> Customer:
        """Make a prospect a customer: the first contract was accepted."""
        return self._move(_C.ACTIVATE, by=by, at=at)

    def block(self, *, reason: str, by: Actor, at: datetime) -> Customer:
        """Refuse new contracts until somebody unblocks."""
        return self._move(_C.BLOCK, reason=reason, by=by, at=at)

    def unblock(
        self, *, live_contracts: int, reason: str = "", by: Actor, at: datetime
    ) -> Customer:
        """Lift a block: back to active with a live contract, to prospect without."""
        held = ContractsHeld.SOME if live_contracts else ContractsHeld.NONE
        return self._move(_C.UNBLOCK, guard=held, reason=reason, by=by, at=at)

    def close(self, *, open_contracts: int, reason: str = "", by: Actor, at: datetime) -> Customer:
        """End the relation; raise `RuleViolated` while a contract is open."""
        moved = self._move(_C.CLOSE, reason=reason, by=by, at=at)
        self._refuse_open_contracts(open_contracts)
        return moved

    def reopen(self, *, reason: str = "", by: Actor, at: datetime) -> Customer:
        """Take a closed customer back as a prospect."""
        return self._move(_C.REOPEN, reason=reason, by=by, at=at)

    def update(
        self,
        *,
        changes: Mapping[str, Any],
        phones: Callable[[str], MSISDN] = MSISDN,
        today: date,
        reason: str = "",
        by: Actor,
        at: datetime,
    ) -> Customer:
        """
        Change what is known, and why; return the customer itself if nothing differs.

        A document without a scan keeps the one that is known. `phones` and `today` are those of
        `register`. The event names the fields that changed and no value. Unknown fields and every
        fault of the known ones come as one `InvalidValue`.
        """
        self.refuse_merged()
        fields = read_fields(changes, today=today, phones=phones)
        if "documents" in fields:
            known = {paper.key: paper.scan for paper in self.documents}
            fields["documents"] = tuple(
                attrs.evolve(paper, scan=paper.scan or known.get(paper.key))
                for paper in fields["documents"]
            )
        changed = {field: new for field, new in fields.items() if new != getattr(self, field)}
        if not changed:
            return self
        said = read_text(reason, field="reason")
        return self._note("CustomerUpdated", "update", changed, reason=said, by=by, at=at)

    def add_note(
        self, *, id: NoteId, text: str, pinned: bool = False, by: Actor, at: datetime
    ) -> Customer:
        """
        Write something down, numbers of cards masked; the event names the note and not its text.

        Raise `InvalidValue` without a text, `RuleViolated` for one pinned note too many.
        """
        self.refuse_merged()
        said = read_text(text, field="text", required=True)
        note = Note(id=id, text=said, by=by.name, at=at, pinned=pinned)
        if pinned:
            self._refuse_one_more_pinned()
        return self._noted("CustomerNoted", "add_note", note, (*self.notes, note), by=by, at=at)

    def pin_note(self, id: NoteId, *, by: Actor, at: datetime) -> Customer:
        """
        Have a note read before all else; return the customer itself where it is.

        Raise `NotFound`, and `RuleViolated` for one too many.
        """
        note = self._note_by(id)
        if note.pinned:
            return self
        self._refuse_one_more_pinned()
        return self._with_note("CustomerNotePinned", "pin_note", note, pinned=True, by=by, at=at)

    def unpin_note(self, id: NoteId, *, by: Actor, at: datetime) -> Customer:
        """Put a note back among the others; return the customer itself where it is. `NotFound`."""
        note = self._note_by(id)
        if not note.pinned:
            return self
        event = "CustomerNoteUnpinned"
        return self._with_note(event, "unpin_note", note, pinned=False, by=by, at=at)

    def merge_into(
        self,
        *,
        survivor: Customer,
        payments_in_flight: int,
        both_live: bool = False,
        moved: Mapping[str, Any] | None = None,
        take: Collection[MergeField] = (),
        by: Actor,
        at: datetime,
    ) -> Customer:
        """
        Say that this customer is the same as `survivor`.

        `moved` lists the ids of what went over (accounts, contracts, tickets, applications), so
        that `unmerge` can bring it back; `take` names the fields whose values the survivor takes
        over. `both_live` tells whether both have live contracts. Raises `InvalidValue` for every
        field that has nothing to take, `PaymentsInFlight`, or `RuleViolated` for itself and for two
        who have live contracts and different national ids: they are two people, whatever else they
        share.
        """
        self.refuse_merged()
        survivor.refuse_merged()
        if survivor.id == self.id:
            raise RuleViolated("merge", ("a customer cannot be merged into itself",))
        self._refuse_nothing_to_take(take)
        if both_live:
            self._refuse_two_people(survivor)
        if payments_in_flight:
            raise PaymentsInFlight(self.key, payments_in_flight)
        payload = {
            "survivor": survivor.key,
            "moved": dict(moved or {}),
            "taken": sorted(one.value for one in set(take) if self._differs(survivor, one)),
            "shared_addresses": self._shared_places(survivor),
        }
        return CUSTOMER_LIFECYCLE.note(
            self,
            "CustomersMerged",
            "merge",
            by=by,
            at=at,
            payload=payload,
            merged_into=survivor.id,
        )

    def absorb(
        self, loser: Customer, *, take: Collection[MergeField] = (), by: Actor, at: datetime
    ) -> Customer:
        """
        Take the place of one who was merged into this customer, and these of their values.

        Of documents and addresses theirs come first, and none is lost. Their notes come along, in
        order of time; of those that are pinned the latest stay so, as far as there is room.
        """
        put = {field.value: self._with_theirs(loser, field) for field in take}
        put["notes"] = self._with_notes_of(loser)
        return self._beside_loser("CustomerAbsorbed", "absorb", loser, put, by=by, at=at)

    def detach(
        self, loser: Customer, *, put: Mapping[str, Any], by: Actor, at: datetime
    ) -> Customer:
        """
        Give the place back to one who is merged no more, with the notes that came along.

        `put` are fields as they were.
        """
        theirs = {note.id for note in loser.notes}
        notes = tuple(note for note in self.notes if note.id not in theirs)
        put = {**put, "notes": notes}
        return self._beside_loser("CustomerDetached", "detach", loser, put, by=by, at=at)

    def unmerge(
        self, *, own: Mapping[str, Any] = NOTHING_MORE, by: Actor, at: datetime
    ) -> Customer:
        """Undo a merge, `own` papers given back; raise `RuleViolated` if there was none."""
        if self.merged_into is None:
            raise RuleViolated("unmerge", ("this customer was not merged into another",))
        payload: dict[str, Any] = {"survivor": str(self.merged_into)}
        return CUSTOMER_LIFECYCLE.note(
            self,
            "CustomersUnmerged",
            "unmerge",
            by=by,
            at=at,
            payload=payload | ({FIELDS: sorted(own)} if own else {}),
            merged_into=None,
            **own,
        )

    def dismiss_duplicate(self, *, customer_id: CustomerId, by: Actor, at: datetime) -> Customer:
        """Say that a customer who is alike is somebody else."""
        self.refuse_merged()
        return CUSTOMER_LIFECYCLE.note(
            self,
            "CustomerDuplicateDismissed",
            "dismiss_duplicate",
            by=by,
            at=at,
            payload={"customer": str(customer_id)},
        )

    def hand_over(
        self, identities: Collection[str], *, to: CustomerId, by: Actor, at: datetime
    ) -> Customer:
        """Leave a national id or papers, by their keys, to the survivor of a merge."""
        papers = tuple(paper for paper in self.documents if paper.key not in identities)
        is_left = f"{NATIONAL_ID}:{self.national_id}" not in identities
        return CUSTOMER_LIFECYCLE.note(
            self,
            "CustomerIdentityHandedOver",
            "hand_over",
            by=by,
            at=at,
            payload={"to": str(to)},
            documents=papers,
            national_id=self.national_id if is_left else None,
        )

    def erase(self, *, open_contracts: int, by: Actor, at: datetime) -> Customer:
        """Replace all personal data; what the ledger needs, the id, stays."""
        self.refuse_merged()
        self._refuse_open_contracts(open_contracts)
        blank: dict[str, Any] = {
            field: () if field in LIST_FIELDS else None for field in KNOWN_FIELDS
        }
        blank |= {"name": ERASED, "language": self.language, "notes": ()}
        return self._note("CustomerErased", "erase", blank, by=by, at=at)

    def refuse_merged(self) -> None:
        """Raise `CustomerMerged` if another customer took this one's place."""
        if self.merged_into is not None:
            raise CustomerMerged(self.key, str(self.merged_into))

    def refuse_barred(self) -> None:
        """Raise `RuleViolated` for one who is blocked or closed, `CustomerMerged` for a loser."""
        self.refuse_merged()
        if self.status in BARRED:
            raise RuleViolated("customer_may_contract", (BARRED[self.status],))

    @classmethod
    def _begun(
        cls,
        *,
        id: CustomerId,
        kind: CustomerKind,
        fields: Mapping[str, Any],
        by: Actor,
        at: datetime,
    ) -> Customer:
        begun = CUSTOMER_LIFECYCLE.begin(
            _C.REGISTER, key=id, by=by, at=at, payload={"kind": kind.value}
        )
        return cls(id=id, kind=kind, **fields, **begun)

    def _move(
        self,
        command: CustomerCommand,
        *,
        by: Actor,
        at: datetime,
        guard: ContractsHeld | None = None,
        reason: str = "",
    ) -> Customer:
        self.refuse_merged()
        said = read_text(reason, field="reason")
        return CUSTOMER_LIFECYCLE.move(self, command, guard=guard, reason=said, by=by, at=at)

    def _note(
        self,
        event: str,
        command: str,
        changes: Mapping[str, Any],
        *,
        reason: str = "",
        by: Actor,
        at: datetime,
    ) -> Customer:
        changed = attrs.evolve(self, **changes)
        payload = {FIELDS: sorted(changes)}
        return CUSTOMER_LIFECYCLE.note(
            changed, event, command, reason=reason, by=by, at=at, payload=payload
        )

    def _refuse_two_people(self, other: Customer) -> None:
        if len({one.national_id for one in (self, other) if one.national_id}) > 1:
            reason = "both have live contracts, and different national ids"
            raise RuleViolated("merge_two_people", (reason,))

    def _refuse_nothing_to_take(self, take: Collection[MergeField]) -> None:
        faults = Faults()
        for field in (one for one in take if not getattr(self, one)):
            faults.add(field, "nothing_to_take", "the customer who goes has none to take")
        faults.raise_any()

    def _differs(self, other: Customer, field: MergeField) -> bool:
        return bool(getattr(self, field) != getattr(other, field))

    def _shared_places(self, other: Customer) -> list[int]:
        """Return which addresses another one has as well, by their places: values are personal."""
        places = enumerate(self.addresses, 1)
        return [place for place, address in places if address in other.addresses]

    def _with_theirs(self, loser: Customer, field: MergeField) -> Any:
        own, theirs = getattr(self, field), getattr(loser, field)
        if field is MergeField.DOCUMENTS:
            keys = {paper.key for paper in theirs}
            return (*theirs, *(paper for paper in own if paper.key not in keys))
        if field is MergeField.ADDRESSES:
            return (*theirs, *(address for address in own if address not in theirs))
        return theirs

    def _with_notes_of(self, loser: Customer) -> tuple[Note, ...]:
        room = max(0, PINNED_NOTES - len(self.pinned_notes))
        kept = loser.pinned_notes[-room:] if room else ()
        theirs = (attrs.evolve(one, pinned=one in kept) for one in loser.notes)
        return tuple(sorted((*self.notes, *theirs), key=lambda one: one.at))

    def _beside_loser(
        self,
        event: str,
        command: str,
        loser: Customer,
        put: Mapping[str, Any],
        *,
        by: Actor,
        at: datetime,
    ) -> Customer:
        changed = {field: value for field, value in put.items() if value != getattr(self, field)}
        payload: dict[str, Any] = {"customer": loser.key}
        payload |= {FIELDS: sorted(changed)} if changed else {}
        return CUSTOMER_LIFECYCLE.note(
            self, event, command, by=by, at=at, payload=payload, **changed
        )

    def _note_by(self, id: NoteId) -> Note:
        self.refuse_merged()
        found = next((one for one in self.notes if one.id == id), None)
        if found is None:
            raise NotFound("note", str(id))
        return found

    def _with_note(
        self, event: str, command: str, note: Note, *, pinned: bool, by: Actor, at: datetime
    ) -> Customer:
        put = attrs.evolve(note, pinned=pinned)
        notes = tuple(put if one.id == note.id else one for one in self.notes)
        return self._noted(event, command, put, notes, by=by, at=at)

    def _noted(
        self,
        event: str,
        command: str,
        note: Note,
        notes: tuple[Note, ...],
        *,
        by: Actor,
        at: datetime,
    ) -> Customer:
        told = {"note": str(note.id)}
        return CUSTOMER_LIFECYCLE.note(
            self, event, command, by=by, at=at, payload=told, notes=notes
        )

    def _refuse_one_more_pinned(self) -> None:
        if len(self.pinned_notes) >= PINNED_NOTES:
            reason = Reason.of("at most %(count)s notes are pinned: unpin one", count=PINNED_NOTES)
            raise RuleViolated("pinned_notes", (reason,))

    def _refuse_open_contracts(self, count: int) -> None:
        if count:
            raise RuleViolated("no_open_contract", (f"{count} contract(s) are still open",))
