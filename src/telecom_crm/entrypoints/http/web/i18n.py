"""
What pages are written in: the visitor's language, and how amounts, instants and phones look in it.

The words are English in the source and translated by gettext catalogs. The language of a request is
in a context variable, so that templates, filters and sentences of errors all find it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from gettext import NullTranslations
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import attrs
import phonenumbers
from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_skeleton,
    format_time,
    format_timedelta,
)
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import (
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_symbol,
    get_decimal_symbol,
)
from babel.support import Translations
from babel.units import format_unit

from telecom_crm.domain.language import Wording
from telecom_crm.domain.money import Money, minor_digits

LOCALE = Path(__file__).parent / "locale"
SOURCE = "en"
PSEUDO = "xx"
"""Not a language: every translated text in brackets and longer, so that one that is not is seen."""

NAMES: Mapping[str, str] = {"en": "English", "ru": "Русский", "ky": "Кыргызча"}
"""The languages that are offered, each in its own words."""

_LOCALES = {"en": "en_GB", "ru": "ru_KG", "ky": "ky_KG", PSEUDO: "en"}
_MINUS = "\u2212"
# Lists and charts write the same days and amounts over and over, each at the price of a query.
_kept = partial(lru_cache, 4096, typed=True)
_currency = _kept()(format_currency)
_decimal = _kept()(format_decimal)
_compact_decimal = _kept()(format_compact_decimal)
_date = _kept()(format_date)
_FORMAT = re.compile(r"(%\(\w+\)s|%%)")


class Pseudo(NullTranslations):
    """Brackets around every text, and two fifths more of it."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}{'~' * (len(_FORMAT.sub('', message)) * 2 // 5)}⟧"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:  # noqa: ARG002  # gettext's signature
        return self.gettext(message)

    def npgettext(self, context: str, msgid1: str, msgid2: str, n: int) -> str:  # noqa: ARG002
        return self.ngettext(msgid1, msgid2, n)


@attrs.frozen(eq=False)
class Tongue:
    """A language: its catalog, and how it writes numbers."""

    code: str
    locale: Locale
    words: NullTranslations

    def money(self, amount: Money, *, signed: bool = False) -> str:
        """Write an amount: `1 240,50 сом`, `KGS 1,240.50`; `signed` puts a plus before gains."""
        value = Decimal(amount.minor).scaleb(-minor_digits(amount.currency))
        pattern = "¤¤\xa0#,##0.00" if self.locale.language == SOURCE else "#,##0.00\xa0¤"
        if not minor_digits(amount.currency):
            pattern = pattern.replace(".00", "")
        text = _currency(abs(value), amount.currency, pattern, self.locale, currency_digits=False)
        sign = _MINUS if value < 0 else "+" if signed and value else ""
        return sign + text

    def currency(self, code: str) -> str:
        """Write what amounts are counted in, as beside them: `сом`, `KGS`."""
        is_source = self.locale.language == SOURCE
        return code if is_source else get_currency_symbol(code, self.locale)

    def typed(self, plain: str) -> str:
        """Write a plain decimal as people type it: `920,00`, `920.00`."""
        return plain.replace(".", get_decimal_symbol(self.locale))

    def number(self, value: float | Decimal) -> str:
        """Write a number with its thousands apart."""
        return _decimal(value, locale=self.locale).replace("-", _MINUS)

    def short(self, value: float | Decimal) -> str:
        """Write about how much something is, for a chart: `120 тыс.`, `1.25M`."""
        text = _compact_decimal(value, locale=self.locale, fraction_digits=2)
        return text.replace("-", _MINUS)

    def percent(self, value: float, *, signed: bool = False) -> str:
        """Write a share of one with at most one decimal; `signed` puts a plus before gains."""
        pattern = self.locale.percent_formats[None].pattern.replace("#0", "#0.#")
        text = format_percent(value, pattern, locale=self.locale).replace("-", _MINUS)
        return f"+{text}" if signed and value > 0 else text

    def date(self, day: date, form: str = "medium") -> str:
        """Write a day."""
        return _date(day, form, locale=self.locale)

    def month(self, at: datetime, zone: ZoneInfo) -> str:
        """Write the month of an instant with its year, to stand alone."""
        text = format_skeleton("yMMMM", at.astimezone(zone).date(), locale=self.locale)
        return text[:1].upper() + text[1:]

    def instant(self, at: datetime, zone: ZoneInfo, form: str = "medium") -> str:
        """Write an instant as the operator's clocks show it."""
        if form == "medium":
            local = at.astimezone(zone)
            day, time = self.date(local.date()), format_time(local, "HH:mm", locale=self.locale)
            return f"{day}, {time}"
        return format_datetime(at, form, tzinfo=zone, locale=self.locale)

    def hours(self, seconds: float) -> str:
        """Write how long something takes, in hours and minutes: of work, not of days."""
        hours, minutes = divmod(int(abs(seconds)) // 60, 60)
        parts = [(hours, "duration-hour"), (minutes, "duration-minute")]
        shown = [part for part in parts if part[0]][: 1 if hours >= 8 else 2] or parts[1:]
        # Nobody knows the short word that Kyrgyz has for an hour there: "ст".
        length: Literal["long", "short"] = "long" if self.code == "ky" else "short"
        return "\xa0".join(format_unit(n, unit, length, locale=self.locale) for n, unit in shown)

    def ago(self, seconds: float) -> str:
        """Write how long ago something was; what is of this moment was a second ago."""
        return format_timedelta(-max(1, int(seconds)), add_direction=True, locale=self.locale)


@cache
def tongue(code: str) -> Tongue:
    """Return a language by its code; the source's for one that is not written here."""
    locale = Locale.parse(_LOCALES.get(code, SOURCE))
    if code == PSEUDO:
        return Tongue(PSEUDO, locale, Pseudo())
    if code not in NAMES:
        return tongue(SOURCE)
    return Tongue(code, locale, NullTranslations() if code == SOURCE else _catalog(code))


def _catalog(code: str) -> Translations:
    """Read a catalog as it is written, for no compiled one to fall behind it."""
    with (LOCALE / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
        known = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, known)
    compiled.seek(0)
    return Translations(compiled)


CURRENT: ContextVar[str] = ContextVar("language", default=SOURCE)
"""The language of the request at hand."""


def here() -> Tongue:
    """Return the language of the request at hand."""
    return tongue(CURRENT.get())


def spoken(text: Wording) -> str:
    """Return what is said in several languages in that of the request at hand, if it is said so."""
    return text.said_in(CURRENT.get())


def phone(value: object) -> str:
    """Write a phone number in groups that stay together; "" for none."""
    if not value:
        return ""
    try:
        parsed = phonenumbers.parse(str(value))
    except phonenumbers.NumberParseException:
        return str(value)
    form = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return phonenumbers.format_number(parsed, form).replace(" ", "\xa0").replace("-", "\u2011")


def gettext(message: str, **values: object) -> str:
    """Translate a sentence and fill its `%(name)s` in."""
    return here().words.gettext(message) % values if values else here().words.gettext(message)


def ngettext(singular: str, plural: str, count: int, **values: object) -> str:
    """Translate a sentence that counts; `%(count)s` is written as numbers are."""
    known = {"count": here().number(count), **values}
    return here().words.ngettext(singular, plural, count) % known


def pgettext(context: str, message: str) -> str:
    """Translate a word that means one thing here and another elsewhere."""
    return here().words.pgettext(context, message)


def marked(message: str) -> str:
    """Mark a text to be translated where it is shown; `N_` in code."""
    return message


def negotiated(*wishes: str | None, accepted: str = "", default: str = SOURCE) -> str:
    """
    Return a language's code: the first wish that is written here, else what a browser accepts best.
    """
    for wish in wishes:
        if wish in NAMES or wish == PSEUDO:
            return str(wish)
    for code in _by_preference(accepted):
        if code in NAMES:
            return code
    return default if default in NAMES else SOURCE


def _by_preference(accepted: str) -> list[str]:
    """Read an `Accept-Language` header; what cannot be read counts as not said."""
    weighed: list[tuple[float, str]] = []
    for part in accepted[:500].split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            weighed.append((float(weight or 1), name.partition("-")[0].lower()))
        except ValueError:
            continue
    return [code for weight, code in sorted(weighed, key=lambda one: -one[0]) if weight > 0]
