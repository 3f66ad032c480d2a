"""Rows of tariffs, options and the rules between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from telecom_crm.adapters.postgres.json import converter, many_to_text, to_text
from telecom_crm.domain.language import Wording
from telecom_crm.domain.tariff import CatalogueStatus, Option, OptionVersion, Tariff, TariffVersion


def tariff_to_row(tariff: Tariff) -> dict[str, Any]:
    """Return the row of a tariff."""
    return {
        "code": tariff.code,
        "name": to_text(tariff.name),
        "description": to_text(tariff.description),
        "versions": many_to_text(tariff.versions),
        "status": tariff.status.value,
        "version": tariff.version,
    }


def tariff_from_row(row: Mapping[str, Any]) -> Tariff:
    """Return the tariff of a row."""
    return Tariff(
        code=row["code"],
        name=converter.structure(row["name"], Wording),
        description=converter.structure(row["description"], Wording),
        versions=converter.structure(row["versions"], tuple[TariffVersion, ...]),
        status=CatalogueStatus(row["status"]),
        version=row["version"],
    )


def option_to_row(option: Option) -> dict[str, Any]:
    """Return the row of an option."""
    return {
        "code": option.code,
        "name": to_text(option.name),
        "description": to_text(option.description),
        "option_group": option.group,
        "versions": many_to_text(option.versions),
        "status": option.status.value,
        "version": option.version,
    }


def option_from_row(row: Mapping[str, Any]) -> Option:
    """Return the option of a row."""
    return Option(
        code=row["code"],
        name=converter.structure(row["name"], Wording),
        description=converter.structure(row["description"], Wording),
        group=row["option_group"],
        versions=converter.structure(row["versions"], tuple[OptionVersion, ...]),
        status=CatalogueStatus(row["status"]),
        version=row["version"],
    )
