"""Applying: people whom nobody knows yet send what they want, and follow it by a secret link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import attrs

from telecom_crm.application.access.signing_in import count_attempts
from telecom_crm.application.intake.service import Intake
from telecom_crm.application.intake.working import Question
from telecom_crm.domain.application import Application, ApplicationKind, Channel
from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.session import SELF_CARE, network_of
from telecom_crm.domain.token import digest_of

SENT_AN_HOUR = 30
"""How many forms an address may send within an hour: many people may share one."""


@attrs.frozen
class Followed:
    """An application as whoever sent it sees it; `asked` is what they were asked for last."""

    application: Application
    asked: Question


@attrs.frozen
class Applying:
    """
    Applications of people who have no account to sign in to.

    Each is known by a secret of its sender's, who alone has it: its SHA-256 is the reference that
    the application is stored under. A secret must be long and random.
    """

    intake: Intake

    def send(
        self,
        secret: str,
        *,
        raw: Mapping[str, Any],
        scans: Mapping[str, Iterable[bytes]] = MappingProxyType({}),
        address: str = "",
    ) -> Application:
        """
        Take an application in under its secret; sent again, it is the one that was sent first.

        Of the `address` that it comes from the network alone is kept. Raise `InvalidValue` for
        files that are no scans.
        """
        return self.intake.capture(
            kind=ApplicationKind.NEW_CONNECTION,
            channel=Channel.SELF_CARE,
            raw=raw,
            external_reference=digest_of(secret),
            scans=scans,
            by=_from(address),
        )

    def follow(self, secret: str) -> Followed:
        """Return what became of an application; raise `NotFound` where the secret opens none."""
        application = self._known(secret)
        return Followed(application, self.intake.question(application.id))

    def supply(
        self,
        secret: str,
        *,
        raw: Mapping[str, Any],
        scans: Mapping[str, Iterable[bytes]] = MappingProxyType({}),
        expected_version: int | None = None,
        address: str = "",
    ) -> Application:
        """Add what was asked for; raise as `send` does, and `NotFound`."""
        known = self._known(secret)
        return self.intake.supply(
            known.id, raw=raw, scans=scans, expected_version=expected_version, by=_from(address)
        )

    def withdraw(
        self, secret: str, *, expected_version: int | None = None, address: str = ""
    ) -> Application:
        """Take an application back; raise `NotFound`, and `RuleViolated` once it is served."""
        known = self._known(secret)
        by = _from(address)
        return self.intake.cancel(known.id, expected_version=expected_version, by=by)

    def _known(self, secret: str) -> Application:
        found = self.intake.by_reference(Channel.SELF_CARE, digest_of(secret))
        if found is None:
            raise NotFound("application", "of this link")
        return found

    def count(self, address: str) -> None:
        """
        Count a form that an address sends, before anything is done for it.

        Raise `TooManyAttempts` for more than `SENT_AN_HOUR`, faulty ones included.
        """
        count_attempts(
            self.intake.uow,
            {f"apply:{address}": SENT_AN_HOUR},
            at=self.intake.clock(),
            window=timedelta(hours=1),
            thing="application",
            address=network_of(address),
        )


def _from(address: str) -> Actor:
    """Return a guest of self-care as one who gives commands."""
    return Actor(SELF_CARE).coming_from(network_of(address))
