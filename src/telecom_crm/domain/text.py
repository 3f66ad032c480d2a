"""Free text: what of it can be kept and shown."""

from __future__ import annotations

import re

import attrs

from telecom_crm.domain.errors import InvalidValue

UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
"""What no database and no page can show."""
RAW_LIMIT = 10_000
"""A longer text is too long for anything, and is not read through to find out."""


def read_text(raw: str, *, field: str, limit: int = 1000, required: bool = False) -> str:
    """
    Return free text of one or more lines, stripped; code `text`, or `text_missing`.

    Refused are control characters and lone surrogates, which no database and no page can show.
    """
    if len(raw) > limit:
        raise invalid_text(field, "text", f"at most {limit} characters", raw)
    if UNSTORABLE.search(raw):
        raise invalid_text(field, "text", "no control characters", raw)
    text = raw.strip()
    if required and not text:
        raise invalid_text(field, "text_missing", "a text is required", raw)
    return text


def masked(value: str | None, *, first: int = 4, last: int = 4) -> str:
    """Show the ends of a secret number and a dot for each character between."""
    if not value:
        return ""
    hidden = len(value) - first - last
    if hidden < 1:
        return "•" * len(value)
    return value[:first] + "•" * hidden + value[-last:]


def check_text(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    """Refuse, as an attrs validator, what `read_text` refuses."""
    read_text(value, field=attribute.name)


def invalid_text(field: str, code: str, message: str, raw: str) -> InvalidValue:
    """Return the error of one text, which is shown back as far as it can be."""
    # What is shown back must itself be fit to store and to send: short, no NUL, no lone surrogate.
    shown = UNSTORABLE.sub("\ufffd", raw[:100])
    return InvalidValue.of(field, code, message, shown)


def is_digits(text: str) -> bool:
    """
    Tell whether a text is one or more of the digits 0 to 9.

    >>> is_digits("0555"), is_digits("٠٥"), is_digits("5²"), is_digits("")
    (True, False, False, False)
    """
    # isdigit() alone also takes Arabic-Indic and superscript digits.
    return text.isascii() and text.isdigit()


def is_alphanumeric(text: str) -> bool:
    """
    Tell whether a text is letters of any alphabet and digits 0 to 9, at least one of them.

    >>> is_alphanumeric("ID07"), is_alphanumeric("АВ12"), is_alphanumeric("ID٠٧")
    (True, True, False)
    """
    if text.isascii():
        return text.isalnum()
    return all(char.isalpha() or is_digits(char) for char in text)


def digits_of(text: str) -> str:
    """
    Return the digits of a number as people write it; nothing of a text that is something else.

    >>> digits_of("+996 (700) 12-34-56"), digits_of("anna1990@example.org")
    ('996700123456', '')
    """
    return re.sub(r"[^0-9]", "", text) if _NUMBER.fullmatch(text) else ""


_NUMBER = re.compile(r"[-+0-9 ().]+")
