"""Amounts and reasons as messages and papers say them, in each of the languages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money

_NO_BREAK, _MINUS = "\u00a0", "\u2212"

_CURRENCIES: Mapping[str, Wording] = MappingProxyType(
    {"KGS": Wording(en="KGS", ru="сом", ky="сом")}
)
HOLDS: Mapping[HoldKind, Wording] = MappingProxyType(
    {
        HoldKind.NON_PAYMENT: Wording(
            en="not paid: pay the debt to go on",
            ru="нет оплаты: погасите долг",
            ky="төлөнгөн жок: карызды төлөңүз",
        ),
        HoldKind.LOW_BALANCE: Wording(
            en="balance used up: top up to go on",
            ru="закончились средства: пополните баланс",
            ky="каражат түгөндү: балансты толуктаңыз",
        ),
        HoldKind.VOLUNTARY: Wording(
            en="as you asked", ru="по вашей просьбе", ky="сиздин өтүнүчүңүз боюнча"
        ),
        HoldKind.LOST_STOLEN: Wording(
            en="SIM card lost or stolen",
            ru="SIM-карта потеряна или украдена",
            ky="SIM-карта жоголгон же уурдалган",
        ),
        HoldKind.FRAUD: Wording(
            en="suspicious use", ru="подозрительное использование", ky="шектүү колдонуу"
        ),
        HoldKind.KYC: Wording(
            en="identity to be checked",
            ru="нужно подтвердить личность",
            ky="өздүктү ырастоо керек",
        ),
        HoldKind.REGULATORY: Wording(
            en="demanded by law", ru="по требованию закона", ky="мыйзам талабы боюнча"
        ),
        HoldKind.ADMIN: Wording(
            en="operator's decision", ru="решение оператора", ky="оператордун чечими"
        ),
    }
)
"""Why a contract is suspended and what to do where money is lacking, as its subscriber is told."""

ACTIVATION_IN_VAIN = Wording(
    en="The activation of %(contract)s does not go through",
    ru="Активация договора %(contract)s не проходит",
    ky="%(contract)s келишимин иштетүү ишке ашпай жатат",
)
"""What a ticket about it is called; the customer reads it too."""
TRIED_IN_VAIN = Wording(
    en="The network was asked %(count)s times. Its answer is on the page of the contract.",
    ru="Попыток в сети: %(count)s. Что она ответила, видно на странице договора.",
    ky="Тармакка жасалган аракеттер: %(count)s. Анын жообу келишимдин барагында көрүнөт.",
)
"""What the staff reads first on that ticket."""


def amount_said(amount: Money) -> Wording:
    """
    Return an amount without its currency, its thousands apart.

    >>> amount_said(Money.parse("1210.00", "KGS")).en
    '1,210.00'
    """
    english = _grouped(amount)
    local = english.replace(",", _NO_BREAK).replace(".", ",")
    return Wording(en=english, ru=local, ky=local)


def currency_said(code: str) -> Wording:
    """Return what stands behind an amount; the code of a currency without a word."""
    return _CURRENCIES.get(code, Wording(en=code, ru=code, ky=code))


def _grouped(amount: Money) -> str:
    whole, point, minor = amount.amount.lstrip("-").partition(".")
    sign = _MINUS if amount.minor < 0 else ""
    return f"{sign}{int(whole):,}{point}{minor}"
