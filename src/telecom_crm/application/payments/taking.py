"""Taking money: through a gateway that is asked, or what is in hand already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from telecom_crm.application.house import house_account
from telecom_crm.application.idempotency import digest_of, request_key
from telecom_crm.application.payments.desk import unwrap
from telecom_crm.application.payments.hearing import Hearing
from telecom_crm.application.payments.request import Deposit, PaymentRequest, read_reference
from telecom_crm.application.ports import (
    GatewayAnswer,
    GatewayUnavailable,
    GatewayUncertain,
    IdempotencyKey,
    Outcome,
    Payer,
    PaymentGateway,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.errors import InvalidValue, NotFound, RuleViolated, TelecomCrmError
from telecom_crm.domain.identifiers import AccountId
from telecom_crm.domain.ledger import LedgerCode
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import (
    Payment,
    PaymentCommand,
    PaymentMethod,
)
from telecom_crm.domain.regulation import Regulations
from telecom_crm.domain.role import ALL_RIGHTS, Rights


@attrs.frozen
class Taking(Hearing):
    """Money from subscribers into their accounts."""

    def take(
        self,
        *,
        payer: Payer,
        amount: Money,
        method: PaymentMethod,
        gateway: str,
        note: str = "",
        idempotency_key: str | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> Payment:
        """
        Take a payment and return it in whatever state it reached: confirmed, declined, pending or
        unknown. Its history keeps the `note` of whoever takes it.

        Raise `NotFound` without the payer or the gateway, `InvalidValue` for a bad amount,
        `RuleViolated` where the contract takes no payments yet, or the regulations or `rights` none
        of that size, `KeyReused`.
        """
        request = PaymentRequest(
            payer=payer,
            amount=amount,
            method=method,
            note=note,
            idempotency_key=idempotency_key,
            rights=rights,
            by=by,
        )
        return self.take_one(request, gateway=gateway)

    def take_one(self, request: PaymentRequest, *, gateway: str, by: Actor = SYSTEM) -> Payment:
        """Take a payment that somebody asked for; see `take`."""
        through = self.gateway(gateway)
        if through.takes_at_once:
            return unwrap(self.record_many([request], gateway=gateway, by=by)[0])
        deposit = self._deposit(request, through, self.regulations(), by)
        payment = unwrap(self.till.book([deposit.booking(deposit.send)])[0])
        if payment.replayed:
            return payment
        return self._charge(payment, through, by=deposit.by)

    def record_many(
        self,
        requests: Sequence[PaymentRequest],
        *,
        gateway: str,
        keep_unallocated: bool = False,
        wait: bool = True,
        by: Actor = SYSTEM,
    ) -> list[Payment | TelecomCrmError]:
        """
        Book payments whose money is in hand: cash, or the lines of a gateway's own file.

        Each has its own outcome in its place: one that cannot be booked fails alone. With
        `keep_unallocated` one that a gateway took for somebody we do not know, or who cannot be
        paid for, is kept as `unallocated` for a person to look at. A cash desk keeps nothing: it
        refuses while whoever pays is there. One whose key or reference is none (blank, or with
        control characters) is kept nowhere: it could not be told from itself, come again. One into
        an account that another transaction holds is waited for, and `Busy` where that takes too
        long; without `wait`, at once.
        """
        through = self.gateway(gateway)
        said = self.regulations()
        deposits: dict[int, Deposit] = {}
        outcomes: dict[int, Payment | TelecomCrmError] = {}
        for place, request in enumerate(requests):
            try:
                deposits[place] = self._deposit(request, through, said, by)
            except InvalidValue as error:  # a key or a reference that no key can be
                outcomes[place] = error
        named = {place: one for place, one in deposits.items() if one.request.payer}
        if named:
            bookings = [one.booking(one.record) for one in named.values()]
            outcomes |= zip(named, self.till.book(bookings, wait=wait), strict=True)
        for place in deposits.keys() - named.keys():
            outcomes[place] = NotFound("payer", deposits[place].request.meant_for)
        if keep_unallocated and through.ledger_code is LedgerCode.GATEWAY_CLEARING:
            self._keep_the_lost(deposits, outcomes)
        for account_id in {one.resumable for one in deposits.values() if one.resumable}:
            self.resume_paid(account_id)
        return [outcomes[place] for place in range(len(requests))]

    def _deposit(
        self, request: PaymentRequest, gateway: PaymentGateway, regulations: Regulations, by: Actor
    ) -> Deposit:
        by, reference = request.by or by, request.reference
        if reference is not None and (named := read_reference(reference)) != reference:
            request, reference = attrs.evolve(request, reference=named), named
        asked = {
            "payer": request.payer or request.told,
            "amount": request.amount,
            "method": request.method,
            "gateway": gateway.name,
            "reference": reference,
            "note": request.note,
        }
        key = request_key(request.idempotency_key, "payments.take", by=by, **asked)
        if key is None and reference is not None:
            # A gateway's own id names the payment as well as a key does: a file may come twice.
            digest = digest_of("payments.take", **asked)
            key = IdempotencyKey(f"gateway:{gateway.name}", reference, digest)
        return Deposit(request, gateway, key, self.clock(), self.new_id, regulations, by)

    def _keep_the_lost(
        self, deposits: Mapping[int, Deposit], outcomes: dict[int, Payment | TelecomCrmError]
    ) -> None:
        """Keep on the house account what could not go where it was meant for."""
        lost = [
            place
            for place, deposit in deposits.items()
            if isinstance(outcomes[place], NotFound | RuleViolated | InvalidValue)
            and deposit.request.amount.minor > 0
        ]
        if not lost:
            return
        accounts = self._house_accounts([deposits[place] for place in lost])
        bookings = [
            deposits[place].booking(deposits[place].keep, on=account)
            for place, account in zip(lost, accounts, strict=True)
        ]
        outcomes |= zip(lost, self.till.book(bookings), strict=True)

    @retried
    def _house_accounts(self, deposits: Sequence[Deposit]) -> list[AccountId]:
        with self.uow() as tx:
            return [
                house_account(
                    tx,
                    deposit.gateway.name,
                    currency=deposit.request.amount.currency,
                    by=deposit.by,
                    at=deposit.at,
                )
                for deposit in deposits
            ]

    def _charge(self, payment: Payment, gateway: PaymentGateway, *, by: Actor) -> Payment:
        try:
            answer = gateway.charge(payment)
        except GatewayUncertain:
            return self._step_if(payment.id, PaymentCommand.TIME_OUT, Payment.time_out, by=by)
        except GatewayUnavailable as error:
            answer = GatewayAnswer(outcome=Outcome.DECLINED, reason=error.code)
        return self._apply(payment.id, answer, gateway, by=by)
