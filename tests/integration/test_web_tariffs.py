"""The catalog in the console: a tariff is prepared, sold, changed by a version, and retired."""

import re
from typing import Any

import pytest

from telecom_crm.application.ports import Query
from tests.integration.test_web import admin, site, submit

__all__ = ["admin", "site"]

PATH = "/console/tariffs"
TERMS: dict[str, Any] = {
    "monthly_fee": "1 240,50",
    "activation_fee": "0",
    "megabytes": "10 240",
    "minutes": "",
    "messages": "50",
    "payment_modes": ["prepaid", "postpaid"],
}


def version_on(client: Any, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def test_a_tariff_lives_from_draft_to_retirement(site, admin):
    made = submit(admin, f"{PATH}/new", f"{PATH}/new", code="student", name="Student", **TERMS)
    assert (made.status_code, made.headers["location"]) == (303, f"{PATH}/STUDENT")
    page = admin.get(f"{PATH}/STUDENT").text
    assert "KGS\xa01,240.50" in page
    assert "10,240 MB" in page
    asked = f"{PATH}/STUDENT/publish"
    sold = submit(admin, asked, asked, version=version_on(admin, asked))
    assert sold.status_code == 303
    new = f"{PATH}/STUDENT/versions/new"
    form = admin.get(new).text
    assert 'value="1240.50"' in form
    assert 'value="10240"' in form
    assert form.count("checked") == 2
    changed = submit(
        admin, new, new, version=version_on(admin, new), **TERMS | {"monthly_fee": "990"}
    )
    assert changed.status_code == 303
    tariff = site.crm.catalog.tariff("STUDENT")
    assert [one.monthly_fee.amount for one in tariff.versions] == ["1240.50", "990.00"]
    stale = submit(admin, new, new, version="1", **TERMS)
    assert (stale.status_code, len(site.crm.catalog.tariff("STUDENT").versions)) == (409, 2)
    retire = f"{PATH}/STUDENT/retire"
    assert submit(admin, retire, retire, version=version_on(admin, retire)).status_code == 303
    assert site.crm.catalog.tariff("STUDENT").status == "retired"
    assert "Student" in admin.get(f"{PATH}?status=retired").text
    assert "Student" not in admin.get(f"{PATH}?status=active").text


def test_every_fault_is_told_and_what_was_typed_is_kept(admin):
    odd: dict[str, Any] = {
        "monthly_fee": "much",
        "megabytes": "-1",
        "payment_modes": [],
        "name": "Kept name",
    }
    refused = submit(admin, f"{PATH}/new", f"{PATH}/new", code="", **TERMS | odd)
    assert refused.status_code == 422
    for field in ("code", "monthly_fee", "megabytes", "payment_modes"):
        assert f'href="#f-{field}"' in refused.text, field
    for typed in ("much", "-1", "Kept name"):
        assert f'value="{typed}"' in refused.text, typed


@pytest.mark.parametrize("path", [f"{PATH}/NONE", f"{PATH}/options/NONE", f"{PATH}/START/fly"])
def test_what_there_is_not_is_not_found(admin, path):
    assert admin.get(path).status_code == 404


def test_who_may_only_read_sees_no_way_to_change(site):
    operator = site.browser("operator")
    for path in (PATH, f"{PATH}/START", f"{PATH}/options", f"{PATH}/rules"):
        page = operator.get(path)
        assert page.status_code == 200
        assert f"{PATH}/new" not in page.text
        assert "publish" not in page.text
        assert "/retire" not in page.text
    assert operator.get(f"{PATH}/new").status_code == 403
    assert operator.get(f"{PATH}/START/retire").status_code == 403


def test_options_and_rules_are_shown(site, admin):
    [option, *_] = site.crm.catalog.options(Query()).items
    page = admin.get(f"{PATH}/options/{option.code}").text
    assert option.name in page
    rules = admin.get(f"{PATH}/rules").text
    assert "changes only to" in rules
    assert site.crm.catalog.option(option.code).name in admin.get(f"{PATH}/options").text
