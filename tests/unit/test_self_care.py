"""Subscribers sign in by a code sent to their phone, and see nothing but what is theirs."""

import re
import threading
from uuid import UUID

import attrs
import pytest

from telecom_crm import in_memory
from telecom_crm.adapters.messaging.apart import SendingApart
from telecom_crm.application.access.self_care import CODES_AN_HOUR
from telecom_crm.application.access.signing_in import (
    GUESSES,
    GUESSES_OF_ADDRESS,
    SignInRefused,
    TooManyAttempts,
)
from telecom_crm.application.catalog_file import demo_catalog
from telecom_crm.application.erasing import erase_in
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Message, Query
from telecom_crm.domain.errors import InvalidValue, NotFound, Unavailable
from telecom_crm.domain.identifiers import MSISDN, CustomerId, NotificationId
from telecom_crm.domain.lifecycle import SYSTEM
from telecom_crm.domain.notification import NEW_DEVICE, SIGN_IN_CODE, Template
from telecom_crm.domain.profile import CustomerKind
from telecom_crm.domain.session import network_of
from telecom_crm.domain.token import digest_of
from telecom_crm.entrypoints.demo import load_subscribers, subscriber
from tests.people import QUICK

PASSWORD = "correct horse battery"
PHONE, NOBODYS = subscriber(0).msisdn, MSISDN("996555000000")


@attrs.define
class Phones:
    """All phones there are, with what came in on them."""

    got: list[Message] = attrs.field(factory=list)

    def send(self, message):
        self.got.append(message)

    @property
    def code(self):
        [code] = re.findall(r"\d{6}", self.got[-1].body)
        return code


@pytest.fixture
def house():
    with in_memory(passwords=QUICK) as crm:
        yield crm


@pytest.fixture
def loaded(house):
    """A house with two subscribers."""
    house.catalog.apply(demo_catalog())
    load_subscribers(house, count=2)
    return house


@pytest.fixture
def phones():
    return Phones()


@pytest.fixture
def care(loaded, phones, clock):
    return attrs.evolve(loaded.self_care, messenger=phones, clock=clock)


def _contract(crm, index=0):
    return next(crm.contracts.each(msisdn=subscriber(index).msisdn.digits))


def _owner(crm, index=0):
    return _contract(crm, index).customer_id


def _number(crm):
    return _contract(crm).number


def test_a_code_opens_a_session_of_the_customer_whose_phone_it_is(loaded, care, phones):
    secret = care.send_code(PHONE, address="a")
    assert [message.address for message in phones.got] == [str(PHONE)]
    signed = care.sign_in_with_code(secret, code=f" {phones.code} ", address="a", agent="a phone")
    assert signed.secret != secret
    assert signed.session.agent == "a phone"
    known = care.subscriber(signed.secret)
    assert known.customer_id == _owner(loaded)
    assert known.actor.token == f"customer:{known.customer_id}"
    assert care.subscriber(secret) is None
    assert loaded.access.visitor(signed.secret) is None  # it opens nothing of the operator's
    care.sign_out(signed.secret)
    assert care.subscriber(signed.secret) is None


def test_a_code_works_once_and_only_with_what_was_returned_for_it(care, phones, clock):
    secret = care.send_code(PHONE, address="a")
    clock.pass_(seconds=61)
    other = care.send_code(NOBODYS, address="b")
    for wrong in (other, "tcss_made-up", ""):
        with pytest.raises(SignInRefused):
            care.sign_in_with_code(wrong, code=phones.code)
    care.sign_in_with_code(secret, code=phones.code)
    with pytest.raises(SignInRefused):
        care.sign_in_with_code(secret, code=phones.code)


def test_a_code_is_good_for_ten_minutes(care, phones, clock):
    secret = care.send_code(PHONE)
    clock.pass_(minutes=10)
    with pytest.raises(SignInRefused):
        care.sign_in_with_code(secret, code=phones.code)


def test_a_code_is_guessed_five_times_and_then_the_right_one_opens_nothing(care, phones):
    secret = care.send_code(PHONE)
    wrong = f"{(int(phones.code) + 1) % 1_000_000:06}"
    for _ in range(GUESSES):
        with pytest.raises(SignInRefused):
            care.sign_in_with_code(secret, code=wrong)
    with pytest.raises(TooManyAttempts):
        care.sign_in_with_code(secret, code=phones.code)


def test_an_address_tries_so_many_codes_and_no_more(care):
    for index in range(GUESSES_OF_ADDRESS):
        with pytest.raises(SignInRefused):
            care.sign_in_with_code(f"tcss_{index}", code="000000", address="c")
    with pytest.raises(TooManyAttempts):
        care.send_code(PHONE, address="c")


@pytest.mark.parametrize("phone", [PHONE, NOBODYS])
def test_known_or_not_a_phone_is_answered_the_same(care, phones, clock, phone):
    first = care.send_code(phone)
    assert re.fullmatch(r"tcss_[\w-]{43}", first)
    with pytest.raises(TooManyAttempts) as told:
        care.send_code(phone)
    assert told.value.retry_after_seconds == 60
    for _ in range(CODES_AN_HOUR - 1):
        clock.pass_(seconds=60)
        assert re.fullmatch(r"tcss_[\w-]{43}", care.send_code(phone))
    clock.pass_(seconds=60)
    with pytest.raises(TooManyAttempts) as told:
        care.send_code(phone)
    assert told.value.retry_after_seconds > 3000
    assert len(phones.got) == (CODES_AN_HOUR if phone == PHONE else 0)
    with pytest.raises(SignInRefused):
        care.sign_in_with_code(first, code="not it")


def test_no_code_and_no_secret_is_kept(loaded, care, phones):
    secret = care.send_code(PHONE)
    with loaded.uow() as tx:
        kept = str([attrs.asdict(one) for one in each_in(tx.sessions)])
    kept += str([attrs.asdict(one) for one in loaded.notifications.each()])
    assert digest_of(f"{secret}:{phones.code}") in kept
    assert phones.code not in kept.replace(digest_of(f"{secret}:{phones.code}"), "")
    assert secret not in kept


def test_a_password_opens_what_a_contracts_number_is_of(loaded, care, phones):
    owner, number = _owner(loaded), _number(loaded)
    care.set_password(owner, password=PASSWORD)
    signed = care.sign_in_with_password(contract=f" {number.lower()} ", password=PASSWORD)
    assert care.subscriber(signed.secret).customer_id == owner
    refused = [
        {"contract": number, "password": "another long password"},
        {"contract": "C-99999999", "password": PASSWORD},
        {"contract": "\0", "password": "\ud800"},
    ]
    for wrong in refused:
        with pytest.raises(SignInRefused):
            care.sign_in_with_password(**wrong)
    assert phones.got == []


def test_a_customer_without_a_password_comes_in_by_none(loaded, care):
    number = _number(loaded)
    for password in ("", PASSWORD):
        with pytest.raises(SignInRefused):
            care.sign_in_with_password(contract=number, password=password)


def test_passwords_of_a_contract_are_guessed_five_times_and_no_more(loaded, care):
    care.set_password(_owner(loaded), password=PASSWORD)
    number = _number(loaded)
    for _ in range(GUESSES):
        with pytest.raises(SignInRefused):
            care.sign_in_with_password(contract=number, password="wrong")
    with pytest.raises(TooManyAttempts):
        care.sign_in_with_password(contract=number, password=PASSWORD)


def test_signing_in_ends_the_session_that_one_comes_with(loaded, care, phones):
    owner, number = _owner(loaded), _number(loaded)
    care.set_password(owner, password=PASSWORD)
    mine = {"contract": number, "password": PASSWORD}
    first, other = care.sign_in_with_password(**mine), care.sign_in_with_password(**mine)
    second = care.sign_in_with_password(**mine, replaces=first.secret)
    assert care.subscriber(first.secret) is None
    assert care.subscriber(second.secret) is not None
    care.send_code(PHONE, replaces=second.secret)
    assert care.subscriber(second.secret) is None, "its cookie is another's from now on"
    assert care.subscriber(other.secret) is not None


def test_one_s_own_password_is_chosen_soon_after_a_sign_in_or_with_the_present_one(
    loaded, care, phones, clock
):
    owner, number = _owner(loaded), _number(loaded)
    new = "quite another password"
    signed = care.sign_in_with_code(care.send_code(PHONE), code=phones.code)
    here = {"within": signed.session.id}
    clock.pass_(minutes=10)
    care.choose_password(owner, password=PASSWORD, **here)
    other = care.sign_in_with_password(contract=number, password=PASSWORD)
    clock.pass_(seconds=1)
    for wrong in ("", "wrong"):
        with pytest.raises(InvalidValue) as refused:
            care.choose_password(owner, password=new, present=wrong, **here)
        assert [one.field for one in refused.value.faults] == ["present"]
    care.choose_password(owner, password=new, present=PASSWORD, **here)
    assert care.subscriber(signed.secret) is not None
    assert care.subscriber(other.secret) is None
    for _ in range(GUESSES):
        with pytest.raises(InvalidValue):
            care.choose_password(owner, password=PASSWORD, present="wrong", **here)
    with pytest.raises(TooManyAttempts):
        care.choose_password(owner, password=PASSWORD, present=new, **here)
    assert care.sign_in_with_password(contract=number, password=new)


def test_who_has_no_password_signs_in_again_to_choose_one(loaded, care, phones, clock):
    signed = care.sign_in_with_code(care.send_code(PHONE), code=phones.code)
    clock.pass_(minutes=11)
    with pytest.raises(InvalidValue) as refused:
        care.choose_password(_owner(loaded), password=PASSWORD, within=signed.session.id)
    assert [one.code for one in refused.value.faults] == ["sign_in_first"]


def test_another_password_ends_all_sessions_but_the_one_it_was_set_in(loaded, care):
    owner, number = _owner(loaded), _number(loaded)
    care.set_password(owner, password=PASSWORD)
    here, there = (care.sign_in_with_password(contract=number, password=PASSWORD) for _ in range(2))
    care.set_password(owner, password="another long password", keep=here.session.id)
    assert care.subscriber(here.secret) is not None
    assert care.subscriber(there.secret) is None
    with pytest.raises(SignInRefused):
        care.sign_in_with_password(contract=number, password=PASSWORD)
    with pytest.raises(InvalidValue):
        care.set_password(owner, password="short")
    with pytest.raises(NotFound):
        care.set_password(CustomerId(UUID(int=7)), password=PASSWORD)


def test_an_organisations_phone_opens_nothing_and_its_password_does(loaded, care, phones):
    owner = _owner(loaded)
    with loaded.uow() as tx:
        person = tx.customers.get(owner)
        kind = {"kind": CustomerKind.ORGANISATION, "registration_number": "12345678901234"}
        tx.customers.save(attrs.evolve(person, birth_date=None, documents=(), **kind))
    care.send_code(PHONE)
    assert phones.got == []
    care.set_password(owner, password=PASSWORD)
    number = _number(loaded)
    signed = care.sign_in_with_password(contract=number, password=PASSWORD)
    assert care.subscriber(signed.secret).customer_id == owner


def test_the_words_are_the_operators_and_in_the_customers_language(loaded, care, phones):
    own = Template(event=SIGN_IN_CODE, language="ky", subject="Acme", body="Acme: $code")
    loaded.rules.put_templates([own])
    care.send_code(PHONE)
    care.send_code(subscriber(1).msisdn)
    assert [message.subject for message in phones.got] == ["Acme", "Вход"]


def test_what_is_somebody_elses_is_not_found(loaded, care, phones):
    secret = care.send_code(PHONE)
    known = care.subscriber(care.sign_in_with_code(secret, code=phones.code).secret)
    known.require_own("contract", "C-1", _owner(loaded))
    for other in (_owner(loaded, 1), None):
        with pytest.raises(NotFound, match="no contract C-1"):
            known.require_own("contract", "C-1", other)


def test_who_is_erased_is_signed_out_and_nothing_tells_where_from(loaded, care, phones, clock):
    owner, number = _owner(loaded), _number(loaded)
    care.set_password(owner, password=PASSWORD)
    secret = care.send_code(PHONE, address="here", agent="a phone")
    signed = care.sign_in_with_code(secret, code=phones.code, address="here", agent="a phone")
    with loaded.uow() as tx:
        erase_in(tx, tx.customers.get(owner), merged=(), open_contracts=0, by=SYSTEM, at=clock())
    assert care.subscriber(signed.secret) is None
    with pytest.raises(SignInRefused):
        care.sign_in_with_password(contract=number, password=PASSWORD)
    with loaded.uow() as tx:
        kept = list(each_in(tx.sessions))
        assert tx.customer_passwords.get(owner).password_hash is None
    assert len(kept) == 2
    assert {(one.address, one.agent) for one in kept} == {("", "")}
    assert all(one.ended_at for one in kept)


def test_sign_ins_and_refusals_are_written_down(loaded, care, phones):
    secret = care.send_code(PHONE)
    with pytest.raises(SignInRefused):
        care.sign_in_with_code(secret, code="000", address="203.0.113.77")
    care.sign_in_with_code(secret, code=phones.code, address="203.0.113.77")
    for _ in range(GUESSES + 1):
        with pytest.raises((SignInRefused, TooManyAttempts)):
            care.sign_in_with_password(contract="C-9", password="x", address="203.0.113.77")
    lines = [line for line in loaded.access.audit(Query(limit=500)).items if line.by.address]
    assert {(line.action, line.thing_id) for line in lines} == {
        ("sign_in.refused", "unknown"),
        ("sign_in", str(_owner(loaded))),
        ("attempts.over", "unknown"),
    }
    assert {line.by.address for line in lines} == {"203.0.113.0/24"}  # it outlives an erasure


def test_what_subscribers_do_is_written_down_with_their_network_alone(loaded, care, phones):
    secret = care.send_code(PHONE)
    signed = care.sign_in_with_code(secret, code=phones.code)
    somebody = care.subscriber(signed.secret).coming_from("203.0.113.77")
    assert (somebody.network, somebody.actor.address) == ("203.0.113.0/24", "203.0.113.0/24")
    assert somebody.coming_from("unix").actor.address is None


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("2001:0db8:0001:0002", "2001:db8:1::/48"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_a_network_is_as_wide_as_is_nobodys_alone(address, network):
    assert network_of(address) == network


def test_a_channel_is_not_waited_for_and_what_it_refuses_stops_nothing(caplog):
    let, got = threading.Event(), []

    class Slow:
        def send(self, message):
            assert let.wait(30)
            if message.subject == "lost":
                raise Unavailable("the gateway")
            if message.subject == "broken":
                raise ValueError("a defect")
            got.append(message.subject)

    apart = SendingApart(Slow())
    for subject in ("lost", "broken", "found"):
        apart.send(_message(subject))
    assert got == []
    let.set()
    apart.close()
    assert got == ["found"]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "+996" not in caplog.text


def _message(subject):

    return Message(
        notification_id=NotificationId(UUID(int=1)), address="+996", subject=subject, body="x"
    )


def test_a_sign_in_from_a_device_not_seen_before_is_told(loaded, care):
    owner, contract = _owner(loaded), _contract(loaded)
    care.set_password(owner, password=PASSWORD)
    told = []
    for agent in ("Firefox/140.0", "Firefox/141.0", "Chrome/140.0", "Firefox/141.0"):
        care.sign_in_with_password(contract=contract.number, password=PASSWORD, agent=agent)
        messages = loaded.notifications.each(customer_id=str(owner))
        told.append(len([one for one in messages if one.event == NEW_DEVICE]))
    assert told == [1, 1, 2, 2]


def test_an_app_with_a_long_name_is_no_new_device_each_time(loaded, care):
    owner, contract = _owner(loaded), _contract(loaded)
    care.set_password(owner, password=PASSWORD)
    for _ in range(2):
        agent = f"App\x00 {'of the operator ' * 30}"
        care.sign_in_with_password(contract=contract.number, password=PASSWORD, agent=agent)
    messages = loaded.notifications.each(customer_id=str(owner))
    assert [one.event for one in messages].count(NEW_DEVICE) == 1
