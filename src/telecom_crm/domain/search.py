"""What names are searched by: words in one spelling, whichever alphabet they were written in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

SHORTEST_END = 4
"""So many digits are the end of a number; fewer are the end of too many."""

Readings = tuple[tuple[str, ...], ...]
"""For each word that is searched for, the beginnings that a found thing has one of."""


def words_of(text: str) -> list[str]:
    """
    Return the words of a text as they are compared: without case and marks, in Latin letters.

    >>> words_of("О'Коннор-Усенова,  Айгүл")
    ['o', 'konor', 'usenova', 'aigul']
    >>> words_of("Жумабеков Рахим") == words_of("Djumabekov Rahim") == words_of("Jumabekov RAKHIM")
    True
    >>> words_of("Schifffahrt") == words_of("schiffahrt")
    True
    >>> words_of("zzzz")
    ['zzzz']
    """
    plain = unicodedata.normalize("NFKD", text)
    if not plain.isascii():
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    spelled = map(_spelled, _WORDS.findall(plain.casefold()))
    return [word for word in spelled if word]


def words_fit(words: Iterable[str], asked: Readings) -> bool:
    """Tell whether for each word that is asked for, one of these begins with a reading of it."""
    known = list(words)
    return all(any(word.startswith(readings) for word in known) for readings in asked)


def _spelled(word: str) -> str:
    # `zzzz` is not everybody whose name begins with a Z; Schifffahrt is a word.
    is_noise = len(word) > 2 and len(set(word)) == 1 and word.isalpha()
    word = word.translate(_LATIN)
    if is_noise:
        return word[:_LONGEST]
    for pattern, spelling in _SPELLINGS:
        word = pattern.sub(spelling, word)
    return word[:_LONGEST]


_WORDS = re.compile(r"[^\W_]+")
_LONGEST = 100  # a database has a limit; names have another
_LATIN = str.maketrans(
    dict(
        zip("абвгдеиклмнопрстуфыэіңөүқғә", "abvgdeiklmnoprstufieinoukga", strict=True),
        **{"ж": "zh", "з": "z", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch"},
        **{"ъ": "", "ь": "", "ю": "iu", "я": "ia", "һ": "kh", "ҳ": "kh"},
        **{"y": "i", "w": "v", "q": "k", "x": "ks"},
    )
)
# Each makes longer what people spell shorter, so that the beginning of a word stays its beginning.
_SPELLINGS = (
    (re.compile(r"dzh|d?j"), "zh"),
    (re.compile(r"(?<![cgkpstz])h"), "kh"),
    (re.compile(r"ie"), "e"),
    (re.compile(r"([^\W\d_])\1+"), r"\1"),
)
