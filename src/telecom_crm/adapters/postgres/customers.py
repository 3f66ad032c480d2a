"""Customers, who has which national id and identity document, and former values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import attrs

from telecom_crm.adapters.postgres import tables
from telecom_crm.adapters.postgres.collections import (
    MANY,
    Filter,
    PostgresCollection,
    Shape,
    by_choice,
    by_msisdn,
    by_text,
    conditions_of,
    words_query,
)
from telecom_crm.adapters.postgres.rows.customers import (
    candidate_from_row,
    customer_from_row,
    customer_to_row,
    former_value_from_row,
    former_value_to_row,
    identity_rows,
)
from telecom_crm.adapters.postgres.sheet import Sheet, array_of, rows_of
from telecom_crm.application.ports import NO_FILTERS, Contended, FormerValue, IdentityTaken, Query
from telecom_crm.domain.customer import Customer, CustomerStatus
from telecom_crm.domain.deduplication import Candidate
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.identity_document import NATIONAL_ID, DocumentType, without_marks
from telecom_crm.domain.profile import CustomerKind, folded_city
from telecom_crm.domain.search import SHORTEST_END, words_of
from telecom_crm.domain.text import digits_of

_IDENTITIES = Sheet(tables.identity_documents)
_FORMER = Sheet(tables.former_values)
_LOOKED_AT = 1000
"""How many are taken of what one index finds."""
# Each fact is looked up by its own index, for each customer; no more is read than is compared.
_LOOKALIKES = """
WITH owners AS (
    SELECT g.bearer, d.customer_id
    FROM unnest(%(bearers)s::uuid[], %(types)s::text[], %(numbers)s::text[])
        AS g(bearer, type, number_key)
    JOIN identity_documents d ON d.type = g.type AND d.number_key = g.number_key
)
SELECT g.id AS alike_to, found.*
FROM unnest(%(ids)s::uuid[], %(phones)s::text[], %(emails)s::text[], %(births)s::date[])
    WITH ORDINALITY AS g(id, phone, email, birth_date, place)
CROSS JOIN LATERAL (
    SELECT t.id, t.name, t.phone, t.email, t.birth_date, t.national_id, t.documents,
        row_number() OVER (ORDER BY
            t.id IN (SELECT customer_id FROM owners WHERE bearer = g.id) DESC,
            coalesce(reverse(t.phone) = reverse(g.phone), false) DESC,
            coalesce(lower(t.email) = lower(g.email), false) DESC,
            t.id) AS rank
    FROM customers t
    WHERE t.merged_into IS NULL AND t.id <> g.id AND t.id IN (
        SELECT customer_id FROM owners WHERE bearer = g.id
        UNION SELECT id FROM customers
            WHERE reverse(phone) = reverse(g.phone) AND phone IS NOT NULL
        UNION SELECT id FROM customers
            WHERE lower(email) = lower(g.email) AND email IS NOT NULL
        UNION SELECT id FROM customers
            WHERE birth_date = g.birth_date AND birth_date IS NOT NULL
    )
    ORDER BY rank LIMIT %(limit)s
) AS found
ORDER BY g.place, found.rank
"""


@attrs.define
class PostgresCustomers(PostgresCollection[CustomerId, Customer]):
    """Customers; the table of identity documents, national ids too, has one owner for each."""

    shape: ClassVar[Shape[Any]] = Shape(
        "customer",
        tables.customers,
        key="id",
        to_row=customer_to_row,
        from_row=customer_from_row,
        filters={
            "status": by_choice("status", CustomerStatus),
            "kind": by_choice("kind", CustomerKind),
            "email": Filter("lower(email) = {}", str.lower),
            "phone": by_msisdn("phone"),
            "national_id": by_text("national_id"),
            "city": Filter("city = {}", folded_city),
        },
    )

    def save_all(self, things: Sequence[Customer]) -> None:
        """Store many, their identities too; raise `IdentityTaken` where another has one."""
        changed = [customer for customer in things if customer.version != len(customer.events)]
        kept = self._identities_of(changed)
        PostgresCollection.save_all(self, things)
        self._forget([(c.id, kept[c.id].difference(c.identities)) for c in changed if c.id in kept])
        self._file([(c.id, set(c.identities) - kept.get(c.id, set())) for c in things])

    def by_identities(self, keys: Iterable[str]) -> dict[str, CustomerId]:
        """Return who has which of these national ids and papers."""
        parted = [key.partition(":") for key in keys]
        if not parted:
            return {}
        sql = (
            "SELECT t.type, t.number_key, t.customer_id FROM identity_documents t"
            " JOIN unnest(%(types)s::text[], %(numbers)s::text[]) AS g(type, number_key)"
            " ON t.type = g.type AND t.number_key = g.number_key"
        )
        parameters = {
            "types": array_of([kind for kind, _, _ in parted], quoted=True),
            "numbers": array_of([number for _, _, number in parted], quoted=True),
        }
        rows = self.connection.exec_driver_sql(sql, parameters)
        return {f"{kind}:{number}": owner for kind, number, owner in rows}

    def sharing(
        self, *, phones: Iterable[str], emails: Iterable[str]
    ) -> list[tuple[CustomerId, str, str]]:
        """Return who has one of these phones or e-mails, with theirs, in order of ids."""
        rows = self.connection.exec_driver_sql(
            "SELECT id, coalesce(phone, ''), coalesce(email, '') FROM customers"
            " WHERE merged_into IS NULL AND id IN ("
            " SELECT id FROM customers WHERE phone IS NOT NULL"
            ' AND reverse(phone) COLLATE "C" = ANY(%(phones)s::text[])'
            " UNION ALL SELECT id FROM customers WHERE email IS NOT NULL"
            " AND lower(email) = ANY(%(emails)s::text[])) ORDER BY id",
            {
                "phones": array_of([phone[::-1] for phone in phones], quoted=True),
                "emails": array_of([email.lower() for email in emails], quoted=True),
            },
        )
        return [(customer_id, phone, email) for customer_id, phone, email in rows]

    def lookalikes(
        self, customers: Sequence[Customer], *, limit: int
    ) -> dict[CustomerId, list[Candidate]]:
        """Return who shares something with each, the most telling first, merged ones left out."""
        alike: dict[CustomerId, list[Candidate]] = {one.id: [] for one in customers}
        if not alike:
            return alike
        keys = [(one.id, *key.split(":", 1)) for one in customers for key in one.identities]
        parameters = {
            "ids": array_of(one.id for one in customers),
            "phones": array_of(
                [one.phone.digits if one.phone else None for one in customers], quoted=True
            ),
            "emails": array_of([one.email for one in customers], quoted=True),
            "births": array_of(one.birth_date for one in customers),
            "bearers": array_of(bearer for bearer, _, _ in keys),
            "types": array_of([kind for _, kind, _ in keys], quoted=True),
            "numbers": array_of([number for _, _, number in keys], quoted=True),
            "limit": limit,
        }
        for row in rows_of(self.connection, _LOOKALIKES, parameters):
            alike[row["alike_to"]].append(candidate_from_row(row))
        return alike

    def search(
        self,
        text: str,
        *,
        phone: MSISDN | None = None,
        where: Mapping[str, str] = NO_FILTERS,
        limit: int,
    ) -> list[Customer]:
        """
        Find by what each index knows: nothing that is typed reads the whole table.

        Of a text that very many have, only so many that the filters leave are looked at before they
        are put in order.
        """
        conditions, filtered = conditions_of(Query(where=where), self.shape.filters)
        text = text.strip()
        if not text:
            return []
        arms, parameters = _search_arms(text, phone)
        parameters |= filtered
        if conditions:
            left = f"FROM customers WHERE {' AND '.join(conditions)}"
            arms = [(id, f"{arm} AND EXISTS (SELECT {left} AND id = {id})") for id, arm in arms]
        ids = " UNION ".join(f"(SELECT {id} FROM {arm} LIMIT {_LOOKED_AT})" for id, arm in arms)
        first = f"SELECT id FROM ({ids}) AS found (id) ORDER BY id LIMIT %(limit)s"
        return self.find(f"t.id IN ({first})", parameters, limit=limit)

    def remember(self, values: Sequence[FormerValue]) -> None:
        """Keep values that a change replaced."""
        if values:
            rows = [former_value_to_row(value, place) for place, value in enumerate(values)]
            self.connection.exec_driver_sql(_FORMER.insert, _FORMER.arrays(rows))

    def forget(self, customer_id: CustomerId) -> None:
        """Clear former values."""
        self.connection.exec_driver_sql(
            "DELETE FROM former_values WHERE customer_id = %(id)s", {"id": customer_id}
        )

    def former_values(self, customer_id: CustomerId) -> list[FormerValue]:
        """Return them, oldest first."""
        sql = "SELECT * FROM former_values WHERE customer_id = %(id)s ORDER BY at, position, field"
        rows = rows_of(self.connection, sql, {"id": customer_id})
        return [former_value_from_row(row) for row in rows]

    def _identities_of(self, customers: Sequence[Customer]) -> dict[CustomerId, set[str]]:
        """Return the keys of the identities that these customers had until now."""
        if not customers:
            return {}
        before = self.find(
            "t.id = ANY(%(ids)s::uuid[])", {"ids": array_of(customer.id for customer in customers)}
        )
        return {customer.id: set(customer.identities) for customer in before}

    def _forget(self, gone: Sequence[tuple[CustomerId, set[str]]]) -> None:
        rows = _in_order(gone)
        if rows:
            self.connection.exec_driver_sql(
                f"DELETE FROM identity_documents t USING {_IDENTITIES.unnest}"
                f" AS g({', '.join(_IDENTITIES.columns)}) WHERE t.type = g.type"
                " AND t.number_key = g.number_key AND t.customer_id = g.customer_id",
                _IDENTITIES.arrays(rows),
            )

    def _file(self, new: Sequence[tuple[CustomerId, set[str]]]) -> None:
        """Write down who has an identity from now on."""
        rows = _in_order(new)
        if len(rows) > MANY:
            _IDENTITIES.copy_in(self.connection, _IDENTITIES.columns_of(rows))
        elif rows:
            filed = self.connection.exec_driver_sql(
                f"{_IDENTITIES.insert} ON CONFLICT DO NOTHING RETURNING type, number_key",
                _IDENTITIES.arrays(rows),
            ).all()
            if len(filed) < len(rows):
                self._refuse_taken(rows)

    def _refuse_taken(self, rows: Sequence[dict[str, Any]]) -> None:
        mine = {f"{row['type']}:{row['number_key']}": row["customer_id"] for row in rows}
        owners = self.by_identities(mine)
        for key, customer_id in mine.items():
            if key in owners and owners[key] != customer_id:
                raise IdentityTaken(owners[key])
        if len(owners) < len(mine):
            raise Contended("an identity document")  # given up since it was in the way


def _in_order(owned: Sequence[tuple[CustomerId, set[str]]]) -> list[dict[str, Any]]:
    """Return the rows in order of their key, in which everybody takes them."""
    rows = [row for owner, keys in owned for row in identity_rows(owner, keys)]
    return sorted(rows, key=lambda row: (row["type"], row["number_key"]))


Arm = tuple[str, str]
"""What is a customer's id, and where it is found: the rest of a query."""


def _search_arms(text: str, phone: MSISDN | None) -> tuple[list[Arm], dict[str, Any]]:
    """Return the ways to look for a text."""
    digits = digits_of(text)
    parameters: dict[str, Any] = {
        "text": text,
        "number": text.upper()[::-1],
        "identity": without_marks(text),
        "types": array_of([NATIONAL_ID, *(kind.value for kind in DocumentType)], quoted=True),
    }
    arms: list[Arm] = [
        ("c.id", "customers c WHERE lower(email) = lower(%(text)s) AND email IS NOT NULL"),
        (
            "customer_id",
            "identity_documents WHERE type = ANY(%(types)s::text[]) AND number_key = %(identity)s",
        ),
        ("customer_id", "contracts WHERE reverse(number) = %(number)s"),
    ]
    if asked := [(word,) for word in words_of(text)]:
        parameters["words"] = words_query(tuple(asked))
        arms.append(
            (
                "c.id",
                "customers c WHERE"
                " array_to_tsvector(string_to_array(words, ' ')) @@ %(words)s::tsquery",
            )
        )
    if len(digits) >= SHORTEST_END:
        parameters |= {"digits": digits, "end": f"{digits[::-1]}%"}
        arms += [
            ("c.id", "customers c WHERE reverse(phone) LIKE %(end)s AND phone IS NOT NULL"),
            ("customer_id", "contracts WHERE reverse(msisdn) LIKE %(end)s"),
            ("customer_id", "contracts WHERE reverse(number) LIKE %(end)s"),
            ("customer_id", "contracts WHERE iccid = %(digits)s"),
        ]
    if phone is not None:
        parameters["phone"] = phone.digits[::-1]
        arms += [
            ("c.id", "customers c WHERE reverse(phone) = %(phone)s AND phone IS NOT NULL"),
            ("customer_id", "contracts WHERE reverse(msisdn) = %(phone)s"),
        ]
    return arms, parameters
