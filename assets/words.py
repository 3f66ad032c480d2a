"""
Bring the catalogs to what the pages say: `python assets/words.py`; `check` alone changes nothing.

New texts come in empty, to be translated in `locale/*/LC_MESSAGES/messages.po`; those that no page
says any more go. It lists what is missing or wrong, and fails where anything is. Catalogs are read
as they are written: nothing has to be compiled.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

WEB = Path(__file__).resolve().parent.parent / "src/telecom_crm/entrypoints/http/web"
LANGUAGES = ("ru", "ky")
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n,jinja2.ext.do", "silent": "false"}}
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "within": ((1, "c"), 2),
}
_PLACES = re.compile(r"%\(\w+\)s")


def main(args: list[str]) -> int:
    """Update the catalogs, or check them, and tell what is wrong with them."""
    said, wrong = extracted(), []
    for code in LANGUAGES:
        if args != ["check"]:
            update(code, said)
        wrong += [f"{code}: {fault}" for fault in faults(catalog_of(code), said)]
    print("\n".join(wrong) or f"{len(said)} texts in {' and '.join(LANGUAGES)}: all there")
    return 1 if wrong else 0


def extracted() -> Catalog:
    """Return all that pages and code say."""
    found = Catalog()
    for _, _, message, _, context in extract_from_dir(
        WEB, METHODS, OPTIONS, keywords=KEYWORDS, directory_filter=lambda path: "static" not in path
    ):
        found.add(message, context=context)
    return found


def update(code: str, said: Catalog) -> None:
    """Write a catalog with all that is said, and nothing else; what was translated stays."""
    known = catalog_of(code)
    fresh = Catalog(locale=code)
    for message in said:
        if message.id:
            before = known.get(message.id, message.context)
            words = before.string if before is not None else ""
            fresh.add(message.id, words, context=message.context)
    written = io.BytesIO()
    write_po(written, fresh, sort_output=True, omit_header=True, width=100)
    path_of(code).parent.mkdir(parents=True, exist_ok=True)
    path_of(code).write_bytes(_header(fresh) + written.getvalue())


def faults(known: Catalog, said: Catalog) -> Iterator[str]:
    """Tell what is missing, doubtful, no longer said, or does not fill in what the source does."""
    for message in said:
        found = known.get(message.id, message.context) if message.id else None
        if message.id and (found is None or not all(_forms(found))):
            yield f"not translated: {message.id!r}"
        elif found is not None and found.fuzzy:
            yield f"doubtful: {message.id!r}"
        elif found is not None and not _fills_in_the_same(found):
            yield f"other placeholders than the source: {message.id!r}"
    for message in known:
        if message.id and said.get(message.id, message.context) is None:
            yield f"said nowhere any more: {message.id!r}"
    for message in known.obsolete.values():
        yield f"obsolete: {message.id!r}"


def catalog_of(code: str) -> Catalog:
    """Read a catalog; an empty one where there is none."""
    if not path_of(code).exists():
        return Catalog(locale=code)
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code, abort_invalid=True)


def path_of(code: str) -> Path:
    """Return where a catalog is."""
    return WEB / "locale" / code / "LC_MESSAGES" / "messages.po"


def _forms(message: Message) -> tuple[str, ...]:
    said = message.string
    return tuple(map(str, said)) if isinstance(said, tuple) else (str(said or ""),)


def _fills_in_the_same(message: Message) -> bool:
    last = message.id if isinstance(message.id, str) else message.id[-1]
    wanted = set(_PLACES.findall(last))
    return all(set(_PLACES.findall(words)) == wanted for words in _forms(message))


def _header(catalog: Catalog) -> bytes:
    return (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalog.locale}\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalog.plural_forms}\\n"\n\n'
    ).encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
