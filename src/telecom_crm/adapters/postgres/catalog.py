"""Tariffs, options and the rules between them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice
from telecom_crm.adapters.postgres.rows.catalog import (
    compatibility_rule_from_row,
    compatibility_rule_to_row,
    option_from_row,
    option_to_row,
    tariff_from_row,
    tariff_to_row,
)
from telecom_crm.adapters.postgres.sheet import Sheet, rows_of
from telecom_crm.domain.compatibility import CompatibilityRule
from telecom_crm.domain.tariff import CatalogueStatus, Option, Tariff

_RULES = Sheet(tables.compatibility_rules)
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

    def rules(self) -> tuple[CompatibilityRule, ...]:
        """Return all compatibility rules in the order they were put."""
        rows = rows_of(self.connection, "SELECT * FROM compatibility_rules ORDER BY position", {})
        return tuple(compatibility_rule_from_row(row) for row in rows)

    def replace_rules(self, rules: Sequence[CompatibilityRule]) -> None:
        """Put these in the place of all; of two at the same time, one tries again."""
        self.connection.exec_driver_sql("DELETE FROM compatibility_rules")
        if rules:
            rows = [compatibility_rule_to_row(rule, place) for place, rule in enumerate(rules)]
            self.connection.exec_driver_sql(_RULES.insert, _RULES.arrays(rows))
