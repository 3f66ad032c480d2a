"""Self-care: subscribers who sign in by a code or a password, and see what is theirs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NoReturn

import attrs

from telecom_crm.application.access.desk import SESSION_PREFIX, new_secret
from telecom_crm.application.access.signing_in import (
    GUESSES,
    GUESSES_OF_ADDRESS,
    UNKNOWN,
    CodeRefused,
    SignedIn,
    SignInRefused,
    VisitDesk,
)
from telecom_crm.application.access.tokens import USE_NOTED_EVERY
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import AuditRecord, Message, Messenger, Query, Transaction
from telecom_crm.application.retry import retried
from telecom_crm.application.rules import templates_in
from telecom_crm.domain.customer import Customer
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NotificationId, SessionId
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.notification import (
    DEFAULT_TEMPLATES,
    NEW_DEVICE,
    SIGN_IN_CODE,
    Notification,
    NotificationChannel,
    Template,
    choose_template,
    render,
)
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.session import (
    CODE,
    LONGEST,
    CustomerPassword,
    Session,
    SessionStage,
    Subscriber,
    network_of,
)
from telecom_crm.domain.text import UNSTORABLE
from telecom_crm.domain.token import digest_of
from telecom_crm.domain.user import read_password

FRESH = timedelta(minutes=10)
"""For how long a sign-in proves who it is, without the present password."""
RESEND_AFTER = timedelta(seconds=60)
CODES_AN_HOUR = 5
"""How many codes a phone is sent; with `GUESSES` for each, 25 guesses of a million an hour."""

NOTICE_LASTS = timedelta(hours=24)
"""How long it is worth telling of a sign-in."""

WHOSE = "customer"
"""What the audit calls those who come in here."""


@attrs.frozen
class SelfCare(VisitDesk):
    """
    What subscribers do for themselves: who they are, and how they come in.

    What is held is held in one order, as where a customer is erased: customer, password, sessions.
    The audit is for good, so it gets the network they came from, and no address.
    """

    messenger: Messenger
    """Carries codes at once; it must not make whoever asks wait, or they learn who is known."""
    channel: NotificationChannel = NotificationChannel.CONSOLE

    def send_code(
        self, phone: MSISDN, *, address: str = "", agent: str = "", replaces: str = ""
    ) -> str:
        """
        Send a code of six digits to a phone that a contract of a person has.

        Return a secret that `sign_in_with_code` asks for beside the code, so that the code is worth
        nothing elsewhere; it takes the place of the secret `replaces`, whose session ends. A phone
        that is nobody's is answered the same. An organisation's phones are its employees', to whom
        its account is not open. Raise `TooManyAttempts`, also for the same phone within a minute.
        """
        whose = digest_of(phone.digits)
        self._count(
            {f"address:{address}": GUESSES_OF_ADDRESS}, thing=WHOSE, address=network_of(address)
        )
        self._count({f"resend:{whose}": 1}, window=RESEND_AFTER)
        an_hour = {f"codes:{whose}": CODES_AN_HOUR}
        self._count(an_hour, window=timedelta(hours=1), thing=WHOSE, address=network_of(address))
        secret, code = new_secret(SESSION_PREFIX), f"{secrets.randbelow(1_000_000):06}"
        message = self._written(phone, secret, code, replaces, address=address, agent=agent)
        if message is not None:
            self.messenger.send(message)
        return secret

    def sign_in_with_code(
        self, secret: str, *, code: str, address: str = "", agent: str = ""
    ) -> SignedIn:
        """
        Open a session by a code and what `send_code` returned, with a new secret.

        Raise `CodeRefused` and `TooManyAttempts`.
        """
        mine, shared = f"code:{digest_of(secret)}", f"address:{address}"
        limits = {shared: GUESSES_OF_ADDRESS, mine: GUESSES}
        counted = self._count(limits, thing=WHOSE, address=network_of(address))
        signed = self._proved(_both(secret, code), address, agent)
        if signed is None:
            self._refuse(address, None, CodeRefused(tries_left=GUESSES - counted[mine]))
        self._forgive(mine, shared)
        return signed

    def sign_in_with_password(
        self,
        *,
        contract: str,
        password: str,
        address: str = "",
        agent: str = "",
        replaces: str = "",
    ) -> SignedIn:
        """
        Open a session by the number of a contract and its customer's password.

        It takes the place of the one whose secret is `replaces`, which is ended. Raise
        `SignInRefused`, for a contract that there is not in the same time as for a wrong password,
        and `TooManyAttempts`.
        """
        number = UNSTORABLE.sub("", contract.strip().upper()[:40])
        counted = f"contract:{digest_of(number)}"
        limits = {f"address:{address}": GUESSES_OF_ADDRESS, counted: GUESSES}
        self._count(limits, thing=WHOSE, address=network_of(address))
        customer_id, hashed = self._password_of(number)
        if not self.passwords.verify(hashed, password) or customer_id is None:
            self._refuse(address, customer_id)
        signed = self._let_in(customer_id, hashed, replaces, address=address, agent=agent)
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

        It is for whoever works for the operator, who gives one to an organisation. Raise
        `NotFound`, and `InvalidValue` for the password.
        """
        self._set_password(customer_id, self.passwords.hash(read_password(password)), keep, by)

    def choose_password(
        self,
        customer_id: CustomerId,
        *,
        password: str,
        present: str = "",
        within: SessionId,
        by: Actor = SYSTEM,
    ) -> None:
        """
        Choose one's own password in a session, and end one's other ones.

        A session alone takes nobody over: who signed in longer than `FRESH` ago gives the present
        password; who has none, or forgot it, signs in again by a code. Raise `InvalidValue` for
        either password, and `TooManyAttempts`.
        """
        chosen = read_password(password)
        with self.uow(read_only=True) as tx:
            signed_in_at = tx.sessions.get(within).started_at
            known = tx.customer_passwords.get_many([customer_id]).get(customer_id)
        if self.clock() - signed_in_at > FRESH:
            hashed = None if known is None else known.password_hash
            if hashed is None:
                raise InvalidValue.of("password", "sign_in_first", "sign in by a code first")
            self._prove(customer_id, hashed, present)
        self._set_password(customer_id, self.passwords.hash(chosen), within, by)

    def has_password(self, customer_id: CustomerId) -> bool:
        """Tell whether a customer may come in by a password."""
        with self.uow(read_only=True) as tx:
            return bool(tx.customer_passwords.get_many([customer_id]))

    def subscriber(self, secret: str) -> Subscriber | None:
        """Return who comes with the secret of a session; None where it opens nothing."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            session = self._session_in(tx, secret, SessionStage.WHOLE)
            if session is None or session.customer_id is None:
                return None
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

    def sessions(self, customer_id: CustomerId) -> list[Session]:
        """Return the sessions of a customer that still count, the latest first."""
        at = self.clock()
        with self.uow(read_only=True) as tx:
            found = list(each_in(tx.sessions, customer_id=str(customer_id)))
        whole = (one for one in found if one.stage is SessionStage.WHOLE and one.is_valid(at=at))
        return sorted(whole, key=lambda one: one.started_at, reverse=True)

    @retried
    def _written(
        self, phone: MSISDN, secret: str, code: str, replaces: str, /, **visit: str
    ) -> Message | None:
        """Keep a code's digest, and return the message; the same is written for nobody's phone."""
        at = self.clock()
        with self.uow() as tx:
            customer = _person_with(tx, phone)
            self._end_presented(tx, replaces, at)
            session = self._begin(
                _both(secret, code),
                at=at,
                lasts=CODE,
                stage=SessionStage.CODE_SENT,
                customer_id=None if customer is None else customer.id,
                **visit,
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
            customer = tx.customers.get(begun.customer_id)
            first = tx.sessions.get(begun.id)
            if not first.is_valid(at=at) or customer.is_gone:
                return None
            tx.sessions.save(first.end(at=at))
            return self._opened_for(tx, customer, address, agent)

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
        self, customer_id: CustomerId, hashed: str | None, replaces: str, /, **visit: str
    ) -> SignedIn:
        with self.uow() as tx:
            customer = tx.customers.get(customer_id)
            now = tx.customer_passwords.get(customer_id)
            if now.password_hash != hashed or customer.is_gone:
                raise SignInRefused  # another password was set, or they were erased, a moment ago
            self._end_presented(tx, replaces, self.clock())
            return self._opened_for(tx, customer, **visit)

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

    def _prove(self, customer_id: CustomerId, hashed: str, present: str) -> None:
        key, who = f"password:{customer_id}", str(customer_id)
        self._count({key: GUESSES}, thing=WHOSE, whose=lambda _: who)
        if not self.passwords.verify(hashed, present):
            self.record("password.refused", thing=WHOSE, thing_id=who, by=SYSTEM)
            raise InvalidValue.of("present", "password_wrong", "the present password")
        self._forgive(key)

    def _refuse(
        self, address: str, customer_id: CustomerId | None, why: SignInRefused | None = None
    ) -> NoReturn:
        who = UNKNOWN if customer_id is None else str(customer_id)
        by = SYSTEM.coming_from(network_of(address))
        self.record("sign_in.refused", thing=WHOSE, thing_id=who, by=by)
        raise why or SignInRefused

    def _opened_for(
        self, tx: Transaction, customer: Customer, address: str, agent: str
    ) -> SignedIn:
        at, secret = self.clock(), new_secret(SESSION_PREFIX)
        session = self._begin(
            secret,
            at=at,
            lasts=LONGEST,
            idle=LONGEST,
            customer_id=customer.id,
            address=address,
            agent=agent,
        )
        earlier = each_in(tx.sessions, customer_id=customer.key)
        whole = (one for one in earlier if one.stage is SessionStage.WHOLE)
        # As it is stored: an app may call itself longer, or with what cannot be.
        if _browser(session.agent) not in {_browser(one.agent) for one in whole}:
            self._tell_of_device(tx, customer, at)
        by = SYSTEM.coming_from(network_of(address))
        tx.audit.record(_line("sign_in", customer.id, by, at))
        return SignedIn(tx.sessions.save(session), secret)

    def _tell_of_device(self, tx: Transaction, customer: Customer, at: datetime) -> None:
        """Queue the notice of a sign-in from a new device, where the operator has words for it."""
        if all(template.event != NEW_DEVICE for template in templates_in(tx)):
            return
        notice = Notification.queue(
            id=NotificationId(self.new_id()),
            customer_id=customer.id,
            event=NEW_DEVICE,
            channel=self.channel,
            language=customer.language,
            facts={},
            expires_at=at + NOTICE_LASTS,
            by=SYSTEM,
            at=at,
        )
        tx.notifications.save(notice)

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


def _line(action: str, customer_id: CustomerId, by: Actor, at: datetime) -> AuditRecord:
    return AuditRecord(action=action, thing=WHOSE, thing_id=str(customer_id), by=by, at=at)


def _browser(agent: str) -> str:
    """Return what a browser calls itself without the versions, which go up by themselves."""
    return re.sub(r"[\d._]+", "", agent)


def _both(secret: str, code: str) -> str:
    """Return what opens: a secret with the code behind it, however the code was typed."""
    return f"{secret}:{''.join(code.split())}"


def _person_with(tx: Transaction, phone: MSISDN) -> Customer | None:
    contract = tx.contracts.by_msisdns([phone]).get(phone)
    if contract is None:
        return None
    customer = tx.customers.get_many([contract.customer_id])[contract.customer_id]
    return customer if customer.kind is CustomerKind.PERSON and not customer.is_gone else None
