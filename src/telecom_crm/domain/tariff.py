"""Tariffs and options: what they cost and include, in versions that never change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

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


@attrs.frozen(kw_only=True, slots=False)
class Tariff:
    """A tariff: what new contracts may choose, and every version that a contract may still have."""

    code: str = attrs.field(validator=catalogue_code)
    name: Wording = attrs.field(converter=worded, validator=has_name)
    description: Wording = attrs.field(
        default=Wording(), converter=worded, validator=is_description
    )
    versions: tuple[TariffVersion, ...]
    status: CatalogueStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

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
        first = TariffVersion(
            number=1, valid_from=valid_from or at, **_fields_of(TariffTerms, terms)
        )
        begun = TARIFF_LIFECYCLE.begin(_C.CREATE, key=code, by=by, at=at)
        return cls(code=code, name=name, description=description, versions=(first,), **begun)

    @property
    def key(self) -> str:
        """The code."""
        return self.code

    @property
    def latest(self) -> TariffVersion:
        """The newest version, which may not be in force yet."""
        return self.versions[-1]

    def version_numbered(self, number: int) -> TariffVersion:
        """Return one version, or raise `NotFound`."""
        return _numbered(self.versions, number, "tariff", self.code)

    def version_at(self, at: datetime) -> TariffVersion | None:
        """Return the version in force at an instant, if one is."""
        return _in_force(self.versions, at)

    def on_sale(self, *, at: datetime, mode: PaymentMode) -> bool:
        """Tell whether a new contract that pays like this may take the tariff."""
        return not self.reasons_unsold(at=at, mode=mode)

    def require_on_sale(self, *, at: datetime, mode: PaymentMode) -> TariffVersion:
        """Return the version that is sold at an instant, or raise `NotOnSale` with the reasons."""
        sold = self.version_at(at)
        if (reasons := self.reasons_unsold(at=at, mode=mode)) or sold is None:
            raise NotOnSale("tariff_on_sale", reasons)
        return sold

    def publish(self, *, by: Actor, at: datetime) -> Tariff:
        """Put the tariff on sale."""
        return TARIFF_LIFECYCLE.move(self, _C.PUBLISH, by=by, at=at)

    def retire(self, *, by: Actor, at: datetime) -> Tariff:
        """Sell the tariff no more; contracts that have it keep it."""
        return TARIFF_LIFECYCLE.move(self, _C.RETIRE, by=by, at=at)

    def make_obsolete(self, *, by: Actor, at: datetime) -> Tariff:
        """Put away a tariff that no contract has any more."""
        return TARIFF_LIFECYCLE.move(self, _C.OBSOLETE, by=by, at=at)

    def describe(
        self, *, name: str | Wording, description: str | Wording, by: Actor, at: datetime
    ) -> Tariff:
        """Change what people read; no price changes."""
        told = attrs.evolve(self, name=name, description=description)
        payload = _differing(self, told, "name", "description")
        return TARIFF_LIFECYCLE.note(
            told, "TariffDescribed", "describe", by=by, at=at, payload=payload
        )

    def add_version(
        self, *, terms: TariffTerms, valid_from: datetime | None = None, by: Actor, at: datetime
    ) -> Tariff:
        """Give new contracts new terms from an instant on (now); no live contract is changed."""
        number, since = _next_version(self, "tariff", valid_from or at)
        new = TariffVersion(number=number, valid_from=since, **_fields_of(TariffTerms, terms))
        return TARIFF_LIFECYCLE.note(
            self,
            "TariffVersionPublished",
            "add_version",
            by=by,
            at=at,
            payload={"number": number},
            versions=(*self.versions, new),
        )

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


@attrs.frozen(kw_only=True, slots=False)
class Option:
    """An add-on to a tariff, with versions like a tariff's; rules may name it by its `group`."""

    code: str = attrs.field(validator=catalogue_code)
    name: Wording = attrs.field(converter=worded, validator=has_name)
    description: Wording = attrs.field(
        default=Wording(), converter=worded, validator=is_description
    )
    group: str = ""
    versions: tuple[OptionVersion, ...]
    status: CatalogueStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

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
        first = OptionVersion(
            number=1, valid_from=valid_from or at, **_fields_of(OptionTerms, terms)
        )
        begun = OPTION_LIFECYCLE.begin(_C.CREATE, key=code, by=by, at=at)
        return cls(
            code=code,
            name=name,
            description=description,
            group=group,
            versions=(first,),
            **begun,
        )

    @property
    def key(self) -> str:
        """The code."""
        return self.code

    @property
    def latest(self) -> OptionVersion:
        """The newest version, which may not be in force yet."""
        return self.versions[-1]

    def version_numbered(self, number: int) -> OptionVersion:
        """Return one version, or raise `NotFound`."""
        return _numbered(self.versions, number, "option", self.code)

    def version_at(self, at: datetime) -> OptionVersion | None:
        """Return the version in force at an instant, if one is."""
        return _in_force(self.versions, at)

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

    def publish(self, *, by: Actor, at: datetime) -> Option:
        """Put the option on sale."""
        return OPTION_LIFECYCLE.move(self, _C.PUBLISH, by=by, at=at)

    def retire(self, *, by: Actor, at: datetime) -> Option:
        """Sell the option no more; contracts that have it keep it."""
        return OPTION_LIFECYCLE.move(self, _C.RETIRE, by=by, at=at)

    def make_obsolete(self, *, by: Actor, at: datetime) -> Option:
        """Put away an option that no contract has any more."""
        return OPTION_LIFECYCLE.move(self, _C.OBSOLETE, by=by, at=at)

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
        told = attrs.evolve(self, name=name, description=description, group=group)
        payload = _differing(self, told, "name", "description", "group")
        return OPTION_LIFECYCLE.note(
            told, "OptionDescribed", "describe", by=by, at=at, payload=payload
        )

    def add_version(
        self, *, terms: OptionTerms, valid_from: datetime | None = None, by: Actor, at: datetime
    ) -> Option:
        """Sell the option on new terms from an instant on (now); no live contract is changed."""
        number, since = _next_version(self, "option", valid_from or at)
        new = OptionVersion(number=number, valid_from=since, **_fields_of(OptionTerms, terms))
        return OPTION_LIFECYCLE.note(
            self,
            "OptionVersionPublished",
            "add_version",
            by=by,
            at=at,
            payload={"number": number},
            versions=(*self.versions, new),
        )


def unsold_for(tariff: str, mode: PaymentMode) -> Reason:
    """Return why a tariff, by its code, is nothing for accounts that pay so."""
    return Reason.of("tariff %(tariff)s is not sold for %(mode)s", tariff=tariff, mode=mode)


def _fields_of(kind: type[TariffTerms] | type[OptionTerms], terms: object) -> dict[str, Any]:
    return {field.name: getattr(terms, field.name) for field in attrs.fields(kind)}


_V = TypeVar("_V", TariffVersion, OptionVersion)


def _differing(old: object, new: object, *fields: str) -> dict[str, Any]:
    before, after = ({name: _plain(getattr(one, name)) for name in fields} for one in (old, new))
    return {CHANGES: differences(before, after)}


def _plain(value: str | Wording) -> str | dict[str, str]:
    return value if isinstance(value, str) else attrs.asdict(value)


def _numbered(versions: Sequence[_V], number: int, thing: str, code: str) -> _V:
    for version in versions:
        if version.number == number:
            return version
    raise NotFound(f"version of {thing} {code}", str(number))


def _in_force(versions: Sequence[_V], at: datetime) -> _V | None:
    return next((version for version in reversed(versions) if version.valid_from <= at), None)


def _next_version(thing: Tariff | Option, name: str, valid_from: datetime) -> tuple[int, datetime]:
    last = thing.versions[-1]
    reasons = []
    if thing.status not in CHANGEABLE:
        reasons.append(f"{name} {thing.code} is {thing.status}: it gets no new version")
    if valid_from < last.valid_from:
        reasons.append(f"version {last.number} of {name} {thing.code} begins later than that")
    if reasons:
        raise RuleViolated("new_version", tuple(reasons))
    return last.number + 1, valid_from
