"""Phone numbers in texts from outside, before anything is decided on them."""

from __future__ import annotations

from telecom_crm.application.ports import ReadPhone
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.text import is_digits


def in_e164(text: str, read_phone: ReadPhone) -> str:
    """Return a number in E.164, and what cannot be read as it is: whoever reads it next says so."""
    if text[:1] == "+" and is_digits(text[1:]):
        return text  # files of a million rows have little else
    try:
        return str(read_phone(text))
    except InvalidValue:
        return text
