"""A whole catalogue as a file declares it, and what has to change for it to become true."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from telecom_crm.domain.compatibility import CompatibilityRule
from telecom_crm.domain.errors import Fault, Faults, RuleViolated
from telecom_crm.domain.language import Wording, worded
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.tariff import (
    CHANGEABLE,
    Option,
    OptionTerms,
    Tariff,
    TariffTerms,
    catalogue_code,
    has_name,
    is_description,
)


@attrs.frozen(kw_only=True)
class DeclaredTariff:
    """A tariff as a catalogue file wants it."""

    code: str = attrs.field(validator=catalogue_code)
    name: Wording = attrs.field(converter=worded, validator=has_name)
    description: Wording = attrs.field(
        default=Wording(), converter=worded, validator=is_description
    )
    terms: TariffTerms


@attrs.frozen(kw_only=True)
class DeclaredOption:
    """An option as a catalogue file wants it."""

    code: str = attrs.field(validator=catalogue_code)
    name: Wording = attrs.field(converter=worded, validator=has_name)
    description: Wording = attrs.field(
        default=Wording(), converter=worded, validator=is_description
    )
    group: str = ""
    terms: OptionTerms


@attrs.frozen(kw_only=True)
class CatalogueFile:
    """What a catalogue should be: codes are unique, rules name codes and groups that are in it."""

    tariffs: tuple[DeclaredTariff, ...] = ()
    options: tuple[DeclaredOption, ...] = ()
    rules: tuple[CompatibilityRule, ...] = ()

    def __attrs_post_init__(self) -> None:
        things = {f"tariffs.{place}": tariff.code for place, tariff in enumerate(self.tariffs)}
        things |= {f"options.{place}": option.code for place, option in enumerate(self.options)}
        groups = {option.group for option in self.options}
        faults = Faults()
        faults.extend(misnamed(things, groups, dict(enumerate(self.rules))))
        faults.raise_any()


def misnamed(
    codes: Mapping[str, str], groups: Collection[str], rules: Mapping[int, CompatibilityRule]
) -> Iterator[Fault]:
    """
    Yield a fault for each code that comes twice, and for each name in a rule that nothing has.

    `codes` are those of tariffs and options by their place in a file.
    """
    first: dict[str, str] = {}
    for place, code in codes.items():
        if code in first:
            message = f"{code} is the code of {first[code]} already; each code once"
            yield Fault(f"{place}.code", "code_twice", message, code)
        first.setdefault(code, place)
    for fault in strangers({*first, *groups}, rules, of="the same file"):
        yield attrs.evolve(fault, field=f"rules.{fault.field}")


def strangers(
    known: Collection[str], rules: Mapping[int, CompatibilityRule], *, of: str
) -> Iterator[Fault]:
    """Yield a fault for each name in a rule that is not known, by the rule's place in its list."""
    for number, rule in rules.items():
        names = {"subject": rule.subject}
        names |= {f"others.{place}": name for place, name in enumerate(rule.others)}
        for place, name in names.items():
            if name not in known:
                message = f"{name} is no tariff, option or group of {of}"
                yield Fault(f"{number}.{place}", "code_unknown", message, name)


@attrs.frozen(kw_only=True)
class Catalogue:
    """What the catalogue is."""

    tariffs: tuple[Tariff, ...] = ()
    options: tuple[Option, ...] = ()
    rules: tuple[CompatibilityRule, ...] = ()


class ChangeKind(StrEnum):
    """What applying a catalogue file does to one tariff, option or to the rules."""

    NEW = "new"
    NEW_VERSION = "new_version"
    DESCRIBED = "described"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"


@attrs.frozen
class CatalogueChange:
    """One line of what applying a catalogue file does; `thing` is tariff, option or rules."""

    thing: str
    code: str
    kind: ChangeKind


def changes(current: Catalogue, wanted: CatalogueFile) -> tuple[CatalogueChange, ...]:
    """
    Say what a catalogue file would change: what is new, what needs a new version, what stays.

    Things that the file does not name are left alone. Rules, if the file has any, replace the old.
    """
    tariffs = {tariff.code: tariff for tariff in current.tariffs}
    options = {option.code: option for option in current.options}
    lines = [CatalogueChange("tariff", w.code, _kind(tariffs, w)) for w in wanted.tariffs]
    lines += [CatalogueChange("option", w.code, _kind(options, w)) for w in wanted.options]
    if wanted.rules:
        same = set(wanted.rules) == set(current.rules)
        kind = ChangeKind.UNCHANGED if same else ChangeKind.REPLACED
        lines.append(CatalogueChange("rules", "", kind))
    return tuple(lines)


def apply_catalogue(
    current: Catalogue, wanted: CatalogueFile, *, by: Actor, at: datetime
) -> Catalogue:
    """
    Return what has to be saved to make a catalogue as a file wants it; nothing if it is so already.

    New things are put on sale. The rules are the whole new set. Raise `RuleViolated` with every
    reason where a retired thing would need a new version.
    """
    tariffs = {tariff.code: tariff for tariff in current.tariffs}
    options = {option.code: option for option in current.options}
    lines = {(line.thing, line.code): line.kind for line in changes(current, wanted)}
    things: list[tuple[str, Mapping[str, Tariff | Option]]] = [
        ("tariff", tariffs),
        ("option", options),
    ]
    if reasons := [
        f"{thing} {code} is {known[code].status}: it gets no new version"
        for thing, known in things
        for (of, code), kind in lines.items()
        if of == thing and kind is ChangeKind.NEW_VERSION and known[code].status not in CHANGEABLE
    ]:
        raise RuleViolated("changeable", tuple(reasons))
    made = [_make_tariff(tariffs.get(w.code), w, by=by, at=at) for w in wanted.tariffs]
    added = [_make_option(options.get(w.code), w, by=by, at=at) for w in wanted.options]
    return Catalogue(
        tariffs=tuple(tariff for tariff in made if tariff.events),
        options=tuple(option for option in added if option.events),
        rules=wanted.rules or current.rules,
    )


def _make_tariff(old: Tariff | None, want: DeclaredTariff, *, by: Actor, at: datetime) -> Tariff:
    if old is None:
        new = Tariff.create(
            code=want.code,
            name=want.name,
            description=want.description,
            terms=want.terms,
            by=by,
            at=at,
        )
        return new.publish(by=by, at=at)
    if old.latest.terms != want.terms:
        old = old.add_version(terms=want.terms, by=by, at=at)
    if not _same_words(old, want):
        old = old.describe(name=want.name, description=want.description, by=by, at=at)
    return old


def _make_option(old: Option | None, want: DeclaredOption, *, by: Actor, at: datetime) -> Option:
    if old is None:
        new = Option.create(
            code=want.code,
            name=want.name,
            description=want.description,
            group=want.group,
            terms=want.terms,
            by=by,
            at=at,
        )
        return new.publish(by=by, at=at)
    if old.latest.terms != want.terms:
        old = old.add_version(terms=want.terms, by=by, at=at)
    if not _same_words(old, want):
        old = old.describe(
            name=want.name, description=want.description, group=want.group, by=by, at=at
        )
    return old


def _kind(
    known: Mapping[str, Tariff] | Mapping[str, Option], want: DeclaredTariff | DeclaredOption
) -> ChangeKind:
    old = known.get(want.code)
    if old is None:
        return ChangeKind.NEW
    if old.latest.terms != want.terms:
        return ChangeKind.NEW_VERSION
    return ChangeKind.UNCHANGED if _same_words(old, want) else ChangeKind.DESCRIBED


def _same_words(old: Tariff | Option, want: DeclaredTariff | DeclaredOption) -> bool:
    def words(thing: Tariff | Option | DeclaredTariff | DeclaredOption) -> tuple[Any, ...]:
        return thing.name, thing.description, getattr(thing, "group", "")

    return words(old) == words(want)
