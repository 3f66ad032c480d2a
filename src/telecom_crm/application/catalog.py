"""Tariffs and options on offer, the rules between them, and a whole catalog put at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import attrs

from telecom_crm.application.catalog_file import read_rule
from telecom_crm.application.declared import plain
from telecom_crm.application.paging import counts_of, each_in, refuse_stale, search_of
from telecom_crm.application.ports import NO_FILTERS, Clock, Page, Query, Transaction, UnitOfWork
from telecom_crm.application.retry import retried
from telecom_crm.domain.catalogue import (
    Catalogue,
    CatalogueChange,
    CatalogueFile,
    ChangeKind,
    apply_catalogue,
    changes,
    strangers,
)
from telecom_crm.domain.compatibility import CompatibilityRule, check_compatibility, refusals
from telecom_crm.domain.errors import Conflict, Faults, NotFound, RuleViolated
from telecom_crm.domain.language import Wording
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.tariff import Option, OptionTerms, Tariff, TariffTerms

COMPATIBILITY = "compatibility"
"""The kind of rules as data that compatibility rules are."""


@attrs.define
class CodeTaken(Conflict):
    """The catalog has a tariff or an option with this code."""

    code: ClassVar[str] = "code_taken"

    thing: str
    name: str

    def __str__(self) -> str:
        return f"there is a {self.thing} {self.name} already"


@attrs.frozen(kw_only=True)
class Applied:
    """What applying a catalog file did, line by line."""

    lines: tuple[CatalogueChange, ...]

    @property
    def created(self) -> int:
        """How many tariffs and options are new."""
        return self._count(ChangeKind.NEW)

    @property
    def updated(self) -> int:
        """How many got a new version or other words; replaced rules count as one."""
        return self._count(ChangeKind.NEW_VERSION, ChangeKind.DESCRIBED, ChangeKind.REPLACED)

    @property
    def unchanged(self) -> int:
        """How many were so already."""
        return self._count(ChangeKind.UNCHANGED)

    def _count(self, *kinds: ChangeKind) -> int:
        return sum(line.kind in kinds for line in self.lines)


@attrs.frozen
class TariffCatalog:
    """What the operator sells."""

    uow: UnitOfWork
    clock: Clock

    # Tariffs

    def tariff(self, code: str) -> Tariff:
        """Show one tariff with its versions."""
        with self.uow(read_only=True) as tx:
            return tx.catalog.tariffs.get(code)

    def tariffs(self, query: Query) -> Page[Tariff]:
        """List tariffs, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.catalog.tariffs.page(query)

    def names(self) -> dict[str, Wording]:
        """Return what every tariff and option is called, by its code."""
        with self.uow(read_only=True) as tx:
            return tx.catalog.names()

    def count_tariffs(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the tariffs that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.catalog.tariffs, wheres, most=most)

    def search_tariffs(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Tariff]:
        """Find tariffs by a part of the code, or of the name in any language."""
        return search_of(self.uow, lambda tx: tx.catalog.tariffs, _words, text, where, limit=limit)

    def tariff_history(self, code: str) -> list[Event]:
        """Tell everything that happened to a tariff, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.events.of("tariff", tx.catalog.tariffs.get(code).key)

    @retried
    def create_tariff(
        self,
        *,
        code: str,
        name: str | Wording,
        description: str | Wording = "",
        terms: TariffTerms,
        valid_from: datetime | None = None,
        by: Actor = SYSTEM,
    ) -> Tariff:
        """Prepare a tariff with its first version; raise `CodeTaken`."""
        tariff = Tariff.create(
            code=code,
            name=name,
            description=description,
            terms=terms,
            valid_from=valid_from,
            by=by,
            at=self.clock(),
        )
        with self.uow() as tx:
            _refuse_taken(tx, code)
            return tx.catalog.tariffs.save(tariff)

    @retried
    def new_tariff_version(
        self,
        code: str,
        *,
        terms: TariffTerms,
        valid_from: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Tariff:
        """Give new contracts new terms from an instant on; live contracts keep theirs."""
        with self.uow() as tx:
            tariff = _tariff(tx, code, expected_version)
            changed = tariff.add_version(terms=terms, valid_from=valid_from, by=by, at=self.clock())
            return tx.catalog.tariffs.save(changed)

    def preview_tariff_version(
        self,
        code: str,
        *,
        terms: TariffTerms,
        valid_from: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Tariff:
        """Return what `new_tariff_version` would make, and raise what it would; keep nothing."""
        with self.uow(read_only=True) as tx:
            tariff = _tariff(tx, code, expected_version)
        return tariff.add_version(terms=terms, valid_from=valid_from, by=by, at=self.clock())

    @retried
    def describe_tariff(
        self,
        code: str,
        *,
        name: str | Wording,
        description: str | Wording = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Tariff:
        """Change what people read of a tariff; no price changes."""
        with self.uow() as tx:
            tariff = _tariff(tx, code, expected_version)
            told = tariff.describe(name=name, description=description, by=by, at=self.clock())
            return tx.catalog.tariffs.save(told)

    @retried
    def publish_tariff(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Tariff:
        """Put a tariff on sale."""
        with self.uow() as tx:
            tariff = _tariff(tx, code, expected_version)
            return tx.catalog.tariffs.save(tariff.publish(by=by, at=self.clock()))

    @retried
    def retire_tariff(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Tariff:
        """Sell a tariff no more; contracts that have it keep it."""
        with self.uow() as tx:
            tariff = _tariff(tx, code, expected_version)
            return tx.catalog.tariffs.save(tariff.retire(by=by, at=self.clock()))

    @retried
    def make_tariff_obsolete(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Tariff:
        """Put away a retired tariff that no contract has any more; raise `RuleViolated`."""
        with self.uow() as tx:
            tariff = _tariff(tx, code, expected_version)
            gone = tariff.make_obsolete(by=by, at=self.clock())
            for contract in each_in(tx.contracts, tariff=code):
                if contract.is_live:
                    reason = f"contract {contract.number} has tariff {code}"
                    raise RuleViolated("tariff_unused", (reason,))
            return tx.catalog.tariffs.save(gone)

    # Options

    def option(self, code: str) -> Option:
        """Show one option with its versions."""
        with self.uow(read_only=True) as tx:
            return tx.catalog.options.get(code)

    def options(self, query: Query) -> Page[Option]:
        """List options, a page at a time."""
        with self.uow(read_only=True) as tx:
            return tx.catalog.options.page(query)

    def count_options(self, *wheres: Mapping[str, str], most: int) -> list[int]:
        """Count the options that each filter leaves, up to `most`."""
        return counts_of(self.uow, lambda tx: tx.catalog.options, wheres, most=most)

    def search_options(
        self, text: str, *, where: Mapping[str, str] = NO_FILTERS, limit: int = 20
    ) -> list[Option]:
        """Find options by a part of the code, or of the name in any language."""
        return search_of(self.uow, lambda tx: tx.catalog.options, _words, text, where, limit=limit)

    def option_history(self, code: str) -> list[Event]:
        """Tell everything that happened to an option, oldest first."""
        with self.uow(read_only=True) as tx:
            return tx.events.of("option", tx.catalog.options.get(code).key)

    @retried
    def create_option(
        self,
        *,
        code: str,
        name: str | Wording,
        description: str | Wording = "",
        group: str = "",
        terms: OptionTerms,
        valid_from: datetime | None = None,
        by: Actor = SYSTEM,
    ) -> Option:
        """Prepare an option with its first version; raise `CodeTaken`."""
        option = Option.create(
            code=code,
            name=name,
            description=description,
            group=group,
            terms=terms,
            valid_from=valid_from,
            by=by,
            at=self.clock(),
        )
        with self.uow() as tx:
            _refuse_taken(tx, code)
            return tx.catalog.options.save(option)

    @retried
    def new_option_version(
        self,
        code: str,
        *,
        terms: OptionTerms,
        valid_from: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Option:
        """Sell an option on new terms from an instant on; live contracts keep theirs."""
        with self.uow() as tx:
            option = _option(tx, code, expected_version)
            changed = option.add_version(terms=terms, valid_from=valid_from, by=by, at=self.clock())
            return tx.catalog.options.save(changed)

    def preview_option_version(
        self,
        code: str,
        *,
        terms: OptionTerms,
        valid_from: datetime | None = None,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Option:
        """Return what `new_option_version` would make, and raise what it would; keep nothing."""
        with self.uow(read_only=True) as tx:
            option = _option(tx, code, expected_version)
        return option.add_version(terms=terms, valid_from=valid_from, by=by, at=self.clock())

    @retried
    def describe_option(
        self,
        code: str,
        *,
        name: str | Wording,
        description: str | Wording = "",
        group: str = "",
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> Option:
        """Change what people read of an option, and its group; no price changes."""
        with self.uow() as tx:
            option = _option(tx, code, expected_version)
            told = option.describe(
                name=name, description=description, group=group, by=by, at=self.clock()
            )
            return tx.catalog.options.save(told)

    @retried
    def publish_option(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Option:
        """Put an option on sale."""
        with self.uow() as tx:
            option = _option(tx, code, expected_version)
            return tx.catalog.options.save(option.publish(by=by, at=self.clock()))

    @retried
    def retire_option(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Option:
        """Sell an option no more; contracts that have it keep it."""
        with self.uow() as tx:
            option = _option(tx, code, expected_version)
            return tx.catalog.options.save(option.retire(by=by, at=self.clock()))

    @retried
    def make_option_obsolete(
        self, code: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> Option:
        """Put away a retired option; contracts that still have it keep its terms."""
        with self.uow() as tx:
            option = _option(tx, code, expected_version)
            return tx.catalog.options.save(option.make_obsolete(by=by, at=self.clock()))

    # What goes together

    def rules(self) -> tuple[CompatibilityRule, ...]:
        """List the compatibility rules."""
        with self.uow(read_only=True) as tx:
            return compatibility_in(tx)

    def rules_version(self) -> int:
        """Return how often the compatibility rules were changed."""
        with self.uow(read_only=True) as tx:
            return tx.rules.version(COMPATIBILITY)

    @retried
    def replace_rules(
        self,
        rules: Sequence[CompatibilityRule],
        *,
        expected_version: int | None = None,
        by: Actor = SYSTEM,
    ) -> None:
        """
        Put these compatibility rules in the place of all.

        Raise `InvalidValue` with every code that is not there, by its place in the list.
        """
        with self.uow() as tx:
            current = _current(tx)
            known = {*_codes(current.tariffs), *_codes(current.options)}
            known |= {option.group for option in current.options}
            faults = Faults()
            faults.extend(strangers(known, dict(enumerate(rules)), of="the catalog"))
            faults.raise_any()
            tx.rules.put(
                COMPATIBILITY,
                plain(rules),
                expected_version=expected_version,
                by=by,
                at=self.clock(),
            )

    def check(self, *, tariff: str, options: Sequence[str] = ()) -> tuple[str, ...]:
        """Tell in words everything that forbids these options with this tariff; nothing if fine."""
        with self.uow(read_only=True) as tx:
            offer = offer_in(tx, tariff=tariff, options=options)
        return check_compatibility(offer.tariff, offer.options, offer.rules)

    def refusals(self, *, tariff: str, options: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
        """Tell in words, for each further option that cannot be chosen, what forbids it."""
        with self.uow(read_only=True) as tx:
            offer = offer_in(tx, tariff=tariff, options=options)
            every = list(each_in(tx.catalog.options))
        return refusals(offer.tariff, offer.options, every, offer.rules)

    # A whole catalog

    @retried
    def apply(self, wanted: CatalogueFile, *, by: Actor = SYSTEM) -> Applied:
        """
        Make the catalog as a file declares it: new things are put on sale, changed ones versioned.

        Again is no change. What the file does not name is left alone.
        """
        with self.uow() as tx:
            tx.rules.hold(COMPATIBILITY)
            current = _current(tx)
            lines = changes(current, wanted)
            new = apply_catalogue(current, wanted, by=by, at=self.clock())
            tx.catalog.tariffs.save_all(new.tariffs)
            tx.catalog.options.save_all(new.options)
            if set(new.rules) != set(current.rules):
                tx.rules.put(COMPATIBILITY, plain(new.rules), by=by, at=self.clock())
            return Applied(lines=lines)


@attrs.frozen(kw_only=True)
class Offer:
    """A tariff, options and the rules between them, as read for one decision."""

    tariff: Tariff
    options: tuple[Option, ...]
    rules: tuple[CompatibilityRule, ...]


def offer_in(tx: Transaction, *, tariff: str, options: Iterable[str]) -> Offer:
    """Read what a contract names; raise `InvalidValue` with every code that is not there."""
    faults = Faults()
    codes = tuple(options)
    found = None
    try:
        found = tx.catalog.tariffs.get(tariff)
    except NotFound:
        faults.add("tariff", "tariff_unknown", "no such tariff in the catalog", tariff)
    known = tx.catalog.options.get_many(dict.fromkeys(codes))
    for code in codes:
        if code not in known:
            faults.add("options", "option_unknown", "an option of the catalog", code)
    faults.raise_any()
    if found is None:
        raise AssertionError("a tariff that is not there is a fault")
    chosen_options = tuple(known[code] for code in codes)
    return Offer(tariff=found, options=chosen_options, rules=compatibility_in(tx))


def compatibility_in(tx: Transaction) -> tuple[CompatibilityRule, ...]:
    """Return the compatibility rules, in the order they were put."""
    return tuple(map(read_rule, tx.rules.get(COMPATIBILITY) or ()))


def _current(tx: Transaction) -> Catalogue:
    tariffs = {tariff.code: None for tariff in each_in(tx.catalog.tariffs)}
    options = {option.code: None for option in each_in(tx.catalog.options)}
    return Catalogue(
        tariffs=tuple(tx.catalog.tariffs.get_many(tariffs).values()),
        options=tuple(tx.catalog.options.get_many(options).values()),
        rules=compatibility_in(tx),
    )


def _codes(things: Iterable[Tariff | Option]) -> set[str]:
    return {thing.code for thing in things}


def _refuse_taken(tx: Transaction, code: str) -> None:
    # Rules name tariffs and options alike, so their codes are one set.
    if code in tx.catalog.tariffs.get_many([code]):
        raise CodeTaken("tariff", code)
    if code in tx.catalog.options.get_many([code]):
        raise CodeTaken("option", code)


def _tariff(tx: Transaction, code: str, expected_version: int | None) -> Tariff:
    tariff = tx.catalog.tariffs.get(code)
    refuse_stale(tariff, expected_version, name="tariff")
    return tariff


def _option(tx: Transaction, code: str, expected_version: int | None) -> Option:
    option = tx.catalog.options.get(code)
    refuse_stale(option, expected_version, name="option")
    return option


def _words(thing: Tariff | Option) -> Iterable[str]:
    return (thing.code, *attrs.astuple(thing.name))
