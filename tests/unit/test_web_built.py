"""What the pages load and say is what their sources make."""

import ast
import gzip
import re
from pathlib import Path

import pytest

from assets import build, words
from telecom_crm.entrypoints.http.web.assets import ASSETS, STATIC
from telecom_crm.entrypoints.http.web.events import EVENTS
from telecom_crm.entrypoints.http.web.labels import LABELS
from telecom_crm.entrypoints.http.web.templating import TEMPLATES
from telecom_crm.entrypoints.lifecycles import all_lifecycles

PAGES = sorted(TEMPLATES.rglob("*.html"))
BANNED = re.compile(r"""\sstyle=|hx-on|hx-vals=.js:|\son[a-z]+=|javascript:|\|\s*safe|<script>""")
"""What the content policy forbids, and what would go around escaping."""
WORDED = {"_", "N_", "gettext", "ngettext", "pgettext"}


def test_the_stylesheet_is_what_its_sources_make(tmp_path):
    build.css(tmp_path / "app.css")
    made, kept = (path.read_text() for path in (tmp_path / "app.css", STATIC / "app.css"))
    assert made == kept, "build it anew: .venv/bin/python assets/build.py css"


def test_the_sprite_has_the_icons_that_are_listed_and_no_page_names_another():
    names = (Path(build.HERE) / "icons.txt").read_text().split()
    assert re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()) == names
    named = {
        name
        for page in PAGES
        for name in re.findall(r'icon(?:_name=|\()"([a-z][\w-]+)"', page.read_text())
    }
    assert named - set(names) == set()
    assert {icon for _, icon, _ in EVENTS.values()} - set(names) == set()


def test_our_own_script_is_small():
    assert len(gzip.compress((STATIC / "app.js").read_bytes(), 9)) < 3000


@pytest.mark.parametrize("code", words.LANGUAGES)
def test_every_text_is_translated(code):
    faults = list(words.faults(words.catalog_of(code), words.extracted()))
    assert faults == [], "bring them in: .venv/bin/python assets/words.py"


def test_no_text_is_inside_another_where_older_pythons_do_not_find_it():
    found = [
        f"{file.name}:{text.lineno}"
        for file in sorted(TEMPLATES.parent.rglob("*.py"))
        for text in ast.walk(ast.parse(file.read_text()))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in WORDED and isinstance(call.args[0], ast.Constant)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_template_does_what_the_policy_forbids(page):
    found = BANNED.findall(page.read_text())
    assert found == []


def test_every_state_and_event_has_words():
    for lifecycle in all_lifecycles():
        if lifecycle.states in LABELS:
            assert set(LABELS[lifecycle.states]) == {state.value for state in lifecycle.states}
        missing = {row.event for row in lifecycle.rows} - set(EVENTS)
        assert missing == set(), lifecycle.machine


def test_every_member_of_an_enum_has_words():
    for kind, named in LABELS.items():
        assert set(named) == {member.value for member in kind}, kind


def test_addresses_of_files_carry_their_digest():
    for name, asset in ASSETS.files.items():
        assert ASSETS.url(name) == f"/static/{name}?v={asset.digest}"
