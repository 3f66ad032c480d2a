"""Tariffs, options and the rules between them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice
from telecom_crm.adapters.postgres.json import converter
from telecom_crm.adapters.postgres.rows.catalog import (
    option_from_row,
    option_to_row,
    tariff_from_row,
    tariff_to_row,
)
from telecom_crm.adapters.postgres.sheet import rows_of
from telecom_crm.domain.language import Wording
from telecom_crm.domain.tariff import CatalogueStatus, Option, Tariff

_NAMES = "SELECT code, name FROM tariffs UNION ALL SELECT code, name FROM options"
_FILTERS = {"status": by_choice("status", CatalogueStatus)}


@attrs.define
class PostgresTariffs(PostgresCollection[str, Tariff]):
    """Tariffs by their code."""

    shape: ClassVar[Shape[Any]] = Shape(
        "tariff",
        tables.tariffs,
        key="code",
        to_row=tariff_to_row,
        from_row=tariff_from_row,
        filters=_FILTERS,
    )


@attrs.define
class PostgresOptions(PostgresCollection[str, Option]):
    """Options by their code."""

    shape: ClassVar[Shape[Any]] = Shape(
        "option",
        tables.options,
        key="code",
        to_row=option_to_row,
        from_row=option_from_row,
        filters=_FILTERS,
    )


@attrs.define(slots=False)
class PostgresCatalog:
    """The catalog in one transaction."""

    connection: Connection
    holding: bool = True

    @cached_property
    def tariffs(self) -> PostgresTariffs:
        """Tariffs by their code."""
        return PostgresTariffs(self.connection, self.holding)

    @cached_property
    def options(self) -> PostgresOptions:
        """Options by their code."""
        return PostgresOptions(self.connection, self.holding)

    def names(self) -> dict[str, Wording]:
        """Return what every tariff and option is called, by its code."""
        named = rows_of(self.connection, _NAMES, {})
        return {row["code"]: converter.structure(row["name"], Wording) for row in named}
