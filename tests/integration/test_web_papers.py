"""Templates of papers in the console: shown, tried, put and restored; and printing again."""

import pytest

from telecom_crm.application.ports import Query
from telecom_crm.domain.language import Wording
from telecom_crm.domain.paper import PaperKind
from tests.integration.test_web import admin, site
from tests.integration.test_web_settings import fields_of

__all__ = ["admin", "site"]

PATH = "/console/settings/papers"


@pytest.mark.parametrize("kind", PaperKind)
def test_a_template_is_shown_tried_put_and_restored(site, admin, kind):
    path, papers = f"{PATH}/{kind.value}", site.crm.papers
    assert f'href="{path}"' in admin.get(PATH).text
    shown = admin.get(path)
    assert "data.language" in shown.text
    built_in = papers.template(kind)
    sent = {**fields_of(shown.text), "language": "ky"}
    sent["source"] = built_in.replace("\n", "\r\n") + "\r\nMore."
    paper = admin.post(f"{path}/preview", data=sent)
    assert (paper.content[:5], papers.template(kind)) == (b"%PDF-", built_in)
    assert admin.post(path, data=sent).status_code == 303
    assert papers.template(kind) == built_in + "\nMore."
    stale = admin.post(path, data=sent)
    assert stale.status_code in (409, 412)
    earlier = {**fields_of(admin.get(f"{path}?version=1").text), "language": "ky"}
    assert admin.post(path, data=earlier).status_code == 303
    assert papers.template(kind) == built_in
    assert [one.number for one in papers.templates(kind)] == [3, 2, 1]


def test_a_paper_names_the_tariff_in_its_language_and_an_edition_keeps_it(site):
    crm = site.crm
    [contract, *_] = crm.contracts.page(Query(where={"tariff": "START"})).items
    names = {"en": "Start", "ru": "Старт", "ky": "Баштоо"}
    crm.catalog.describe_tariff("START", name=Wording(**names))
    printed = {code: crm.papers.contract(contract.id, language=code) for code in names}
    crm.catalog.describe_tariff("START", name="Башка")
    kept = {one.language: one for one in crm.papers.editions(contract.id)}
    for code, name in names.items():
        assert f'"name":"{name}"' in kept[code].data.replace('": "', '":"')
        assert crm.papers.reprint(contract.id, kept[code].id) == printed[code]
    crm.papers.contract(contract.id, language="en")
    assert "Башка" in crm.papers.editions(contract.id)[0].data


def test_what_is_wrong_with_a_template_is_told_beside_it(site, admin):
    path, before = f"{PATH}/receipt", site.crm.papers.templates(PaperKind.RECEIPT)
    sent = {**fields_of(admin.get(path).text), "language": "en", "source": "#let x = 1\n#nobody"}
    for address in (path, f"{path}/preview"):
        told = admin.post(address, data=sent)
        assert told.status_code == 422
        assert "ine 2, column 2: unknown variable: nobody" in told.text
        assert "#nobody</textarea>" in told.text
    assert site.crm.papers.templates(PaperKind.RECEIPT) == before


def test_a_kind_or_a_version_that_is_not_there_is_told(site, admin):
    assert admin.get(f"{PATH}/bill").status_code == 404
    assert admin.get(f"{PATH}/receipt?version=9").status_code == 404
