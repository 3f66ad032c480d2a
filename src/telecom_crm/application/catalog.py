"""Tariffs and options on offer, the rules between them, and a whole catalog from a file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any, ClassVar, TypeVar

import attrs

from telecom_crm.application.declared import (
    Reader,
    at,
    chosen,
    decimal,
    flag,
    listed,
    money_in,
    or_none,
    plain,
    readable,
    scalar,
    structure,
    text,
    whole,
)
from telecom_crm.application.paging import each_in, refuse_stale
from telecom_crm.application.ports import (
    Clock,
    Page,
    Query,
    Transaction,
    UnitOfWork,
)
from telecom_crm.application.retry import retried
from telecom_crm.domain.catalogue import (
    Catalogue,
    CatalogueChange,
    CatalogueFile,
    ChangeKind,
    DeclaredOption,
    DeclaredTariff,
    apply_catalogue,
    changes,
    misnamed,
    strangers,
)
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind, check_compatibility
from telecom_crm.domain.errors import (
    Conflict,
    Fault,
    Faults,
    InvalidValue,
    NotFound,
    RuleViolated,
)
from telecom_crm.domain.language import LANGUAGES, Wording, worded
from telecom_crm.domain.lifecycle import SYSTEM, Actor, Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.tariff import (
    DESCRIPTION_LIMIT,
    NAME_LIMIT,
    Allowances,
    Option,
    OptionTerms,
    Tariff,
    TariffTerms,
    UsageRate,
    UsageService,
    catalogue_code,
)

T = TypeVar("T")


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


def read_catalog(raw: Mapping[str, Any]) -> CatalogueFile:
    """
    Read a declared catalog; raise `InvalidValue` with every fault.

    `currency`, then lists of `tariffs`, `options` and `rules`; prices are texts such as "250.00".
    """
    faults = Faults()
    known = ("currency", *(field.name for field in attrs.fields(CatalogueFile)))
    faults.extend(Fault.unknown(name[:60], known) for name in raw if name not in known)
    currency = "KGS"  # also where what is said is none, to tell the faults of amounts beside it
    if said := faults.check("currency", scalar(_currency), raw.get("currency", currency)):
        currency = said
    tariffs = _section(raw, "tariffs", lambda item: _read_tariff(item, currency), faults)
    options = _section(raw, "options", lambda item: _read_option(item, currency), faults)
    rules = _section(raw, "rules", _read_rule, faults)
    codes, groups = _said(raw, ("tariffs", "options"), "code"), _said(raw, ("options",), "group")
    faults.extend(misnamed(codes, set(groups.values()), rules))
    faults.raise_any()
    return CatalogueFile(
        tariffs=tuple(tariffs.values()),
        options=tuple(options.values()),
        rules=tuple(rules.values()),
    )


def read_catalog_toml(content: str | bytes) -> CatalogueFile:
    """Read a declared catalog from the content of a TOML file."""
    try:
        raw = tomllib.loads(content if isinstance(content, str) else content.decode())
    except UnicodeDecodeError as error:
        at = error.object[: error.start].count(b"\n") + 1
        raise InvalidValue.of("file", "encoding", f"not UTF-8 (at line {at})") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidValue.of("file", "toml", f"not TOML: {error}") from None
    return read_catalog(raw)


def demo_catalog() -> CatalogueFile:
    """Return the catalog that the demo uses."""
    file = files("telecom_crm.application") / "demo_catalog.toml"
    return read_catalog_toml(file.read_text(encoding="utf-8"))


def read_tariff_terms(raw: object, *, currency: str) -> TariffTerms:
    """Read a tariff's terms from JSON; raise `InvalidValue` with every fault."""
    return structure(TariffTerms, raw, _tariff_terms(currency))


def read_option_terms(raw: object, *, currency: str) -> OptionTerms:
    """Read an option's terms from JSON; raise `InvalidValue` with every fault."""
    return structure(OptionTerms, raw, _option_terms(currency))


_ALLOWANCES: Mapping[str, Reader] = {"minutes": whole, "messages": whole, "megabytes": whole}
_RATE: Mapping[str, Reader] = {
    "service": chosen(UsageService),
    "destination_prefix": text,
    "time_band": text,
    "price": decimal,
    "billing_step": whole,
    "minimum": whole,
}
_RULE: Mapping[str, Reader] = {"kind": chosen(RuleKind), "subject": text, "others": listed(text)}


def _read_rule(raw: object) -> CompatibilityRule:
    return structure(CompatibilityRule, raw, _RULE)


COMPATIBILITY = "compatibility"
"""The kind of rules as data that compatibility rules are."""


def _section(
    raw: Mapping[str, Any], name: str, read: Callable[[Any], T], faults: Faults
) -> dict[int, T]:
    """Return what can be read of one of the lists of a file, by its place."""
    own = Faults()
    found = readable(raw.get(name, ()), read, own)
    faults.extend(at(name, InvalidValue(tuple(own.found))))
    return found


def _said(raw: Mapping[str, Any], lists: Iterable[str], field: str) -> dict[str, str]:
    """Return the texts in a field of things, by the places of the things, whatever else is odd."""
    return {
        f"{name}.{place}": item[field]
        for name in lists
        if isinstance(raw.get(name), list | tuple)
        for place, item in enumerate(raw[name])
        if isinstance(item, Mapping) and isinstance(item.get(field), str)
    }


def _currency(raw: object) -> str:
    return Money.zero(text(raw)).currency


def _code(raw: object) -> str:
    code = text(raw)
    catalogue_code(None, attrs.fields(DeclaredTariff).code, code)
    return code


def _wording(*, limit: int, required: bool = False) -> Callable[[Any], Wording]:
    """Return a reader of a text in several languages; one alone is in the default language."""

    def checked(said: Wording) -> Wording:
        said.check(field="", limit=limit, required=required)
        return said

    def read(raw: object) -> Wording:
        if isinstance(raw, Mapping):
            return checked(structure(Wording, raw, dict.fromkeys(LANGUAGES.codes, text)))
        return scalar(lambda one: checked(worded(text(one))))(raw)

    return read


_TARIFF: Mapping[str, Reader] = {
    "code": scalar(_code),
    "name": _wording(limit=NAME_LIMIT, required=True),
    "description": _wording(limit=DESCRIPTION_LIMIT),
}
_OPTION: Mapping[str, Reader] = {**_TARIFF, "group": text}


def _allowances(raw: object) -> Allowances:
    return structure(Allowances, raw, _ALLOWANCES)


def _tariff_terms(currency: str) -> dict[str, Reader]:
    return {
        "monthly_fee": money_in(currency),
        "activation_fee": money_in(currency),
        "sim_swap_fee": or_none(money_in(currency)),
        "allowances": _allowances,
        "usage_rates": listed(lambda item: structure(UsageRate, item, _RATE)),
        "payment_modes": listed(chosen(PaymentMode)),
    }


def _option_terms(currency: str) -> dict[str, Reader]:
    return {"fee": money_in(currency), "recurring": flag, "allowances": _allowances}


def _read_tariff(raw: object, currency: str) -> DeclaredTariff:
    words, terms = _declared(raw, _TARIFF, TariffTerms, _tariff_terms(currency))
    return DeclaredTariff(**words, terms=terms)


def _read_option(raw: object, currency: str) -> DeclaredOption:
    words, terms = _declared(raw, _OPTION, OptionTerms, _option_terms(currency))
    return DeclaredOption(**words, terms=terms)


def _declared(
    raw: object, words: Mapping[str, Reader], kind: type[T], terms: Mapping[str, Reader]
) -> tuple[dict[str, Any], T]:
    """Read an object that holds words and terms side by side, with the faults of both."""
    if not isinstance(raw, Mapping):
        raise InvalidValue.of("", "object", "an object with fields")
    faults = Faults()
    known = [*words, *terms]
    for name in raw:
        if name not in known:
            faults.extend([Fault.unknown(str(name)[:60], known)])
    said: dict[str, Any] = {}
    for name, read in words.items():
        if name not in raw and name in ("code", "name"):
            faults.add(name, "missing", "is required")
        elif name in raw:
            try:
                said[name] = read(raw[name])
            except InvalidValue as error:
                faults.extend(at(name, error))
    found: list[T] = []
    try:
        found.append(structure(kind, {k: v for k, v in raw.items() if k in terms}, terms))
    except InvalidValue as error:
        faults.extend(error.faults)
    faults.raise_any()
    return said, found[0]


def compatibility_in(tx: Transaction) -> tuple[CompatibilityRule, ...]:
    """Return the compatibility rules, in the order they were put."""
    return tuple(map(_read_rule, tx.rules.get(COMPATIBILITY) or ()))


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
