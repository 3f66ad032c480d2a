"""Contracts: selling, activating, suspending, changing and closing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs

from telecom_crm.application.activation import (
    Case,
    Prices,
    Requested,
    confirm_in,
    fail_in,
    fee_entry,
    given_up,
    prices_in,
    request,
    summarise,
)
from telecom_crm.application.catalog import Offer, offer_in
from telecom_crm.application.customers import CustomerCheck, exact_in, save_new, welcome_back
from telecom_crm.application.declared import at as at_field
from telecom_crm.application.duplicates import rules_in
from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.inventory import let_go
from telecom_crm.application.paging import each_of, refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Contended,
    Files,
    IdempotencyKey,
    NewId,
    Page,
    Query,
    Series,
    StoredFile,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.rules import policies_in, policy_named
from telecom_crm.application.sale import (
    Sold,
    Terms,
    account_number,
    contract_number,
    draft,
    sell,
    sign,
)
from telecom_crm.domain import posting
from telecom_crm.domain.account import AccountState, BillingAccount
from telecom_crm.domain.activation import ActivationSummary
from telecom_crm.domain.calendar import anniversary, local_date, period_of
from telecom_crm.domain.charging import ChargeKind, charge
from telecom_crm.domain.contract import (
    CONTRACT_LIFECYCLE,
    OPEN,
    CloseReason,
    Contract,
    ContractCommand,
    ContractDocument,
)
from telecom_crm.domain.customer import Customer, read_text
from telecom_crm.domain.deduplication import DeduplicationRules
from telecom_crm.domain.errors import (
    Faults,
    IllegalTransition,
    InvalidValue,
    NotFound,
    RuleViolated,
    TelecomCrmError,
)
from telecom_crm.domain.hold import LIFTED_BY_MONEY, HoldKind
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ApplicationId,
    ContractId,
    CustomerId,
    DocumentId,
    EntryId,
    TaskId,
)
from telecom_crm.domain.ledger import Balance, JournalEntry, Posting, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.number import NUMBER_LIFECYCLE, Number, NumberCommand, NumberOrigin
from telecom_crm.domain.policy import BillingPolicy, PoliciesReceipt
from telecom_crm.domain.provisioning import ProvisioningKind, ProvisioningTask
from telecom_crm.domain.sim import SIM_LIFECYCLE, RetireReason, Sim, SimCommand
from telecom_crm.domain.tariff import Tariff

DOCUMENT_LIMIT = 20 * 1024 * 1024
"""A document's most bytes."""
DOCUMENT_TYPES = frozenset(
    {"application/pdf", "image/png", "image/jpeg", "image/webp", "image/tiff"}
)
"""What a document may be, by its content."""
BISHKEK = ZoneInfo("Asia/Bishkek")


class When(StrEnum):
    """When a change of terms begins."""

    NOW = "now"
    NEXT_PERIOD = "next_period"


@attrs.frozen(kw_only=True)
class _Order:
    """What a caller of `create` asks for: what a repeated key has to ask for again."""

    customer_id: CustomerId | None
    new_customer: Mapping[str, Any] | None
    iccid: ICCID
    msisdn: MSISDN
    tariff: str
    options: tuple[str, ...]
    account_id: AccountId | None
    policy: str | None
    application_id: ApplicationId | None
    requested_activation: date | None
    minimum_term_months: int
    reservation: str | None
    accept: bool
    activate: bool


@attrs.frozen
class Contracts:
    """Agreements with customers, each about one SIM, one number and one tariff."""

    uow: UnitOfWork
    clock: Clock
    new_id: NewId
    series: Series
    files: Files
    zone: ZoneInfo = BISHKEK
    """Where the operator's days begin."""
    draft_lasts: timedelta = timedelta(days=3)
    """How long a draft keeps its SIM and its number."""
    quarantine: timedelta = timedelta(days=90)
    """How long a number rests before it is given to somebody else."""
    default_policies: tuple[str, ...] = ("prepaid", "postpaid")
    """Which policy an account gets by itself: the first that the tariff is sold for."""
    checks: tuple[CustomerCheck, ...] = ()
    deduplication: DeduplicationRules | None = None

    # Selling

    def create(
        self,
        *,
        customer_id: CustomerId | None = None,
        new_customer: Mapping[str, Any] | None = None,
        iccid: ICCID,
        msisdn: MSISDN,
        tariff: str,
        options: Sequence[str] = (),
        account_id: AccountId | None = None,
        policy: str | None = None,
        application_id: ApplicationId | None = None,
        requested_activation: date | None = None,
        minimum_term_months: int = 0,
        reservation: str | None = None,
        accept: bool = True,
        activate: bool = False,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Sign a contract: bind SIM and number, open the account, and with `activate` ask the network.

        The customer is named by id, or told by `new_customer` (the fields of `Customer.register`):
        whoever has the same document or national id already is taken instead. Without `accept` a
        draft is left, for which SIM and number are kept for some days. All in one transaction.

        Raise `SimNotAvailable`, `NumberNotAvailable`, `NotOnSale`, `OptionsIncompatible`,
        `ActivationRefused`, `RuleViolated`, `NotFound`, `InvalidValue`, `KeyReused`.
        """
        order = _Order(
            customer_id=customer_id,
            new_customer=new_customer,
            iccid=iccid,
            msisdn=msisdn,
            tariff=tariff,
            options=tuple(options),
            account_id=account_id,
            policy=policy,
            application_id=application_id,
            requested_activation=requested_activation,
            minimum_term_months=minimum_term_months,
            reservation=reservation,
            accept=accept,
            activate=activate,
        )
        _refuse_odd(order)
        number = contract_number(self.series.take("contract")[0])
        of_account = "" if account_id else account_number(self.series.take("account")[0])
        return self._create(order, number, of_account, idempotency_key, by)

    @retried
    def accept(
        self,
        contract_id: ContractId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Sign a draft, on the terms it names; raises as `create` does."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            offer = offer_in(tx, tariff=seen.tariff_code, options=[o.code for o in seen.options])
            policies = policies_in(tx)
        with self.uow() as tx:
            case = self._case(tx, seen, Prices(tariff=offer.tariff), expected_version, now)
            receipt = case.state.account.receipt
            policy = receipt.terms if receipt else self._default(policies, offer.tariff, now)
            sold = sign(
                contract=case.contract,
                customer=case.customer,
                account=case.state.account,
                sim=case.sim,
                number=case.number,
                terms=_terms(offer, policy),
                live_contracts=_live_of(tx, case.customer),
                today=local_date(now, self.zone),
                by=by,
                at=now,
            )
            return _save_sold(tx, sold)

    @retried
    def cancel(
        self,
        contract_id: ContractId,
        *,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Give a contract up that was never active; SIM and number are free again."""
        now = self.clock()
        with self.uow() as tx:
            contract = _held(tx, contract_id, expected_version)
            cancelled = contract.cancel(reason=reason, by=by, at=now)
            sim, number = tx.sims.get(contract.iccid), tx.numbers.get(contract.msisdn)
            saved = tx.contracts.save(cancelled)
            _save_changed(tx.sims.save, sim, _freed_sim(sim, contract, by=by, at=now))
            _save_changed(tx.numbers.save, number, _freed_number(number, contract, by=by, at=now))
            return saved

    # Reading

    def get(self, contract_id: ContractId) -> Contract:
        """Show one contract."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.get(contract_id)

    def page(self, query: Query) -> Page[Contract]:
        """List contracts, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.contracts.page(query)

    def each(self, **where: str) -> Iterator[Contract]:
        """Go through all contracts that fit."""
        return each_of(self.uow, lambda tx: tx.contracts, where)

    def timeline(self, contract_id: ContractId) -> list[Event]:
        """Tell what happened to a contract and in the network for it, in order of time."""
        with self.uow(read_only=True) as tx:
            events = tx.events.of("contract", tx.contracts.get(contract_id).key)
            for task in tx.tasks.of_contract(contract_id):
                events = [*events, *tx.events.of("provisioning_task", task.key)]
            return sorted(events, key=lambda event: event.at)

    # Documents

    def add_document(
        self,
        contract_id: ContractId,
        *,
        name: str,
        content: Iterable[bytes],
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Keep a file with a contract: PDF, PNG, JPEG, WEBP or TIFF by its content, to 20 MB.

        The same content again is no change. Raise `InvalidValue` for another kind of file.
        """
        title = read_text(name, field="name", limit=255, required=True)
        self.get(contract_id)
        stored = self.files.put(content, limit=DOCUMENT_LIMIT)
        try:
            if stored.media_type not in DOCUMENT_TYPES:
                message = "a PDF, PNG, JPEG, WEBP or TIFF file"
                raise InvalidValue.of("content", "media_type", message, stored.media_type)
            contract, kept = self._add_document(contract_id, title, stored, expected_version, by)
        except TelecomCrmError:
            self.files.delete(stored.id)
            raise
        if not kept:
            self.files.delete(stored.id)
        return contract

    def documents(self, contract_id: ContractId) -> tuple[ContractDocument, ...]:
        """List the files of a contract."""
        return self.get(contract_id).documents

    def open_document(
        self, contract_id: ContractId, document_id: DocumentId
    ) -> tuple[ContractDocument, BinaryIO]:
        """Open one of a contract's files for reading; raise `NotFound`."""
        for document in self.documents(contract_id):
            if document.id == document_id:
                return document, self.files.open(UUID(document.file_id))
        raise NotFound("document", str(document_id))

    # Activation

    @retried
    def choose_policy(
        self,
        contract_id: ContractId,
        *,
        policy: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> PoliciesReceipt:
        """Choose the billing policy of a contract's account; raise `PolicyFrozen` once in use."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            chosen = policy_named(policies_in(tx), policy)
        with self.uow() as tx:
            account = tx.accounts.get(seen.account_id)
            contract = _held(tx, contract_id, expected_version)
            changed = account.choose_policy(chosen, by=by, at=now)
            receipt = chosen.receipt(at=now)
            told = contract.set_policy(receipt=receipt, by=by, at=now)
            tx.accounts.save(changed)
            tx.contracts.save(told)
            return receipt

    def activation_summary(self, contract_id: ContractId) -> ActivationSummary:
        """Tell, line by line, what a contract's activation still needs."""
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            case = self._case(tx, seen, prices_in(tx, seen), None, now)
        return summarise(case, today=local_date(now, self.zone))

    @retried
    def request_activation(
        self,
        contract_id: ContractId,
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Activate a contract whose summary is all green; the network is asked afterwards.

        The account's policy is frozen and the first fees are held back. Raise `ActivationRefused`
        with every line that is not green.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            prices = prices_in(tx, seen)
        with self.uow() as tx:
            case = self._case(tx, seen, prices, expected_version, now)
            return _save_requested(tx, self._request(case, by=by, at=now), at=now)

    @retried
    def confirm_activation(self, contract_id: ContractId, *, by: Actor = SYSTEM) -> Contract:
        """Make a contract active, the network having done its part; the first fees are posted."""
        seen = self.get(contract_id)
        with self.uow() as tx:
            return confirm_in(
                tx,
                contract_id,
                account_id=seen.account_id,
                new_id=self.new_id,
                by=by,
                at=self.clock(),
            )

    @retried
    def fail_activation(
        self,
        contract_id: ContractId,
        *,
        reason: str,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Give an activation up: what was held back is free, and it can be requested again.

        The network's task is ended too; raise `RuleViolated` while it is at work on it.
        """
        now = self.clock()
        seen = self.get(contract_id)
        with self.uow() as tx:
            tx.accounts.get(seen.account_id)
            refuse_stale(tx.contracts.get(contract_id), expected_version, name="contract")
            failed = fail_in(
                tx, contract_id, account_id=seen.account_id, reason=reason, by=by, at=now
            )
            self._give_up_tasks(tx, contract_id, reason=reason, by=by, at=now)
            return failed

    def activate_due(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """Request activations whose date has come; those not green wait. Return how many."""
        with self.uow(read_only=True) as tx:
            due = tx.contracts.activation_due(local_date(self.clock(), self.zone), limit=limit)
        return each_alone([partial(self._try_activation, contract.id, by) for contract in due])

    # Service

    @retried
    def suspend(
        self,
        contract_id: ContractId,
        *,
        hold: HoldKind,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Suspend a contract for one more reason; the network bars it. Raise `HoldThere`."""
        now = self.clock()
        seen = self.get(contract_id)
        with self.uow() as tx:
            account = _account_for(tx, seen, hold)
            contract = _held(tx, contract_id, expected_version)
            suspended = contract.suspend(hold=hold, reason=reason, by=by, at=now)
            _count_money(tx, account, contract, suspended, by=by, at=now)
            saved = tx.contracts.save(suspended)
            if not contract.holds:
                self._ask(tx, ProvisioningKind.BAR, saved, by=by, at=now)
            return saved

    @retried
    def resume(
        self,
        contract_id: ContractId,
        *,
        hold: HoldKind,
        reason: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Lift one hold; with the last one the contract is active again. Raise `HoldNotThere`."""
        seen = self.get(contract_id)
        with self.uow() as tx:
            account = _account_for(tx, seen, hold)
            contract = _held(tx, contract_id, expected_version)
            return self._resume(tx, account, contract, (hold,), reason, by)

    @retried
    def lift_money_holds(
        self, account_id: AccountId, *, by: Actor = SYSTEM
    ) -> tuple[Contract, ...]:
        """
        Lift what the account's money no longer justifies, on all its contracts; return those.

        low_balance ends where something is available or nothing missing, non_payment where nothing
        is owed on bills.
        """
        now = self.clock()
        with self.uow(read_only=True) as tx:
            if not tx.accounts.get(account_id).money_holds:
                return ()
            seen = tx.contracts.of_account(account_id)
        with self.uow() as tx:
            state = tx.ledger.states([account_id], at=now)[account_id]
            lifted = _settled(state)
            wanted = [c.id for c in seen if any(c.has_hold(kind) for kind in lifted)]
            account, resumed = state.account, []
            for contract in tx.contracts.get_many(wanted).values():
                kinds = tuple(kind for kind in sorted(lifted) if contract.has_hold(kind))
                if kinds and CONTRACT_LIFECYCLE.can(contract, ContractCommand.RESUME):
                    resumed.append(self._resume(tx, account, contract, kinds, "paid", by))
                    account = tx.accounts.get(account_id)
            return tuple(resumed)

    def lift_all_money_holds(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """Lift the money holds that were missed when money came; return how many contracts."""
        with self.uow(read_only=True) as tx:
            accounts = tx.accounts.held_for_money(self.clock(), limit=limit)
        return each_alone([partial(self._count_lifted, account.id, by) for account in accounts])

    # Changes

    @retried
    def amend(
        self,
        contract_id: ContractId,
        *,
        tariff: str | None = None,
        options: Sequence[str] | None = None,
        when: When = When.NOW,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Change the tariff or the options, now or from the next period on; None keeps what there is.

        An option that begins now is charged at once when it is charged once; what recurs is charged
        when the next period begins. Raise `NotOnSale`, `OptionsIncompatible`, `InsufficientFunds`.
        """
        now = self.clock()
        today = local_date(now, self.zone)
        with self.uow(read_only=True) as tx:
            seen = tx.contracts.get(contract_id)
            kept = [chosen.code for chosen in seen.options]
            codes = kept if options is None else options
            offer = offer_in(tx, tariff=tariff or seen.tariff_code, options=codes)
        with self.uow() as tx:
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = _held(tx, contract_id, expected_version)
            if (contract.tariff_code, contract.options) != (seen.tariff_code, seen.options):
                raise Contended(f"contract {contract.number}")
            policy = _policy_of(contract, state.account)
            amended = contract.amend(
                tariff=offer.tariff,
                options=offer.options,
                rules=offer.rules,
                policy=policy,
                effective_on=self._next_period(contract, policy, today)
                if when is When.NEXT_PERIOD
                else None,
                by=by,
                at=now,
            )
            if when is When.NOW:
                self._charge_options(tx, state, contract, amended, offer, policy, now)
            return tx.contracts.save(amended)

    @retried
    def take_effect(self, contract_id: ContractId, *, by: Actor = SYSTEM) -> Contract:
        """Let a change of terms begin whose date has come."""
        now = self.clock()
        with self.uow() as tx:
            contract = tx.contracts.get(contract_id)
            today = local_date(now, self.zone)
            return tx.contracts.save(contract.take_effect(today=today, by=by, at=now))

    def take_due_effect(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """Let all changes of terms begin whose date has come; return how many."""
        with self.uow(read_only=True) as tx:
            due = tx.contracts.amendments_due(local_date(self.clock(), self.zone), limit=limit)
        live = [contract.id for contract in due if contract.is_live]
        return each_alone([partial(self._begin_terms, contract_id, by) for contract_id in live])

    @retried
    def swap_sim(
        self,
        contract_id: ContractId,
        *,
        iccid: ICCID,
        reason: RetireReason = RetireReason.SWAPPED,
        lift_lost_stolen: bool = False,
        reservation: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """Go on with another SIM card; the old one is retired. Raise `SimNotAvailable`."""
        now = self.clock()
        with self.uow() as tx:
            contract = _held(tx, contract_id, expected_version)
            swapped = contract.swap_sim(
                iccid=iccid, lift_lost_stolen=lift_lost_stolen, by=by, at=now
            )
            cards = tx.sims.get_many([contract.iccid, iccid])
            if iccid not in cards:
                raise NotFound("sim", iccid.digits)
            new = cards[iccid].bind(
                contract_id=contract.id,
                msisdn=contract.msisdn,
                reservation=reservation,
                by=by,
                at=now,
            )
            old = cards[contract.iccid]
            gone = old.retire(reason=reason, contract_is_live=False, by=by, at=now)
            saved = tx.contracts.save(swapped)
            tx.sims.save_all([gone, new])
            self._ask(tx, ProvisioningKind.SWAP_SIM, saved, by=by, at=now, previous_iccid=old.iccid)
            if contract.holds:
                again = ProvisioningKind.BAR if saved.holds else ProvisioningKind.UNBAR
                self._ask(tx, again, saved, by=by, at=now)
            return saved

    @retried
    def change_number(
        self,
        contract_id: ContractId,
        *,
        msisdn: MSISDN,
        reservation: str | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        Go on under another number, whose price is charged; the old one rests.

        The number may also be one that was ported in or restored for this contract. Raise
        `NumberNotAvailable`, `InsufficientFunds`.
        """
        now = self.clock()
        seen = self.get(contract_id)
        with self.uow() as tx:
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = _held(tx, contract_id, expected_version)
            changed = contract.change_number(msisdn=msisdn, by=by, at=now)
            sim = tx.sims.get(contract.iccid)
            numbers = tx.numbers.get_many([contract.msisdn, msisdn])
            if msisdn not in numbers or msisdn == contract.msisdn:
                raise NotFound("other number", msisdn.digits)
            new, old = numbers[msisdn], numbers[contract.msisdn]
            if new.contract_id != contract.id:
                new = new.assign(contract_id=contract.id, reservation=reservation, by=by, at=now)
            self._charge_number(tx, state, contract, new, now)
            saved = tx.contracts.save(changed)
            tx.sims.save(sim.renumber(msisdn=msisdn, by=by, at=now))
            _save_changed(tx.numbers.save, numbers[msisdn], new)
            tx.numbers.save(self._resting(old, contract, by=by, at=now))
            kind = ProvisioningKind.CHANGE_NUMBER
            self._ask(tx, kind, saved, by=by, at=now, previous_msisdn=old.msisdn)
            return saved

    @retried
    def close(
        self,
        contract_id: ContractId,
        *,
        reason: CloseReason,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Contract:
        """
        End a contract: the SIM is retired, the number rests, and the network lets go of both.

        Money left on a prepaid account without another contract is owed back to the customer.
        """
        now = self.clock()
        seen = self.get(contract_id)
        with self.uow() as tx:
            state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
            contract = _held(tx, contract_id, expected_version)
            closed = contract.close(reason=reason, by=by, at=now)
            sim, number = tx.sims.get(contract.iccid), tx.numbers.get(contract.msisdn)
            gone = sim.retire(reason=RetireReason.CLOSED, contract_is_live=False, by=by, at=now)
            _count_money(tx, state.account, contract, attrs.evolve(closed, holds=()), by=by, at=now)
            self._pay_out(tx, state, closed, now)
            saved = tx.contracts.save(closed)
            tx.sims.save(gone)
            if reason is CloseReason.PORT_OUT:
                tx.numbers.save(number.port_out(contract_is_live=False, by=by, at=now))
            else:
                tx.numbers.save(self._resting(number, contract, by=by, at=now))
            self._ask(tx, ProvisioningKind.TERMINATE, saved, by=by, at=now, imsi_of=sim)
            return saved

    # How

    @retried
    def _create(
        self, order: _Order, number: str, of_account: str, key: str | None, by: Actor
    ) -> Contract:
        now = self.clock()
        contract_id = ContractId(self.new_id())
        offer, policies, newcomer = self._read(order, by, now)
        with self.uow() as tx:
            if key is not None:
                digest = digest_of("contracts.create", **attrs.asdict(order, recurse=False))
                bound = tx.keys.claim(IdempotencyKey(by.name, key, digest), contract_id)
                if bound is not None:
                    return attrs.evolve(tx.contracts.get(ContractId(bound)), replayed=True)
            customer = self._customer(tx, order, newcomer, by, now)
            state = self._account(tx, order, customer, of_account, policies, offer, by, now)
            policy = state.account.receipt.terms if state.account.receipt else None
            terms = attrs.evolve(
                _terms(offer, policy or self._default(policies, offer.tariff, now)),
                application_id=order.application_id,
                requested_activation=order.requested_activation,
                minimum_term_months=order.minimum_term_months,
                reservation=order.reservation,
            )
            sold = self._sold(tx, order, contract_id, number, customer, state, terms, by, now)
            requested = None
            if order.activate:
                case = _case_of(sold, state, offer)
                requested = self._request(case, by=by, at=now)
                sold = attrs.evolve(sold, account=requested.account, contract=requested.contract)
            saved = _save_sold(tx, sold)
            if requested:
                _save_posting_and_task(tx, requested, at=now)
            if order.application_id:
                _link(tx, order.application_id, saved, by=by, at=now)
            return saved

    def _read(
        self, order: _Order, by: Actor, now: datetime
    ) -> tuple[Offer, dict[str, BillingPolicy], Customer | None]:
        """Read the catalog and the newcomer, before anything is held, with every fault of both."""
        faults = Faults()
        offers: list[Offer] = []
        newcomer = None
        with self.uow(read_only=True) as tx:
            policies = policies_in(tx)
            try:
                offers.append(offer_in(tx, tariff=order.tariff, options=order.options))
            except InvalidValue as error:
                faults.extend(error.faults)
        if order.policy is not None and order.policy not in policies:
            faults.add("policy", "policy_unknown", f"one of {', '.join(policies)}", order.policy)
        if order.new_customer is not None:
            try:
                newcomer = self._newcomer(order.new_customer, by, now)
            except InvalidValue as error:
                faults.extend(at_field("customer", error))
        faults.raise_any()
        return offers[0], policies, newcomer

    def _newcomer(self, given: Mapping[str, Any], by: Actor, now: datetime) -> Customer:
        known = {field.name for field in attrs.fields(Customer)}
        known -= {"id", "merged_into", "status", "version", "events", "notes"}
        if strange := sorted(set(given) - known):
            message = f"one of {', '.join(sorted(known))}"
            raise InvalidValue.of(strange[0][:60], "unknown_field", message)
        if "name" not in given:
            raise InvalidValue.of("name", "name_missing", "a name is required")
        customer = Customer.register(id=CustomerId(self.new_id()), by=by, at=now, **given)
        if faults := tuple(fault for check in self.checks for fault in check(customer)):
            raise InvalidValue(faults)
        return customer

    def _customer(
        self, tx: Transaction, order: _Order, newcomer: Customer | None, by: Actor, now: datetime
    ) -> Customer:
        if newcomer is None:
            if order.customer_id is None:
                raise AssertionError("an order names a customer or brings one")
            return tx.customers.get(order.customer_id)
        known = exact_in(tx, newcomer, rules_in(tx, self.deduplication))
        return welcome_back(tx, known, by=by, at=now) if known else save_new(tx, newcomer)

    def _account(
        self,
        tx: Transaction,
        order: _Order,
        customer: Customer,
        of_account: str,
        policies: Mapping[str, BillingPolicy],
        offer: Offer,
        by: Actor,
        now: datetime,
    ) -> AccountState:
        """Return the account that pays, a new one opened; on the policy that was asked for."""
        wanted = policies[order.policy] if order.policy else None
        if order.account_id is not None:
            states = tx.ledger.states([order.account_id], at=now)
            if order.account_id not in states:
                raise NotFound("account", str(order.account_id))
            state = states[order.account_id]
            if state.account.customer_id != customer.id:
                reason = f"account {state.account.number} is another customer's"
                raise RuleViolated("account_of_customer", (reason,))
            receipt = state.account.receipt
            if wanted is None or (receipt and receipt.policy_id == wanted.id):
                return state
            changed = state.account.choose_policy(wanted, by=by, at=now)
            return attrs.evolve(state, account=changed)
        policy = wanted or self._default(policies, offer.tariff, now)
        account = BillingAccount.open(
            id=AccountId(self.new_id()),
            number=of_account,
            customer_id=customer.id,
            currency=policy.currency,
            by=by,
            at=now,
        ).choose_policy(policy, by=by, at=now)
        return AccountState(account=account, balance=Balance(currency=policy.currency), at=now)

    def _default(
        self, policies: Mapping[str, BillingPolicy], tariff: Tariff, now: datetime
    ) -> BillingPolicy:
        offered = [policies[name] for name in self.default_policies if name in policies]
        if not offered:
            raise RuleViolated("default_policy", ("no default policy is there; name one",))
        sold = (p for p in offered if tariff.on_sale(at=now, mode=p.payment_mode))
        return next(sold, offered[0])

    def _sold(
        self,
        tx: Transaction,
        order: _Order,
        contract_id: ContractId,
        number: str,
        customer: Customer,
        state: AccountState,
        terms: Terms,
        by: Actor,
        now: datetime,
    ) -> Sold:
        live = _live_of(tx, customer) if order.accept else 0
        given: dict[str, Any] = {
            "contract_id": contract_id,
            "number_of_contract": number,
            "customer": customer,
            "account": state.account,
            "sim": tx.sims.get(order.iccid),
            "number": tx.numbers.get(order.msisdn),
            "terms": terms,
            "today": local_date(now, self.zone),
            "by": by,
            "at": now,
        }
        if order.accept:
            return sell(live_contracts=live, **given)
        return draft(reserved_until=now + self.draft_lasts, **given)

    def _case(
        self,
        tx: Transaction,
        seen: Contract,
        prices: Prices,
        expected_version: int | None,
        now: datetime,
    ) -> Case:
        """Read a contract and all it stands on, held in their order in a writing transaction."""
        customer = tx.customers.get(seen.customer_id)
        state = tx.ledger.states([seen.account_id], at=now)[seen.account_id]
        contract = _held(tx, seen.id, expected_version)
        same = (contract.customer_id, contract.tariff_code, contract.options)
        if same != (seen.customer_id, seen.tariff_code, seen.options):
            raise Contended(f"contract {contract.number}")
        return Case(
            contract=contract,
            customer=customer,
            state=state,
            sim=tx.sims.get(contract.iccid),
            number=tx.numbers.get(contract.msisdn),
            prices=prices,
        )

    def _request(self, case: Case, *, by: Actor, at: datetime) -> Requested:
        task_id, today = TaskId(self.new_id()), local_date(at, self.zone)
        return request(case, task_id=task_id, today=today, by=by, at=at)

    def _count_lifted(self, account_id: AccountId, by: Actor) -> int:
        return len(self.lift_money_holds(account_id, by=by))

    def _begin_terms(self, contract_id: ContractId, by: Actor) -> int:
        self.take_effect(contract_id, by=by)
        return 1

    def _try_activation(self, contract_id: ContractId, by: Actor) -> bool:
        try:
            self.request_activation(contract_id, by=by)
        except (RuleViolated, IllegalTransition, Contended):
            return False
        return True

    @retried
    def _add_document(
        self,
        contract_id: ContractId,
        name: str,
        stored: StoredFile,
        expected_version: int | None,
        by: Actor,
    ) -> tuple[Contract, bool]:
        with self.uow() as tx:
            contract = _held(tx, contract_id, expected_version)
            if any(document.sha256 == stored.sha256 for document in contract.documents):
                return contract, False
            document = ContractDocument(
                id=DocumentId(self.new_id()),
                file_id=str(stored.id),
                name=name,
                media_type=stored.media_type,
                sha256=stored.sha256,
                size=stored.size,
            )
            return tx.contracts.save(
                contract.add_document(document=document, by=by, at=self.clock())
            ), True

    def _resume(
        self,
        tx: Transaction,
        account: BillingAccount | None,
        contract: Contract,
        holds: Iterable[HoldKind],
        reason: str,
        by: Actor,
    ) -> Contract:
        now = self.clock()
        resumed = contract
        for hold in holds:
            resumed = resumed.resume(hold=hold, reason=reason, by=by, at=now)
        _count_money(tx, account, contract, resumed, by=by, at=now)
        saved = tx.contracts.save(resumed)
        if not saved.holds:
            self._ask(tx, ProvisioningKind.UNBAR, saved, by=by, at=now)
        return saved

    def _ask(
        self,
        tx: Transaction,
        kind: ProvisioningKind,
        contract: Contract,
        *,
        by: Actor,
        at: datetime,
        imsi_of: Sim | None = None,
        previous_iccid: ICCID | None = None,
        previous_msisdn: MSISDN | None = None,
    ) -> None:
        """Write down what the network has to do for a contract as it is now."""
        sim = imsi_of or tx.sims.get(contract.iccid)
        task = ProvisioningTask.create(
            id=TaskId(self.new_id()),
            kind=kind,
            contract_id=contract.id,
            iccid=contract.iccid,
            imsi=sim.imsi,
            msisdn=contract.msisdn,
            previous_iccid=previous_iccid,
            previous_msisdn=previous_msisdn,
            by=by,
            at=at,
        )
        tx.tasks.save(task)

    def _give_up_tasks(
        self, tx: Transaction, contract_id: ContractId, *, reason: str, by: Actor, at: datetime
    ) -> None:
        ids = [task.id for task in tx.tasks.of_contract(contract_id)]
        for task in tx.tasks.get_many(ids).values():
            if task.kind is ProvisioningKind.ACTIVATE:
                _save_changed(tx.tasks.save, task, given_up(task, reason=reason, by=by, at=at))

    def _resting(self, number: Number, contract: Contract, *, by: Actor, at: datetime) -> Number:
        until = at + self.quarantine
        return let_go(number, customer_id=contract.customer_id, until=until, by=by, at=at)

    def _next_period(self, contract: Contract, policy: BillingPolicy, today: date) -> date:
        begun = contract.activated_at
        since = local_date(begun, self.zone) if begun else today
        return period_of(today, policy.cycle_day or anniversary(since)).end

    def _charge_options(
        self,
        tx: Transaction,
        state: AccountState,
        before: Contract,
        after: Contract,
        offer: Offer,
        policy: BillingPolicy,
        now: datetime,
    ) -> None:
        had = {chosen.code for chosen in before.options}
        options = {option.code: option for option in offer.options}
        new = [chosen for chosen in after.options if chosen.code not in had]
        postings = []
        for chosen in new:
            terms = options[chosen.code].version_numbered(chosen.version)
            if terms.recurring or not terms.fee:
                continue
            fee = charge(
                kind=ChargeKind.OPTION,
                gross=terms.fee,
                tax=policy.tax,
                description=f"Option {chosen.code}",
                code=chosen.code,
                code_version=chosen.version,
                tariff_version=after.tariff_version,
            )
            entry = fee_entry(
                fee, contract=after, account=state.account, id=EntryId(self.new_id()), at=now
            )
            postings.append(Posting.of(entry, limited=not state.account.postpaid))
        if postings:
            tx.ledger.post(postings, at=now)

    def _charge_number(
        self,
        tx: Transaction,
        state: AccountState,
        contract: Contract,
        number: Number,
        now: datetime,
    ) -> None:
        if not number.price:
            return
        fee = charge(
            kind=ChargeKind.NUMBER_CHANGE,
            gross=number.price,
            tax=_policy_of(contract, state.account).tax,
            description=f"Number {number.category}",
            tariff_version=contract.tariff_version,
        )
        entry = fee_entry(
            fee, contract=contract, account=state.account, id=EntryId(self.new_id()), at=now
        )
        tx.ledger.post([Posting.of(entry, limited=not state.account.postpaid)], at=now)

    def _pay_out(
        self, tx: Transaction, state: AccountState, closed: Contract, now: datetime
    ) -> None:
        """Owe an account's money back once no other contract may use it."""
        legs = posting.closing_refund(state.balance)
        if not legs:
            return
        others = tx.contracts.of_account(state.account.id)
        if any(other.id != closed.id and other.status in OPEN for other in others):
            return
        entry = JournalEntry(
            id=EntryId(self.new_id()),
            account_id=state.account.id,
            kind=PostingKind.CLOSING_REFUND,
            transfers=legs,
            booked_at=now,
            caused_by=f"contract:{closed.id}",
        )
        tx.ledger.post([Posting.of(entry)], at=now)


def _refuse_odd(order: _Order) -> None:
    faults = Faults()
    if (order.customer_id is None) == (order.new_customer is None):
        faults.add("customer", "customer", "a customer's id, or a new customer, and not both")
    if order.activate and not order.accept:
        faults.add("activate", "activate", "only a contract that is accepted can be activated")
    if order.minimum_term_months < 0:
        faults.add("minimum_term_months", "negative", "zero or more", order.minimum_term_months)
    faults.raise_any()


def _terms(offer: Offer, policy: BillingPolicy) -> Terms:
    return Terms(tariff=offer.tariff, options=offer.options, rules=offer.rules, policy=policy)


def _case_of(sold: Sold, state: AccountState, offer: Offer) -> Case:
    return Case(
        contract=sold.contract,
        customer=sold.customer,
        state=attrs.evolve(state, account=sold.account),
        sim=sold.sim,
        number=sold.number,
        prices=Prices(tariff=offer.tariff, options={o.code: o for o in offer.options}),
    )


def _held(tx: Transaction, contract_id: ContractId, expected_version: int | None) -> Contract:
    contract = tx.contracts.get(contract_id)
    refuse_stale(contract, expected_version, name="contract")
    return contract


def _live_of(tx: Transaction, customer: Customer) -> int:
    return tx.contracts.open_of([customer.id]).get(customer.id, 0)


def _save_sold(tx: Transaction, sold: Sold) -> Contract:
    if sold.customer.events:
        tx.customers.save(sold.customer)
    if sold.account.events:
        tx.accounts.save(sold.account)
    contract = tx.contracts.save(sold.contract)
    tx.sims.save(sold.sim)
    tx.numbers.save(sold.number)
    return contract


def _save_requested(tx: Transaction, requested: Requested, *, at: datetime) -> Contract:
    if requested.account.events:
        tx.accounts.save(requested.account)
    contract = tx.contracts.save(requested.contract)
    _save_posting_and_task(tx, requested, at=at)
    return contract


def _save_posting_and_task(tx: Transaction, requested: Requested, *, at: datetime) -> None:
    if requested.posting:
        tx.ledger.post([requested.posting], at=at)
    tx.tasks.save(requested.task)


def _save_changed(save: Callable[[Any], Any], before: object, after: object) -> None:
    if after is not before:
        save(after)


def _link(
    tx: Transaction,
    application_id: ApplicationId,
    contract: Contract,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Tell an application which contract came of it, and whose it is."""
    application = tx.applications.get(application_id)
    if application.customer_id is None:
        application = application.link(customer_id=contract.customer_id, by=by, at=at)
    elif application.customer_id != contract.customer_id:
        reason = f"application {application.number} is another customer's"
        raise RuleViolated("application_of_customer", (reason,))
    tx.applications.save(application.link_contract(contract_id=contract.id, by=by, at=at))


def _freed_sim(sim: Sim, contract: Contract, *, by: Actor, at: datetime) -> Sim:
    if sim.contract_id == contract.id:
        return sim.unbind(by=by, at=at)
    if sim.reserved_for == contract.key and SIM_LIFECYCLE.can(sim, SimCommand.CANCEL):
        return sim.cancel(by=by, at=at)
    return sim


def _freed_number(number: Number, contract: Contract, *, by: Actor, at: datetime) -> Number:
    if number.contract_id == contract.id:
        if number.origin is NumberOrigin.PORTED_IN:
            return number.give_back(contract_is_live=False, by=by, at=at)
        return number.unassign(contract_was_active=False, by=by, at=at)
    cancellable = NUMBER_LIFECYCLE.can(number, NumberCommand.CANCEL)
    if number.reserved_for == contract.key and cancellable:
        return number.cancel(by=by, at=at)
    return number


def _account_for(tx: Transaction, seen: Contract, hold: HoldKind) -> BillingAccount | None:
    return tx.accounts.get(seen.account_id) if hold in LIFTED_BY_MONEY else None


def _count_money(
    tx: Transaction,
    account: BillingAccount | None,
    before: Contract,
    after: Contract,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """Keep the account's count of contracts suspended for money, which payments look at."""
    change = _short_of_money(after) - _short_of_money(before)
    if account is not None and change:
        tx.accounts.save(account.hold_for_money(change, before.id, by=by, at=at))


def _short_of_money(contract: Contract) -> bool:
    return any(hold.kind in LIFTED_BY_MONEY for hold in contract.holds)


def _settled(state: AccountState) -> frozenset[HoldKind]:
    """Return the holds that the account's money no longer justifies."""
    settled = set()
    if state.available.minor >= 0:
        settled.add(HoldKind.LOW_BALANCE)
    if state.balance.receivable <= 0:
        settled.add(HoldKind.NON_PAYMENT)
    return frozenset(settled)


def _policy_of(contract: Contract, account: BillingAccount) -> BillingPolicy:
    receipt = contract.receipt or account.receipt
    if receipt is None:
        raise RuleViolated("policy", (f"account {account.number} has no billing policy",))
    return receipt.terms
