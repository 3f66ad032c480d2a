"""What tariffs and options cost and include, and what goes together: as told and as shown."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from telecom_crm.application.catalog_file import read_option_terms, read_tariff_terms
from telecom_crm.application.declared import at
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.language import Wording, worded
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.tariff import (
    DESCRIPTION_LIMIT,
    NAME_LIMIT,
    Allowances,
    CatalogueStatus,
    Option,
    OptionTerms,
    OptionVersion,
    Tariff,
    TariffTerms,
    TariffVersion,
    UsageService,
)
from telecom_crm.entrypoints.http.bodies import Body, Code, InstantText, MoneyBody
from telecom_crm.entrypoints.http.values import MoneyView, View

Count = Annotated[int, msgspec.Meta(ge=0, le=10**12)]
Title = Annotated[str, msgspec.Meta(max_length=NAME_LIMIT)]
Words = Annotated[str, msgspec.Meta(max_length=DESCRIPTION_LIMIT)]
Number = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$")]


class AllowancesBody(Body):
    """What a period's fee includes."""

    minutes: Count = 0
    messages: Count = 0
    megabytes: Count = 0


class RateBody(Body):
    """What usage beyond the allowances costs; `price` in major units of the tariff's currency."""

    service: UsageService
    price: Number
    destination_prefix: Annotated[str, msgspec.Meta(max_length=20)] = ""
    time_band: Annotated[str, msgspec.Meta(max_length=20)] = ""
    billing_step: Annotated[int, msgspec.Meta(ge=1, le=10**9)] = 1
    minimum: Count = 0


class TariffTermsBody(Body):
    """What a tariff costs and includes, tax included."""

    monthly_fee: MoneyBody
    activation_fee: MoneyBody
    sim_swap_fee: MoneyBody | None = None
    allowances: AllowancesBody = msgspec.field(default_factory=AllowancesBody)
    usage_rates: Annotated[list[RateBody], msgspec.Meta(max_length=500)] = msgspec.field(
        default_factory=list
    )
    payment_modes: Annotated[list[PaymentMode], msgspec.Meta(min_length=1, max_length=10)] = (
        msgspec.field(default_factory=lambda: list(PaymentMode))
    )
    valid_from: InstantText | None = None


class NameBody(Body):
    """What something is called in each language; that of the default one, `ky`, is required."""

    en: Title = ""
    ru: Title = ""
    ky: Title = ""


class DescriptionBody(Body):
    """What people read about something, in each language."""

    en: Words = ""
    ru: Words = ""
    ky: Words = ""


class NewTariff(TariffTermsBody, kw_only=True):
    """
    A tariff to prepare, with its first version.

    A name or a description that is a plain text is in the default language.
    """

    code: Code
    name: Title | NameBody
    description: Words | DescriptionBody = ""


class OptionTermsBody(Body):
    """What an option costs, once or each period, and includes."""

    fee: MoneyBody
    recurring: bool = True
    allowances: AllowancesBody = msgspec.field(default_factory=AllowancesBody)
    valid_from: InstantText | None = None


class NewOption(OptionTermsBody, kw_only=True):
    """
    An option to prepare, with its first version.

    A name or a description that is a plain text is in the default language.
    """

    code: Code
    name: Title | NameBody
    description: Words | DescriptionBody = ""
    group: Annotated[str, msgspec.Meta(max_length=30)] = ""


class RuleBody(Body):
    """What goes together, by codes of tariffs, options and groups."""

    kind: RuleKind
    subject: Annotated[str, msgspec.Meta(min_length=1, max_length=30)]
    others: Annotated[
        list[Annotated[str, msgspec.Meta(min_length=1, max_length=30)]],
        msgspec.Meta(max_length=100),
    ] = msgspec.field(default_factory=list)


class RulesBody(Body):
    """All compatibility rules."""

    items: Annotated[list[RuleBody], msgspec.Meta(max_length=2000)]

    @classmethod
    def of(cls, rules: Iterable[CompatibilityRule]) -> RulesBody:
        """Show rules as they can be put back."""
        return cls(
            items=[
                RuleBody(kind=rule.kind, subject=rule.subject, others=list(rule.others))
                for rule in rules
            ]
        )


class Question(Body):
    """Whether these options go with this tariff."""

    tariff: Code
    options: Annotated[list[Code], msgspec.Meta(max_length=100)] = msgspec.field(
        default_factory=list
    )


class AllowancesView(View):
    """What a period's fee includes."""

    minutes: int
    messages: int
    megabytes: int

    @classmethod
    def of(cls, allowances: Allowances) -> AllowancesView:
        """Show allowances."""
        return cls(
            minutes=allowances.minutes,
            messages=allowances.messages,
            megabytes=allowances.megabytes,
        )


class RateView(View):
    """What usage beyond the allowances costs."""

    service: UsageService
    destination_prefix: str
    time_band: str
    price: Decimal
    billing_step: int
    minimum: int


class TariffVersionView(View):
    """A tariff's terms under a number; they never change."""

    number: int
    valid_from: datetime
    monthly_fee: MoneyView
    activation_fee: MoneyView
    sim_swap_fee: MoneyView | None
    allowances: AllowancesView
    usage_rates: list[RateView]
    payment_modes: list[PaymentMode]

    @classmethod
    def of(cls, terms: TariffVersion) -> TariffVersionView:
        """Show a version."""
        return cls(
            number=terms.number,
            valid_from=terms.valid_from,
            monthly_fee=MoneyView.of(terms.monthly_fee),
            activation_fee=MoneyView.of(terms.activation_fee),
            sim_swap_fee=MoneyView.of(terms.sim_swap_fee) if terms.sim_swap_fee else None,
            allowances=AllowancesView.of(terms.allowances),
            usage_rates=[
                RateView(
                    service=rate.service,
                    destination_prefix=rate.destination_prefix,
                    time_band=rate.time_band,
                    price=rate.price,
                    billing_step=rate.billing_step,
                    minimum=rate.minimum,
                )
                for rate in terms.usage_rates
            ],
            payment_modes=sorted(terms.payment_modes),
        )


class WordingView(View):
    """
    What something is called or described as, in each language.

    Where a language has "", the text of the default language, `ky`, is the one to read.
    """

    en: str
    ru: str
    ky: str

    @classmethod
    def of(cls, wording: Wording) -> WordingView:
        """Show a text in all languages."""
        return cls(en=wording.en, ru=wording.ru, ky=wording.ky)


class TariffView(View):
    """A tariff with its versions."""

    code: str
    name: WordingView
    description: WordingView
    versions: list[TariffVersionView]
    status: CatalogueStatus
    version: int

    @classmethod
    def of(cls, tariff: Tariff) -> TariffView:
        """Show a tariff."""
        return cls(
            code=tariff.code,
            name=WordingView.of(tariff.name),
            description=WordingView.of(tariff.description),
            versions=[TariffVersionView.of(one) for one in tariff.versions],
            status=tariff.status,
            version=tariff.version,
        )


class OptionVersionView(View):
    """An option's terms under a number; they never change."""

    number: int
    valid_from: datetime
    fee: MoneyView
    recurring: bool
    allowances: AllowancesView

    @classmethod
    def of(cls, terms: OptionVersion) -> OptionVersionView:
        """Show a version."""
        return cls(
            number=terms.number,
            valid_from=terms.valid_from,
            fee=MoneyView.of(terms.fee),
            recurring=terms.recurring,
            allowances=AllowancesView.of(terms.allowances),
        )


class OptionView(View):
    """An option with its versions."""

    code: str
    name: WordingView
    description: WordingView
    group: str
    versions: list[OptionVersionView]
    status: CatalogueStatus
    version: int

    @classmethod
    def of(cls, option: Option) -> OptionView:
        """Show an option."""
        return cls(
            code=option.code,
            name=WordingView.of(option.name),
            description=WordingView.of(option.description),
            group=option.group,
            versions=[OptionVersionView.of(one) for one in option.versions],
            status=option.status,
            version=option.version,
        )


class AnswerView(View):
    """Whether options go with a tariff, and everything that forbids it."""

    compatible: bool
    reasons: list[str]


def wording(said: str | NameBody | DescriptionBody) -> Wording:
    """Return what is said in several languages."""
    return worded(said) if isinstance(said, str) else Wording(en=said.en, ru=said.ru, ky=said.ky)


def tariff_terms(data: TariffTermsBody) -> TariffTerms:
    """Read a tariff's terms; raise `InvalidValue` with every fault."""
    currency = data.monthly_fee.currency
    faults = Faults()
    for name, fee in (("activation_fee", data.activation_fee), ("sim_swap_fee", data.sim_swap_fee)):
        if fee is not None and fee.currency != currency:
            message = f"the currency of the monthly fee, {currency}"
            faults.add(f"{name}.currency", "currency", message, fee.currency)
    faults.raise_any()
    raw = {
        "monthly_fee": data.monthly_fee.amount,
        "activation_fee": data.activation_fee.amount,
        "sim_swap_fee": data.sim_swap_fee.amount if data.sim_swap_fee else None,
        "allowances": msgspec.to_builtins(data.allowances),
        "usage_rates": msgspec.to_builtins(data.usage_rates),
        "payment_modes": msgspec.to_builtins(data.payment_modes),
    }
    return read_tariff_terms(raw, currency=currency)


def option_terms(data: OptionTermsBody) -> OptionTerms:
    """Read an option's terms; raise `InvalidValue` with every fault."""
    raw: dict[str, Any] = {
        "fee": data.fee.amount,
        "recurring": data.recurring,
        "allowances": msgspec.to_builtins(data.allowances),
    }
    return read_option_terms(raw, currency=data.fee.currency)


def compatibility_rules(data: RulesBody) -> list[CompatibilityRule]:
    """Read compatibility rules; raise `InvalidValue` with every fault."""
    faults, rules = Faults(), []
    for place, body in enumerate(data.items):
        try:
            rules.append(CompatibilityRule(body.kind, body.subject, tuple(body.others)))
        except InvalidValue as error:
            faults.extend(at(f"items.{place}", error))
    faults.raise_any()
    return rules
