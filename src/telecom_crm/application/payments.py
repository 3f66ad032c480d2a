"""Payments: taking money, hearing what became of it, giving it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from uuid import UUID

import attrs

from telecom_crm.application.house import house_account
from telecom_crm.application.idempotency import digest_of
from telecom_crm.application.paging import each_in, each_of, each_swept
from telecom_crm.application.ports import (
    Booked,
    Booking,
    Clock,
    Found,
    GatewayAnswer,
    GatewayReceipt,
    GatewayUnavailable,
    GatewayUncertain,
    IdempotencyKey,
    NewId,
    Outcome,
    Page,
    Payer,
    PaymentGateway,
    Query,
    Till,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import each_alone, retried
from telecom_crm.application.spending import post_spent
from telecom_crm.domain.account import AccountState
from telecom_crm.domain.contract import PAYABLE, ContractStatus
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId, ContractId, EntryId, PaymentId, RefundId
from telecom_crm.domain.ledger import JournalEntry, LedgerCode, Posting, PostingKind
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import (
    IN_FLIGHT,
    PAYMENT_LIFECYCLE,
    REFUND_IN_FLIGHT,
    REFUND_LIFECYCLE,
    AmountDiffers,
    Payment,
    PaymentCommand,
    PaymentMethod,
    PaymentReceipt,
    Refund,
    RefundCommand,
    check_amount,
)


@attrs.frozen(kw_only=True)
class PaymentRequest:
    """
    A payment to take: who for, how much, and how.

    `reference` is the gateway's own id where it has taken the money already, as in its daily file.
    `payer` None is somebody whom the gateway names in no way that we could look for; `told` is then
    what it says. `by` is who takes it, where that is not who asks for all of a batch.
    """

    payer: Payer | None
    amount: Money
    method: PaymentMethod
    idempotency_key: str | None = None
    reference: str | None = None
    told: str = ""
    by: Actor | None = None

    @property
    def meant_for(self) -> str:
        """Whom it is for, in words for a person to make something of."""
        payer = self.payer
        found = payer and (payer.msisdn or payer.contract_id or payer.account_id)
        words = self.told or str(found or "")
        return "".join(char if char.isprintable() else "\ufffd" for char in words[:200])


@attrs.frozen
class Payments:
    """Money from subscribers, through gateways and cash desks, into their accounts."""

    uow: UnitOfWork
    till: Till
    gateways: Mapping[str, PaymentGateway]
    clock: Clock
    new_id: NewId
    resume_paid: Callable[[AccountId], object]
    """Called after money came to an account with contracts suspended for money."""
    patience: timedelta = timedelta(minutes=5)
    """How long a payment may be in flight before the gateway is asked about it."""

    def take(
        self,
        *,
        payer: Payer,
        amount: Money,
        method: PaymentMethod,
        gateway: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """
        Take a payment and return it in whatever state it reached: confirmed, declined, pending or
        unknown.

        Raise `NotFound` without the payer or the gateway, `InvalidValue` for a bad amount,
        `RuleViolated` where the contract takes no payments yet, `KeyReused`.
        """
        request = PaymentRequest(
            payer=payer, amount=amount, method=method, idempotency_key=idempotency_key, by=by
        )
        return self.take_one(request, gateway=gateway)

    def take_one(self, request: PaymentRequest, *, gateway: str, by: Actor = SYSTEM) -> Payment:
        """Take a payment that somebody asked for; see `take`."""
        through = self.gateway(gateway)
        if through.takes_at_once:
            return _unwrap(self.record_many([request], gateway=gateway, by=by)[0])
        taking = self._taking(request, through, by)
        payment = _unwrap(self.till.book([taking.booking(taking.send)])[0])
        if payment.replayed:
            return payment
        return self._charge(payment, through, by=taking.by)

    def record_many(
        self,
        requests: Sequence[PaymentRequest],
        *,
        gateway: str,
        keep_unallocated: bool = False,
        by: Actor = SYSTEM,
    ) -> list[Payment | TelecomCrmError]:
        """
        Book payments whose money is in hand: cash, or the lines of a gateway's own file.

        Each has its own outcome in its place: one that cannot be booked fails alone. With
        `keep_unallocated` one that a gateway took for somebody we do not know, or who cannot be
        paid for, is kept as `unallocated` for a person to look at. A cash desk keeps nothing: it
        refuses while whoever pays is there.
        """
        through = self.gateway(gateway)
        takings = [self._taking(request, through, by) for request in requests]
        named = [taking for taking in takings if taking.request.payer]
        booked = iter(
            self.till.book([taking.booking(taking.record) for taking in named]) if named else ()
        )
        outcomes = [
            next(booked) if taking.request.payer else NotFound("payer", taking.request.meant_for)
            for taking in takings
        ]
        if keep_unallocated and through.ledger_code is LedgerCode.GATEWAY_CLEARING:
            self._keep_the_lost(takings, outcomes)
        for account_id in {taking.resumable for taking in takings if taking.resumable}:
            self.resume_paid(account_id)
        return outcomes

    def hear(self, *, gateway: str, body: bytes, headers: Mapping[str, str]) -> Payment:
        """
        Take a gateway's callback: late, doubled or out of order, the ledger ends the same. Money
        that it took by itself, for nobody we know, is kept unallocated.

        Raise `NotPermitted` for a forged one, `InvalidValue` for one without sense, and `NotFound`
        for a payment we do not know, so that the gateway sends it again.
        """
        through = self.gateway(gateway)
        notice = through.read_callback(body=body, headers=headers)
        by = Actor(f"gateway:{gateway}")
        if isinstance(notice, GatewayReceipt):
            took = PaymentRequest(
                payer=notice.payer,
                told=notice.told,
                amount=notice.amount,
                method=notice.method,
                reference=notice.reference,
            )
            kept = self.record_many([took], gateway=gateway, keep_unallocated=True, by=by)
            return _unwrap(kept[0])
        return self._apply(notice.payment_id, notice.answer, through, by=by)

    def repair(self, *, limit: int = 100, by: Actor = SYSTEM) -> int:
        """
        Ask the gateways about every payment and refund whose end is not known, in batches of
        `limit`; return how many found one.
        """
        before = self.clock() - self.patience
        payments = each_swept(
            self.uow, lambda tx, at: tx.payments.uncertain(before, limit=limit, cursor=at)
        )
        refunds = each_swept(self.uow, lambda tx, at: tx.refunds.uncertain(limit=limit, cursor=at))
        return each_alone(
            chain(
                (partial(self._ask_again, payment, by=by) for payment in payments),
                (
                    partial(self._ask_refund_again, refund, by=by)
                    for refund in refunds
                    if self._has_waited(refund, since=before)
                ),
            )
        )

    def get(self, payment_id: PaymentId) -> Payment:
        """Return one payment."""
        with self.uow(read_only=True) as tx:
            return tx.payments.get(payment_id)

    def page(self, query: Query) -> Page[Payment]:
        """Return a page of payments."""
        with self.uow(read_only=True) as tx:
            return tx.payments.page(query)

    def each(self, **where: str) -> Iterator[Payment]:
        """Go through all payments with these field values."""
        return each_of(self.uow, lambda tx: tx.payments, where)

    def receipt(self, payment_id: PaymentId) -> PaymentReceipt:
        """Return the receipt of a confirmed payment; raise `RuleViolated` before it is one."""
        with self.uow(read_only=True) as tx:
            payment = tx.payments.get(payment_id)
            if payment.entry_id is None:
                raise RuleViolated("receipt", ("a receipt is for a payment that was confirmed",))
            entry = tx.ledger.entry(payment.entry_id, account_id=payment.account_id)
            account = tx.accounts.get(payment.account_id)
        return PaymentReceipt(
            payment_id=payment.id,
            account_number=account.number,
            amount=payment.amount,
            method=payment.method,
            gateway=payment.gateway,
            gateway_reference=payment.gateway_reference,
            booked_at=entry.booked_at,
        )

    def cancel(self, payment_id: PaymentId, *, reason: str = "", by: Actor = SYSTEM) -> Payment:
        """Give up a payment that no gateway has answered for."""
        return self._step(
            payment_id, lambda payment, at: payment.cancel(reason=reason, by=by, at=at)
        )

    def give_up(self, payment_id: PaymentId, *, reason: str, by: Actor = SYSTEM) -> Payment:
        """Close an unknown payment on a person's word."""
        return self._step(
            payment_id, lambda payment, at: payment.give_up(reason=reason, by=by, at=at)
        )

    def dispute(
        self, payment_id: PaymentId, *, idempotency_key: str | None = None, by: Actor = SYSTEM
    ) -> Payment:
        """The subscriber's bank took a payment back for now; cash has no bank that could."""

        def decide(_: Transaction, __: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            if self.gateway(payment.gateway).ledger_code is not LedgerCode.GATEWAY_CLEARING:
                raise RuleViolated("dispute_cash", ("no bank takes cash back",))
            return payment.dispute(entry_id=self._entry_id(), by=by, at=self.clock())

        return self._book(payment_id, PaymentCommand.DISPUTE, decide, key=idempotency_key, by=by)

    def win_dispute(
        self, payment_id: PaymentId, *, idempotency_key: str | None = None, by: Actor = SYSTEM
    ) -> Payment:
        """The disputed money came back."""

        def decide(tx: Transaction, _: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            opened = _dispute_entry(tx, payment)
            return payment.win(opened=opened, entry_id=self._entry_id(), by=by, at=self.clock())

        return self._book(payment_id, PaymentCommand.WIN, decide, key=idempotency_key, by=by)

    def lose_dispute(
        self, payment_id: PaymentId, *, idempotency_key: str | None = None, by: Actor = SYSTEM
    ) -> Payment:
        """The disputed money is gone, and the account pays for it."""

        def decide(
            tx: Transaction, state: AccountState, payment: Payment
        ) -> tuple[Payment, Posting]:
            return payment.lose(
                opened=_dispute_entry(tx, payment),
                state=state,
                entry_id=self._entry_id(),
                by=by,
                at=self.clock(),
            )

        return self._book(payment_id, PaymentCommand.LOSE, decide, key=idempotency_key, by=by)

    def reverse(
        self,
        payment_id: PaymentId,
        *,
        reason: str,
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Payment:
        """
        Undo a payment that should never have been booked; one that was allocated waits for its
        account again.
        """

        def decide(tx: Transaction, _: AccountState, payment: Payment) -> tuple[Payment, Posting]:
            if payment.entry_id is None:
                raise NotFound("journal entry", f"of payment {payment_id}")
            at, booked = self.clock(), payment.entry_id
            entry = tx.ledger.entry(booked, account_id=payment.account_id)
            moved = payment.reverse(
                booked=entry, entry_id=self._entry_id(), reason=reason, by=by, at=at
            )
            if entry.kind is PostingKind.ALLOCATION:
                kept = tx.payments.get(_allocated(tx, payment))
                tx.payments.save(kept.take_back(reason=reason, by=by, at=at))
            return moved

        return self._book(
            payment_id,
            PaymentCommand.REVERSE,
            decide,
            key=idempotency_key,
            by=by,
            reason=reason,
        )

    def refund(
        self,
        payment_id: PaymentId,
        *,
        amount: Money,
        reason: str = "",
        idempotency_key: str | None = None,
        by: Actor = SYSTEM,
    ) -> Refund:
        """
        Give back part or all of a confirmed payment, through the gateway it came by.

        Return the refund in whatever state it reached. Raise `RefundTooLarge` past the payment,
        `InsufficientFunds` where the subscriber has spent the money: credit is not given back.
        """
        refund = self._request_refund(payment_id, amount, reason, idempotency_key, by)
        if refund.replayed:
            return refund
        return self._send_refund(refund, by=by)

    def refunds_of(self, payment_id: PaymentId) -> tuple[Refund, ...]:
        """Return a payment's refunds, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.refunds.page(Query(where={"payment_id": str(payment_id)}, limit=500)).items

    def gateway(self, name: str) -> PaymentGateway:
        """Return the gateway of a name; raise `InvalidValue` naming those there are."""
        return gateway_named(self.gateways, name)

    def _taking(self, request: PaymentRequest, gateway: PaymentGateway, by: Actor) -> _Taking:
        by = request.by or by
        digest = digest_of(
            "payments.take",
            payer=request.payer or request.told,
            amount=request.amount,
            method=request.method,
            gateway=gateway.name,
            reference=request.reference,
        )
        key = None
        if request.idempotency_key is not None:
            key = IdempotencyKey(by.name, request.idempotency_key, digest)
        elif request.reference is not None:
            # A gateway's own id names the payment as well as a key does: a file may come twice.
            key = IdempotencyKey(f"gateway:{gateway.name}", request.reference, digest)
        return _Taking(request, gateway, key, self.clock(), self.new_id, by)

    def _keep_the_lost(
        self, takings: Sequence[_Taking], outcomes: list[Payment | TelecomCrmError]
    ) -> None:
        """Keep on the house account what could not go where it was meant for."""
        lost = [
            place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, NotFound | RuleViolated | InvalidValue)
            and takings[place].request.amount.minor > 0
        ]
        if not lost:
            return
        accounts = self._house_accounts([takings[place] for place in lost])
        bookings = [
            takings[place].booking(takings[place].keep, on=account)
            for place, account in zip(lost, accounts, strict=True)
        ]
        for place, outcome in zip(lost, self.till.book(bookings), strict=True):
            outcomes[place] = outcome

    @retried
    def _house_accounts(self, takings: Sequence[_Taking]) -> list[AccountId]:
        with self.uow() as tx:
            return [
                house_account(
                    tx,
                    taking.gateway.name,
                    currency=taking.request.amount.currency,
                    by=taking.by,
                    at=taking.at,
                )
                for taking in takings
            ]

    def _charge(self, payment: Payment, gateway: PaymentGateway, *, by: Actor) -> Payment:
        try:
            answer = gateway.charge(payment)
        except GatewayUncertain:
            return self._step_if(payment.id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
        except GatewayUnavailable as error:
            answer = GatewayAnswer(outcome=Outcome.DECLINED, reason=error.code)
        return self._apply(payment.id, answer, gateway, by=by)

    def _apply(
        self, payment_id: PaymentId, answer: GatewayAnswer, gateway: PaymentGateway, *, by: Actor
    ) -> Payment:
        """
        Carry a gateway's word over to the payment; a word that changes nothing any more is no
        error.
        """
        if answer.outcome is Outcome.CONFIRMED:
            try:
                return self._confirm(payment_id, answer, gateway, by=by)
            except AmountDiffers:
                return self._confirm_what_it_insists_on(payment_id, gateway, by=by)
        if answer.outcome is Outcome.PENDING:
            self._refuse_other_gateways(payment_id, gateway)
            return self.get(payment_id)
        self._refuse_other_gateways(payment_id, gateway)
        reason = answer.reason or answer.outcome
        return self._step_if(
            payment_id, PaymentCommand.FAIL, partial(Payment.fail, reason=reason), by=by
        )

    def _confirm(
        self,
        payment_id: PaymentId,
        answer: GatewayAnswer,
        gateway: PaymentGateway,
        *,
        insisted: bool = False,
        by: Actor,
    ) -> Payment:
        at, resumable = self.clock(), []

        def decide(found: Found) -> Booked:
            payment = _payment_in(found, gateway)
            confirmed, entry = payment.confirm(
                state=found.state,
                entry_id=self._entry_id(),
                reference=answer.reference,
                took=answer.amount or payment.amount,
                into=gateway.ledger_code,
                insisted=insisted,
                by=by,
                at=at,
            )
            if found.state.account.money_holds and entry:
                resumable.append(payment.account_id)
            return Booked(payment=confirmed, entry=entry)

        payment = _unwrap(self.till.book([Booking(decide=decide, at=at, payment_id=payment_id)])[0])
        for account_id in resumable:
            self.resume_paid(account_id)
        return payment

    def _refuse_other_gateways(self, payment_id: PaymentId, gateway: PaymentGateway) -> None:
        """A gateway has a word on its own payments only; of others it learns nothing."""
        if self.get(payment_id).gateway != gateway.name:
            raise NotFound("payment", str(payment_id))

    def _confirm_what_it_insists_on(
        self, payment_id: PaymentId, gateway: PaymentGateway, *, by: Actor
    ) -> Payment:
        """
        A callback told another amount: believe only what the gateway answers when it is asked.
        """
        try:
            answer = gateway.ask(self.get(payment_id))
        except (GatewayUncertain, GatewayUnavailable):
            return self._step_if(payment_id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
        if answer.outcome is Outcome.CONFIRMED:
            return self._confirm(payment_id, answer, gateway, insisted=True, by=by)
        return self._apply(payment_id, answer, gateway, by=by)

    def _ask_again(self, payment: Payment, *, by: Actor) -> bool:
        """Ask about one payment in flight; tell whether it came to an end."""
        if PAYMENT_LIFECYCLE.can(payment, PaymentCommand.SEND):
            # Never sent, so no gateway knows of it.
            ended = self._step_if(payment.id, PaymentCommand.EXPIRE, Payment.expire, by=by)
        else:
            gateway = self.gateway(payment.gateway)
            try:
                answer = gateway.ask(payment)
            except (GatewayUncertain, GatewayUnavailable):
                ended = self._step_if(payment.id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
            else:
                ended = self._apply(payment.id, answer, gateway, by=by)
        return ended.status not in IN_FLIGHT

    def _step(self, payment_id: PaymentId, step: Callable[..., Payment]) -> Payment:
        at = self.clock()

        def decide(found: Found) -> Booked:
            return Booked(payment=step(_payment_in(found), at))

        return _unwrap(self.till.book([Booking(decide=decide, at=at, payment_id=payment_id)])[0])

    def _step_if(
        self,
        payment_id: PaymentId,
        command: PaymentCommand,
        step: Callable[..., Payment],
        *,
        by: Actor,
    ) -> Payment:
        """Take a step unless another word, a callback or the repair, was there first."""

        def if_still_allowed(payment: Payment, at: object) -> Payment:
            return (
                step(payment, by=by, at=at) if PAYMENT_LIFECYCLE.can(payment, command) else payment
            )

        return self._step(payment_id, if_still_allowed)

    @retried
    def _request_refund(
        self, payment_id: PaymentId, amount: Money, reason: str, key: str | None, by: Actor
    ) -> Refund:
        refund_id, at = RefundId(self.new_id()), self.clock()
        with self._held(payment_id) as (tx, state, payment):
            if key is not None:
                digest = digest_of(
                    "payments.refund", payment_id=payment_id, amount=amount, reason=reason
                )
                earlier = tx.keys.claim(IdempotencyKey(by.name, key, digest), refund_id)
                if earlier is not None:
                    return attrs.evolve(tx.refunds.get(RefundId(earlier)), replayed=True)
            tx.payments.save(payment.refund(amount, refund_id=refund_id, by=by, at=at))
            refund, posting = Refund.request(
                payment,
                amount,
                id=refund_id,
                entry_id=self._entry_id(),
                state=state,
                reason=reason,
                by=by,
                at=at,
            )
            post_spent(tx, state, [posting], by=by, at=at)
            return tx.refunds.save(refund.send(by=by, at=at))

    def _send_refund(self, refund: Refund, *, by: Actor) -> Refund:
        gateway = self.gateway(refund.gateway)
        try:
            answer = gateway.refund(refund, self.get(refund.payment_id))
        except GatewayUncertain:
            return self._end_refund(refund, None, gateway, by)
        except GatewayUnavailable as error:
            answer = GatewayAnswer(outcome=Outcome.DECLINED, reason=error.code)
        return self._end_refund(refund, answer, gateway, by)

    @retried
    def _end_refund(
        self, refund: Refund, answer: GatewayAnswer | None, gateway: PaymentGateway, by: Actor
    ) -> Refund:
        """Carry the gateway's word over; None is no word."""
        at = self.clock()
        with self._held(refund.payment_id) as (tx, _, payment):
            refund = tx.refunds.get(refund.id)
            if answer is None:
                timed_out = REFUND_LIFECYCLE.can(refund, RefundCommand.TIME_OUT)
                return tx.refunds.save(refund.time_out(by=by, at=at)) if timed_out else refund
            if answer.outcome is Outcome.PENDING or not REFUND_LIFECYCLE.can(
                refund, RefundCommand.PAY
            ):
                return refund
            if answer.outcome is Outcome.CONFIRMED:
                ended, posting = refund.pay(
                    source=gateway.ledger_code,
                    reference=answer.reference,
                    entry_id=self._entry_id(),
                    by=by,
                    at=at,
                )
                if _is_all_given_back(tx, payment, by=refund):
                    tx.payments.save(payment.give_back(by=by, at=at))
            else:
                ended, posting = refund.fail(
                    requested=tx.ledger.entry(
                        refund.requested_entry_id, account_id=refund.account_id
                    ),
                    entry_id=self._entry_id(),
                    reason=answer.reason or answer.outcome,
                    by=by,
                    at=at,
                )
                tx.payments.save(
                    payment.refund_failed(refund.amount, refund_id=refund.id, by=by, at=at)
                )
            tx.ledger.post([posting], at=at)
            return tx.refunds.save(ended)

    def _has_waited(self, refund: Refund, *, since: datetime) -> bool:
        with self.uow(read_only=True) as tx:
            return tx.events.of(REFUND_LIFECYCLE.machine, refund.key)[-1].at <= since

    def _ask_refund_again(self, refund: Refund, *, by: Actor) -> bool:
        """Ask about one refund in flight; tell whether it came to an end."""
        gateway = self.gateway(refund.gateway)
        try:
            answer = gateway.refund(refund, self.get(refund.payment_id))
        except (GatewayUncertain, GatewayUnavailable):
            # It may have been paid the first time: that nobody answers now says nothing of then.
            answer = None
        ended = self._end_refund(refund, answer, gateway, by)
        return REFUND_LIFECYCLE.is_final(ended.status)

    def _held(
        self, payment_id: PaymentId
    ) -> AbstractContextManager[tuple[Transaction, AccountState, Payment]]:
        return _held(self.uow, payment_id, self.clock)

    @retried
    def _book(
        self,
        payment_id: PaymentId,
        command: PaymentCommand,
        decide: Callable[[Transaction, AccountState, Payment], tuple[Payment, Posting]],
        *,
        key: str | None,
        by: Actor,
        **asked: object,
    ) -> Payment:
        """Carry out a command that moves a payment's money; again with its key, do nothing."""
        with self._held(payment_id) as (tx, state, payment):
            if key is not None:
                digest = digest_of(f"payments.{command}", payment_id=payment_id, **asked)
                if tx.keys.claim(IdempotencyKey(by.name, key, digest), payment_id) is not None:
                    return attrs.evolve(payment, replayed=True)
            PAYMENT_LIFECYCLE.row(payment.status, command)
            moved, posting = decide(tx, state, payment)
            post_spent(tx, state, [posting], by=by, at=self.clock())
            return tx.payments.save(moved)

    def _entry_id(self) -> EntryId:
        return EntryId(self.new_id())


@attrs.frozen
class _Taking:
    """One new payment: what is decided about it once its account is held."""

    request: PaymentRequest
    gateway: PaymentGateway
    key: IdempotencyKey | None
    at: datetime
    new_id: NewId
    by: Actor
    paid_into: list[AccountId] = attrs.field(factory=list)

    @property
    def resumable(self) -> AccountId | None:
        """The account, where the payment was booked on one with contracts suspended for money."""
        return self.paid_into[0] if self.paid_into else None

    def booking(self, decide: Callable[[Found], Booked], *, on: AccountId | None = None) -> Booking:
        """Return the booking, for the payer or on an account of the house."""
        payer = Payer(account_id=on) if on else self.request.payer
        return Booking(decide=decide, at=self.at, payer=payer, key=self.key)

    def send(self, found: Found) -> Booked:
        """Write the payment down as sent: the gateway is called after this is stored."""
        return Booked(payment=self._initiate(found).send(by=self.by, at=self.at))

    def record(self, found: Found) -> Booked:
        """Book a payment whose money is in hand."""
        payment, entry = self._initiate(found).confirm(
            state=found.state,
            entry_id=EntryId(self.new_id()),
            reference=self.request.reference,
            took=self.request.amount,
            into=self.gateway.ledger_code,
            by=self.by,
            at=self.at,
        )
        if found.state.account.money_holds:
            self.paid_into[:] = [found.state.account.id]
        return Booked(payment=payment, entry=entry)

    def keep(self, found: Found) -> Booked:
        """Keep the money of somebody who is not known."""
        asked = Payment.initiate(
            id=PaymentId(self.new_id()),
            account_id=found.state.account.id,
            contract_id=None,
            amount=self.request.amount,
            method=self.request.method,
            gateway=self.gateway.name,
            meant_for=self.request.meant_for,
            by=self.by,
            at=self.at,
        )
        entry_id = EntryId(self.new_id())
        payment, entry = asked.keep(
            entry_id=entry_id, reference=self.request.reference, by=self.by, at=self.at
        )
        return Booked(payment=payment, entry=entry)

    def _initiate(self, found: Found) -> Payment:
        found.state.account.refuse_house()
        if faults := check_amount(self.request.amount, currency=found.state.balance.currency):
            raise InvalidValue(faults)
        refuse_unpayable(found.contract_id, found.contract_status)
        return Payment.initiate(
            id=PaymentId(self.new_id()),
            account_id=found.state.account.id,
            contract_id=found.contract_id,
            amount=self.request.amount,
            method=self.request.method,
            gateway=self.gateway.name,
            by=self.by,
            at=self.at,
        )


def refuse_unpayable(contract_id: ContractId | None, status: ContractStatus | None) -> None:
    """Raise `RuleViolated` for a contract that takes no payments (yet, or any more)."""
    if status is not None and status not in PAYABLE:
        why = f"contract {contract_id} is {status} and takes no payments"
        raise RuleViolated("contract_takes_no_payments", (why,))


def gateway_named(
    gateways: Mapping[str, PaymentGateway], name: str, *, field: str = "gateway"
) -> PaymentGateway:
    """Return the gateway of a name; raise `InvalidValue` naming those there are."""
    try:
        return gateways[name]
    except KeyError:
        known = ", ".join(sorted(gateways))
        raise InvalidValue.of(field, "gateway_unknown", f"one of {known}", name) from None


@contextmanager
def _held(
    uow: UnitOfWork, payment_id: PaymentId, clock: Clock
) -> Iterator[tuple[Transaction, AccountState, Payment]]:
    """
    Open a transaction that holds a payment's account and then the payment: the order that the till
    uses.
    """
    with uow(read_only=True) as tx:
        account_id = tx.payments.get(payment_id).account_id
    with uow() as tx:
        state = tx.ledger.states([account_id], at=clock())[account_id]
        yield tx, state, tx.payments.get(payment_id)


def _unwrap(outcome: Payment | TelecomCrmError) -> Payment:
    if isinstance(outcome, TelecomCrmError):
        raise outcome
    return outcome


def _payment_in(found: Found, gateway: PaymentGateway | None = None) -> Payment:
    """Return the payment, which is the gateway's own where a gateway speaks of it."""
    if found.payment is None:
        raise LookupError("the till was asked for a payment and found none")
    if gateway is not None and found.payment.gateway != gateway.name:
        raise NotFound("payment", str(found.payment.id))
    return found.payment


def _dispute_entry(tx: Transaction, payment: Payment) -> JournalEntry:
    """Return the entry that opened the dispute; its id is in the event that did."""
    opened = [
        event
        for event in tx.events.of(PAYMENT_LIFECYCLE.machine, payment.key)
        if event.command == PaymentCommand.DISPUTE
    ]
    if not opened:
        raise NotFound("dispute", f"of payment {payment.id}")
    entry_id = EntryId(UUID(opened[-1].payload["entry_id"]))
    return tx.ledger.entry(entry_id, account_id=payment.account_id)


def _allocated(tx: Transaction, payment: Payment) -> PaymentId:
    """Return the unallocated payment that this one came from; the event that began it says so."""
    began = tx.events.of(PAYMENT_LIFECYCLE.machine, payment.key)[0]
    return PaymentId(UUID(began.payload["allocates"]))


def _is_all_given_back(tx: Transaction, payment: Payment, *, by: Refund) -> bool:
    """Tell whether this refund leaves nothing of an unallocated payment, nor one on its way."""
    if payment.refundable or not PAYMENT_LIFECYCLE.can(payment, PaymentCommand.GIVE_BACK):
        return False
    others = each_in(tx.refunds, payment_id=payment.key)
    return not any(one.status in REFUND_IN_FLIGHT for one in others if one.id != by.id)
