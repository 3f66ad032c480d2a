"""Payment cards: their numbers never stay, not even where somebody wrote one into a note."""

from __future__ import annotations

import re

from telecom_crm.domain.identifiers import luhn_is_right

FEWEST = 13
"""So many digits has the shortest number of a card."""
_LIKE_A_CARD = re.compile(r"(?<![0-9])[2-69][0-9](?:[ -]?[0-9]){11,17}(?![0-9])")
_SCHEMES = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[0-9]|2[2-7])[0-9]{14}"  # Mastercard, Maestro, Mir
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}"  # American Express, Diners Club
    r"|(?:35|6[0-9])[0-9]{14,17}"  # JCB, UnionPay, Discover, Maestro
    r"|9417[0-9]{12}"  # Elcart
)
"""
How numbers begin in each scheme, and how long they are then (ISO/IEC 7812-1).

IMEI (15 digits, from 35 on), IMSI (15, from 437), personal numbers (14) and SIM cards (89) are none
of these, though their last digit may check the others.
"""


def without_cards(text: str) -> str:
    """
    Return a text with what looks like a card's number masked, all but its last four digits.

    >>> without_cards("paid by 4111 1111 1111 1111, call +996 555 12 34 56")
    'paid by •••• 1111, call +996 555 12 34 56'
    """
    return text if len(text) < FEWEST else _LIKE_A_CARD.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    digits = re.sub(r"[ -]", "", found[0])
    is_card = _SCHEMES.fullmatch(digits) and luhn_is_right(digits)
    return f"•••• {digits[-4:]}" if is_card else found[0]
