"""The lists of the console as files: exactly what is asked for, harmless, and written down."""

import csv
import io

import pytest

from telecom_crm import Query, SimData
from telecom_crm.application.ports import Payer
from telecom_crm.domain.contract import ContractStatus
from telecom_crm.domain.identifiers import ICCID
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.money import Money
from telecom_crm.domain.payment import PaymentMethod
from telecom_crm.domain.policy import POSTPAID
from telecom_crm.domain.role import Action, Area, Role
from telecom_crm.entrypoints.http.web.console import lists
from tests.integration.http_service import iccid
from tests.integration.test_web import admin, site, submit
from tests.people import PASSWORD

__all__ = ["admin", "site"]

LISTS = {
    "/console/customers": "customer",
    "/console/applications": "application",
    "/console/contracts": "contract",
    "/console/sims": "sim",
    "/console/numbers": "number",
    "/console/tariffs": "tariff",
    "/console/tariffs/options": "option",
    "/console/payments": "payment",
    "/console/tickets": "ticket",
    "/console/imports": "import_job",
    "/console/users": "user",
    "/console/approvals": "approval",
    "/console/network": "provisioning_task",
    "/console/tokens": "token",
}


def rows_of(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("path", LISTS)
def test_every_list_is_a_file_with_a_line_in_the_audit(site, admin, path):
    rows = rows_of(admin, f"{path}.csv")
    shown = admin.get(f"{path}?size=100").text.count("<tr data-row")
    assert len(rows) == shown or shown == 100
    told = site.crm.access.audit(Query(where={"action": "list.export"}, descending=True)).items[0]
    assert (told.thing, told.detail, told.by.name) == (LISTS[path], "csv", "admin")
    if rows:
        assert f'href="{path}.csv"' in admin.get(path).text
    auditor = site.browser("auditor")
    assert auditor.get(f"{path}.csv").status_code == 403
    assert ".csv" not in auditor.get(path).text


def test_a_file_has_what_the_filter_lets_through_over_all_its_pages(site, admin, monkeypatch):
    most = 3
    monkeypatch.setattr(lists, "PAGE_SIZE", most)
    there = [one for one in site.crm.contracts.each() if one.status is ContractStatus.ACTIVE]
    rows = rows_of(admin, "/console/contracts.csv?status=active&size=20&cursor=nonsense")
    assert len(there) > most
    assert sorted(row["Contract"] for row in rows) == sorted(one.number for one in there)
    assert {row["Status"] for row in rows} == {"Active"}
    line = site.crm.access.audit(Query(where={"action": "list.export"}, descending=True)).items[0]
    assert line.detail == "csv, filtered by status"
    assert admin.get("/console/contracts.csv?status=odd").status_code == 422


def test_a_file_has_what_a_search_finds(site, admin):
    name = site.customer.name
    (row,) = rows_of(admin, f"/console/customers.csv?q={name}")
    assert row["Customer"] == name
    assert rows_of(admin, "/console/customers.csv?q=nobody%20at%20all") == []


def test_names_in_files_are_no_formulas_and_markup_stays_as_it_is(site, admin):
    hostile = ("=cmd|' /C calc'!A0", "@SUM(1)", '<script>alert("1")</script>, "x"', "-2+3")
    for name in hostile:
        site.crm.customers.register(name=name)
    told = {row["Customer"] for row in rows_of(admin, "/console/customers.csv")}
    assert {f"'{hostile[0]}", f"'{hostile[1]}", hostile[2], f"'{hostile[3]}"} <= told
    assert not told & {hostile[0], hostile[1], hostile[3]}
    site.crm.inventory.receive_sims([SimData(iccid=ICCID(iccid(77)), batch="=1+1")])
    (row,) = rows_of(admin, "/console/sims.csv?batch=%3D1%2B1")
    assert row["Batch"] == "'=1+1"


def test_headings_states_and_money_are_as_people_and_spreadsheets_read_them(site, admin):
    contract = next(site.crm.contracts.each(status="active"))
    site.crm.payments.take(
        payer=Payer(account_id=contract.account_id),
        amount=Money.parse("70.50", "KGS"),
        method=PaymentMethod.CASH,
        gateway="cash_desk",
    )
    reader = site.browser("admin")
    assert submit(reader, "/console/me", "/prefs", language="ru").status_code == 303
    try:
        rows = rows_of(reader, "/console/payments.csv")
    finally:
        submit(reader, "/console/me", "/prefs", language="en")
    (row,) = (row for row in rows if row["Сумма"] == "70.50")
    assert (row["Валюта"], row["Способ"], row["Статус"]) == ("KGS", "Наличные", "Оплачен")


def test_the_numbers_of_cards_are_whole_for_those_alone_who_may_see_them(site, admin):
    assert all(row["ICCID"].isdigit() for row in rows_of(admin, "/console/sims.csv"))
    grants = {Area.INVENTORY: frozenset({Action.READ, Action.EXPORT})}
    site.crm.rules.create_role(Role(name="counter", title="Counter", grants=grants))
    _, secret = site.crm.users.invite(login="counter", name="Counter", role="counter")
    site.crm.users.accept(secret, password=PASSWORD)
    rows = rows_of(site.browser("counter"), "/console/sims.csv")
    assert rows
    assert all("••" in row["ICCID"] for row in rows)
    assert not any(row["Customer"] for row in rows)


def test_what_may_be_owed_is_no_balance(site, admin):
    firm = site.crm.customers.register(name="Credit Limited")
    account = site.crm.accounts.open(customer_id=firm.id, currency="KGS")
    with site.crm.uow() as tx:
        known = tx.accounts.get(account.id)
        tx.accounts.save(known.choose_policy(POSTPAID, by=SYSTEM, at=site.crm.clock()))
    assert site.crm.accounts.get(account.id).available == POSTPAID.credit_limit
    [row] = rows_of(admin, "/console/customers.csv?q=Credit Limited")
    assert row["Balance"] == "0.00"
    listed = admin.get("/console/customers?q=Credit Limited").text
    assert ("0.00</" in listed, "2,000.00" in listed) == (True, False)
