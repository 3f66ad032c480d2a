"""Contracts: one SIM, one number, one tariff and one payer, from draft to closing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar

import attrs

from telecom_crm.domain.activation import ActivationSummary, CustomerFacts
from telecom_crm.domain.attachment import Attachment
from telecom_crm.domain.change import CHANGES, differences
from telecom_crm.domain.charging import Charge
from telecom_crm.domain.compatibility import (
    CompatibilityRule,
    check_compatibility,
    require_compatible,
    require_migration,
)
from telecom_crm.domain.customer import ERASED
from telecom_crm.domain.errors import (
    Conflict,
    IllegalTransition,
    InvalidValue,
    Reason,
    RuleViolated,
)
from telecom_crm.domain.hold import Hold, HoldKind
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
)
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.policy import BillingPolicy, PoliciesReceipt
from telecom_crm.domain.tariff import NotOnSale, Option, Tariff


class ContractStatus(StrEnum):
    """Where a contract stands."""

    DRAFT = "draft"
    ACCEPTED = "accepted"
    ACTIVATING = "activating"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ContractCommand(StrEnum):
    """What can be done with a contract."""

    DRAFT = "draft"
    ACCEPT = "accept"
    CANCEL = "cancel"
    REQUEST_ACTIVATION = "request_activation"
    CONFIRM_ACTIVATION = "confirm_activation"
    FAIL_ACTIVATION = "fail_activation"
    AMEND = "amend"
    SWAP_SIM = "swap_sim"
    CHANGE_NUMBER = "change_number"
    SUSPEND = "suspend"
    RESUME = "resume"
    CLOSE = "close"


class HoldsLeft(StrEnum):
    """What is left when a hold is lifted."""

    OTHERS_REMAIN = "other holds remain"
    LAST_ONE = "it is the last one"


class CloseReason(StrEnum):
    """Why a contract ends."""

    CUSTOMER_REQUEST = "customer_request"
    NON_PAYMENT = "non_payment"
    PORT_OUT = "port_out"
    NEW_PAYER = "new_payer"
    FRAUD = "fraud"
    REGULATORY = "regulatory"
    DECEASED = "deceased"
    OTHER = "other"


_S, _C = ContractStatus, ContractCommand
_SERVED = (_S.ACTIVE, _S.SUSPENDED)


def _in_place(command: ContractCommand, event: str) -> list[Row[ContractStatus, ContractCommand]]:
    needs = "the new one is available"
    return [
        Row(source=state, command=command, target=state, event=event, needs=needs)
        for state in _SERVED
    ]


CONTRACT_LIFECYCLE = Lifecycle(
    "contract",
    ContractStatus,
    ContractCommand,
    [
        Row(
            source=None,
            command=_C.DRAFT,
            target=_S.DRAFT,
            event="ContractDrafted",
            needs="the customer is not blocked, closed or merged",
        ),
        Row(
            source=_S.DRAFT,
            command=_C.ACCEPT,
            target=_S.ACCEPTED,
            event="ContractAccepted",
            needs="tariff on sale, options compatible, within the limit of SIMs per person",
        ),
        Row(
            source=(_S.DRAFT, _S.ACCEPTED),
            command=_C.CANCEL,
            target=_S.CANCELLED,
            event="ContractCancelled",
        ),
        Row(
            source=_S.ACCEPTED,
            command=_C.REQUEST_ACTIVATION,
            target=_S.ACTIVATING,
            event="ContractActivationRequested",
            needs="the activation summary is all green",
            posting="reserve first fees",
        ),
        Row(
            source=_S.ACTIVATING,
            command=_C.CONFIRM_ACTIVATION,
            target=_S.ACTIVE,
            event="ContractActivated",
            posting="first fees",
        ),
        Row(
            source=_S.ACTIVATING,
            command=_C.FAIL_ACTIVATION,
            target=_S.ACCEPTED,
            event="ContractActivationFailed",
            posting="free the reserve",
        ),
        Row(
            source=_S.ACTIVE,
            command=_C.AMEND,
            target=_S.ACTIVE,
            event="ContractAmended",
            needs="tariff on sale, options compatible",
        ),
        *_in_place(_C.SWAP_SIM, "ContractSimSwapped"),
        *_in_place(_C.CHANGE_NUMBER, "ContractNumberChanged"),
        Row(
            source=_SERVED,
            command=_C.SUSPEND,
            target=_S.SUSPENDED,
            event="ContractSuspended",
            needs="the hold is not there yet",
        ),
        Row(
            source=_S.SUSPENDED,
            command=_C.RESUME,
            guard=HoldsLeft.OTHERS_REMAIN,
            target=_S.SUSPENDED,
            event="ContractHoldLifted",
            needs="the hold is there",
        ),
        Row(
            source=_S.SUSPENDED,
            command=_C.RESUME,
            guard=HoldsLeft.LAST_ONE,
            target=_S.ACTIVE,
            event="ContractResumed",
            needs="the hold is there",
        ),
        Row(source=_SERVED, command=_C.CLOSE, target=_S.CLOSED, event="ContractClosed"),
    ],
)

IN_SERVICE = frozenset({_S.ACTIVE, _S.SUSPENDED})
LIVE = frozenset({_S.ACCEPTED, _S.ACTIVATING, _S.ACTIVE, _S.SUSPENDED})
"""The states in which a contract holds its SIM and its number, alone."""
PAYABLE = frozenset(_S) - {_S.DRAFT, _S.CANCELLED}
"""The states in which payments are taken."""
OPEN = frozenset(_S) - {_S.CLOSED, _S.CANCELLED}
"""The states that are not over; a customer who has such a contract cannot be closed."""


@attrs.define
class HoldThere(Conflict):
    """The contract is suspended for this already."""

    code: ClassVar[str] = "hold_there"

    contract: str
    hold: str

    def __str__(self) -> str:
        return f"contract {self.contract} already has the hold {self.hold}"


@attrs.define
class HoldNotThere(Conflict):
    """The contract is not suspended for this."""

    code: ClassVar[str] = "hold_not_there"

    contract: str
    hold: str

    def __str__(self) -> str:
        return f"contract {self.contract} has no hold {self.hold}"


@attrs.define
class ActivationRefused(RuleViolated):
    """The activation summary is not all green; every failed line is told."""

    code: ClassVar[str] = "activation_refused"


@attrs.frozen
class ChosenOption:
    """An option in the version that the contract has."""

    code: str
    version: int


@attrs.frozen(kw_only=True)
class Revision:
    """What a contract was until an instant: the terms that a command replaced."""

    number: int
    until: datetime
    command: ContractCommand
    tariff_code: str
    tariff_version: int
    options: tuple[ChosenOption, ...]
    iccid: ICCID
    msisdn: MSISDN


@attrs.frozen(kw_only=True)
class Amendment:
    """A tariff and options that the contract gets on a local date, the next period's first."""

    tariff_code: str
    tariff_version: int
    options: tuple[ChosenOption, ...]
    effective_on: date


@attrs.frozen(kw_only=True, slots=False)
class Contract:
    """
    An agreement with a customer about one SIM, one number and one tariff, paid by one account.

    `tariff_version` and the options' versions never move by themselves. `revisions` are the
    earlier terms, oldest first; `pending` those that begin later. `receipt` is the policy that
    activation froze. `requested_activation` is a local date, before which the contract is not
    activated. `minimum_term_months` is kept, and holds nobody yet. `first_fees` are those that an
    activation under way has reserved. `follows` is the contract of another payer that it took SIM
    and number over from. `replayed` marks an answer to an idempotency key that was
    used before; it is not stored.
    """

    id: ContractId
    number: str
    customer_id: CustomerId
    account_id: AccountId
    iccid: ICCID
    msisdn: MSISDN
    tariff_code: str
    tariff_version: int
    options: tuple[ChosenOption, ...] = ()
    documents: tuple[Attachment, ...] = ()
    application_id: ApplicationId | None = None
    requested_activation: date | None = None
    minimum_term_months: int = attrs.field(default=0)
    accepted_at: datetime | None = None
    activated_at: datetime | None = None
    closed_at: datetime | None = None
    receipt: PoliciesReceipt | None = None
    first_fees: tuple[Charge, ...] = ()
    follows: ContractId | None = None
    holds: tuple[Hold, ...] = ()
    revisions: tuple[Revision, ...] = ()
    pending: Amendment | None = None
    status: ContractStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @minimum_term_months.validator
    def _check(self, _: object, value: int) -> None:
        if value < 0:
            raise InvalidValue.of("minimum_term_months", "negative", "zero or more", value)

    @classmethod
    def draft(
        cls,
        *,
        id: ContractId,
        number: str,
        customer: CustomerFacts,
        account_id: AccountId,
        iccid: ICCID,
        msisdn: MSISDN,
        tariff_code: str,
        tariff_version: int,
        options: Sequence[ChosenOption] = (),
        application_id: ApplicationId | None = None,
        requested_activation: date | None = None,
        minimum_term_months: int = 0,
        follows: ContractId | None = None,
        by: Actor,
        at: datetime,
    ) -> Contract:
        """Begin a contract; raise `RuleViolated` for one who is blocked, closed or merged."""
        if customer.barred_by:
            raise RuleViolated("customer_may_contract", (customer.barred_by,))
        payload = {
            "customer": str(customer.id),
            "account": str(account_id),
            "iccid": iccid.digits,
            "msisdn": msisdn.digits,
            "tariff": tariff_code,
            "tariff_version": tariff_version,
        }
        begun = CONTRACT_LIFECYCLE.begin(_C.DRAFT, key=id, by=by, at=at, payload=payload)
        return cls(
            id=id,
            number=number,
            customer_id=customer.id,
            account_id=account_id,
            iccid=iccid,
            msisdn=msisdn,
            tariff_code=tariff_code,
            tariff_version=tariff_version,
            options=tuple(options),
            application_id=application_id,
            requested_activation=requested_activation,
            minimum_term_months=minimum_term_months,
            follows=follows,
            **begun,
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    @property
    def in_service(self) -> bool:
        """Whether it was activated and is not over, suspended or not."""
        return self.status in IN_SERVICE

    @property
    def is_open(self) -> bool:
        """Whether it is not over; a draft is open as well."""
        return self.status in OPEN

    @property
    def awaits_activation(self) -> bool:
        """Whether it is signed, and nobody has asked for its activation, or that failed."""
        return CONTRACT_LIFECYCLE.can(self, ContractCommand.REQUEST_ACTIVATION)

    @property
    def is_live(self) -> bool:
        """Whether it holds its SIM and its number."""
        return self.status in LIVE

    def accept(
        self,
        *,
        tariff: Tariff,
        options: Sequence[Option] = (),
        rules: Iterable[CompatibilityRule] = (),
        policy: BillingPolicy,
        live_contracts: int,
        organisation: bool = False,
        by: Actor,
        at: datetime,
    ) -> Contract:
        """
        Sign it, on the tariff and options it names.

        `live_contracts` is how many the customer has already; an `organisation` has a limit of its
        own. Raise `OptionsIncompatible`,
        `NotOnSale` or `RuleViolated`, whichever says it all, with every reason. Binding SIM and
        number is the caller's, in the same transaction.
        """
        CONTRACT_LIFECYCLE.row(self.status, _C.ACCEPT)
        _require_same(self, tariff, options)
        unsold = list(_unsold(tariff, options, policy, at))
        if limit := _over_limit(policy, live_contracts, organisation=organisation):
            unmatched = check_compatibility(tariff, options, rules)
            raise RuleViolated("acceptance", (limit, *unsold, *unmatched))
        if unsold:
            raise NotOnSale("on_sale", (*unsold, *check_compatibility(tariff, options, rules)))
        require_compatible(tariff, options, rules)
        return CONTRACT_LIFECYCLE.move(
            self, _C.ACCEPT, by=by, at=at, payload=self._holding(), accepted_at=at
        )

    def refuse_signed(self, command: str) -> None:
        """Raise `IllegalTransition` unless nobody signed the contract yet."""
        if self.status is not _S.DRAFT:
            allowed = CONTRACT_LIFECYCLE.allowed(self.status)
            raise IllegalTransition(CONTRACT_LIFECYCLE.machine, self.status, command, allowed)

    def cancel(self, *, reason: str = "", by: Actor, at: datetime) -> Contract:
        """Give it up before it was activated; the caller frees SIM and number."""
        payload = self._holding()
        return CONTRACT_LIFECYCLE.move(
            self, _C.CANCEL, by=by, at=at, reason=reason, payload=payload
        )

    def request_activation(
        self, *, summary: ActivationSummary, by: Actor, at: datetime
    ) -> Contract:
        """Begin to activate; raise `ActivationRefused` with every failed line of the summary."""
        CONTRACT_LIFECYCLE.row(self.status, _C.REQUEST_ACTIVATION)
        if summary.contract_id != self.id:
            raise ValueError("the summary is another contract's")
        if summary.failed:
            reasons = tuple(line.reason for line in summary.failed)
            raise ActivationRefused("activation_summary", reasons)
        receipt = summary.receipt
        payload = (
            {"policy": receipt.policy_id, "policy_version": receipt.policy_version}
            if receipt
            else {}
        )
        payload["tariff"] = self.tariff_code
        return CONTRACT_LIFECYCLE.move(
            self,
            _C.REQUEST_ACTIVATION,
            by=by,
            at=at,
            payload=payload,
            receipt=receipt,
            first_fees=summary.first_fees,
        )

    def confirm_activation(self, *, by: Actor, at: datetime) -> Contract:
        """Record that the network serves it."""
        taken_over = {"follows": str(self.follows)} if self.follows else {}
        return CONTRACT_LIFECYCLE.move(
            self,
            _C.CONFIRM_ACTIVATION,
            by=by,
            at=at,
            payload=self._holding() | taken_over,
            activated_at=at,
            first_fees=(),
        )

    def fail_activation(self, *, reason: str, by: Actor, at: datetime) -> Contract:
        """Give up on the network for now; the contract can be activated again."""
        return CONTRACT_LIFECYCLE.move(
            self,
            _C.FAIL_ACTIVATION,
            by=by,
            at=at,
            reason=reason,
            payload={"tariff": self.tariff_code},
            first_fees=(),
        )

    def amend(
        self,
        *,
        tariff: Tariff,
        options: Sequence[Option] = (),
        rules: Sequence[CompatibilityRule] = (),
        policy: BillingPolicy,
        effective_on: date | None = None,
        by: Actor,
        at: datetime,
    ) -> Contract:
        """
        Change tariff and options to what is sold now, at once or from a local date on.

        What the contract has already it keeps in its version, on sale or not. A change that waits
        replaces the one that waited before. Raise `NotOnSale` or `OptionsIncompatible`.
        """
        CONTRACT_LIFECYCLE.row(self.status, _C.AMEND)
        added = [o for o in options if o.code not in {kept.code for kept in self.options}]
        changed = tariff if tariff.code != self.tariff_code else None
        if unsold := tuple(_unsold(changed, added, policy, at)):
            raise NotOnSale("on_sale", unsold)
        require_migration(old=self.tariff_code, new=tariff.code, rules=rules)
        require_compatible(tariff, options, rules)
        number = tariff.require_on_sale(at=at, mode=policy.payment_mode).number if changed else 0
        terms: dict[str, Any] = {
            "tariff_code": tariff.code,
            "tariff_version": number or self.tariff_version,
            "options": self._chosen(options, at),
        }
        payload = self._terms_changed(**terms) | {
            "effective_on": effective_on.isoformat() if effective_on else None
        }
        if effective_on:
            pending = Amendment(**terms, effective_on=effective_on)
            return CONTRACT_LIFECYCLE.move(
                self, _C.AMEND, by=by, at=at, payload=payload, pending=pending
            )
        return self._revise(_C.AMEND, by=by, at=at, payload=payload, pending=None, **terms)

    def take_effect(self, *, today: date, by: Actor, at: datetime) -> Contract:
        """Let the pending amendment begin, its date having come; a suspension does not stop it."""
        if self.pending is None or self.pending.effective_on > today or not self.is_live:
            reason = f"contract {self.number} has no amendment that begins by {today}"
            raise RuleViolated("amendment_due", (reason,))
        terms: dict[str, Any] = {
            "tariff_code": self.pending.tariff_code,
            "tariff_version": self.pending.tariff_version,
            "options": self.pending.options,
        }
        return CONTRACT_LIFECYCLE.note(
            self,
            "ContractAmendmentTookEffect",
            "take_effect",
            by=by,
            at=at,
            payload=self._terms_changed(**terms),
            pending=None,
            revisions=self._revisions(_C.AMEND, at),
            **terms,
        )

    def swap_sim(
        self, *, iccid: ICCID, lift_lost_stolen: bool = False, by: Actor, at: datetime
    ) -> Contract:
        """
        Go on with another SIM, whose binding is the caller's; raise `SimNotAvailable` from there.

        With `lift_lost_stolen` the hold of that name, if it is there, ends as well: a second event.
        """
        payload = {CHANGES: {"iccid": [self.iccid.digits, iccid.digits]}}
        swapped = self._revise(_C.SWAP_SIM, by=by, at=at, payload=payload, iccid=iccid)
        if lift_lost_stolen and self.has_hold(HoldKind.LOST_STOLEN):
            return swapped.resume(hold=HoldKind.LOST_STOLEN, reason="SIM swapped", by=by, at=at)
        return swapped

    def change_number(self, *, msisdn: MSISDN, by: Actor, at: datetime) -> Contract:
        """Go on under another number, whose assignment is the caller's."""
        payload = {CHANGES: {"msisdn": [self.msisdn.digits, msisdn.digits]}}
        return self._revise(_C.CHANGE_NUMBER, by=by, at=at, payload=payload, msisdn=msisdn)

    def has_hold(self, kind: HoldKind) -> bool:
        """Tell whether it is suspended for this."""
        return any(hold.kind is kind for hold in self.holds)

    def suspend(self, *, hold: HoldKind, reason: str = "", by: Actor, at: datetime) -> Contract:
        """Suspend it for one more reason; raise `HoldThere`."""
        CONTRACT_LIFECYCLE.row(self.status, _C.SUSPEND)
        if self.has_hold(hold):
            raise HoldThere(self.number, hold)
        holds = (*self.holds, Hold(kind=hold, since=at, reason=reason))
        payload = {"hold": hold.value, "tariff": self.tariff_code}
        return CONTRACT_LIFECYCLE.move(
            self, _C.SUSPEND, by=by, at=at, reason=reason, payload=payload, holds=holds
        )

    def resume(self, *, hold: HoldKind, reason: str = "", by: Actor, at: datetime) -> Contract:
        """Lift one hold; with the last one the contract is active again. Raise `HoldNotThere`."""
        CONTRACT_LIFECYCLE.row(self.status, _C.RESUME, HoldsLeft.LAST_ONE)
        if not self.has_hold(hold):
            raise HoldNotThere(self.number, hold)
        left = tuple(other for other in self.holds if other.kind is not hold)
        return CONTRACT_LIFECYCLE.move(
            self,
            _C.RESUME,
            by=by,
            at=at,
            guard=HoldsLeft.OTHERS_REMAIN if left else HoldsLeft.LAST_ONE,
            reason=reason,
            payload={"hold": hold.value, "tariff": self.tariff_code},
            holds=left,
        )

    def close(
        self,
        *,
        reason: CloseReason,
        successor: ContractId | None = None,
        by: Actor,
        at: datetime,
    ) -> Contract:
        """
        End it; the caller retires the SIM and releases the number, no longer live, or hands both
        over to the contract that is the `successor`, for `new_payer`; raise `InvalidValue` for the
        one without the other.
        """
        if (reason is CloseReason.NEW_PAYER) != (successor is not None):
            message = "not new_payer, which change-payer gives: it closes one and signs the other"
            raise InvalidValue.of("reason", "close_reason", message, reason)
        follows = {"successor": str(successor)} if successor else {}
        return CONTRACT_LIFECYCLE.move(
            self,
            _C.CLOSE,
            by=by,
            at=at,
            reason=reason,
            payload=self._holding() | follows,
            closed_at=at,
            pending=None,
        )

    def add_document(self, *, document: Attachment, by: Actor, at: datetime) -> Contract:
        """Keep a file with the contract; raise `RuleViolated` once it is over."""
        self._require_open("document")
        return CONTRACT_LIFECYCLE.note(
            self,
            "ContractDocumentAdded",
            "add_document",
            by=by,
            at=at,
            payload={"document": str(document.id), "sha256": document.sha256},
            documents=(*self.documents, document),
        )

    def erase_names(self, *, by: Actor, at: datetime) -> Contract:
        """Take out what its files are called, which may be a person; the files stay."""
        documents = tuple(attrs.evolve(one, name=ERASED) for one in self.documents)
        return CONTRACT_LIFECYCLE.note(
            self,
            "ContractDocumentsRenamed",
            "erase_names",
            by=by,
            at=at,
            payload={"fields": ["documents"]},
            documents=documents,
        )

    def set_policy(self, *, receipt: PoliciesReceipt, by: Actor, at: datetime) -> Contract:
        """Choose the policy; raise `RuleViolated` once activation has frozen it."""
        if not CONTRACT_LIFECYCLE.can(self, _C.CANCEL):
            reason = f"contract {self.number} is {self.status}: its policy is frozen"
            raise RuleViolated("policy_open", (reason,))
        return CONTRACT_LIFECYCLE.note(
            self,
            "ContractPolicyChosen",
            "set_policy",
            by=by,
            at=at,
            payload={
                "policy_version": receipt.policy_version,
                CHANGES: {"policy": [self.receipt and self.receipt.policy_id, receipt.policy_id]},
            },
            receipt=receipt,
        )

    def _terms_changed(
        self, *, tariff_code: str, tariff_version: int, options: Sequence[ChosenOption]
    ) -> dict[str, Any]:
        """Return what other terms change, as an event tells it."""
        before = _terms_told(self.tariff_code, self.tariff_version, self.options)
        after = _terms_told(tariff_code, tariff_version, options)
        return {CHANGES: differences(before, after)}

    def _holding(self) -> dict[str, Any]:
        return {
            "iccid": self.iccid.digits,
            "msisdn": self.msisdn.digits,
            "tariff": self.tariff_code,
        }

    def _chosen(self, options: Sequence[Option], at: datetime) -> tuple[ChosenOption, ...]:
        kept = {chosen.code: chosen for chosen in self.options}
        return tuple(
            kept.get(o.code) or ChosenOption(o.code, o.require_on_sale(at=at).number)
            for o in options
        )

    def _revise(
        self,
        command: ContractCommand,
        *,
        by: Actor,
        at: datetime,
        payload: dict[str, Any],
        **terms: Any,
    ) -> Contract:
        revisions = self._revisions(command, at)
        return CONTRACT_LIFECYCLE.move(
            self, command, by=by, at=at, payload=payload, revisions=revisions, **terms
        )

    def _revisions(self, command: ContractCommand, at: datetime) -> tuple[Revision, ...]:
        was = Revision(
            number=len(self.revisions) + 1,
            until=at,
            command=command,
            tariff_code=self.tariff_code,
            tariff_version=self.tariff_version,
            options=self.options,
            iccid=self.iccid,
            msisdn=self.msisdn,
        )
        return (*self.revisions, was)

    def _require_open(self, what: str) -> None:
        if not self.is_open:
            reason = f"contract {self.number} is {self.status}: it takes no {what}"
            raise RuleViolated("contract_open", (reason,))


def _require_same(contract: Contract, tariff: Tariff, options: Sequence[Option]) -> None:
    given = (tariff.code, [option.code for option in options])
    if given != (contract.tariff_code, [option.code for option in contract.options]):
        raise ValueError("the tariff and the options are those that the contract names")


def _terms_told(tariff: str, version: int, options: Sequence[ChosenOption]) -> dict[str, Any]:
    chosen = [f"{one.code}:{one.version}" for one in options]
    return {"tariff": tariff, "tariff_version": version, "options": chosen}


def _unsold(
    tariff: Tariff | None, options: Sequence[Option], policy: BillingPolicy, at: datetime
) -> Iterable[str]:
    if tariff is not None:
        yield from tariff.reasons_unsold(at=at, mode=policy.payment_mode)
    pattern = "option %(option)s is not on sale"
    yield from (Reason.of(pattern, option=one.code) for one in options if not one.on_sale(at=at))


def _over_limit(policy: BillingPolicy, live_contracts: int, *, organisation: bool) -> str:
    limit = policy.sims_per_organisation if organisation else policy.sims_per_person
    if limit is None or live_contracts < limit:
        return ""
    return f"the customer has {live_contracts} live contracts and policy {policy.id} allows {limit}"
