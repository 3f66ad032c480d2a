from zoneinfo import ZoneInfo

import attrs
import pytest

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.adapters.gateways.cash_desk import CashDesk
from telecom_crm.adapters.gateways.script import Behaviour
from telecom_crm.adapters.gateways.simulator import SimulatorGateway
from telecom_crm.adapters.passwords import Argon2Passwords, TimeCodes
from telecom_crm.application.access.service import Access
from telecom_crm.application.accounts import Accounts
from telecom_crm.application.approvals import Approvals
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.imports.service import Imports
from telecom_crm.application.payments.request import PaymentRequest
from telecom_crm.application.payments.service import Payments
from telecom_crm.application.ports import Payer, PaymentGateway
from telecom_crm.application.reports import LOOKED_AT, Reports
from telecom_crm.application.tickets import Tickets
from telecom_crm.application.users import Users
from telecom_crm.domain.approval import ApprovalKind
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.importing import ImportJob, ImportKind, ImportRequest
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.report import Concern
from telecom_crm.domain.role import BUILT_IN_ROLES, Rights, RoleName
from telecom_crm.domain.ticket import TicketPriority
from tests.unit.shop import Shop, msisdn, som

ADMIN = BUILT_IN_ROLES[RoleName.ADMIN].rights
BY, OTHER = Actor("aida"), Actor("bolot")


@pytest.fixture
def shop(uow, series, clock, ids):
    return Shop.opened(uow, series, clock, ids)


@pytest.fixture
def tickets(uow, series, clock, ids):
    return Tickets(uow, clock, ids, series, MemoryFiles(new_id=ids))


@pytest.fixture
def reports(uow, clock):
    return Reports(uow, clock, ZoneInfo("Asia/Bishkek"), "KGS", pool_low=3)


@pytest.fixture
def payments(uow, till, shop, clock, ids):
    silent = SimulatorGateway(secret="s", script=lambda _: Behaviour.SILENT_NOT_TAKEN)
    gateways: dict[str, PaymentGateway] = {"cash_desk": CashDesk(), "simulator": silent}
    return Payments(uow, till, gateways, clock, ids, shop.contracts.lift_money_holds)


def concerns(dashboard):
    return {one.concern: one.number for one in dashboard.attention}


def test_figures_of_a_day_are_those_of_the_operators_day(reports, shop, payments, clock):
    contract = shop.active(1)
    paid = {
        "payer": Payer(contract_id=contract.id),
        "amount": som("300.00"),
        "method": PaymentMethod.CASH,
        "gateway": "cash_desk",
    }
    payments.take(**paid)
    clock.pass_(hours=14, minutes=30)  # half past midnight in Bishkek, still the same day in UTC
    payments.take(**paid)
    reports.keep()
    found = reports.dashboard(days=2, rights=ADMIN, by=BY)
    assert [str(day) for day in (found.period.start, found.period.last_day)] == [
        "2026-03-02",
        "2026-03-03",
    ]
    assert [one.connected for one in found.contracts] == [0, 0, 1, 0]
    assert [one.active for one in found.contracts] == [0, 0, 1, 1]
    assert [(one.payments, one.paid.amount) for one in found.money[2:]] == [
        (2, "1300.00"),  # with what the shop took to activate it
        (1, "300.00"),
    ]
    with reports.uow(read_only=True) as tx:
        account = tx.ledger.states([contract.account_id], at=clock())[contract.account_id]
    assert found.money[-1].balance == account.balance.balance
    assert found.money[-1].balance - found.money[-2].balance == som("300.00")


def test_debt_is_what_accounts_below_zero_owe_whatever_others_have(reports, shop):
    rich, poor = shop.active(1), shop.active(2)
    before = reports.dashboard(days=1, rights=ADMIN, by=BY)
    shop.pay(rich.account_id, "5000.00")
    with reports.uow(read_only=True) as tx:
        has = tx.ledger.states([poor.account_id], at=reports.clock())[poor.account_id].balance
    shop.pay_back(poor.account_id, (has.balance + som("70.00")).amount)
    found = reports.dashboard(days=1, rights=ADMIN, by=BY)
    assert (before.debt.now, found.debt.now) == (som("0.00"), som("70.00"))
    shop.pay(poor.account_id, "100.00")
    assert reports.dashboard(days=1, rights=ADMIN, by=BY).debt.now == som("0.00")


def test_what_came_in_today_is_told_by_where_with_what_is_for_nobody(reports, payments, clock):
    lost = PaymentRequest(
        payer=None,
        amount=som("10.00"),
        method=PaymentMethod.TERMINAL,
        reference="terminal-1",
        told="a wrong number",
    )
    payments.record_many([lost], gateway="simulator", keep_unallocated=True)
    (found,) = reports.dashboard(rights=ADMIN, by=BY).places
    told = (found.place, found.payments, found.paid, found.unallocated)
    assert told == ("simulator", 1, som("10.00"), 1)
    assert reports.dashboard(rights=ADMIN, by=BY).money[-1].paid == som("10.00")
    clock.pass_(hours=24)
    (found,) = reports.dashboard(rights=ADMIN, by=BY).places
    assert (found.payments, found.unallocated) == (0, 1), "it still waits for somebody"


def test_contracts_are_counted_by_tariff(reports, shop):
    shop.active(1)
    shop.sign(2)
    found = reports.dashboard(rights=ADMIN, by=BY).tariffs
    assert [(one.code, one.active) for one in found] == [("COMFORT", 1)]


def test_nobody_is_shown_an_area_that_they_may_not_read(reports, shop):
    shop.active(1)
    support = reports.dashboard(rights=BUILT_IN_ROLES["support"].rights, by=BY)
    assert (support.contracts, support.money) == (None, None)
    assert (support.tariffs, support.places) == (None, None)
    assert support.tickets is not None
    assert support.pool is not None
    cashier = reports.dashboard(rights=BUILT_IN_ROLES["cashier"].rights, by=BY)
    assert (cashier.contracts, cashier.money, cashier.tickets, cashier.pool) == (None,) * 4
    nobody = reports.dashboard(rights=Rights(), by=BY)
    assert nobody.attention == ()
    operator = reports.dashboard(rights=BUILT_IN_ROLES["operator"].rights, by=BY)
    assert operator.contracts is not None
    assert operator.money is not None


def test_a_request_waits_for_those_who_may_decide_it_and_did_not_ask(
    reports, shop, payments, uow, series, clock, ids
):
    accounts, customers = Accounts(uow, clock, ids, series), Customers(uow, clock, ids)
    approvals = Approvals(uow, clock, ids, payments, accounts, customers)
    customer = customers.register(name="Айгүл")
    approvals.ask(ApprovalKind.ERASURE, customer.id, reason="asked for it", by=BY)
    assert Concern.APPROVALS not in concerns(reports.dashboard(rights=ADMIN, by=BY))
    assert concerns(reports.dashboard(rights=ADMIN, by=OTHER))[Concern.APPROVALS] == 1
    operator = BUILT_IN_ROLES["operator"].rights
    assert Concern.APPROVALS not in concerns(reports.dashboard(rights=operator, by=OTHER))


def test_requests_that_others_decide_hide_none_that_waits_for_one(
    reports, payments, uow, series, clock, ids
):
    accounts, customers = Accounts(uow, clock, ids, series), Customers(uow, clock, ids)
    approvals = Approvals(uow, clock, ids, payments, accounts, customers)
    for asker in [BY] * (LOOKED_AT + 1) + [OTHER]:
        customer = customers.register(name="Айгүл")
        approvals.ask(ApprovalKind.ERASURE, customer.id, reason="asked for it", by=asker)
    assert concerns(reports.dashboard(rights=ADMIN, by=BY))[Concern.APPROVALS] == 1
    (many,) = (
        one
        for one in reports.dashboard(rights=ADMIN, by=OTHER).attention
        if one.concern is Concern.APPROVALS
    )
    assert (many.number, many.at_least) == (LOOKED_AT, True)


def test_news_are_what_waits_for_somebody_and_what_came_of_late(
    reports, payments, uow, series, clock, ids
):
    accounts, customers = Accounts(uow, clock, ids, series), Customers(uow, clock, ids)
    approvals = Approvals(uow, clock, ids, payments, accounts, customers)
    approvals.ask(
        ApprovalKind.ERASURE, customers.register(name="A").id, reason="asked for it", by=BY
    )
    shared = (uow, clock, ids, Argon2Passwords(memory_kib=64, rounds=1), TimeCodes())
    access, users = Access(*shared), Users(*shared)
    _, secret = users.invite(login="aida", name="Aida", role="operator", by=BY)
    user = users.accept(secret, password="correct horse battery")
    for login in ("aida", "aida", "nobody"):
        access.forgot_password(login=login)
    told = reports.news(rights=ADMIN, by=OTHER)
    assert (told.approvals.number, told.shut_out, told.number) == (1, (user,), 2)
    assert told.unread == 2
    clock.pass_(minutes=1)
    assert reports.news(rights=ADMIN, by=OTHER, read_at=told.at).unread == 0
    access.forgot_password(login="aida")
    since = reports.news(rights=ADMIN, by=OTHER, read_at=told.at)
    assert (since.unread, since.number) == (1, 2), "what was asked for again is news again"
    assert reports.news(rights=ADMIN, by=BY).approvals is None
    assert reports.news(rights=BUILT_IN_ROLES["cashier"].rights, by=OTHER).number == 0
    users.reset(user.id, by=OTHER)
    assert reports.news(rights=ADMIN, by=OTHER).shut_out == ()
    clock.pass_(hours=25)
    assert reports.news(rights=ADMIN, by=OTHER).number == 1, "what waits stays"


def test_what_waits_too_long_is_to_be_looked_at(reports, shop, payments, tickets, clock):
    contract = shop.active(1)
    payments.take(
        payer=Payer(contract_id=contract.id),
        amount=som("300.00"),
        method=PaymentMethod.CARD,
        gateway="simulator",
    )
    tickets.create(
        customer_id=contract.customer_id, subject="no signal", priority=TicketPriority.URGENT
    )
    asked = clock()
    assert not concerns(reports.dashboard(rights=ADMIN, by=BY)).keys() - {
        Concern.FEW_SIMS,
        Concern.FEW_NUMBERS,
    }
    clock.pass_(hours=3)
    found = reports.dashboard(rights=ADMIN, by=BY)
    assert concerns(found)[Concern.UNKNOWN_PAYMENTS] == 1
    assert concerns(found)[Concern.OVERDUE_TICKETS] == found.tickets.overdue == 1
    (payment,) = (one for one in found.attention if one.concern is Concern.UNKNOWN_PAYMENTS)
    assert payment.since == asked


def test_payments_that_wait_hide_none_whose_end_is_unknown(reports, shop, uow, clock, ids):
    contract = shop.active(1)
    asked = {
        "account_id": contract.account_id,
        "contract_id": contract.id,
        "amount": som("300.00"),
        "method": PaymentMethod.CARD,
        "gateway": "simulator",
        "by": BY,
        "at": clock(),
    }
    said = {"by": BY, "at": clock()}
    many = [Payment.initiate(id=ids(), **asked).send(**said) for _ in range(LOOKED_AT + 2)]
    with uow() as tx:
        tx.payments.save_all([*many[:-1], many[-1].time_out(**said)])
    clock.pass_(hours=3)
    found = {one.concern: one for one in reports.dashboard(rights=ADMIN, by=BY).attention}
    waiting, unknown = found[Concern.WAITING_PAYMENTS], found[Concern.UNKNOWN_PAYMENTS]
    assert (waiting.number, waiting.at_least) == (LOOKED_AT, True)
    assert (unknown.number, unknown.at_least) == (1, False)


def test_imports_that_went_well_hide_none_that_failed(reports, uow, clock, ids):
    said = {"by": BY, "at": clock()}
    request = ImportRequest(kind=ImportKind.SIMS, file_name="a.csv")
    jobs = [
        ImportJob.upload(id=ids(), request=request, file_id=ids(), sha256=f"{n:064x}", **said)
        for n in range(LOOKED_AT + 1)
    ]
    with uow() as tx:
        tx.imports.save_all([jobs[0].refuse(faults=(), **said), *jobs[1:]])
    assert concerns(reports.dashboard(rights=ADMIN, by=BY))[Concern.FAILED_IMPORTS] == 1


def test_an_import_that_ends_late_is_news_however_many_came_after_it(reports, uow, clock, ids):
    said = {"by": BY, "at": clock()}
    request = ImportRequest(kind=ImportKind.SIMS, file_name="a.csv")
    jobs = [
        ImportJob.upload(id=ids(), request=request, file_id=ids(), sha256=f"{n:064x}", **said)
        for n in range(LOOKED_AT + 1)
    ]
    with uow() as tx:
        tx.imports.save_all([jobs[0].refuse(faults=(), **said), *jobs[1:]])
    assert [job.id for job in reports.news(rights=ADMIN, by=BY).imports] == [jobs[0].id]


def test_the_latest_of_the_work_is_told_of_what_one_may_see(reports, shop, tickets, clock):
    contract = shop.active(1)
    clock.pass_(seconds=1)
    ticket = tickets.create(customer_id=contract.customer_id, subject="no signal")
    told = reports.dashboard(rights=ADMIN, by=BY).latest
    assert (told[0].name, told[0].thing_id) == ("TicketCreated", ticket.key)
    assert "ContractActivated" in [one.name for one in told]
    assert not {one.name for one in told} & {"SimReceived", "AccountOpened"}
    cashier = reports.dashboard(rights=BUILT_IN_ROLES["cashier"].rights, by=BY).latest
    assert {one.thing for one in cashier} == {"customer", "contract"}
    assert reports.dashboard(rights=Rights(), by=BY).latest == ()


def test_an_import_that_failed_is_shown_for_a_week(reports, uow, series, clock, ids):
    imports = Imports(uow, MemoryFiles(new_id=ids), clock, ids, series)
    content = [b"nothing;known\n1;2\n"]
    imports.upload(kind=ImportKind.SIMS, file_name="a.csv", content=content)
    while imports.work():
        pass
    assert concerns(reports.dashboard(rights=ADMIN, by=BY))[Concern.FAILED_IMPORTS] == 1
    clock.pass_(days=8)
    assert Concern.FAILED_IMPORTS not in concerns(reports.dashboard(rights=ADMIN, by=BY))


def test_the_pool_is_short_below_the_threshold(reports, shop):
    before = reports.dashboard(rights=ADMIN, by=BY).pool
    shop.inventory.reserve_number(msisdn(1), for_="aida")
    after = reports.dashboard(rights=ADMIN, by=BY).pool
    assert after.sims == before.sims
    assert sum(after.numbers.values()) == sum(before.numbers.values()) - 1
    low = attrs.evolve(reports, pool_low=after.sims + 1)
    found = concerns(low.dashboard(rights=ADMIN, by=BY))
    assert found[Concern.FEW_SIMS] == after.sims


def test_sums_are_made_anew_and_are_the_same(reports, shop):
    shop.active(1)
    before = reports.dashboard(rights=ADMIN, by=BY)
    reports.rebuild()
    reports.keep()
    assert reports.dashboard(rights=ADMIN, by=BY) == before


def test_days_are_from_one_to_a_year(reports):
    with pytest.raises(InvalidValue):
        reports.dashboard(days=0, rights=ADMIN, by=BY)


def test_late_tickets_past_a_hundred_are_at_least_so_many(shop, tickets, reports, clock):
    owner = shop.sign(1).customer_id
    for n in range(LOOKED_AT + 1):
        tickets.create(customer_id=owner, subject=f"no signal {n}", priority=TicketPriority.URGENT)
    clock.pass_(hours=3)
    found = reports.dashboard(rights=ADMIN, by=BY)
    (late,) = (one for one in found.attention if one.concern is Concern.OVERDUE_TICKETS)
    assert (late.number, late.at_least, found.tickets.overdue) == (LOOKED_AT, True, LOOKED_AT)
