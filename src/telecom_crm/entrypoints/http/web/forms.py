"""
Forms as people fill them in: what was typed is kept as it is, and every fault is told at once.

A handler reads field by field and then hands over to a service:

    text = form.text("text", limit=1000)
    done = form.submit(customers.add_note, customer_id, text=text, by=visit.by)
    if done is None: show the form again with status 422, `form` among its values

What a service finds wrong lands beside what the readers found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import attrs
from litestar.datastructures import UploadFile
from markupsafe import Markup, escape

from telecom_crm.application.access.signing_in import SignInRefused, TooManyAttempts
from telecom_crm.application.granting import BeyondRights
from telecom_crm.domain.change import Change
from telecom_crm.domain.errors import (
    Conflict,
    Fault,
    GatewayError,
    IllegalTransition,
    InvalidValue,
    KeyReused,
    NotFound,
    RuleViolated,
    StaleVersion,
    TelecomCrmError,
    Unavailable,
    VersionSeen,
)
from telecom_crm.domain.language import LANGUAGES, Wording
from telecom_crm.domain.money import Money, minor_digits
from telecom_crm.domain.regulation import PAYMENT_LIMITS
from telecom_crm.domain.role import Scope
from telecom_crm.domain.text import read_text
from telecom_crm.entrypoints.http.problems import status_of
from telecom_crm.entrypoints.http.uploads import chunks
from telecom_crm.entrypoints.http.web.csrf import FIELD
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.messages import said, sentence

T = TypeVar("T")
P = ParamSpec("P")

TOLD = (
    BeyondRights,
    Conflict,
    GatewayError,
    IllegalTransition,
    KeyReused,
    NotFound,
    RuleViolated,
    SignInRefused,
    StaleVersion,
    TooManyAttempts,
    Unavailable,
)
"""What a service may answer to a form; its sentence stands above the fields."""

ABOUT: Mapping[str, str] = {
    PAYMENT_LIMITS: "amount",
    "sim_not_available": "card",
    "number_not_available": "msisdn",
}
"""The field that a rule or an error is about; its refusal stands there."""

_SPACES = re.compile(r"[\s\u00a0\u202f]+")
_AMOUNT = re.compile(r"[0-9]{1,15}([.,][0-9]{1,3})?", re.ASCII)
_DAY = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})", re.ASCII)
_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)
KEY, VERSION = "idempotency_key", "version"
MEANWHILE = 5
"""So much of what happened in the meantime is told."""


@attrs.frozen(kw_only=True)
class Happening:
    """Something that happened to a thing, told to who meant to change it as it was before."""

    version: int
    """The thing's, since."""
    words: str
    who: str
    at: datetime
    changes: Sequence[Change] = ()


def _unknown(*_: str) -> Sequence[Happening]:
    return ()


@attrs.define(eq=False)
class Form:
    """What was sent, and what is wrong with it; an empty one to begin with."""

    _sent: Mapping[str, Any] = attrs.field(factory=dict)
    faults: list[Fault] = attrs.field(factory=list)
    errors: list[TelecomCrmError] = attrs.field(factory=list)
    marked: frozenset[str] = frozenset()
    """The fields that somebody asked to be put right."""
    _history: Callable[[str, str], Sequence[Happening]] = _unknown
    """Tells the last that happened to a thing, by its kind and key, the oldest first."""
    _labels: dict[str, str] = attrs.field(factory=dict, init=False)
    """What the fields are called by the page that shows them."""
    key: str = attrs.field(init=False)
    """The idempotency key of this form: the one that was sent, so that sent again it is known."""

    def __attrs_post_init__(self) -> None:
        self.key = self.raw(KEY)[:64] or str(uuid4())

    @classmethod
    def filled(cls, **values: object) -> Form:
        """Return a form that shows what is known already; None shows nothing, a list several."""
        shown = {name: "" if value is None else value for name, value in values.items()}
        return cls({k: v if isinstance(v, list) else str(v) for k, v in shown.items()})

    # What was typed

    def raw(self, name: str) -> str:
        """Return a field as it was typed; "" where there is none."""
        found = self._sent.get(name, "")
        return found if isinstance(found, str) else ""

    def all(self, name: str) -> list[str]:
        """Return every value of a field that may come several times."""
        getall = getattr(self._sent, "getall", None)
        found = getall(name, []) if getall else self._sent.get(name, [])
        return [
            one for one in ([found] if isinstance(found, str) else found) if isinstance(one, str)
        ]

    def fields(self) -> list[tuple[str, str]]:
        """Return what was typed, for a page that asks about it and sends it again."""
        own = (FIELD, KEY, VERSION)  # which every form has of its own
        return [(name, one) for name in self._sent if name not in own for one in self.all(name)]

    def file(self, name: str, *, required: bool = False) -> UploadFile | None:
        """Return a file that was chosen."""
        found = self._sent.get(name)
        if isinstance(found, UploadFile) and found.filename:
            return found
        if required:
            self._miss(name)
        return None

    def named_file(self, name: str) -> tuple[str, Iterator[bytes]] | None:
        """Return what a file that was chosen is called, and its content; None where none was."""
        found = self.file(name)
        if found is None:
            return None
        found.file.seek(0)
        return found.filename, chunks(found.file)

    # Readers: each returns None where there is a fault, or nothing and it may be left out

    def text(self, name: str, *, required: bool = True, limit: int = 200) -> str:
        """Read a line or more of text; "" where there is none."""
        return self.read(name, lambda raw: read_text(raw, field=name, limit=limit), required) or ""

    def wording(self, name: str, *, limit: int, required: bool = True) -> Wording:
        """Read what is said in several languages, each in a box of its own, such as `name.ru`."""
        said = Wording(**{code: self.raw(f"{name}.{code}") for code in LANGUAGES.codes})
        try:
            said.check(field=name, limit=limit, required=required)
        except InvalidValue as error:
            self.faults += error.faults
        return said

    def read(self, name: str, reader: Callable[[str], T], required: bool = True) -> T | None:
        """Read a field by a reader that raises `InvalidValue`, such as the domain has."""
        raw = self.raw(name).strip()
        if not raw:
            if required:
                self._miss(name)
            return None
        try:
            return reader(raw)
        except InvalidValue as error:
            self.faults += [attrs.evolve(fault, field=name) for fault in error.faults]
            return None

    def choice(self, name: str, kind: Callable[[str], T], *, required: bool = True) -> T | None:
        """Read one of some values, such as a member of an enum."""

        def one(raw: str) -> T:
            try:
                return kind(raw)
            except ValueError:
                raise InvalidValue.of(name, "choice", "one of those offered") from None

        return self.read(name, one, required)

    def flag(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return self.raw(name) not in ("", "false", "0")

    def whole(self, name: str, *, required: bool = True) -> int | None:
        """Read a whole number; spaces between its digits count for nothing."""

        def number(raw: str) -> int:
            digits = _SPACES.sub("", raw)
            if not re.fullmatch(r"-?[0-9]{1,15}", digits, re.ASCII):
                raise InvalidValue.of(name, "number", "a whole number")
            return int(digits)

        return self.read(name, number, required)

    def money(self, name: str, currency: str, *, required: bool = True) -> Money | None:
        """Read an amount as people write it: `1 240,50` or `1240.50`."""

        def amount(raw: str) -> Money:
            plain = _SPACES.sub("", raw)
            if not _AMOUNT.fullmatch(plain):
                raise InvalidValue.of(name, "amount", "an amount")
            return Money.parse(plain.replace(",", "."), currency)

        return self.read(name, amount, required)

    def date(self, name: str, *, required: bool = True) -> date | None:
        """Read a day as people write it: day, month and the four digits of the year."""
        return self.read(name, read_day, required)

    def day_span(
        self, start: str, end: str, zone: ZoneInfo
    ) -> tuple[datetime | None, datetime | None]:
        """Read two days, the last one included, as instants of the operator's clocks."""
        first, last = self.date(start, required=False), self.date(end, required=False)
        if first and last and last < first:
            self.fault(end, "span")
        midnight = time(tzinfo=zone)
        return (
            datetime.combine(first, midnight) if first else None,
            datetime.combine(last + timedelta(days=1), midnight) if last else None,
        )

    def scopes(self, name: str) -> list[Scope]:
        """Read the rights that were ticked, each as `area:action`."""
        found = []
        for text in self.all(name):
            try:
                found.append(Scope.parse(text))
            except InvalidValue as error:
                self.faults += error.faults
        return found

    @property
    def version(self) -> int | None:
        """The version of the thing that the page showed."""
        raw = self.raw(VERSION)
        return int(raw) if re.fullmatch(r"[0-9]{1,15}", raw, re.ASCII) else None

    # What is wrong

    def fault(self, name: str, code: str, message: str = "") -> None:
        """Say that a field is wrong; the sentence is the code's."""
        self.faults.append(Fault(name, code, message))

    def meanwhile(self) -> Sequence[Happening]:
        """Return the last that happened to a thing since the page showed it, if that is wrong."""
        seen = self.version
        stale = next((one for one in self.errors if isinstance(one, VersionSeen)), None)
        if stale is None or seen is None:
            return ()
        told = self._history(stale.thing, stale.key)
        return [one for one in told if one.version > seen]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.faults or self.errors)

    def submit(self, service: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Call a service where nothing is wrong; None where it, or what was read, is."""
        if not self.ok:
            return None
        try:
            return service(*args, **kwargs)
        except InvalidValue as error:
            self.faults += error.faults
        except TOLD as error:
            self.errors.append(error)
        return None

    def of(self, name: str, label: str = "") -> list[str]:
        """Return what is wrong with a field, in the visitor's language; the page calls it so."""
        if label:
            self._labels.setdefault(name, label)
        told = [said(fault) for fault in self.faults if fault.field == name]
        told += [sentence(error) for error in self.errors if _about(error) == name]
        return list(dict.fromkeys(told))

    def summary(self, fields: Iterable[str] | None = None) -> list[tuple[str, str]]:
        """
        Return all that is wrong as (field, sentence), the field "" where it is about none.

        `fields` are those that the page shows, in its order; a fault of any other has nothing to
        lead to, and comes first.
        """
        shown = None if fields is None else list(fields)
        every = [(_about(error), sentence(error)) for error in self.errors]
        every += [(fault.field, said(fault)) for fault in self.faults]
        told = [(name if shown is None or name in shown else "", words) for name, words in every]
        if shown is not None:
            told.sort(key=lambda one: shown.index(one[0]) if one[0] else -1)
        return list(dict.fromkeys(told))

    def place_of_label(self, name: str) -> Markup:
        """Return what `labelled` puts a field's label in place of."""
        return Markup("<!--label of {}-->").format(name)

    def labelled(self, body: str) -> str:
        """Begin each line of the summary with the label of its field, which came after it."""
        for name, label in self._labels.items() if not self.ok else ():
            body = body.replace(self.place_of_label(name), escape(label) + ": ")
        return body

    @property
    def status(self) -> int:
        """The status of the page that shows the form again: 422, or the error's."""
        if not self.errors:
            return 422
        status = status_of(self.errors[0])
        return 409 if status == 412 else status

    def _miss(self, name: str) -> None:
        self.faults.append(Fault(name, "missing", "is required"))


def _about(error: TelecomCrmError) -> str:
    """Return the field that an error is about; "" where it is about none."""
    return ABOUT.get(error.rule if isinstance(error, RuleViolated) else error.code, "")


def read_day(raw: str) -> date:
    """Read `12.03.1995` or `1995-03-12`; raise `InvalidValue`."""
    if found := _ISO_DAY.fullmatch(raw):
        year, month, day = map(int, found.groups())
    elif found := _DAY.fullmatch(raw.strip()):
        day, month, year = map(int, found.groups())
    else:
        raise InvalidValue.of("date", "date", "day, month and year, as 12.03.1995")
    try:
        return date(year, month, day)
    except ValueError:
        raise InvalidValue.of("date", "day_unknown", "a day that there is") from None


def written(amount: Money | None) -> str:
    """Return an amount as a field shows it, without its currency."""
    if amount is None:
        return ""
    return here().typed(amount.amount if minor_digits(amount.currency) else str(amount.minor))
