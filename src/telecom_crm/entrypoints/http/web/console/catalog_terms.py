"""The terms of tariffs and options as forms, and as what people read and compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from telecom_crm.application.catalog_file import read_option_terms, read_tariff_terms
from telecom_crm.application.declared import plain
from telecom_crm.domain.language import LANGUAGES, Wording
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.tariff import (
    UNITS,
    Allowances,
    Option,
    OptionTerms,
    OptionVersion,
    Tariff,
    TariffTerms,
    TariffVersion,
    UsageService,
)
from telecom_crm.entrypoints.http.web.console.sheets import (
    CHOICE,
    FLAG,
    TICKS,
    Box,
    amount_in,
    amount_written,
    decimal,
    gather,
    shown,
    typed,
    whole,
)
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here
from telecom_crm.entrypoints.http.web.i18n import marked as N_  # gettext's own word
from telecom_crm.entrypoints.http.web.labels import label
from telecom_crm.entrypoints.http.web.prices import price_told

Groups = list[tuple[str, list[Box]]]

COUNTED = {
    UsageService.DATA: N_("%(count)s MB"),
    UsageService.VOICE: N_("%(count)s min"),
    UsageService.MESSAGE: N_("%(count)s SMS"),
}
MORE_RATES = 2
"""How many empty rows for prices of usage a form has beside those that are filled."""
_RATES = "usage_rates"
_RATE = ("service", "destination_prefix", "time_band", "price", "billing_step", "minimum")


@attrs.frozen(kw_only=True)
class TermsForm:
    """The terms of a tariff or an option as boxes, and what reads them."""

    groups: Groups
    rates: tuple[list[Box], ...] = ()
    """A row of boxes for each price of usage."""
    read: Callable[[Mapping[str, Any]], Any]
    needed: tuple[str, ...] = ()
    """Boxes of which at least one has to be ticked."""

    @property
    def names(self) -> list[str]:
        """The names of the boxes, in their order."""
        return [box.name for box in self._boxes]

    @property
    def _boxes(self) -> list[Box]:
        rows = (*(boxes for _, boxes in self.groups), *self.rates)
        return [box for row in rows for box in row]

    def filled(self, terms: TariffTerms | OptionTerms, **beside: object) -> Form:
        """Return a form that shows terms, and other fields beside them."""
        raw = dict(plain(terms))
        raw[_RATES] = {str(place): one for place, one in enumerate(raw.get(_RATES, ()))}
        return Form.filled(**shown(self._boxes, raw), **beside)

    def terms(self, form: Form) -> Any:
        """Return the terms of a form, or None with what is wrong in the form."""
        raw = typed(self._boxes, form)
        rates: Mapping[str, Any] = raw.pop(_RATES, {})
        kept = {row: one for row, one in rates.items() if set(one) & {"service", "price"}}
        if kept:
            raw[_RATES] = list(kept.values())
        for name in self.needed:
            if not raw[name]:
                form.fault(name, "missing")
        found = form.submit(self.read, raw)
        places = dict(enumerate(kept))
        form.faults = [attrs.evolve(one, field=_in_row(one.field, places)) for one in form.faults]
        gather(self._boxes, form)
        return found


def _in_row(field: str, rows: Mapping[int, str]) -> str:
    """Return the box of a fault in a price of usage: empty rows count for the form, not for it."""
    start, dot, rest = field.removeprefix(f"{_RATES}.").partition(".")
    if not field.startswith(f"{_RATES}.") or not start.isdecimal():
        return field
    return f"{_RATES}.{rows.get(int(start), start)}{dot}{rest}"


def tariff_form(currency: str, *, rates: int = 0) -> TermsForm:
    """Return the form of a tariff's terms, with room for a few more prices of usage."""
    fees = [
        _amount("monthly_fee", lambda: _("Monthly fee"), currency),
        _amount("activation_fee", lambda: _("Activation fee"), currency),
        _amount("sim_swap_fee", lambda: _("SIM replacement"), currency, required=False),
        Box(
            name="payment_modes", words=lambda: _("Sold to"), look=TICKS, options=list(PaymentMode)
        ),
    ]
    return TermsForm(
        groups=[(_("Fees"), fees), (_("Included"), _included())],
        rates=tuple(_rate(row, currency) for row in range(rates + MORE_RATES)),
        read=partial(read_tariff_terms, currency=currency),
        needed=("payment_modes",),
    )


def option_form(currency: str) -> TermsForm:
    """Return the form of an option's terms."""
    fees = [
        _amount("fee", lambda: _("Fee"), currency),
        Box(name="recurring", words=lambda: _("Charged every month"), look=FLAG),
    ]
    return TermsForm(
        groups=[(_("Fees"), fees), (_("Included"), _included())],
        read=partial(read_option_terms, currency=currency),
    )


def form_of(thing: Tariff | Option) -> TermsForm:
    """Return the form of the next version of something in the catalog."""
    last = thing.latest
    if isinstance(last, TariffVersion):
        return tariff_form(last.currency, rates=len(last.usage_rates))
    return option_form(last.currency)


def _amount(name: str, words: Any, currency: str, *, required: bool = True) -> Box:
    return Box(
        name=name,
        words=words,
        currency=currency,
        required=required,
        read=lambda raw: amount_in(currency)(raw)["amount"],  # the catalog's own currency
        write=amount_written,
    )


def _included() -> list[Box]:
    said = {
        "megabytes": lambda: _("Megabytes"),
        "minutes": lambda: _("Minutes"),
        "messages": lambda: _("SMS"),
    }
    return [
        Box(name=f"allowances.{name}", words=words, required=False, read=whole)
        for name, words in said.items()
    ]


def _rate(row: int, currency: str) -> list[Box]:
    hints: dict[str, Any] = {
        "destination_prefix": lambda: _("Such as 7; empty for any number"),
        "time_band": lambda: _("Such as 20:00-08:00; empty for any time"),
        "price": lambda: _(
            "%(currency)s for a minute, an SMS or a megabyte", currency=here().currency(currency)
        ),
        "billing_step": lambda: _("Seconds, messages or kilobytes; empty is 1"),
        "minimum": lambda: _("Seconds, messages or kilobytes; empty is none"),
    }
    words: dict[str, Any] = {
        "service": lambda: _("Service"),
        "destination_prefix": lambda: _("Numbers beginning with"),
        "time_band": lambda: _("Time of day"),
        "price": lambda: _("Price"),
        "billing_step": lambda: _("Counted in steps of"),
        "minimum": lambda: _("At least"),
    }
    reads: dict[str, Callable[[str], Any]] = {
        "price": decimal,
        "billing_step": whole,
        "minimum": whole,
    }
    return [
        Box(
            name=f"{_RATES}.{row}.{name}",
            words=words[name],
            hint=None if row else hints.get(name),
            look=CHOICE if name == "service" else "text",
            options=list(UsageService) if name == "service" else (),
            required=False,
            read=reads.get(name, str),
        )
        for name in _RATE
    ]


def told(terms: TariffTerms | OptionTerms) -> dict[str, str]:
    """Return terms as people read them, by what each is called; what is none is left out."""
    money = here().money
    facts: dict[str, str] = {}
    if isinstance(terms, OptionTerms):
        facts[_("Fee")] = money(terms.fee)
        facts[_("Charged")] = _("Every month") if terms.recurring else _("Once")
    else:
        facts[_("Monthly fee")] = money(terms.monthly_fee)
        facts[_("Activation fee")] = money(terms.activation_fee)
        if terms.sim_swap_fee is not None:
            facts[_("SIM replacement")] = money(terms.sim_swap_fee)
        facts[_("Sold to")] = ", ".join(label(one) for one in sorted(terms.payment_modes))
    for service, name in UNITS.items():
        if count := getattr(terms.allowances, name):
            included = ": ".join((_("Included"), label(service)))
            facts[included] = _(COUNTED[service], count=here().number(count))
    if isinstance(terms, TariffTerms):
        for rate in terms.usage_rates:
            price, where = price_told(rate, terms.currency), rate.destination_prefix
            facts[" ".join(filter(None, [label(rate.service), where and f"+{where}"]))] = price
    return facts


Change = tuple[str, str, str]


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return what differs between two terms: its name, and how it was and is; "" where not."""
    return [
        (name, before.get(name, ""), after.get(name, ""))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def versions_told(
    versions: Sequence[TariffVersion | OptionVersion],
) -> list[tuple[TariffVersion | OptionVersion, list[Change]]]:
    """Return the versions of something, the newest first, each with what it changed."""
    facts = [told(one) for one in versions]
    found = [
        (version, changes(facts[place - 1], facts[place]) if place else [])
        for place, version in enumerate(versions)
    ]
    return found[::-1]


def usage_typed(form: Form) -> Allowances | None:
    """Return the usage that a form asks the price of; None where it asks none, or nonsense."""
    counts = {name: form.whole(name, required=False) or 0 for name in UNITS.values()}
    asked = any(form.raw(name) for name in counts)
    return form.submit(Allowances, **counts) if asked else None


@attrs.frozen(kw_only=True)
class Offer:
    """How subscribers see something of the catalog; what cannot be read yet is not there."""

    name: Wording
    about: Wording
    fee: Money | None
    monthly: bool
    included: Allowances


def offer_of(thing: Tariff | Option) -> Offer:
    """Return how subscribers see something that is there."""
    last = thing.latest
    if isinstance(last, TariffVersion):
        fee, monthly = last.monthly_fee, True
    else:
        fee, monthly = last.fee, last.recurring
    return Offer(
        name=thing.name,
        about=thing.description,
        fee=fee,
        monthly=monthly,
        included=last.allowances,
    )


def offer_typed(form: Form, kind: TermsForm, currency: str, thing: Tariff | Option | None) -> Offer:
    """
    Return how subscribers would see what a form has so far: with its words, or those of the thing.

    What is wrong with it is told once it is sent, so nothing is here.
    """
    typed_so_far = Form.filled(**{name: form.raw(name) for name in kind.names})
    fee = "fee" if "fee" in kind.names else "monthly_fee"
    counts = {
        name: typed_so_far.whole(f"allowances.{name}", required=False) or 0
        for name in UNITS.values()
    }
    return Offer(
        name=thing.name if thing else _words_typed(form, "name"),
        about=thing.description if thing else _words_typed(form, "description"),
        fee=typed_so_far.money(fee, thing.latest.currency if thing else currency, required=False),
        monthly=fee == "monthly_fee" or form.flag("recurring"),
        included=Allowances(**{name: max(0, count) for name, count in counts.items()}),
    )


def _words_typed(form: Form, name: str) -> Wording:
    return Wording(**{code: form.raw(f"{name}.{code}") for code in LANGUAGES.codes})
