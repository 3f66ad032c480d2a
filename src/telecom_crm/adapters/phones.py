"""Phone numbers as people write them, read by the rules of the operator's country."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs

from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.domain.text import is_digits

_MARKS = str.maketrans("", "", " \u00a0\u202f\t-.()/")
"""What is written between digits and says nothing."""

LONGEST = 60
"""The most characters that a number is written in."""


@attrs.frozen(slots=False)
class NationalPhones:
    """
    Reads `+996555123456`, `996 555 123-456` and, as it is dialled at home, `0555 123456`.

    `country` is ISO 3166-1 alpha-2. Digits without a plus are a number of that country where they
    can be one, else E.164 without its plus. Whether anybody was given the number is not asked:
    numbering plans change more often than tables of them.
    """

    country: str = attrs.field()

    @country.validator
    def _known(self, _: object, value: str) -> None:
        if not (len(value) == 2 and value.isascii() and value.isupper()):
            raise InvalidValue.of("country", "country", "two capital letters (ISO 3166-1)", value)

    def __call__(self, raw: str) -> MSISDN:
        """Return the number in E.164; raise `InvalidValue`."""
        bare = raw.strip()
        if not (bare[:1] == "+" and is_digits(bare[1:])):  # as most are, at a tenth of the price
            bare = self._digits(raw)
        try:
            return MSISDN(bare)
        except InvalidValue:
            raise self._unreadable(raw) from None

    def check(self) -> None:
        """Raise `InvalidValue` for a country without a numbering plan."""
        _ = self._plan

    @cached_property
    def _plan(self) -> tuple[str, frozenset[int]]:
        """The country's code, and how many digits a whole number has with it."""
        from phonenumbers import PhoneMetadata

        found = PhoneMetadata.metadata_for_region(self.country, None)
        if found is None or found.general_desc is None:
            message = "a country with a numbering plan (ISO 3166-1)"
            raise InvalidValue.of("country", "country", message, self.country)
        code = str(found.country_code)
        return code, frozenset(len(code) + n for n in found.general_desc.possible_length)

    def _digits(self, raw: str) -> str:
        """Return the digits of a number that is written in some other way."""
        if len(raw) > LONGEST:
            raise self._unreadable(raw)
        bare = raw.strip().translate(_MARKS)
        digits = bare.removeprefix("+")
        if not is_digits(digits):
            raise self._unreadable(raw)
        if digits == bare and not self._is_whole(bare):
            return self._dialled(bare) or bare
        return bare

    def _is_whole(self, digits: str) -> bool:
        """Tell whether digits are a number with the country's code, without the plus."""
        code, lengths = self._plan
        return digits.startswith(code) and len(digits) in lengths

    def _dialled(self, digits: str) -> str | None:
        """Return the digits of a number as it is dialled in the country, or None."""
        phonenumbers: Any = _library()
        try:
            number = phonenumbers.parse(digits, self.country)
        except phonenumbers.NumberParseException:
            return None
        reason = phonenumbers.is_possible_number_with_reason(number)
        if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
            return None
        return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))

    def _unreadable(self, raw: str) -> InvalidValue:
        code, _ = self._plan
        message = f"a phone number: E.164, +{code}…, or as it is dialled in {self.country}"
        return InvalidValue.of("msisdn", "msisdn_format", message, raw[:LONGEST])


def _library() -> Any:
    """Return the library, which takes a tenth of a second to load and is seldom needed."""
    import phonenumbers

    return phonenumbers
