"""Self-care: subscribers who sign in by a code or a password, and see what is theirs."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NoReturn

import attrs

from telecom_crm.application.access.desk import SESSION_PREFIX, new_secret
from telecom_crm.application.access.signing_in import (
    GUESSES,
    GUESSES_OF_ADDRESS,
    SignedIn,
    SignInRefused,
    VisitDesk,
)
from telecom_crm.application.access.tokens import USE_NOTED_EVERY
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import AuditRecord, Message, Messenger, Query, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import templates_in
from telecom_crm.domain.customer import Customer, CustomerKind
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NotificationId, SessionId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.notification import (
    DEFAULT_TEMPLATES,
    SIGN_IN_CODE,
    NotificationChannel,
    Template,
    choose_template,
    render,
)
from telecom_crm.domain.session import CODE, LONGEST, CustomerPassword, SessionStage, Subscriber
from telecom_crm.domain.text import UNSTORABLE
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import read_password

RESEND_AFTER = timedelta(seconds=60)
CODES_AN_HOUR = 5
"""How many codes a phone is sent; with `GUESSES` for each, 25 guesses of a million an hour."""


@attrs.frozen
class SelfCare(VisitDesk):
    """What subscribers do for themselves: who they are, and how they come in."""

    messenger: Messenger
    """Carries codes at once; it must not make whoever asks wait, or they learn who is known."""
    channel: NotificationChannel = NotificationChannel.CONSOLE

    def send_code(self, phone: MSISDN, *, address: str = "", agent: str = "") -> str:
        """
        Send a code of six digits to a phone that a contract of a person has.

        Return a secret that `sign_in_with_code` asks for beside the code, so that the code is worth
        nothing elsewhere. A phone that is nobody's is answered the same. An organisation's phones
        are its employees', to whom its account is not open. Raise `TooManyAttempts`, also for the
        same phone within a minute.
        """
        whose = digest_of(phone.digits)
        self._count({f"address:{address}": GUESSES_OF_ADDRESS})
        self._count({f"resend:{whose}": 1}, window=RESEND_AFTER)
        self._count({f"codes:{whose}": CODES_AN_HOUR}, window=timedelta(hours=1))
        secret, code = new_secret(SESSION_PREFIX), f"{secrets.randbelow(1_000_000):06}"
        message = self._written(phone, secret, code, address, agent)
        if message is not None:
            self.messenger.send(message)
        return secret

    def sign_in_with_code(
        self, secret: str, *, code: str, address: str = "", agent: str = ""
    ) -> SignedIn:
        """
        Open a session by a code and what `send_code` returned, with a new secret.

        Raise `SignInRefused` and `TooManyAttempts`.
        """
        limits = {f"code:{digest_of(secret)}": GUESSES, f"address:{address}": GUESSES_OF_ADDRESS}
        self._count(limits)
        signed = self._proved(_both(secret, code), address, agent)
        if signed is None:
            self._refuse(address, None)
        self._forgive(*limits)
        return signed

    def sign_in_with_password(
        self, *, contract: str, password: str, address: str = "", agent: str = ""
    ) -> SignedIn:
        """
        Open a session by the number of a contract and its customer's password.

        Raise `SignInRefused`, for a contract that there is not in the same time as for a wrong
        password, and `TooManyAttempts`.
        """
        number = UNSTORABLE.sub("", contract.strip().upper()[:40])
        counted = f"contract:{digest_of(number)}"
        self._count({counted: GUESSES, f"address:{address}": GUESSES_OF_ADDRESS})
        customer_id, hashed = self._password_of(number)
        if not self.passwords.verify(hashed, password) or customer_id is None:
            self._refuse(address, customer_id)
        signed = self._let_in(customer_id, hashed, address, agent)
        self._forgive(counted, f"address:{address}")
        return signed

    def set_password(
        self,
        customer_id: CustomerId,
        *,
        password: str,
        keep: SessionId | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """
        Give a customer a password, in place of any, and end their sessions but for one to `keep`.

        Subscribers choose their own once a code let them in; whoever works for the operator gives
        one to an organisation. Raise `NotFound`, and `InvalidValue` for the password.
        """
        self._set_password(customer_id, self.passwords.hash(read_password(password)), keep, by)

    def subscriber(self, secret: str) -> Subscriber | None:
        """Return who comes with the secret of a session; None where it opens nothing."""
        session = self._session(secret, SessionStage.WHOLE)
        if session is None or session.customer_id is None:
            return None
        at = self.clock()
        with self.uow(read_only=True) as tx:
            customer = tx.customers.get(session.customer_id)
        if customer.is_gone:
            return None
        if at - session.seen_at >= USE_NOTED_EVERY:
            self._note_seen(session.id, at)
        return Subscriber(
            customer_id=customer.id,
            session_id=session.id,
            key=session.digest,
            csrf=session.csrf,
        )

    @retried
    def _written(
        self, phone: MSISDN, secret: str, code: str, address: str, agent: str
    ) -> Message | None:
        """Keep a code's digest, and return the message; the same is written for nobody's phone."""
        at = self.clock()
        with self.uow() as tx:
            customer = _person_with(tx, phone)
            session = self._begin(
                _both(secret, code),
                at=at,
                lasts=CODE,
                stage=SessionStage.CODE_SENT,
                customer_id=None if customer is None else customer.id,
                address=address,
                agent=agent,
            )
            tx.sessions.save(session)
            templates = templates_in(tx)
        if customer is None:
            return None
        return self._message(phone, code, customer.language, templates)

    @retried
    def _proved(self, secret: str, address: str, agent: str) -> SignedIn | None:
        """Use a code up and open the session; None where it is wrong."""
        at = self.clock()
        begun = self._session(secret, SessionStage.CODE_SENT)
        if begun is None or begun.customer_id is None:
            return None
        with self.uow() as tx:
            first = tx.sessions.get(begun.id)
            customer = tx.customers.get(begun.customer_id)
            if not first.is_valid(at=at) or customer.is_gone:
                return None
            tx.sessions.save(first.end(at=at))
            return self._opened_for(tx, customer.id, address, agent)

    def _password_of(self, number: str) -> tuple[CustomerId | None, str | None]:
        """Return whose contract has a number, and the digest of their password, where there are."""
        with self.uow(read_only=True) as tx:
            found = tx.contracts.page(Query(where={"number": number}, limit=1)).items
            owners = [one.customer_id for one in found]
            customers = tx.customers.get_many(owners)
            passwords = tx.customer_passwords.get_many(owners)
        for owner in owners:
            if not customers[owner].is_gone:
                return owner, passwords[owner].password_hash if owner in passwords else None
        return None, None

    @retried
    def _let_in(
        self, customer_id: CustomerId, hashed: str | None, address: str, agent: str
    ) -> SignedIn:
        with self.uow() as tx:
            now = tx.customer_passwords.get(customer_id)
            if now.password_hash != hashed or tx.customers.get(customer_id).is_gone:
                raise SignInRefused  # another password was set, or they were erased, a moment ago
            return self._opened_for(tx, customer_id, address, agent)

    @retried
    def _set_password(
        self, customer_id: CustomerId, password_hash: str, keep: SessionId | None, by: Actor
    ) -> None:
        at = self.clock()
        with self.uow() as tx:
            tx.customers.get(customer_id)
            chosen = CustomerPassword(id=customer_id, password_hash=password_hash, set_at=at)
            tx.customer_passwords.save(chosen)
            ids = [one.id for one in each_in(tx.sessions, customer_id=str(customer_id))]
            held = tx.sessions.get_many(ids).values()
            tx.sessions.save_all([one.end(at=at) for one in held if one.id != keep])
            tx.audit.record(_line("password.set", customer_id, by, at))

    def _refuse(self, address: str, customer_id: CustomerId | None) -> NoReturn:
        who = "unknown" if customer_id is None else str(customer_id)
        self.record("sign_in.refused", thing="customer", thing_id=who, detail=address, by=SYSTEM)
        raise SignInRefused

    def _opened_for(
        self, tx: Transaction, customer_id: CustomerId, address: str, agent: str
    ) -> SignedIn:
        at, secret = self.clock(), new_secret(SESSION_PREFIX)
        session = self._begin(
            secret,
            at=at,
            lasts=LONGEST,
            idle=LONGEST,
            customer_id=customer_id,
            address=address,
            agent=agent,
        )
        tx.audit.record(_line("sign_in", customer_id, SYSTEM, at, address))
        return SignedIn(tx.sessions.save(session), secret)

    def _message(
        self, phone: MSISDN, code: str, language: str, templates: Iterable[Template]
    ) -> Message:
        template = choose_template(
            (*templates, *DEFAULT_TEMPLATES),  # an operator's may not have this one yet
            event=SIGN_IN_CODE,
            channel=self.channel,
            language=language,
        )
        words = render(template, {"code": code})
        return Message(
            notification_id=NotificationId(self.new_id()),
            address=str(phone),
            subject=words.subject,
            body=words.body,
        )


def _line(
    action: str, customer_id: CustomerId, by: Actor, at: datetime, detail: str = ""
) -> AuditRecord:
    return AuditRecord(
        action=action, thing="customer", thing_id=str(customer_id), by=by, at=at, detail=detail
    )


def _both(secret: str, code: str) -> str:
    """Return what opens: a secret with the code behind it, however the code was typed."""
    return f"{secret}:{''.join(code.split())}"


def _person_with(tx: Transaction, phone: MSISDN) -> Customer | None:
    contract = tx.contracts.by_msisdns([phone]).get(phone)
    if contract is None:
        return None
    customer = tx.customers.get_many([contract.customer_id])[contract.customer_id]
    return customer if customer.kind is CustomerKind.PERSON and not customer.is_gone else None
