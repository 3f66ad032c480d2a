"""Tariffs, options and the rules between them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

import attrs
from sqlalchemy import Connection

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import PostgresCollection, Shape, by_choice
from telecom_crm.adapters.postgres.rows.catalog import (
    compatibility_rules_from_json,
    compatibility_rules_to_json,
    option_from_row,
    option_to_row,
    tariff_from_row,
    tariff_to_row,
)
from telecom_crm.adapters.postgres.stream import PostgresRules
from telecom_crm.application.ports import COMPATIBILITY
from telecom_crm.domain.compatibility import CompatibilityRule
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.tariff import CatalogueStatus, Option, Tariff

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
        return compatibility_rules_from_json(self._rules.get(COMPATIBILITY) or [])

    def rules_version(self) -> int:
        """Return how often they were put."""
        return self._rules.version(COMPATIBILITY)

    def replace_rules(
        self,
        rules: Sequence[CompatibilityRule],
        *,
        expected_version: int | None = None,
        by: Actor,
        at: datetime,
    ) -> None:
        """Put these in the place of all, and the event that says so."""
        value = compatibility_rules_to_json(rules)
        self._rules.put(COMPATIBILITY, value, expected_version=expected_version, by=by, at=at)

    @cached_property
    def _rules(self) -> PostgresRules:
        return PostgresRules(self.connection)
