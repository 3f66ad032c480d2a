"""
Messages to customers: written with the change, delivered afterwards.

A notification keeps whom it is for, which template and which facts. The address is looked up when
it is delivered, so neither the record nor its events hold personal data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from string import Template as Pattern
from types import MappingProxyType
from typing import Any

import attrs

from telecom_crm.domain.errors import Fault, InvalidValue, NotFound, RuleViolated
from telecom_crm.domain.identifiers import CustomerId, NotificationId
from telecom_crm.domain.language import LANGUAGES
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.text import read_text


def _copied(facts: Mapping[str, str]) -> dict[str, str]:
    return dict(facts)


class NotificationChannel(StrEnum):
    """How a message goes out."""

    CONSOLE = "console"
    SMS = "sms"
    EMAIL = "email"


class NotificationStatus(StrEnum):
    """Where a message is."""

    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"


class NotificationCommand(StrEnum):
    """What moves a message on."""

    QUEUE = "queue"
    SEND = "send"
    DELIVER = "deliver"
    FAIL = "fail"
    RETRY = "retry"
    EXPIRE = "expire"


_S, _C = NotificationStatus, NotificationCommand

NOTIFICATION_LIFECYCLE = Lifecycle(
    "notification",
    NotificationStatus,
    NotificationCommand,
    (
        Row(source=None, command=_C.QUEUE, target=_S.QUEUED, event="NotificationQueued"),
        Row(source=_S.QUEUED, command=_C.SEND, target=_S.SENT, event="NotificationSent"),
        Row(source=_S.SENT, command=_C.DELIVER, target=_S.DELIVERED, event="NotificationDelivered"),
        Row(
            source=(_S.QUEUED, _S.SENT),
            command=_C.FAIL,
            target=_S.FAILED,
            event="NotificationFailed",
        ),
        Row(source=_S.FAILED, command=_C.RETRY, target=_S.QUEUED, event="NotificationRetried"),
        Row(
            source=_S.QUEUED,
            command=_C.EXPIRE,
            target=_S.EXPIRED,
            event="NotificationExpired",
            needs="its time is over",
        ),
    ),
)

PAYMENT_CONFIRMED = "PaymentConfirmed"
CONTRACT_ACTIVATED = "ContractActivated"
CONTRACT_SUSPENDED = "ContractSuspended"
CONTRACT_RESUMED = "ContractResumed"
TICKET_COMMENTED = "TicketCommented"
"""The staff answered on a ticket."""
TICKET_CLOSED = "TicketClosed"
LOW_BALANCE = "LowBalance"
SIGN_IN_CODE = "SignInCode"
"""A code to sign in with: sent at once and kept nowhere."""
NEW_DEVICE = "NewDevice"
"""A subscriber came in by a browser that they had not come in by before."""

FACTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        PAYMENT_CONFIRMED: frozenset({"amount", "currency", "balance", "receipt"}),
        CONTRACT_ACTIVATED: frozenset({"contract", "tariff"}),
        CONTRACT_SUSPENDED: frozenset({"contract", "hold"}),
        CONTRACT_RESUMED: frozenset({"contract"}),
        TICKET_COMMENTED: frozenset({"ticket"}),
        TICKET_CLOSED: frozenset({"ticket"}),
        LOW_BALANCE: frozenset({"balance", "currency", "account"}),
        SIGN_IN_CODE: frozenset({"code"}),
        NEW_DEVICE: frozenset(),
    }
)
"""The facts a message of each event may tell: numbers of things and amounts, nothing personal."""

SAMPLES: Mapping[str, str] = MappingProxyType(
    {
        "amount": "500.00",
        "currency": "KGS",
        "balance": "740.00",
        "receipt": "B-00000042-7C9F3A2B",
        "contract": "C-00000042",
        "tariff": "Start",
        "hold": "balance used up: top up to go on",
        "ticket": "T-00000042",
        "account": "B-00000042",
        "code": "123456",
    }
)
"""Facts to show by what a message will look like."""


@attrs.frozen(kw_only=True)
class Template:
    """
    The words of a message, with `$fact` where a fact goes (`$$` for a dollar sign).

    `channel` None serves every channel that has no template of its own.
    """

    event: str
    language: str
    subject: str
    body: str
    channel: NotificationChannel | None = None

    def __attrs_post_init__(self) -> None:
        allowed = FACTS.get(self.event)
        if allowed is None:
            message = f"one of {', '.join(FACTS)}"
            raise InvalidValue.of("event", "template_event", message, self.event)
        faults = [
            *_pattern_faults("subject", self.subject, allowed),
            *_pattern_faults("body", self.body, allowed),
        ]
        if faults:
            raise InvalidValue(tuple(faults))

    @property
    def placeholders(self) -> frozenset[str]:
        """The facts the words ask for."""
        return frozenset(
            name for text in (self.subject, self.body) for name in Pattern(text).get_identifiers()
        )


@attrs.frozen
class Message:
    """The words as they go out; the subject is one line."""

    subject: str
    body: str


@attrs.frozen(kw_only=True, slots=False)
class Notification:
    """
    A message to one customer, without the customer's address.

    `replayed` marks an answer to an idempotency key that was used before; it is not stored.
    """

    id: NotificationId
    customer_id: CustomerId
    event: str
    channel: NotificationChannel
    language: str
    facts: Mapping[str, str] = attrs.field(converter=_copied)
    attempts: int = 0
    expires_at: datetime | None = None
    queued_at: datetime
    status: NotificationStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)
    replayed: bool = attrs.field(default=False, eq=False, repr=False)

    @property
    def key(self) -> str:
        return str(self.id)

    @classmethod
    def queue(
        cls,
        *,
        id: NotificationId,
        customer_id: CustomerId,
        event: str,
        channel: NotificationChannel,
        language: str,
        facts: Mapping[str, str],
        expires_at: datetime | None = None,
        by: Actor,
        at: datetime,
    ) -> Notification:
        """Write a message down; facts outside `FACTS` are refused, so nothing personal gets in."""
        allowed = FACTS.get(event, frozenset())
        strange = tuple(
            Fault(f"facts.{name}", "fact_unknown", f"not a fact of {event}")
            for name in sorted(set(facts) - allowed)
        )
        if strange or event not in FACTS:
            unknown = Fault("event", "template_event", f"one of {', '.join(FACTS)}", event)
            raise InvalidValue(strange if event in FACTS else (unknown, *strange))
        payload = {"event": event, "channel": channel.value, "customer": str(customer_id)}
        return cls(
            id=id,
            customer_id=customer_id,
            event=event,
            channel=channel,
            language=language,
            facts=facts,
            expires_at=expires_at,
            queued_at=at,
            **NOTIFICATION_LIFECYCLE.begin(_C.QUEUE, key=id, by=by, at=at, payload=payload),
        )

    def send(self, *, by: Actor, at: datetime) -> Notification:
        """Say that the channel took it."""
        return self._move(_C.SEND, by=by, at=at, attempts=self.attempts + 1)

    def deliver(self, *, by: Actor, at: datetime) -> Notification:
        """Say that it arrived."""
        return self._move(_C.DELIVER, by=by, at=at)

    def fail(self, *, reason: str, by: Actor, at: datetime) -> Notification:
        """Say that the channel refused it, or that it did not arrive."""
        return self._move(_C.FAIL, by=by, at=at, reason=reason)

    def retry(self, *, expires_at: datetime | None = None, by: Actor, at: datetime) -> Notification:
        """Queue it again; `expires_at` is until when it is wanted now."""
        return self._move(_C.RETRY, by=by, at=at, expires_at=expires_at or self.expires_at)

    def expire(self, *, by: Actor, at: datetime) -> Notification:
        """Let go of a message nobody needs any more; `RuleViolated` before its time is over."""
        moved = self._move(_C.EXPIRE, by=by, at=at)
        if self.expires_at is None or at < self.expires_at:
            raise RuleViolated("expire", ("the message is still wanted",))
        return moved

    def _move(
        self,
        command: NotificationCommand,
        *,
        by: Actor,
        at: datetime,
        reason: str = "",
        **changes: Any,
    ) -> Notification:
        said = read_text(reason, field="reason")
        return NOTIFICATION_LIFECYCLE.move(self, command, by=by, at=at, reason=said, **changes)


def choose_template(
    templates: Iterable[Template],
    *,
    event: str,
    channel: NotificationChannel,
    language: str,
    default_language: str = LANGUAGES.default,
) -> Template:
    """
    Return the template that fits best; raise `NotFound` if none fits the event.

    The customer's language comes before the default one, and a template of the channel before one
    for every channel.
    """
    fits = [one for one in templates if one.event == event and one.channel in (channel, None)]
    for wanted in (language, default_language):
        spoken = [one for one in fits if one.language == wanted]
        if spoken:
            return next((one for one in spoken if one.channel is channel), spoken[0])
    raise NotFound("template", f"{event} {channel} {language}")


def render(template: Template, facts: Mapping[str, str]) -> Message:
    """Fill the facts in; raise `InvalidValue` naming every fact that is missing."""
    missing = tuple(
        Fault(name, "fact_missing", f"the template of {template.event} tells this")
        for name in sorted(template.placeholders - set(facts))
    )
    if missing:
        raise InvalidValue(missing)
    subject = Pattern(template.subject).substitute(facts)
    # A line break in a fact would begin a new header of a mail.
    return Message(" ".join(subject.split()), Pattern(template.body).substitute(facts))


def _pattern_faults(field: str, text: str, allowed: frozenset[str]) -> list[Fault]:
    pattern = Pattern(text)
    if not pattern.is_valid():
        return [Fault(field, "template_syntax", "write $fact, and $$ for a dollar sign")]
    return [
        Fault(field, "fact_unknown", f"${name} is not one of {', '.join(sorted(allowed))}")
        for name in pattern.get_identifiers()
        if name not in allowed
    ]


_WORDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {
        PAYMENT_CONFIRMED: (
            "Payment received",
            "We received $amount $currency. Your balance is $balance $currency. Receipt $receipt.",
        ),
        CONTRACT_ACTIVATED: (
            "Contract $contract is active",
            "Welcome! Contract $contract is active on tariff $tariff.",
        ),
        CONTRACT_SUSPENDED: (
            "Contract $contract is suspended",
            "Contract $contract is suspended ($hold). Please contact us if you have questions.",
        ),
        CONTRACT_RESUMED: (
            "Contract $contract is active again",
            "Contract $contract works again. Thank you!",
        ),
        TICKET_COMMENTED: (
            "Answer on ticket $ticket",
            "There is an answer on your ticket $ticket. Read it in self-care.",
        ),
        TICKET_CLOSED: (
            "Ticket $ticket is closed",
            "Your request $ticket is closed. If the trouble comes back, write to us.",
        ),
        LOW_BALANCE: (
            "Low balance",
            "The balance of account $account is $balance $currency. Please top it up.",
        ),
        SIGN_IN_CODE: (
            "Sign-in",
            "$code is your code to sign in, good for 10 minutes. Do not tell anyone this code.",
        ),
        NEW_DEVICE: (
            "Sign-in from a new device",
            "Somebody signed in to your account from a new device. If it was not you, end that"
            " session and change the password in your profile, or call us.",
        ),
    },
    "ru": {
        PAYMENT_CONFIRMED: (
            "Платёж получен",
            "Мы получили $amount $currency. Ваш баланс: $balance $currency. Квитанция $receipt.",
        ),
        CONTRACT_ACTIVATED: (
            "Договор $contract активен",
            "Добро пожаловать! Договор $contract активен, тариф $tariff.",
        ),
        CONTRACT_SUSPENDED: (
            "Договор $contract приостановлен",
            "Договор $contract приостановлен ($hold). Если есть вопросы, свяжитесь с нами.",
        ),
        CONTRACT_RESUMED: (
            "Договор $contract снова активен",
            "Договор $contract снова работает. Спасибо!",
        ),
        TICKET_COMMENTED: (
            "Ответ по обращению $ticket",
            "На ваше обращение $ticket есть ответ. Прочитайте его в личном кабинете.",
        ),
        TICKET_CLOSED: (
            "Обращение $ticket закрыто",
            "Ваше обращение $ticket закрыто. Если проблема вернётся, напишите нам.",
        ),
        LOW_BALANCE: (
            "Низкий баланс",
            "Баланс счёта $account: $balance $currency. Пожалуйста, пополните его.",
        ),
        SIGN_IN_CODE: (
            "Вход",
            "$code — код для входа. Он действует 10 минут. Никому его не сообщайте.",
        ),
        NEW_DEVICE: (
            "Вход с нового устройства",
            "В ваш личный кабинет вошли с нового устройства. Если это были не вы, завершите этот"
            " сеанс и смените пароль в профиле или позвоните нам.",
        ),
    },
    "ky": {
        PAYMENT_CONFIRMED: (
            "Төлөм кабыл алынды",
            "Биз $amount $currency алдык. Балансыңыз: $balance $currency. Дүмүрчөк $receipt.",
        ),
        CONTRACT_ACTIVATED: (
            "$contract келишими иштеп баштады",
            "Кош келиңиз! $contract келишими $tariff тарифинде иштеп баштады.",
        ),
        CONTRACT_SUSPENDED: (
            "$contract келишими токтотулду",
            "$contract келишими убактылуу токтотулду ($hold). Суроолор болсо, бизге кайрылыңыз.",
        ),
        CONTRACT_RESUMED: (
            "$contract келишими кайра иштеп жатат",
            "$contract келишими кайра иштеп жатат. Рахмат!",
        ),
        TICKET_COMMENTED: (
            "$ticket кайрылуусуна жооп",
            "$ticket кайрылууңузга жооп келди. Аны жеке кабинетиңизден окуңуз.",
        ),
        TICKET_CLOSED: (
            "$ticket кайрылуусу жабылды",
            "Сиздин $ticket кайрылууңуз жабылды. Көйгөй кайталанса, бизге жазыңыз.",
        ),
        LOW_BALANCE: (
            "Баланс аз калды",
            "$account эсебинин балансы: $balance $currency. Сураныч, толуктап коюңуз.",
        ),
        SIGN_IN_CODE: (
            "Кирүү",
            "$code — кирүү коду. Ал 10 мүнөт жарактуу. Аны эч кимге айтпаңыз.",
        ),
        NEW_DEVICE: (
            "Жаңы түзмөктөн кирүү",
            "Жеке кабинетиңизге жаңы түзмөктөн киришти. Бул сиз болбосоңуз, профилиңизден ал"
            " сеансты аяктап, сырсөздү алмаштырыңыз же бизге чалыңыз.",
        ),
    },
}

DEFAULT_TEMPLATES: tuple[Template, ...] = tuple(
    Template(event=event, language=language, subject=subject, body=body)
    for language, events in _WORDS.items()
    for event, (subject, body) in events.items()
)
