import attrs
import pytest

from telecom_crm.adapters.files.memory import MemoryFiles
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.notifications import Notifications
from telecom_crm.application.ports import Message, Query
from telecom_crm.application.tickets import Tickets
from telecom_crm.domain.account import BillingAccount
from telecom_crm.domain.activation import CustomerFacts
from telecom_crm.domain.contract import Contract, ContractStatus
from telecom_crm.domain.errors import Unavailable
from telecom_crm.domain.hold import HoldKind
from telecom_crm.domain.identifiers import (
    ICCID,
    MSISDN,
    AccountId,
    ContractId,
    EntryId,
    PaymentId,
)
from telecom_crm.domain.language import Wording
from telecom_crm.domain.ledger import LedgerCode, Posting
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.money import Money
from telecom_crm.domain.notification import (
    TICKET_CLOSED,
    TICKET_COMMENTED,
    NotificationChannel,
    NotificationStatus,
)
from telecom_crm.domain.payment import Payment, PaymentMethod
from telecom_crm.domain.session import SELF_CARE
from telecom_crm.domain.tariff import Tariff, TariffTerms

BY = Actor("aida")
PNG = b"\x89PNG\r\n\x1a\n"


@attrs.define
class Post:
    """A channel that keeps what it carried, and raises what it is told to."""

    carried: list[Message] = attrs.field(factory=list)
    trouble: Exception | None = None

    def send(self, message):
        if self.trouble is not None:
            raise self.trouble
        self.carried.append(message)


@pytest.fixture
def notifications(uow, clock, ids):
    return Notifications(uow, clock, ids)


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


@pytest.fixture
def tickets(uow, series, clock, ids):
    return Tickets(uow, clock, ids, series, MemoryFiles(new_id=ids))


@pytest.fixture
def customer(customers):
    return customers.register(name="Айгүл", phone="+996555111222", language="en")


def closed_ticket(tickets, customer):
    ticket = tickets.create(customer_id=customer.id, subject="no signal")
    tickets.activate(ticket.id)
    return tickets.resolve(ticket.id)


def queue_all(notifications):
    while notifications.queue_new(limit=3):
        pass
    return list(notifications.each())


def test_each_event_with_words_is_told_once_in_the_customers_language(
    notifications, tickets, customer
):
    closed_ticket(tickets, customer)
    (queued,) = queue_all(notifications)
    assert queued.facts == {"ticket": "T-0000001"}
    assert (queued.customer_id, queued.language) == (customer.id, "en")
    assert len(queue_all(notifications)) == 1
    post = Post()
    assert notifications.deliver(post) == 1
    (message,) = post.carried
    assert (message.address, message.subject) == ("+996555111222", "Ticket T-0000001 is closed")
    sent = notifications.get(queued.id)
    assert (sent.status, sent.attempts) == (NotificationStatus.SENT, 1)
    assert notifications.deliver(post) == 0
    assert notifications.confirm_delivery(queued.id).status is NotificationStatus.DELIVERED


def test_an_answer_of_the_staff_on_a_ticket_is_told_without_its_words(
    notifications, tickets, customer, clock
):
    ticket = tickets.create(customer_id=customer.id, subject="no signal", text="since noon", by=BY)
    clock.pass_(minutes=1)
    tickets.comment(ticket.id, text="still nothing", by=Actor(SELF_CARE))
    tickets.comment(ticket.id, text="the mast is down", internal=True, by=BY)
    assert queue_all(notifications) == []
    tickets.comment(ticket.id, text="we are at it", by=BY)
    (queued,) = queue_all(notifications)
    assert (queued.event, queued.facts) == (TICKET_COMMENTED, {"ticket": "T-0000001"})
    post = Post()
    notifications.deliver(post)
    assert "we are at it" not in post.carried[0].body


def test_a_file_of_the_staff_is_told_as_an_answer_and_once_with_its_words(
    notifications, tickets, customer, clock
):
    def picture(number: int) -> tuple[str, list[bytes]]:
        return "map.png", [PNG + bytes([number])]

    ticket = tickets.create(customer_id=customer.id, subject="no signal", file=picture(0), by=BY)
    clock.pass_(minutes=1)
    tickets.comment(ticket.id, file=picture(1), by=Actor(SELF_CARE))
    tickets.comment(ticket.id, file=picture(2), internal=True, by=BY)
    assert queue_all(notifications) == []
    tickets.comment(ticket.id, file=picture(3), by=BY)
    [queued] = queue_all(notifications)
    assert (queued.event, queued.facts) == (TICKET_COMMENTED, {"ticket": "T-0000001"})
    clock.pass_(minutes=1)
    tickets.comment(ticket.id, text="the other map", file=picture(4), by=BY)
    assert len(queue_all(notifications)) == 2


def test_an_answer_that_ends_a_ticket_is_told_by_its_end_alone(notifications, tickets, customer):
    ticket = tickets.create(customer_id=customer.id, subject="no signal")
    tickets.activate(ticket.id)
    tickets.resolve(ticket.id, answer="the mast is up again", by=BY)
    assert [one.event for one in queue_all(notifications)] == [TICKET_CLOSED]


def test_two_workers_that_read_the_same_events_write_one_message(
    notifications, tickets, customer, uow, clock, ids
):
    closed_ticket(tickets, customer)

    def slow_ids():
        """While the first worker still writes, the second does the whole work."""
        Notifications(uow, clock, ids).queue_new()
        return ids()

    Notifications(uow, clock, slow_ids).queue_new()
    assert len(list(notifications.each())) == 1


def test_what_payments_and_contracts_tell(notifications, customer, uow, clock, ids):
    account = BillingAccount.open(
        id=AccountId(ids()),
        number="A-0000001",
        customer_id=customer.id,
        currency="KGS",
        by=BY,
        at=clock(),
    )
    draft = Contract.draft(
        id=ContractId(ids()),
        number="C-0000001",
        customer=CustomerFacts(id=customer.id),
        account_id=account.id,
        iccid=ICCID("8999609600000000015"),
        msisdn=MSISDN("996555000001"),
        tariff_code="START",
        tariff_version=1,
        by=BY,
        at=clock(),
    )
    asked = Payment.initiate(
        id=PaymentId(ids()),
        account_id=account.id,
        contract_id=draft.id,
        amount=Money.parse("150", "KGS"),
        method=PaymentMethod.CASH,
        gateway="cash",
        by=BY,
        at=clock(),
    )
    tariff = Tariff.create(
        code="START",
        name=Wording(en="Beginning", ky="Баштоо"),
        terms=TariffTerms(monthly_fee=Money(0, "KGS"), activation_fee=Money(0, "KGS")),
        by=BY,
        at=clock(),
    )
    with uow() as tx:
        tx.accounts.save(account)
        tx.catalog.tariffs.save(tariff)
        # The steps before are the contract service's; here only what is told of them matters.
        activating = attrs.evolve(draft, status=ContractStatus.ACTIVATING)
        active = activating.confirm_activation(by=BY, at=clock())
        held = active.suspend(hold=HoldKind.LOST_STOLEN, by=BY, at=clock())
        tx.contracts.save(held.resume(hold=HoldKind.LOST_STOLEN, by=BY, at=clock()))
        state = tx.ledger.states([account.id], at=clock())[account.id]
        paid, entry = asked.confirm(
            state=state,
            entry_id=EntryId(ids()),
            reference="g-1",
            took=asked.amount,
            into=LedgerCode.CASH_DESK,
            by=BY,
            at=clock(),
        )
        assert entry is not None
        tx.payments.save(paid)
        tx.ledger.post([Posting.of(entry)], at=clock())
    with notifications.uow(read_only=True) as tx:
        number = tx.accounts.get(paid.account_id).number
    told = {one.event: dict(one.facts) for one in queue_all(notifications)}
    assert told == {
        "ContractActivated": {"contract": "C-0000001", "tariff": "Beginning"},
        "ContractSuspended": {"contract": "C-0000001", "hold": "SIM card lost or stolen"},
        "ContractResumed": {"contract": "C-0000001"},
        "PaymentConfirmed": {
            "amount": "150.00",
            "currency": "KGS",
            "balance": "150.00",
            "receipt": f"{number}-{paid.key[-8:].upper()}",
        },
    }
    post = Post()
    assert notifications.deliver(post) == 4
    assert all("$" not in message.subject + message.body for message in post.carried)


def test_a_channel_that_is_away_leaves_it_queued_until_nobody_wants_it(
    notifications, tickets, customer, clock
):
    closed_ticket(tickets, customer)
    (queued,) = queue_all(notifications)
    away = Post(trouble=Unavailable("sms gateway"))
    assert notifications.deliver(away) == 0
    assert notifications.get(queued.id) == queued
    clock.pass_(hours=24)
    post = Post()
    assert notifications.deliver(post) == 0
    assert (post.carried, notifications.get(queued.id).status) == ([], NotificationStatus.EXPIRED)


def test_a_defect_of_the_channel_is_seen_and_does_not_block_the_others(
    notifications, tickets, customer
):
    closed_ticket(tickets, customer)
    closed_ticket(tickets, customer)
    queue_all(notifications)
    with pytest.raises(ZeroDivisionError):
        notifications.deliver(Post(trouble=ZeroDivisionError()))
    post = Post()
    assert notifications.deliver(post) == 1
    (failed,) = notifications.each(status="failed")
    notifications.retry(failed.id, by=BY)
    assert notifications.deliver(post) == 1
    assert {message.notification_id for message in post.carried} == {
        one.id for one in notifications.each(status="sent")
    }


def test_who_has_no_address_for_the_channel_is_not_reached(uow, clock, ids, tickets, customer):
    by_mail = Notifications(uow, clock, ids, channel=NotificationChannel.EMAIL)
    closed_ticket(tickets, customer)
    (queued,) = queue_all(by_mail)
    assert by_mail.deliver(Post()) == 0
    assert by_mail.get(queued.id).status is NotificationStatus.FAILED


def test_the_stored_templates_say_which_events_are_told(
    notifications, tickets, customer, uow, clock
):
    words = {
        "event": "ContractResumed",
        "language": "ky",
        "subject": "$contract",
        "body": "иштейт",
    }
    with uow() as tx:
        tx.rules.put("templates", [words], by=BY, at=clock())
    closed_ticket(tickets, customer)
    assert queue_all(notifications) == []
    assert notifications.page(Query()).items == ()
