"""The words of messages as sheets of settings: one for each event, in every language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import attrs

from telecom_crm.application.rule_readers import read_templates
from telecom_crm.application.rules import TEMPLATES
from telecom_crm.domain.errors import Faults, InvalidValue
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.notification import (
    FACTS,
    NEW_DEVICE,
    SAMPLES,
    SIGN_IN_CODE,
    TICKET_COMMENTED,
    Message,
    Template,
    render,
)
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.web.console.sheets import AREA, Box, Sheet
from telecom_crm.entrypoints.http.web.events import event_shown
from telecom_crm.entrypoints.http.web.i18n import NAMES
from telecom_crm.entrypoints.http.web.i18n import gettext as _

PREFIX = "message-"
Groups = list[tuple[str, list[Box]]]


def message_sheets() -> dict[str, Sheet]:
    """Return the sheets by the last part of their address."""
    return {sheet.slug: sheet for sheet in map(_sheet, FACTS)}


def event_of(sheet: Sheet) -> str:
    """Return the event that a sheet's message is of; "" for a sheet of other rules."""
    return sheet.slug.removeprefix(PREFIX) if sheet.kind == TEMPLATES else ""


def templates_typed(event: str, raw: Mapping[str, Any]) -> list[Template]:
    """Return what was typed, for every channel; raise `InvalidValue` with every fault."""
    found, faults = list[Template](), Faults()
    for language in NAMES:
        typed = raw.get(language, {})
        words = {name: typed.get(name, "") for name in ("subject", "body")}
        try:
            found += read_templates([{"event": event, "language": language, **words}])
        except InvalidValue as error:
            faults.extend(
                attrs.evolve(one, field=f"{language}.{one.field.removeprefix('0.')}")
                for one in error.faults
            )
    faults.raise_any()
    return found


def previews(templates: Iterable[Template], currency: str) -> list[tuple[str, Message]]:
    """Return the messages as they would go out, with the facts of an example."""
    facts = {**SAMPLES, "currency": currency}
    return [(NAMES[one.language], render(one, facts)) for one in templates]


def _words(event: str) -> str:
    of_own = {
        NEW_DEVICE: _("Sign-in from a new device"),
        SIGN_IN_CODE: _("Code to sign in with"),
        TICKET_COMMENTED: _("Answer on a ticket"),
    }
    return of_own.get(event) or event_shown(event)[0]


def _groups(event: str) -> Groups:
    facts = ", ".join(f"${name}" for name in sorted(FACTS[event]))
    return [
        (
            name,
            [
                Box(name=f"{language}.subject", words=lambda: _("Subject")),
                Box(
                    name=f"{language}.body",
                    words=lambda: _("Text"),
                    hint=lambda: _("It may tell: %(facts)s", facts=facts),
                    look=AREA,
                    read=lambda raw: raw.replace("\r\n", "\n"),
                ),
            ],
        )
        for language, name in NAMES.items()
    ]


def _load(event: str, crm: Crm) -> Mapping[str, Any]:
    return {
        one.language: {"subject": one.subject, "body": one.body}
        for one in crm.rules.templates()
        if one.event == event and one.channel is None
    }


def _save(event: str, crm: Crm, raw: Mapping[str, Any], version: int | None, by: Actor) -> None:
    mine = templates_typed(event, raw)
    places = {(one.event, one.language, None) for one in mine}
    others = [
        one for one in crm.rules.templates() if (one.event, one.language, one.channel) not in places
    ]
    crm.rules.put_templates([*others, *mine], expected_version=version, by=by)


def _sheet(event: str) -> Sheet:
    return Sheet(
        slug=f"{PREFIX}{event}",
        kind=TEMPLATES,
        words=partial(_words, event),
        about=lambda: _("What customers are told, each in their language."),
        icon="mail",
        groups=partial(_groups, event),
        load=partial(_load, event),
        save=partial(_save, event),
    )
