"""The languages an operator writes in, and what is said in several of them."""

from __future__ import annotations

from functools import partial

import attrs

from telecom_crm.domain.errors import Faults
from telecom_crm.domain.text import read_text


@attrs.frozen
class Languages:
    """The languages an operator writes in; `default` is for those who name none."""

    codes: tuple[str, ...]
    default: str


def _stripped(text: str) -> str:
    return text.strip()


@attrs.frozen(kw_only=True)
class Wording:
    """What something is called or described as, in each of `LANGUAGES`, or ""."""

    en: str = attrs.field(default="", converter=_stripped)
    ru: str = attrs.field(default="", converter=_stripped)
    ky: str = attrs.field(default="", converter=_stripped)

    def said_in(self, language: str) -> str:
        """
        Return the text in a language, else in the default one, else in the first that has one.

        >>> Wording(ky="Баштоо", ru="Старт").said_in("en")
        'Баштоо'
        """
        texts = attrs.asdict(self)
        order = (language, LANGUAGES.default, *LANGUAGES.codes)
        return next((text for code in order if (text := texts.get(code, ""))), "")

    def check(self, *, field: str, limit: int, required: bool = False) -> None:
        """
        Raise `InvalidValue` for texts that are too long or cannot be shown, each as `field.ru`.

        Where one is `required`, it is the default language's: the one all others fall back on.
        """
        faults = Faults()
        for code, text in attrs.asdict(self).items():
            place = f"{field}.{code}" if field else code
            faults.check(place, partial(read_text, field=place, limit=limit), text)
            if required and code == LANGUAGES.default and not text:
                faults.add(place, "wording_missing", "a text in the default language")
        faults.raise_any()


LANGUAGES = Languages(tuple(field.name for field in attrs.fields(Wording)), "ky")


def worded(said: str | Wording) -> Wording:
    """Return what is said in several languages; a plain text is in the default one."""
    return said if isinstance(said, Wording) else Wording(**{LANGUAGES.default: said})
