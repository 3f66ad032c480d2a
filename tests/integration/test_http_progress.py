"""Following an import over HTTP, whichever process answers."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import telecom_crm
from telecom_crm.domain.importing import ImportJob, ImportKind
from telecom_crm.domain.role import RoleName as Role
from tests.integration.served import Served

ROWS = 6
FILE = "msisdn,category\n" + "".join(f"9965550990{n:02d},gold\n" for n in range(ROWS))


@attrs.define
class Follower:
    """Somebody who reads a job's events until they end or are enough."""

    port: int
    token: str
    path: str
    heard: list[dict[str, Any]] = attrs.field(factory=list)
    news: threading.Condition = attrs.field(factory=threading.Condition)

    def ask(self, last: str | None = None) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self.token}"}
        if last is not None:
            headers["Last-Event-ID"] = last
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                connection.request("GET", self.path, headers=headers)
                return connection.getresponse()
            except ConnectionRefusedError:
                continue  # it is starting

    def follow(self, last: str | None = None, *, most: int | None = None) -> None:
        """Read to the end of the stream, or hang up after so many events."""
        with self.ask(last) as answer:
            assert answer.status == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            for event in _events(answer):
                with self.news:
                    self.heard.append(event)
                    self.news.notify_all()
                if most is not None and len(self.heard) >= most:
                    return

    def wait_for(self, fits: Callable[[], bool]) -> None:
        with self.news:
            assert self.news.wait_for(fits, timeout=60)


def _events(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name in ("event", "id"):
            event[name] = value
        elif name == "data":
            event["data"] = json.loads(value)
        elif not name and event.get("event"):
            yield event
            event = {}


@pytest.mark.postgres
def test_a_job_is_followed_to_its_end_and_after_a_cut_from_where_it_was(ready_database, tmp_path):
    with (
        telecom_crm.open(ready_database, data=tmp_path) as crm,
        Served.over(ready_database) as served,
    ):
        _, token = crm.access.create_token(name="clerk", role=Role.OPERATOR)
        row_by_row = attrs.evolve(crm.imports, chunk=1)
        job = row_by_row.upload(
            kind=ImportKind.NUMBERS, content=[FILE.encode()], file_name="numbers.csv"
        )
        follower = Follower(served.port, token, f"/imports/{job.id}/events")
        first = threading.Thread(target=follower.follow, kwargs={"most": 3})
        first.start()
        second: list[threading.Thread] = []

        def wait(now: ImportJob) -> None:
            """Go on only when the step before was heard: so none is missed, whatever is slow."""
            if not second and now.position == 3:
                first.join()
                last = follower.heard[-1]["id"]
                second.append(threading.Thread(target=follower.follow, args=(last,)))
                second[0].start()
            follower.wait_for(lambda: int(follower.heard[-1]["id"]) >= now.version)

        follower.wait_for(lambda: bool(follower.heard))
        done = row_by_row.run(job.id, progress=wait)
        second[0].join()
        ids = [int(event["id"]) for event in follower.heard]
        assert ids == sorted(set(ids)), "nothing comes twice, and nothing goes back"
        assert [event["event"] for event in follower.heard] == ["progress"] * (len(ids) - 1) + [
            "done"
        ]
        assert follower.heard[0]["data"]["status"] == "uploaded"
        last = follower.heard[-1]
        assert (last["data"]["status"], last["data"]["created"]) == ("completed", ROWS)
        assert int(last["id"]) == done.version
        assert follower.ask(last["id"]).status == 204
        assert follower.ask("nonsense").status == 200
