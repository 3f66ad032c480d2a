"""
Hypothesis strategies for the trade's values.

Digits are built from integers, which Hypothesis draws several times faster than a regex and
shrinks to the smallest number.
"""

from __future__ import annotations

import string

from hypothesis import strategies as st

from telecom_crm.domain.identifiers import ICCID, MSISDN, luhn_is_right
from telecom_crm.domain.money import Money

_SIM_ISSUER = "8999601"
_NUMBER_RANGE = "996555"


def iccid_of(serial: int) -> ICCID:
    """Return the ICCID (19 digits) of a serial number below 10^11, with its check digit."""
    digits = f"{_SIM_ISSUER}{serial:011d}"
    check = next(one for one in string.digits if luhn_is_right(digits + one))
    return ICCID(digits + check)


def msisdn_of(serial: int) -> MSISDN:
    """Return the number of a place, below a million, in one range."""
    return MSISDN(f"{_NUMBER_RANGE}{serial:06d}")


def iccids() -> st.SearchStrategy[ICCID]:
    """Any SIM of one issuer."""
    return st.integers(0, 10**11 - 1).map(iccid_of)


def msisdns() -> st.SearchStrategy[MSISDN]:
    """Any number of one range."""
    return st.integers(0, 999_999).map(msisdn_of)


def amounts(*, largest: int = 100_000, currency: str = "KGS") -> st.SearchStrategy[Money]:
    """More than nothing, up to `largest` minor units."""
    return st.integers(1, largest).map(lambda minor: Money(minor, currency))


def texts(*, most: int = 30) -> st.SearchStrategy[str]:
    """
    What people type: several alphabets, quotes, percent signs and backslashes; not empty.

    Edges carry no white space and no character is a control, as the domain reads text without them.
    """
    letters = st.sampled_from("aZ09 '\"\\%_;-,{}№ÜйңөҮ字é🙂")
    return st.text(letters, min_size=1, max_size=most).map(lambda raw: f"x{raw}x")
