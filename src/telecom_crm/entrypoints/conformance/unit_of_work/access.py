"""What every store has to do: users, attempts and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs

from telecom_crm.domain.identifiers import (
    UserId,
)
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.entrypoints.conformance.samples import (
    Samples,
)
from telecom_crm.entrypoints.conformance.unit_of_work.store import StoreSuite
from telecom_crm.entrypoints.conformance.unit_of_work.things import (
    a_session,
    a_token,
    a_user,
    an_approval,
)


class Access(StoreSuite):
    """Users, attempts and tokens."""

    def test_users_are_last_seen_in_the_latest_of_their_sessions(self) -> None:
        uow, samples = self.make(), Samples()
        first = a_session(samples)
        assert first.user_id is not None
        later = attrs.evolve(a_session(samples), user_id=first.user_id)
        other, nobody = a_session(samples), UserId(samples.id())
        with uow() as tx:
            for one in (first, later.end(at=later.seen_at), other):
                tx.sessions.save(one)
        with uow(read_only=True) as tx:
            assert tx.sessions.last_seen([first.user_id, nobody]) == {first.user_id: later.seen_at}
            assert tx.sessions.last_seen([]) == {}

    def test_attempts_are_counted_forgiven_and_forgotten(self) -> None:
        uow, at, window = self.make(), Samples().tick(), timedelta(minutes=15)
        with uow() as tx:
            tx.attempts.count(["old"], at=at - timedelta(days=2), window=window)
            tx.attempts.count(["older"], at=at - timedelta(days=3), window=window)
        with uow() as tx:
            first = tx.attempts.count(["mine"], at=at, window=window)
            both = tx.attempts.count(["mine", "shared"], at=at, window=window)
            assert [first["mine"].number, both["mine"].number, both["shared"].number] == [1, 2, 1]
        with uow() as tx:
            tx.attempts.forgive(["mine"], ["shared"])
        before = at - timedelta(days=1)
        forgotten = []
        for _ in range(3):
            with uow() as tx:
                forgotten.append(tx.attempts.forget_before(before, limit=1))
        assert forgotten == [1, 1, 0]
        with uow() as tx:
            counted = tx.attempts.count(["mine", "shared", "old"], at=at, window=timedelta(days=9))
            assert {key: one.number for key, one in counted.items()} == {
                "mine": 1,
                "shared": 1,
                "old": 1,
            }

    def test_a_token_is_found_by_its_digest(self) -> None:
        uow, samples = self.make(), Samples()
        token = a_token(samples)
        with uow() as tx:
            tx.tokens.save(token)
        with uow() as tx:
            assert tx.tokens.opening(token.digest) == token
            assert tx.tokens.opening("0" * 64) is None
            tx.tokens.save(token.used(at=samples.tick()))
        with uow(read_only=True) as tx:
            assert tx.tokens.get(token.id).last_used_at is not None

    def test_a_token_opens_while_the_user_who_made_it_may_sign_in(self) -> None:
        uow, samples = self.make(), Samples()
        user = a_user(samples)
        own = attrs.evolve(a_token(samples), made_by=user.actor)
        program = Actor("program", str(own.id), own.maker)
        lent = attrs.evolve(a_token(samples), made_by=program, digest="1" * 64)
        nobodys = attrs.evolve(
            a_token(samples), made_by=Actor("x", f"user:{samples.id()}"), digest="2" * 64
        )
        said: dict[str, Any] = {"by": Actor("root"), "at": samples.tick()}
        with uow() as tx:
            user = tx.users.save(user)
            assert tx.users.names() == {user.login: user.name}
            tx.tokens.save_all([own, lent, nobodys])
        with uow() as tx:
            assert tx.tokens.opening(own.digest) == own
            assert tx.tokens.opening(lent.digest) == lent
            assert tx.tokens.opening(nobodys.digest) is None
            user = tx.users.save(tx.users.get(user.id).block(reason="", **said))
        with uow() as tx:
            assert tx.tokens.opening(own.digest) is None
            assert tx.tokens.opening(lent.digest) is None
            tx.users.save(tx.users.get(user.id).unblock(**said))
        with uow() as tx:
            assert tx.tokens.opening(own.digest) == own
            tx.users.save(tx.users.get(user.id).reset(invitation="3" * 64, **said))
        with uow(read_only=True) as tx:
            assert tx.tokens.opening(lent.digest) is None

    def test_who_answers_for_a_token_and_for_a_request_is_kept(self) -> None:
        uow, samples = self.make(), Samples()
        by = Actor("till 1", "t-1", "user:7")
        token = attrs.evolve(a_token(samples), made_by=by)
        asked = attrs.evolve(an_approval(samples), asked_by=by)
        with uow() as tx:
            tx.tokens.save(token)
            tx.approvals.save(asked)
        with uow(read_only=True) as tx:
            kept = tx.tokens.get(token.id)
            assert (kept.made_by, kept.actor.person) == (by, "user:7")
            assert tx.approvals.get(asked.id).asked_by.person == "user:7"
