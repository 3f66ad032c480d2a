"""
Who may be the same person: rules, weights and thresholds as data, and the comparison itself.

An exact match (national id, identity document) is the same customer; anything else is a suspicion
with a score and its reasons, for an operator to link or dismiss.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from types import MappingProxyType

import attrs

from telecom_crm.domain.customer import Customer
from telecom_crm.domain.identifiers import MSISDN, CustomerId
from telecom_crm.domain.profile import Profile


class Match(StrEnum):
    """What two records have in common."""

    NATIONAL_ID = "national_id"
    DOCUMENT = "document"
    PHONE = "phone"
    EMAIL = "email"
    NAME_AND_BIRTH_DATE = "name_and_birth_date"


MATCH_WORDS: Mapping[Match, str] = MappingProxyType(
    {
        Match.NATIONAL_ID: "the same national id",
        Match.DOCUMENT: "the same identity document",
        Match.PHONE: "the same phone",
        Match.EMAIL: "the same e-mail",
        Match.NAME_AND_BIRTH_DATE: "nearly the same name and the same birth date",
    }
)


IDENTITIES = frozenset({Match.NATIONAL_ID, Match.DOCUMENT})
"""What only one customer has, so that sharing it is being the same."""


def _default_weights() -> Mapping[Match, int]:
    return MappingProxyType(
        {
            Match.NATIONAL_ID: 100,
            Match.DOCUMENT: 100,
            Match.PHONE: 60,
            Match.EMAIL: 60,
            Match.NAME_AND_BIRTH_DATE: 80,
        }
    )


@attrs.frozen(kw_only=True)
class DeduplicationRules:
    """
    How much each match counts, in points of 100.

    `exact` are the matches that settle it; the rest is suspected from `suspect_from` points on.
    `name_likeness` is the least ratio (0 to 1) at which two names are nearly the same.
    A match without a weight is not looked for.
    """

    weights: Mapping[Match, int] = attrs.field(factory=_default_weights)
    exact: frozenset[Match] = IDENTITIES
    suspect_from: int = 50
    name_likeness: float = 0.85


DEFAULT_RULES = DeduplicationRules()


@attrs.frozen(kw_only=True)
class Candidate:
    """What of a record is compared; `customer_id` is None for who is not a customer yet."""

    customer_id: CustomerId | None = None
    name: str = ""
    phone: MSISDN | None = None
    email: str | None = None
    birth_date: date | None = None
    national_id: str | None = None
    documents: frozenset[str] = frozenset()

    @classmethod
    def of_customer(cls, customer: Customer) -> Candidate:
        """Return what is compared of a customer."""
        return cls(
            customer_id=customer.id,
            name=customer.name,
            phone=customer.phone,
            email=customer.email,
            birth_date=customer.birth_date,
            national_id=customer.national_id,
            documents=frozenset(document.key for document in customer.documents),
        )

    @classmethod
    def of_profile(cls, profile: Profile) -> Candidate:
        """Return what is compared of somebody who comes in."""
        return cls(
            name=profile.name,
            phone=profile.phone,
            email=profile.email,
            birth_date=profile.birth_date,
            documents=frozenset({profile.document.key} if profile.document else ()),
        )


@attrs.frozen(kw_only=True)
class Suspicion:
    """A customer who may be the same: how sure (0 to 100 points), and why."""

    customer_id: CustomerId
    score: int
    exact: bool
    reasons: tuple[Match, ...]
    dismissed: bool = False

    @property
    def words(self) -> str:
        """The reasons as an operator reads them."""
        return ", ".join(MATCH_WORDS[reason] for reason in self.reasons)


def find_duplicates(
    candidate: Candidate, others: Iterable[Candidate], rules: DeduplicationRules = DEFAULT_RULES
) -> tuple[Suspicion, ...]:
    """
    Return who among `others` may be the candidate: exact ones first, then by score.

    Anyone without a customer id, and the candidate's own record, is passed over.
    """
    found = [
        suspicion
        for other in others
        if other.customer_id is not None and other.customer_id != candidate.customer_id
        if (suspicion := _compare(candidate, other, other.customer_id, rules)) is not None
    ]
    found.sort(key=lambda one: (not one.exact, -one.score, str(one.customer_id)))
    return tuple(found)


def name_key(name: str) -> str:
    """
    Return a name without case, accents, marks and order: what is compared.

    >>> name_key("Пётр  СИДОРОВ") == name_key("сидоров петр")
    True
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).casefold())
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(sorted(_WORDS.findall(letters.translate(_APOSTROPHES))))


def name_likeness(one: str, other: str) -> float:
    """Return how alike two names are, from 0 to 1; the order of the two does not matter."""
    first, second = sorted((name_key(one), name_key(other)))
    if first == second:
        return 1.0 if first else 0.0
    return SequenceMatcher(None, first, second, autojunk=False).ratio()


_WORDS = re.compile(r"\w+")
_APOSTROPHES = str.maketrans("", "", "'\u2019\u02bc`\u02b9")


def _compare(
    one: Candidate, other: Candidate, customer_id: CustomerId, rules: DeduplicationRules
) -> Suspicion | None:
    reasons = tuple(match for match in rules.weights if _matches(match, one, other, rules))
    score = min(100, sum(rules.weights[match] for match in reasons))
    exact = not rules.exact.isdisjoint(reasons)
    if not exact and (not reasons or score < rules.suspect_from):
        return None
    return Suspicion(customer_id=customer_id, score=score, exact=exact, reasons=reasons)


def _matches(match: Match, one: Candidate, other: Candidate, rules: DeduplicationRules) -> bool:
    match match:
        case Match.NATIONAL_ID:
            return one.national_id is not None and one.national_id == other.national_id
        case Match.DOCUMENT:
            return not one.documents.isdisjoint(other.documents)
        case Match.PHONE:
            return one.phone is not None and one.phone == other.phone
        case Match.EMAIL:
            return bool(one.email and other.email) and _fold(one.email) == _fold(other.email)
        case Match.NAME_AND_BIRTH_DATE:
            return (
                one.birth_date is not None
                and one.birth_date == other.birth_date
                and name_likeness(one.name, other.name) >= rules.name_likeness
            )


def _fold(email: str | None) -> str:
    return (email or "").casefold()
