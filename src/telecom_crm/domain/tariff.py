"""Tariffs and options: what they cost and include, in versions that never change."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Generic, Self, TypeVar

import attrs

from telecom_crm.domain.change import CHANGES, differences
from telecom_crm.domain.errors import Faults, InvalidValue, NotFound, Reason, RuleViolated
from telecom_crm.domain.language import Wording, worded
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.money import Money, minor_digits
from telecom_crm.domain.policy import PaymentMode


class CatalogueStatus(StrEnum):
    """Whether a tariff or an option is being prepared, sold, only used, or gone."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"
    OBSOLETE = "obsolete"


class CatalogueCommand(StrEnum):
    """What can be done with a tariff or an option."""

    CREATE = "create"
    PUBLISH = "publish"
    RETIRE = "retire"
    OBSOLETE = "obsolete"


_S, _C = CatalogueStatus, CatalogueCommand


def _lifecycle(thing: str) -> Lifecycle[CatalogueStatus, CatalogueCommand]:
    name = thing.capitalize()
    return Lifecycle(
        thing,
        CatalogueStatus,
        CatalogueCommand,
        [
            Row(source=None, command=_C.CREATE, target=_S.DRAFT, event=f"{name}Created"),
            Row(source=_S.DRAFT, command=_C.PUBLISH, target=_S.ACTIVE, event=f"{name}Published"),
            Row(source=_S.ACTIVE, command=_C.RETIRE, target=_S.RETIRED, event=f"{name}Retired"),
            Row(
                source=_S.RETIRED,
                command=_C.OBSOLETE,
                target=_S.OBSOLETE,
                event=f"{name}MadeObsolete",
            ),
        ],
    )


TARIFF_LIFECYCLE = _lifecycle("tariff")
OPTION_LIFECYCLE = _lifecycle("option")

ON_SALE = frozenset({_S.ACTIVE})
"""The states in which new contracts may take it."""
CHANGEABLE = frozenset({_S.DRAFT, _S.ACTIVE})
"""The states in which it may get a new version."""


class UsageService(StrEnum):
    """What is metered: voice by the minute, messages by the piece, data by the megabyte."""

    VOICE = "voice"
    MESSAGE = "message"
    DATA = "data"


UNITS = {
    UsageService.DATA: "megabytes",
    UsageService.VOICE: "minutes",
    UsageService.MESSAGE: "messages",
}
"""What counts each service in allowances."""
UNPRICED = {
    UsageService.DATA: "Internet beyond what is included has no price",
    UsageService.VOICE: "Minutes beyond what is included have no price",
    UsageService.MESSAGE: "SMS beyond what is included have no price",
}
"""Why usage cannot be priced."""


@attrs.define
class NotOnSale(RuleViolated):
    """The tariff or option is not sold now, or not for this way of paying."""

    code: ClassVar[str] = "not_on_sale"


_CODE = re.compile(r"[A-Z0-9_-]{1,30}", re.ASCII)


def catalogue_code(_: object, field: attrs.Attribute[str], value: str) -> None:
    """Check, as a field's validator, the form of a code of the catalogue."""
    if not _CODE.fullmatch(value):
        message = "up to 30 capital letters A-Z, digits, _ and -"
        raise InvalidValue.of(field.name, "code_format", message, value)


NAME_LIMIT, DESCRIPTION_LIMIT = 200, 2000
"""The most letters that a name and a description have in one language."""


def has_name(_: object, field: attrs.Attribute[Wording], value: Wording) -> None:
    """Check, as a field's validator, that a name is there in the default language, and its form."""
    value.check(field=field.name, limit=NAME_LIMIT, required=True)


def is_description(_: object, field: attrs.Attribute[Wording], value: Wording) -> None:
    """Check, as a field's validator, the form of a description; there may be none."""
    value.check(field=field.name, limit=DESCRIPTION_LIMIT)


def _not_negative(_: object, field: attrs.Attribute[Any], value: int | Decimal | Money) -> None:
    if (value.minor if isinstance(value, Money) else value) < 0:
        raise InvalidValue.of(field.name, "negative", "zero or more", value)


def _positive(_: object, field: attrs.Attribute[int], value: int) -> None:
    if value < 1:
        raise InvalidValue.of(field.name, "too_small", "1 or more", value)


def _instant(_: object, field: attrs.Attribute[datetime], value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidValue.of(field.name, "instant", "an instant with its zone", value)


def _modes(modes: Iterable[PaymentMode]) -> frozenset[PaymentMode]:
    return frozenset(modes)


@attrs.frozen(kw_only=True)
class Allowances:
    """What a period's fee includes."""

    minutes: int = attrs.field(default=0, validator=_not_negative)
    messages: int = attrs.field(default=0, validator=_not_negative)
    megabytes: int = attrs.field(default=0, validator=_not_negative)


@attrs.frozen(kw_only=True)
class UsageRate:
    """
    What usage beyond the allowances costs.

    `price` is for one minute, message or megabyte, in major units of the tariff's currency, tax
    included. Usage is counted in whole steps of `billing_step` and at least `minimum`, both in
    seconds, messages or kilobytes. An empty `destination_prefix` or `time_band` means any; a band
    is "HH:MM-HH:MM", local time.
    """

    service: UsageService
    destination_prefix: str = ""
    time_band: str = ""
    price: Decimal = attrs.field(validator=_not_negative)
    billing_step: int = attrs.field(default=1, validator=_positive)
    minimum: int = attrs.field(default=0, validator=_not_negative)


@attrs.frozen(kw_only=True)
class TariffTerms:
    """
    What a tariff costs and includes. Fees include tax.

    `sim_swap_fee` is what another SIM card costs, unless the first one was defective.
    """

    monthly_fee: Money = attrs.field(validator=_not_negative)
    activation_fee: Money = attrs.field(validator=_not_negative)
    sim_swap_fee: Money | None = attrs.field(
        default=None, validator=attrs.validators.optional(_not_negative)
    )
    allowances: Allowances = Allowances()
    usage_rates: tuple[UsageRate, ...] = ()
    payment_modes: frozenset[PaymentMode] = attrs.field(
        default=frozenset(PaymentMode), converter=_modes
    )

    def __attrs_post_init__(self) -> None:
        faults = Faults()
        fees = {"activation_fee": self.activation_fee, "sim_swap_fee": self.sim_swap_fee}
        for name, fee in fees.items():
            if fee is not None and fee.currency != self.currency:
                message = f"the currency of the monthly fee, {self.currency}"
                faults.add(name, "currency", message, fee.currency)
        faults.raise_any()

    @property
    def currency(self) -> str:
        """The currency of every price of the tariff."""
        return self.monthly_fee.currency

    def month_with(self, usage: Allowances) -> Money:
        """
        Return what a month with that usage comes to: the fee, and whatever goes beyond it.

        Usage is at the price to any destination at any time; the steps of single calls, which a sum
        does not tell, round nothing up. Raise `RuleViolated` naming what has no such price.
        """
        total, unpriced = self.monthly_fee, []
        for service, name in UNITS.items():
            beyond = getattr(usage, name) - getattr(self.allowances, name)
            if beyond <= 0:
                continue
            if (price := self._plain_price(service)) is None:
                unpriced.append(UNPRICED[service])
                continue
            total += Money(10 ** minor_digits(self.currency), self.currency).times(beyond * price)
        if unpriced:
            raise RuleViolated("usage_priced", tuple(unpriced))
        return total

    def _plain_price(self, service: UsageService) -> Decimal | None:
        found = (
            rate.price
            for rate in self.usage_rates
            if (rate.service, rate.destination_prefix, rate.time_band) == (service, "", "")
        )
        return next(found, None)


@attrs.frozen(kw_only=True)
class TariffVersion(TariffTerms):
    """Terms under a number, sold from an instant on; they never change."""

    number: int = attrs.field(validator=_positive)
    valid_from: datetime = attrs.field(validator=_instant)

    @property
    def terms(self) -> TariffTerms:
        """The terms alone, to compare with others."""
        return TariffTerms(**_fields_of(TariffTerms, self))


@attrs.frozen(kw_only=True)
class OptionTerms:
    """What an option costs, once or each period, and includes. The fee includes tax."""

    fee: Money = attrs.field(validator=_not_negative)
    recurring: bool = True
    allowances: Allowances = Allowances()

    @property
    def currency(self) -> str:
        """The currency of the fee."""
        return self.fee.currency


@attrs.frozen(kw_only=True)
class OptionVersion(OptionTerms):
    """An option's terms under a number, sold from an instant on; they never change."""

    number: int = attrs.field(validator=_positive)
    valid_from: datetime = attrs.field(validator=_instant)

    @property
    def terms(self) -> OptionTerms:
        """The terms alone, to compare with others."""
        return OptionTerms(**_fields_of(OptionTerms, self))


_T = TypeVar("_T", TariffTerms, OptionTerms)
_V = TypeVar("_V", TariffVersion, OptionVersion)


@attrs.frozen(kw_only=True, slots=False)
class CatalogueItem(Generic[_T, _V]):
    """What tariffs and options have in common: words, a life, and terms in versions."""

    lifecycle: ClassVar[Lifecycle[CatalogueStatus, CatalogueCommand]]

    code: str = attrs.field(validator=catalogue_code)
    name: Wording = attrs.field(converter=worded, validator=has_name)
    description: Wording = attrs.field(
        default=Wording(), converter=worded, validator=is_description
    )
    versions: tuple[_V, ...]
    status: CatalogueStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @property
    def key(self) -> str:
        """The code."""
        return self.code

    @property
    def latest(self) -> _V:
        """The newest version, which may not be in force yet."""
        return self.versions[-1]

    def version_numbered(self, number: int) -> _V:
        """Return one version, or raise `NotFound`."""
        for version in self.versions:
            if version.number == number:
                return version
        raise NotFound(f"version of {self.lifecycle.machine} {self.code}", str(number))

    def version_at(self, at: datetime) -> _V | None:
        """Return the version in force at an instant, if one is."""
        begun = (version for version in reversed(self.versions) if version.valid_from <= at)
        return next(begun, None)

    def publish(self, *, by: Actor, at: datetime) -> Self:
        """Put it on sale."""
        return self.lifecycle.move(self, _C.PUBLISH, by=by, at=at)

    def retire(self, *, by: Actor, at: datetime) -> Self:
        """Sell it no more; contracts that have it keep it."""
        return self.lifecycle.move(self, _C.RETIRE, by=by, at=at)

    def make_obsolete(self, *, by: Actor, at: datetime) -> Self:
        """Put it away, once no contract has it any more."""
        return self.lifecycle.move(self, _C.OBSOLETE, by=by, at=at)

    def add_version(
        self, *, terms: _T, valid_from: datetime | None = None, by: Actor, at: datetime
    ) -> Self:
        """Sell it on new terms from an instant on (now); no live contract is changed."""
        since, name = valid_from or at, self.lifecycle.machine
        reasons = []
        if self.status not in CHANGEABLE:
            reasons.append(f"{name} {self.code} is {self.status}: it gets no new version")
        if since < self.latest.valid_from:
            last = self.latest.number
            reasons.append(f"version {last} of {name} {self.code} begins later than that")
        if reasons:
            raise RuleViolated("new_version", tuple(reasons))
        new = self._version(self.latest.number + 1, since, terms)
        return self.lifecycle.note(
            self,
            f"{name.capitalize()}VersionPublished",
            "add_version",
            by=by,
            at=at,
            payload={"number": new.number},
            versions=(*self.versions, new),
        )

    @classmethod
    def _version(cls, number: int, valid_from: datetime, terms: _T) -> _V:
        raise NotImplementedError

    @classmethod
    def _begun(
        cls, *, code: str, terms: _T, valid_from: datetime | None, by: Actor, at: datetime
    ) -> dict[str, Any]:
        """Return the first version and the beginnings of a new one; it holds from now on."""
        begun = cls.lifecycle.begin(_C.CREATE, key=code, by=by, at=at)
        return {"code": code, "versions": (cls._version(1, valid_from or at, terms),), **begun}

    def _described(self, *, by: Actor, at: datetime, **words: Any) -> Self:
        told = attrs.evolve(self, **words)
        before, after = (
            {name: _plain(getattr(one, name)) for name in words} for one in (self, told)
        )
        payload = {CHANGES: differences(before, after)}
        event = f"{self.lifecycle.machine.capitalize()}Described"
        return self.lifecycle.note(told, event, "describe", by=by, at=at, payload=payload)


@attrs.frozen(kw_only=True, slots=False)
class Tariff(CatalogueItem[TariffTerms, TariffVersion]):
    """A tariff: what new contracts may choose, and every version that a contract may still have."""

    lifecycle: ClassVar = TARIFF_LIFECYCLE

    @classmethod
    def create(
        cls,
        *,
        code: str,
        name: str | Wording,
        description: str | Wording = "",
        terms: TariffTerms,
        valid_from: datetime | None = None,
        by: Actor,
        at: datetime,
    ) -> Tariff:
        """Prepare a tariff with its first version; without `valid_from` that holds from now on."""
        begun = cls._begun(code=code, terms=terms, valid_from=valid_from, by=by, at=at)
        return cls(name=name, description=description, **begun)

    def on_sale(self, *, at: datetime, mode: PaymentMode) -> bool:
        """Tell whether a new contract that pays like this may take the tariff."""
        return not self.reasons_unsold(at=at, mode=mode)

    def require_on_sale(self, *, at: datetime, mode: PaymentMode) -> TariffVersion:
        """Return the version that is sold at an instant, or raise `NotOnSale` with the reasons."""
        sold = self.version_at(at)
        if (reasons := self.reasons_unsold(at=at, mode=mode)) or sold is None:
            raise NotOnSale("tariff_on_sale", reasons)
        return sold

    def describe(
        self, *, name: str | Wording, description: str | Wording, by: Actor, at: datetime
    ) -> Tariff:
        """Change what people read; no price changes."""
        return self._described(name=name, description=description, by=by, at=at)

    def reasons_unsold(self, *, at: datetime, mode: PaymentMode) -> tuple[str, ...]:
        """Return every reason why a new contract cannot take the tariff; none if it can."""
        reasons: list[str] = []
        if self.status not in ON_SALE:
            reasons.append(Reason.of("tariff %(tariff)s is not on sale", tariff=self.code))
        if (sold := self.version_at(at)) is None:
            reasons.append(f"tariff {self.code} is not sold before {self.versions[0].valid_from}")
        elif mode not in sold.payment_modes:
            reasons.append(unsold_for(self.code, mode))
        return tuple(reasons)

    @classmethod
    def _version(cls, number: int, valid_from: datetime, terms: TariffTerms) -> TariffVersion:
        return TariffVersion(number=number, valid_from=valid_from, **_fields_of(TariffTerms, terms))


@attrs.frozen(kw_only=True, slots=False)
class Option(CatalogueItem[OptionTerms, OptionVersion]):
    """An add-on to a tariff, with versions like a tariff's; rules may name it by its `group`."""

    lifecycle: ClassVar = OPTION_LIFECYCLE

    group: str = ""

    @classmethod
    def create(
        cls,
        *,
        code: str,
        name: str | Wording,
        description: str | Wording = "",
        group: str = "",
        terms: OptionTerms,
        valid_from: datetime | None = None,
        by: Actor,
        at: datetime,
    ) -> Option:
        """Prepare an option with its first version; without `valid_from` that holds from now on."""
        begun = cls._begun(code=code, terms=terms, valid_from=valid_from, by=by, at=at)
        return cls(name=name, description=description, group=group, **begun)

    def on_sale(self, *, at: datetime) -> bool:
        """Tell whether a contract may take the option now."""
        return self.status in ON_SALE and self.version_at(at) is not None

    def require_on_sale(self, *, at: datetime) -> OptionVersion:
        """Return the version that is sold at an instant, or raise `NotOnSale`."""
        sold = self.version_at(at)
        if sold is None or not self.on_sale(at=at):
            reason = f"option {self.code} is {self.status} and not on sale at {at.isoformat()}"
            raise NotOnSale("option_on_sale", (reason,))
        return sold

    def describe(
        self,
        *,
        name: str | Wording,
        description: str | Wording,
        group: str,
        by: Actor,
        at: datetime,
    ) -> Option:
        """Change what people read and the group; no price changes."""
        return self._described(name=name, description=description, group=group, by=by, at=at)

    @classmethod
    def _version(cls, number: int, valid_from: datetime, terms: OptionTerms) -> OptionVersion:
        return OptionVersion(number=number, valid_from=valid_from, **_fields_of(OptionTerms, terms))


def unsold_for(tariff: str, mode: PaymentMode) -> Reason:
    """Return why a tariff, by its code, is nothing for accounts that pay so."""
    return Reason.of("tariff %(tariff)s is not sold for %(mode)s", tariff=tariff, mode=mode)


def _fields_of(kind: type[TariffTerms] | type[OptionTerms], terms: object) -> dict[str, Any]:
    return {field.name: getattr(terms, field.name) for field in attrs.fields(kind)}


def _plain(value: str | Wording) -> str | dict[str, str]:
    return value if isinstance(value, str) else attrs.asdict(value)
