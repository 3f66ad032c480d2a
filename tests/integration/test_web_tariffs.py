"""The catalog in the console: a tariff is prepared, sold, changed by a version, and retired."""

import re
from typing import Any

import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.language import LANGUAGES, Wording
from telecom_crm.domain.role import Action, Area, Role
from tests.integration.test_web import HTMX, admin, site, submit, token_on
from tests.people import PASSWORD

__all__ = ["admin", "site"]

PATH = "/console/tariffs"
TERMS: dict[str, Any] = {
    "monthly_fee": "1 240,50",
    "activation_fee": "0",
    "allowances.megabytes": "10240",
    "allowances.minutes": "",
    "allowances.messages": "50",
    "payment_modes": ["prepaid", "postpaid"],
}


def named(name: str) -> dict[str, str]:
    return {f"name.{LANGUAGES.default}": name}


def version_on(client: Any, path: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', client.get(path).text)
    assert found, path
    return found[1]


def test_a_tariff_lives_from_draft_to_retirement(site, admin):
    made = submit(admin, f"{PATH}/new", f"{PATH}/new", code="student", **named("Student"), **TERMS)
    assert (made.status_code, made.headers["location"]) == (303, f"{PATH}/STUDENT")
    page = admin.get(f"{PATH}/STUDENT").text
    assert "KGS\xa01,240.50" in page
    assert "10 GB" in page
    asked = f"{PATH}/STUDENT/publish"
    sold = submit(admin, asked, asked, version=version_on(admin, asked))
    assert sold.status_code == 303
    new = f"{PATH}/STUDENT/versions/new"
    form = admin.get(new).text
    assert 'value="1240.50"' in form
    assert 'value="10240"' in form
    assert form.count("checked") == 2
    terms = {"version": version_on(admin, new), **TERMS, "monthly_fee": "990"}
    asked = submit(admin, new, new, **terms)
    assert (asked.status_code, "Publish the new version?" in asked.text) == (200, True)
    for told in ("KGS\xa01,240.50", "KGS\xa0990.00", "Contracts that stay on their version"):
        assert told in asked.text, told
    again = submit(admin, new, new, **terms, edit="true")
    assert (again.status_code, 'value="990"' in again.text) == (200, True)
    assert len(site.crm.catalog.tariff("STUDENT").versions) == 1, "nothing is published unasked"
    assert submit(admin, new, new, **terms, sure="true").status_code == 303
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
        "allowances.megabytes": "-1",
        "payment_modes": [],
        "name.ru": "Kept name",
    }
    refused = submit(admin, f"{PATH}/new", f"{PATH}/new", code="", **TERMS | odd)
    assert refused.status_code == 422
    for field in ("name.ky", "code", "monthly_fee", "allowances.megabytes", "payment_modes"):
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


def test_a_version_tells_how_many_contracts_stay_on_theirs_before_it_is_published(site, admin):
    new = f"{PATH}/START/versions/new"
    staying = sum(one.is_live for one in site.crm.contracts.each(tariff="START"))
    assert staying
    wish = {"version": version_on(admin, new), **TERMS}
    asked = submit(admin, new, new, **wish, valid_from="01.01.2040").text
    assert re.search(rf"Contracts that stay on their version</dt>\s*<dd[^>]*>{staying}</dd>", asked)
    assert 'name="valid_from" value="01.01.2040"' in asked
    past = submit(admin, new, new, **wish, valid_from="01.01.1999")
    assert (past.status_code, "begins later" in past.text) == (409, True)


def test_the_list_tells_who_buys_since_when_and_how_many_have_it(site, admin):
    many = len([*site.crm.contracts.each(tariff="START")])
    page = admin.get(PATH).text
    start = page.partition(f'href="{PATH}/START')[2].partition("</tr>")[0]
    modes = site.crm.catalog.tariff("START").latest.payment_modes
    assert all(mode.capitalize() in start for mode in modes)
    assert f'href="/console/contracts?tariff=START">{many}</a>' in start
    site.crm.rules.create_role(
        Role(name="shelf", title="Shelf", grants={Area.CATALOG: frozenset({Action.READ})})
    )
    _, secret = site.crm.users.invite(login="shelf", name="Shelf", role="shelf")
    site.crm.users.accept(secret, password=PASSWORD)
    assert "tariff=START" not in site.browser("shelf").get(PATH).text
    assert "Every month" in admin.get(f"{PATH}/options").text


def test_options_and_rules_are_shown(site, admin):
    [option, *_] = site.crm.catalog.options(Query()).items
    page = admin.get(f"{PATH}/options/{option.code}").text
    assert option.name.en in page
    rules = admin.get(f"{PATH}/rules").text
    assert "changes only to" in rules
    assert option.name.en in admin.get(f"{PATH}/options").text


def test_an_option_is_prepared_described_and_gets_a_version_whose_change_is_told(site, admin):
    options, terms = f"{PATH}/options", {"fee": "120", "recurring": "true"}
    made = submit(
        admin,
        f"{options}/new",
        f"{options}/new",
        code="nights",
        group="NET",
        **named("Nights"),
        **terms,
    )
    assert made.headers["location"] == f"{options}/NIGHTS"
    words = f"{options}/NIGHTS/words"
    told = {
        "name.ky": "Тынч түндөр",
        "name.en": "Calm nights",
        "group": "NET",
        "description.ru": "С десяти до шести.",
    }
    done = submit(admin, words, words, version=version_on(admin, words), **told)
    assert done.status_code == 303
    new = f"{options}/NIGHTS/versions/new"
    terms |= {"allowances.megabytes": "1024", "version": version_on(admin, new)}
    assert "put it on sale" in submit(admin, new, new, **terms).text
    changed = submit(admin, new, new, **terms, sure="true")
    assert changed.status_code == 303
    option = site.crm.catalog.option("NIGHTS")
    assert option.name == Wording(ky="Тынч түндөр", en="Calm nights")
    assert (option.description, option.group) == (Wording(ru="С десяти до шести."), "NET")
    assert [one.allowances.megabytes for one in option.versions] == [0, 1024]
    page = admin.get(f"{options}/NIGHTS").text
    assert "Included: Internet" in page
    assert "1,024" in page
    stale = submit(admin, words, words, version="1", **told)
    assert stale.status_code == 409


def test_what_people_read_is_in_their_language_and_else_in_the_default_one(site, admin):
    words = f"{PATH}/START/words"
    form = admin.get(words).text
    for code, name in {"en": "Start", "ru": "Старт", "ky": "Старт"}.items():
        assert re.search(f'name="name.{code}"[^>]* value="{name}"[^>]* lang="{code}"', form), code
    told = {"name.ky": "Баштоо", "name.ru": "Начало", "description.ru": "Немного."}
    seen = version_on(admin, words)
    assert submit(admin, words, words, version=seen, **told).status_code == 303
    subscriber = site.browser()
    for code, name in {"en": "Баштоо", "ru": "Начало", "ky": "Баштоо"}.items():
        page = admin.get(f"{PATH}/START", headers={"Accept-Language": code}).text
        assert f">{name}</h1>" in page, code
        assert "Немного." in page
        assert name in subscriber.get("/my/apply", headers={"Accept-Language": code}).text


def test_prices_of_usage_are_read_by_rows_and_faults_stand_in_theirs(site, admin):
    rates = {
        "usage_rates.1.service": "voice",
        "usage_rates.1.price": "2,50",
        "usage_rates.1.billing_step": "60",
    }
    odd = rates | {"usage_rates.1.price": "dear"}
    new, asked = f"{PATH}/new", {"code": "RATED", **named("Rated"), **TERMS}
    refused = submit(admin, new, new, **asked, **odd)
    assert refused.status_code == 422
    assert 'href="#f-usage_rates.1.price"' in refused.text
    lacking = submit(admin, new, new, **asked, **{"usage_rates.1.service": "voice"})
    assert 'href="#f-usage_rates.1.price"' in lacking.text
    made = submit(admin, new, new, **asked, **rates)
    assert made.status_code == 303, made.text
    [rate] = site.crm.catalog.tariff("RATED").latest.usage_rates
    assert (rate.service, str(rate.price), rate.billing_step) == ("voice", "2.50", 60)
    like = admin.get(f"{PATH}/new?like=RATED").text
    assert 'name="usage_rates.0.price"' in like
    assert 'value="2.50"' in like


def test_a_month_is_reckoned_by_what_goes_beyond(site, admin):
    start = site.crm.catalog.tariff("START").latest
    page = admin.get(f"{PATH}/START?minutes=300&messages=60", headers=HTMX).text
    assert "<html" not in page
    over = start.monthly_fee.minor + 100 * 200 + 10 * 150
    assert f"{over / 100:,.2f}" in page
    submit(admin, f"{PATH}/new", f"{PATH}/new", code="BARE", **named("Bare"), **TERMS)
    assert "has no price" in admin.get(f"{PATH}/BARE?megabytes=99999").text
    assert "Type what somebody uses" in admin.get(f"{PATH}/START?minutes=many").text


def test_rules_are_added_and_taken_out_one_by_one(site, admin):
    path, before = f"{PATH}/rules", site.crm.catalog.rules()
    [one, other, *_] = [option.code for option in site.crm.catalog.options(Query()).items]
    rule = {"kind": "excludes", "subject": one, "others": [other]}
    lonely = submit(admin, path, path, version=version_on(admin, path), **rule | {"others": []})
    assert (lonely.status_code, 'href="#f-others"' in lonely.text) == (422, True)
    strange = submit(admin, path, path, version=version_on(admin, path), **rule | {"others": ["X"]})
    assert (strange.status_code, 'href="#f-others"' in strange.text) == (422, True)
    seen = version_on(admin, path)
    added = submit(admin, path, path, version=seen, **rule)
    assert added.status_code == 303
    assert len(site.crm.catalog.rules()) == len(before) + 1
    again = submit(admin, path, path, version=version_on(admin, path), **rule)
    assert (again.status_code, "this rule already" in again.text) == (422, True)
    out = f"{path}/{len(before) + 1}/delete"
    assert submit(admin, out, out, version=seen).status_code == 409
    assert submit(admin, out, out, version=version_on(admin, out)).status_code == 303
    assert site.crm.catalog.rules() == before
    assert admin.get(f"{path}/{len(before) + 1}/delete").status_code == 404


def test_what_is_typed_is_shown_as_subscribers_will_see_it(site, admin):
    def seen(path: str, **typed: str) -> str:
        answer = admin.post(path, data=typed, headers=headers)
        assert answer.status_code == 200, answer.text
        assert answer.text.strip().startswith('<section class="card" id="offer"')
        return str(answer.text)

    at, preview = f"{PATH}/new", f"{PATH}/preview"
    assert f'hx-post="{preview}"' in admin.get(at).text
    headers = {**HTMX, "x-csrftoken": token_on(admin, at)}
    typed = seen(preview, **{"name.en": "Night <owl>", "monthly_fee": "1 240,5"})
    for part in ("Night &lt;owl&gt;", "KGS\xa01,240.50", "each month"):
        assert part in typed, part
    halfway = seen(preview, **{"monthly_fee": "12.", "allowances.minutes": "lots"})
    assert "circle-alert" not in halfway, "nobody is told of a fault before the form is sent"
    new = f"{PATH}/START/versions/new"
    assert f'hx-post="{preview}?of=START"' in admin.get(new).text
    next_one = seen(f"{preview}?of=START", monthly_fee="260", **{"allowances.minutes": "250"})
    called = site.crm.catalog.tariff("START").name.said_in("en")
    for part in (called, "KGS\xa0260.00", "250 min"):
        assert part in next_one, part
    once = seen(f"{PATH}/options/preview", fee="70", **{"name.ky": "Түн"})
    assert ("Түн" in once, "Once" in once, "each month" in once) == (True, True, False)
    refused = submit(admin, at, at, code="student", **named("Kept"), monthly_fee="1")
    assert (refused.status_code, 'id="offer"' in refused.text) == (422, True)
    assert "KGS\xa01.00" in refused.text, "without JavaScript it shows what was sent"
    watcher = site.browser("auditor")
    token = {**HTMX, "x-csrftoken": token_on(watcher, "/prefs")}
    assert watcher.post(preview, data={}, headers=token).status_code == 403
