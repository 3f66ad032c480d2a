"""
Papers that people are given, and their editions: what was printed, kept so that it prints again.

A paper says what its thing is now. What it said when it was printed is its edition: the data, and
the template it was set from. The same again is the same edition; after a change, there is another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import attrs

from telecom_crm.domain.identifiers import EditionId


class PaperKind(StrEnum):
    """What is printed."""

    CONTRACT = "contract"
    ACCEPTANCE = "acceptance"
    RECEIPT = "receipt"


PAPERS_OF_CONTRACTS = frozenset({PaperKind.CONTRACT, PaperKind.ACCEPTANCE})
"""What shows who a customer is; a receipt names an account and nobody."""


@attrs.frozen(kw_only=True)
class TemplateVersion:
    """
    A template in the language of Typst: what a kind of paper looks like and says.

    `number` counts up from 1, which is the built-in one, put by nobody.
    """

    kind: PaperKind
    number: int
    digest: str
    by: str = ""
    at: datetime | None = None


@attrs.frozen(kw_only=True)
class Edition:
    """
    A paper as it was printed.

    `data` is JSON, to the letter as the template read it; `template` is the digest of the
    template's text, `template_version` its number; `at` is when it was first printed.
    """

    id: EditionId
    kind: PaperKind
    thing_id: UUID
    language: str
    template: str
    template_version: int
    data: str
    at: datetime

    @property
    def digest(self) -> str:
        """Return what makes this edition another than the others: all but when it was printed."""
        parts = (self.kind.value, str(self.thing_id), self.language, self.template, self.data)
        return text_digest("\0".join(parts))


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def written_data(facts: Mapping[str, Any]) -> str:
    """Return facts as JSON for a template; the same facts are the same letters."""
    return json.dumps(facts, ensure_ascii=False, allow_nan=False, sort_keys=True)
