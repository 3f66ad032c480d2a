"""Tariffs, options and rules as a file or JSON declares them, read with every fault."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from typing import Any, TypeVar

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
    readable,
    scalar,
    structure,
    text,
    whole,
)
from telecom_crm.domain.catalogue import (
    CatalogueFile,
    DeclaredOption,
    DeclaredTariff,
    misnamed,
)
from telecom_crm.domain.compatibility import CompatibilityRule, RuleKind
from telecom_crm.domain.errors import (
    Fault,
    Faults,
    InvalidValue,
)
from telecom_crm.domain.language import LANGUAGES, Wording, worded
from telecom_crm.domain.money import Money
from telecom_crm.domain.policy import PaymentMode
from telecom_crm.domain.tariff import (
    DESCRIPTION_LIMIT,
    NAME_LIMIT,
    Allowances,
    OptionTerms,
    TariffTerms,
    UsageRate,
    UsageService,
    catalogue_code,
)

T = TypeVar("T")


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
    rules = _section(raw, "rules", read_rule, faults)
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


def read_rule(raw: object) -> CompatibilityRule:
    """Read a compatibility rule from JSON; raise `InvalidValue` with every fault."""
    return structure(CompatibilityRule, raw, _RULE)


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
