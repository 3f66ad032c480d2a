"""Prices of usage in words, for both faces."""

from __future__ import annotations

from contextlib import suppress

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.money import Money
from telecom_crm.domain.tariff import UsageRate, UsageService
from telecom_crm.entrypoints.http.web.i18n import gettext, here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word

PER_UNIT = {
    UsageService.VOICE: N_("%(price)s per minute"),
    UsageService.MESSAGE: N_("%(price)s per SMS"),
    UsageService.DATA: N_("%(price)s per MB"),
}


def price_told(rate: UsageRate, currency: str) -> str:
    """Write the price of a unit, which may be finer than the currency's smallest coin."""
    price = f"{here().number(rate.price)} {currency}"
    with suppress(InvalidValue):
        price = here().money(Money.parse(f"{rate.price:f}", currency))
    said = gettext(PER_UNIT[rate.service], price=price)
    return f"{said}, {rate.time_band}" if rate.time_band else said
