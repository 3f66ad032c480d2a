"""Events sent to a real HTTP server on loopback that fails, is slow, and comes back."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs
import pytest

from telecom_crm.adapters.messaging.http_post import HttpPoster
from telecom_crm.application.customers.service import Customers
from telecom_crm.application.ports import Undelivered
from telecom_crm.application.stream import EventStream
from telecom_crm.application.webhooks import Webhooks
from telecom_crm.domain.errors import InvalidValue, NotFound, StaleVersion
from telecom_crm.domain.identifiers import WebhookId
from telecom_crm.domain.webhook import GIVE_UP_AFTER


@attrs.define(eq=False)
class Receiver:
    """What a server was sent; `answer` is a status, or `hang` or `drip` for none that ends."""

    server: ThreadingHTTPServer
    answer: int | str = 204
    got: list[tuple[str, dict[str, str], bytes]] = attrs.field(factory=list)
    over: threading.Event = attrs.field(factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/events?shop=1"

    @property
    def events(self) -> list[dict[str, Any]]:
        """All events it was sent with a 2xx, in order."""
        return [one["event"] for _, _, body in self.got for one in json.loads(body)["events"]]

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        if self.answer == "hang" or handler.path == "/slow":
            self.over.wait(30)
        elif self.answer == "drip":
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not self.over.wait(0.05):
                handler.wfile.write(b"x")
        elif isinstance(self.answer, int):
            if 200 <= self.answer < 300:
                self.got.append((handler.path, dict(handler.headers.items()), body))
            handler.send_response(self.answer)
            handler.send_header("Location", "/elsewhere")
            handler.send_header("Content-Length", "0")
            handler.end_headers()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                found.take(self)
            except OSError:
                return  # the sender hung up

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Receiver(server)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        found.over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def webhooks(uow, clock, ids):
    return Webhooks(uow, clock, ids, HttpPoster(to_private=True, timeout_seconds=0.5))


@pytest.fixture
def customers(uow, clock, ids):
    return Customers(uow, clock, ids)


def send_all(webhooks: Webhooks) -> int:
    total = 0
    while sent := webhooks.deliver():
        total += sent
    return total


def test_events_arrive_signed_in_order_from_now_on(webhooks, customers, receiver, uow):
    customers.register(name="before")
    _, secret = webhooks.register(url=receiver.url)
    made = [customers.register(name=f"Customer {n}") for n in range(3)]
    customers.block(made[0].id, reason="x")
    send_all(webhooks)
    assert [(one["name"], one["thing_id"]) for one in receiver.events] == [
        *(("CustomerRegistered", one.key) for one in made),
        ("CustomerBlocked", made[0].key),
    ]
    path, headers, body = receiver.got[0]
    assert path == "/events?shop=1"
    signed = f"{headers['Webhook-Id']}.{headers['Webhook-Timestamp']}.".encode() + body
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, "sha256")
    assert headers["Webhook-Signature"] == "v1," + base64.b64encode(mac).decode()
    told = receiver.events[0]
    [first] = EventStream(uow).of("customer", made[0].key)[:1]
    assert (told["sequence"], told["by"], told["after"]) == (1, first.by.name, "prospect")
    count = len(receiver.got)
    assert webhooks.deliver() == 0
    assert len(receiver.got) == count


def test_from_the_start_and_only_what_was_named(webhooks, customers, receiver):
    first = customers.register(name="A")
    customers.block(first.id, reason="x")
    webhooks.register(url=receiver.url, wanted=["CustomerBlocked"], from_start=True)
    send_all(webhooks)
    assert [one["name"] for one in receiver.events] == ["CustomerBlocked"]


def test_what_fails_comes_again_before_anything_later(webhooks, customers, receiver, clock):
    hook, _ = webhooks.register(url=receiver.url)
    customers.register(name="A")
    for failures, answer in enumerate((500, 302, "hang", "drip"), 1):
        receiver.answer = answer
        webhooks.deliver()
        known = webhooks.get(hook.id)
        assert known.failures == failures, answer
        assert webhooks.deliver() == 0
        assert webhooks.get(hook.id).failures == failures, "it waits"
        clock.pass_(seconds=2**failures)
    assert webhooks.get(hook.id).last_error == "no answer within 0.5 s"
    customers.register(name="B")
    receiver.answer = 200
    send_all(webhooks)
    assert [one["name"] for one in receiver.events] == ["CustomerRegistered"] * 2
    assert webhooks.get(hook.id).failures == 0
    assert [event.name for event in webhooks.timeline(hook.id)] == [
        "WebhookRegistered",
        *["WebhookFailed"] * 4,
        "WebhookRecovered",
    ]


def test_a_delivery_has_the_same_id_while_it_is_the_same(webhooks, customers, receiver, uow):
    webhooks.register(url=receiver.url)
    customers.register(name="A")

    @attrs.frozen
    class Crashing:
        """The process ends after the delivery, before it is noted."""

        real: HttpPoster

        def post(self, url, *, body, headers):
            self.real.post(url, body=body, headers=headers)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attrs.evolve(webhooks, sender=Crashing(webhooks.sender)).deliver()
    send_all(webhooks)
    one, two = receiver.got
    assert one[1]["Webhook-Id"] == two[1]["Webhook-Id"]
    assert one[2] == two[2]


def test_a_slow_one_does_not_keep_the_others(webhooks, customers, receiver):
    webhooks.register(url=receiver.url.replace("/events?shop=1", "/slow"))
    webhooks.register(url="http://127.0.0.1:1/")
    webhooks.register(url=receiver.url)
    customers.register(name="A")
    assert webhooks.deliver() > 0
    assert [one.last_error for one in webhooks.each()] == [
        "no answer within 0.5 s",
        "could not be reached: ConnectionRefusedError",
        "",
    ]
    assert [one["name"] for one in receiver.events] == ["CustomerRegistered"]


def test_too_many_failures_pause_it_and_resuming_loses_nothing(
    webhooks, customers, receiver, clock
):
    hook, _ = webhooks.register(url=receiver.url)
    receiver.answer = 503
    customers.register(name="A")
    for _ in range(GIVE_UP_AFTER):
        webhooks.deliver()
        clock.pass_(hours=1)
    assert webhooks.get(hook.id).status == "paused"
    customers.register(name="B")
    receiver.answer = 200
    assert webhooks.deliver() == 0
    webhooks.resume(hook.id)
    send_all(webhooks)
    assert len(receiver.events) == 2


def test_pausing_keeps_and_removing_ends(webhooks, customers, receiver):
    hook, secret = webhooks.register(url=receiver.url)
    with pytest.raises(StaleVersion):
        webhooks.pause(hook.id, expected_version=9)
    webhooks.pause(hook.id, reason="maintenance")
    customers.register(name="A")
    assert webhooks.deliver() == 0
    webhooks.resume(hook.id)
    send_all(webhooks)
    assert len(receiver.events) == 1
    gone = webhooks.remove(hook.id)
    customers.register(name="B")
    assert webhooks.deliver() == 0
    assert gone.secret == ""
    assert secret not in repr(webhooks.timeline(hook.id))
    with pytest.raises(NotFound):
        webhooks.get(WebhookId(customers.register(name="C").id))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "0.0.0.0"],
)
def test_private_addresses_are_refused_by_default(uow, clock, ids, host):
    webhooks = Webhooks(uow, clock, ids, HttpPoster())
    with pytest.raises(InvalidValue) as caught:
        webhooks.register(url=f"http://{host}/")
    assert caught.value.faults[0].code == "private_address"
    assert list(webhooks.each()) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[2002:7f00:1::]", "0"])
def test_a_name_that_leads_to_a_private_address_is_not_sent_to(receiver, host):
    port = receiver.server.server_address[1]
    with pytest.raises(Undelivered, match=r"private address|could not be reached"):
        HttpPoster().post(f"http://{host}:{port}/", body=b"", headers={})
    assert receiver.got == []
