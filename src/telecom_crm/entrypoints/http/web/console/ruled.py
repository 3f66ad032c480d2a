"""The kinds of rules that the console shows as forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from typing import Any

import attrs
from babel.dates import get_day_names

from telecom_crm.application.declared import plain
from telecom_crm.application.rule_readers import (
    read_deduplication,
    read_offered,
    read_policies,
    read_regulations,
    read_service_levels,
    read_validation,
    service_levels_json,
)
from telecom_crm.application.rules import (
    DEDUPLICATION,
    POLICIES,
    REGULATIONS,
    SELF_CARE,
    SLA,
    VALIDATION,
)
from telecom_crm.domain.deduplication import Match
from telecom_crm.domain.errors import Fault, InvalidValue
from telecom_crm.domain.identity_document import DocumentType
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.policy import (
    BillingPolicy,
    FeeTiming,
    FirstFee,
    PaymentMode,
    Proration,
    Requirement,
)
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.regulation import Regulations
from telecom_crm.domain.self_care import Section
from telecom_crm.domain.ticket import TicketPriority
from telecom_crm.domain.validation import CustomerField
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.sheets import (
    CHOICE,
    FLAG,
    LINES,
    TICKS,
    Box,
    Sheet,
    amount_in,
    amount_written,
    day,
    decimal,
    spans,
    spans_written,
    whole,
)
from telecom_crm.entrypoints.http.web.console.worded import message_sheets
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.i18n import here, pgettext
from telecom_crm.entrypoints.http.web.labels import label, policy_title

Groups = list[tuple[str, list[Box]]]


def _said(member: object) -> Callable[[], str]:
    return partial(label, member)


def _deduplication() -> Groups:
    points = [
        Box(name=f"weights.{one}", words=_said(one), required=False, read=whole) for one in Match
    ]
    return [
        (_("Points out of 100 for each match; left empty, it is not looked for"), points),
        (
            _("What it takes"),
            [
                Box(
                    name="suspect_from",
                    words=lambda: _("Points that make a possible duplicate"),
                    read=whole,
                ),
                Box(
                    name="name_likeness",
                    words=lambda: _("Names are alike from"),
                    hint=lambda: _("From 0 to 1; 1 is the same name"),
                    read=decimal,
                ),
                Box(
                    name="exact",
                    words=lambda: _("Each of these alone proves the same customer"),
                    look=TICKS,
                    options=list(Match),
                ),
            ],
        ),
    ]


def _service_levels() -> Groups:
    names = get_day_names("wide", "stand-alone", here().locale)
    targets = [
        Box(name=f"targets.{one}.{part}", words=partial(_target, one, part), read=decimal)
        for one in TicketPriority
        for part in ("first_response", "resolution")
    ]
    hours = [
        Box(
            name=f"hours.{number}",
            words=partial(str.capitalize, names[number]),
            required=False,
            read=spans,
            write=spans_written,
        )
        for number in range(7)
    ]
    return [
        (_("Hours of work until the first answer, and until it is resolved"), targets),
        (_("Working hours, such as 09:00-13:00, 14:00-18:00; none on a day off"), hours),
        (
            _("Calendar"),
            [
                Box(name="zone", words=lambda: _("Time zone")),
                Box(
                    name="holidays",
                    words=lambda: _("Holidays"),
                    hint=lambda: _("One to a line, such as 21.03.2027"),
                    look=LINES,
                    required=False,
                    read=day,
                ),
            ],
        ),
    ]


def _target(priority: TicketPriority, part: str) -> str:
    said = _("first answer") if part == "first_response" else _("resolution")
    return f"{label(priority)}: {said}"


def _validation() -> Groups:
    required = [
        Box(name=f"required.{one}", words=_said(one), look=TICKS, options=list(CustomerField))
        for one in CustomerKind
    ]
    documents = [
        Box(
            name="document_types",
            words=lambda: pgettext("documents", "Accepted"),
            look=TICKS,
            options=list(DocumentType),
        ),
        Box(
            name="expired_documents", words=lambda: _("Also those that are out of date"), look=FLAG
        ),
    ]
    formats = [
        Box(name="national_id_formats", words=_said(CustomerField.NATIONAL_ID), look=LINES),
        Box(
            name="registration_number_formats",
            words=_said(CustomerField.REGISTRATION_NUMBER),
            look=LINES,
        ),
        *(
            Box(name=f"document_formats.{one}", words=_said(one), look=LINES)
            for one in DocumentType
        ),
    ]
    age = Box(name="minimum_age", words=lambda: _("Least age in years"), required=False, read=whole)
    return [
        (_("What has to be there beside the name"), [*required, age]),
        (_("Identity documents"), documents),
        (
            _("Formats, one to a line: 9 is a digit, A a letter, * either"),
            formats,
        ),
    ]


def _amount(name: str, words: Callable[[], str], currency: str, *, required: bool = False) -> Box:
    return Box(
        name=name,
        words=words,
        hint=lambda: here().currency(currency),
        required=required,
        read=amount_in(currency),
        write=amount_written,
    )


def _count(name: str, words: Callable[[], str], *, required: bool = False) -> Box:
    return Box(name=name, words=words, required=required, read=whole)


def _choice(name: str, words: Callable[[], str], options: type[StrEnum]) -> Box:
    return Box(name=name, words=words, look=CHOICE, options=list(options))


def _policy(currency: str) -> Groups:
    terms = [
        Box(name="name", words=lambda: _("Title")),
        _choice("payment_mode", lambda: _("Prepaid or postpaid"), PaymentMode),
        _amount("credit_limit", lambda: _("Credit limit"), currency, required=True),
        _amount("low_balance", lambda: _("Low-balance notice below"), currency),
        _amount("promise_limit", lambda: _("Largest promised payment"), currency),
        _count("promise_days", lambda: _("Days of a promise"), required=True),
        Box(name="tax.code", words=lambda: _("Code of the tax")),
        Box(name="tax.percent", words=lambda: _("Tax in percent"), read=decimal),
    ]
    fees = [
        _choice("fee_timing", lambda: _("Fees are charged"), FeeTiming),
        _choice("proration", lambda: _("A part of a period"), Proration),
        _choice("first_fee", lambda: _("First fee"), FirstFee),
        Box(
            name="cycle_day",
            words=lambda: _("Day of the month on which periods begin"),
            hint=lambda: _("Empty: the day of the activation"),
            required=False,
            read=whole,
            write=lambda value: str(value["day"]),
        ),
    ]
    contracts = [
        Box(
            name="required_for_activation",
            words=lambda: _("Asked for before a contract is activated"),
            look=TICKS,
            options=list(Requirement),
        ),
        _count("sims_per_person", lambda: _("Contracts of a person at most")),
        _count("sims_per_organisation", lambda: _("Contracts of an organisation at most")),
    ]
    return [(_("Terms"), terms), (_("Fees"), fees), (_("Contracts"), contracts)]


_EMPTIED = dict.fromkeys(
    ("cycle_day", "low_balance", "promise_limit", "sims_per_person", "sims_per_organisation")
)
"""What a policy goes without where its box is empty."""


def _policy_sheet(policy: BillingPolicy) -> Sheet:
    """Return the sheet of one billing policy; those beside it stay as they are."""
    mine: Mapping[str, Any] = plain(policy)

    def put(crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
        changed = {**mine, **_EMPTIED, **raw}
        try:
            [read] = read_policies([changed])
        except InvalidValue as error:
            raise InvalidValue(_within(error, "0")) from None
        policies = [read if one.id == read.id else one for one in crm.rules.policies()]
        crm.rules.put_policies(policies, expected_version=version, by=by)

    return Sheet(
        slug=f"policy-{policy.id}",
        kind=POLICIES,
        words=lambda: _("Billing policy: %(name)s", name=policy_title(policy)),
        about=lambda: _("The terms of new accounts; existing accounts keep theirs."),
        icon="receipt-text",
        groups=lambda: _policy(policy.currency),
        load=lambda _crm: mine,
        save=put,
    )


def _regulation_sheet(currency: str) -> Sheet:
    """Return the sheet of what is said of payments in one currency; others stay as they are."""
    return Sheet(
        slug="payments",
        kind=REGULATIONS,
        words=lambda: _("Limits of payments"),
        about=lambda: _("The smallest and largest payment, and how far a gateway's may differ."),
        icon="wallet",
        groups=partial(_limits, currency),
        load=partial(_limits_kept, currency),
        save=partial(_put_limits, currency),
    )


def _limits(currency: str) -> Groups:
    limits = [
        _amount("smallest", lambda: _("Smallest payment"), currency),
        _amount("largest", lambda: _("Largest payment"), currency),
        _amount("tolerance", lambda: _("Difference booked without asking"), currency),
    ]
    return [(_("Payments in %(currency)s", currency=currency), limits)]


def _limits_kept(currency: str, crm: Crm) -> Mapping[str, Any]:
    found = crm.rules.regulations()
    limits = [one for one in found.payment_limits if one.smallest.currency == currency]
    tolerances = [one for one in found.tolerances if one.currency == currency]
    return {
        **(plain(limits[0]) if limits else {}),
        "tolerance": plain(tolerances[0]) if tolerances else None,
    }


def _put_limits(
    currency: str, crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor
) -> None:
    found = crm.rules.regulations()
    limits = {name: raw[name] for name in ("smallest", "largest") if name in raw}
    mine = {
        "payment_limits": [limits] if limits else [],
        "tolerances": [raw["tolerance"]] if "tolerance" in raw else [],
    }
    try:
        read = read_regulations(mine)
    except InvalidValue as error:
        raise InvalidValue(_within(error, "payment_limits", "tolerances", "0")) from None
    others = [one for one in found.payment_limits if one.smallest.currency != currency]
    kept = [one for one in found.tolerances if one.currency != currency]
    wanted = Regulations(
        payment_limits=[*others, *read.payment_limits], tolerances=[*kept, *read.tolerances]
    )
    crm.rules.put_regulations(wanted, expected_version=version, by=by)


def _within(error: InvalidValue, *outer: str) -> tuple[Fault, ...]:
    """Return an error's faults by the names that the boxes have."""
    return tuple(
        attrs.evolve(
            fault, field=".".join(part for part in fault.field.split(".") if part not in outer)
        )
        for fault in error.faults
    )


def _put_deduplication(crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
    crm.rules.put_deduplication(read_deduplication(raw), expected_version=version, by=by)


def _put_levels(crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
    crm.rules.put_service_levels(read_service_levels(raw), expected_version=version, by=by)


def _sections() -> Groups:
    on = Box(
        name="on", words=lambda: pgettext("sections", "Shown"), look=TICKS, options=list(Section)
    )
    return [(_("What subscribers see"), [on])]


def _offered(crm: Crm) -> Mapping[str, Any]:
    """Return what is on, which is what a tick means; the rules have what is off."""
    off = crm.rules.offered().off
    return {"on": [one.value for one in Section if one not in off]}


def _put_offered(crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
    off = [one.value for one in Section if one.value not in raw["on"]]
    crm.rules.put_offered(read_offered({"off": off}), expected_version=version, by=by)


def _put_validation(crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
    crm.rules.put_validation(read_validation(raw), expected_version=version, by=by)


SHEETS: Mapping[str, Sheet] = {
    sheet.slug: sheet
    for sheet in (
        Sheet(
            slug="deduplication",
            kind=DEDUPLICATION,
            words=lambda: _("Duplicate rules"),
            about=lambda: _("How much each match counts, and from where on somebody is suspected."),
            icon="git-merge",
            groups=_deduplication,
            load=lambda crm: plain(crm.rules.deduplication()),
            save=_put_deduplication,
        ),
        Sheet(
            slug="validation",
            kind=VALIDATION,
            words=lambda: _("Customer requirements"),
            about=lambda: _("Fields that have to be there, and documents and numbers as taken."),
            icon="id-card",
            groups=_validation,
            load=lambda crm: plain(crm.rules.validation()),
            save=_put_validation,
        ),
        Sheet(
            slug="service-levels",
            kind=SLA,
            words=lambda: _("Ticket response times (SLA)"),
            about=lambda: _("Times by priority, working hours and holidays."),
            icon="clock",
            groups=_service_levels,
            load=lambda crm: service_levels_json(crm.rules.service_levels()),
            save=_put_levels,
        ),
        Sheet(
            slug="self-care",
            kind=SELF_CARE,
            words=lambda: _("Sections of self-care"),
            about=lambda: _("What subscribers do by themselves; a section without a tick is gone."),
            icon="smartphone",
            groups=_sections,
            load=_offered,
            save=_put_offered,
        ),
    )
}
"""The kinds of which there is one set of rules, by the last part of their address."""


def sheets_of(crm: Crm) -> dict[str, Sheet]:
    """Return all kinds by the last part of their address; a billing policy is one by itself."""
    policies = (_policy_sheet(policy) for policy in crm.rules.policies())
    made = (_regulation_sheet(crm.currency), *policies)
    return {**SHEETS, **{one.slug: one for one in made}, **message_sheets()}
