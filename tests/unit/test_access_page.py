"""docs/access.md is what the routes and the roles say."""

from pathlib import Path

from telecom_crm.domain.role import BUILT_IN_ROLES, Action, Area
from telecom_crm.entrypoints.http.access import Own, Permission, Public
from telecom_crm.entrypoints.http.app import routes
from telecom_crm.entrypoints.http.matrix import Entry, draw, entries, page

PAGE = Path(__file__).parents[2] / "docs" / "access.md"


def test_the_committed_page_is_current():
    again = "run: python -m telecom_crm.entrypoints.http.matrix > docs/access.md"
    assert PAGE.read_text(encoding="utf-8") == page(), again


def test_every_route_is_on_the_page_once_and_has_a_rule():
    found = entries(routes())
    served = {(one.path_format, method) for one in routes().routes for method in one.methods}
    assert {(one.path, one.method) for one in found} == {
        (path, method) for path, method in served if method != "OPTIONS"
    }
    assert [one for one in found if one.rule is None] == []
    lines = page().splitlines()
    for one in found:
        assert len([line for line in lines if f"| `{one.method} {one.path}` |" in line]) == 1


def test_a_row_marks_the_roles_that_may():
    rule = Permission(Area.PAYMENTS, Action.APPROVE)
    drawn = draw([Entry("/payments/x", "POST", rule)])
    marks = drawn.split("| `POST /payments/x` | approve payments | ")[1].splitlines()[0]
    expected = [
        "✓" if role.may(rule.area, rule.action) else "–" for role in BUILT_IN_ROLES.values()
    ]
    assert marks.removesuffix(" |").split(" | ") == expected
    assert {"✓", "–"} == set(expected)


def test_what_asks_for_no_role_says_why_and_a_forgotten_route_shows():
    drawn = draw(
        [
            Entry("/a", "GET", Public("a reason")),
            Entry("/b", "GET", Own("another")),
            Entry("/c", "GET", None),
        ]
    )
    assert "| `GET /a` | everybody | a reason |" in drawn
    assert "| `GET /b` | whoever is known | another |" in drawn
    assert "| `GET /c` | nobody | it has no rule |" in drawn
