"""Passwords as argon2id, and one-time codes by the time; both need the extra `access`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from importlib import import_module
from secrets import token_bytes
from threading import BoundedSemaphore
from typing import Any

import attrs

from telecom_crm.application.ports import NotInstalled
from telecom_crm.domain.errors import Unavailable

STEP_SECONDS = 30
"""How long a code is shown (RFC 6238, 5.2)."""


@attrs.frozen(slots=False)
class Argon2Passwords:
    """
    Digests by argon2id; what is said by default is the second recommendation of RFC 9106: 64 MiB.

    Less is for tests. `at_once` bounds how many are computed at a time, since each takes that much
    memory and a processor; who waits longer than `patience_seconds` for a turn is told to come
    again.
    """

    memory_kib: int = 65_536
    rounds: int = 3
    at_once: int = 4
    patience_seconds: float = 10
    _turns: BoundedSemaphore = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: BoundedSemaphore(self.at_once), takes_self=True),
    )
    _nobodys: str = attrs.field(
        init=False,
        eq=False,
        repr=False,
        default=attrs.Factory(lambda self: self._of_nothing(), takes_self=True),
    )
    """What is verified where there is no digest, so that it takes as long."""

    @cached_property
    def _hasher(self) -> Any:
        made = _library("argon2", "passwords").PasswordHasher
        return made(time_cost=self.rounds, memory_cost=self.memory_kib, parallelism=1)

    def hash(self, password: str) -> str:
        """Return a digest with its salt and its parameters, as a text; raise `Unavailable`."""
        with self._turn():
            return str(self._hasher.hash(_bytes(password)))

    def verify(self, hashed: str | None, password: str) -> bool:
        """
        Tell whether it is the password; for no digest, False in the same time.

        Raise `Unavailable`.
        """
        hasher, wrong = self._hasher, import_module("argon2.exceptions")
        try:
            with self._turn():
                hasher.verify(hashed or self._nobodys, _bytes(password))
        except (wrong.VerificationError, wrong.InvalidHashError):
            return False
        return hashed is not None

    def is_outdated(self, hashed: str | None) -> bool:
        """Tell whether a digest was made with other parameters than these."""
        return hashed is not None and bool(self._hasher.check_needs_rehash(hashed))

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self.patience_seconds):
            raise Unavailable("sign-in")
        try:
            yield
        finally:
            self._turns.release()

    def _of_nothing(self) -> str:
        """
        Return a digest of today's parameters that no password has.

        It is random, not computed: so it costs nothing, and the first who asks waits no longer.
        """
        salt, digest = (b64encode(token_bytes(n)).decode().rstrip("=") for n in (16, 32))
        return f"$argon2id$v=19$m={self.memory_kib},t={self.rounds},p=1${salt}${digest}"


class TimeCodes:
    """Codes of six digits, new every half minute (RFC 6238), as authenticator apps make them."""

    def new_secret(self) -> str:
        """Return a secret in base32."""
        return str(_library("pyotp", "one-time codes").random_base32())

    def step_of(self, secret: str, code: str, *, at: datetime) -> int | None:
        """Return the step whose code this is, now or one before or after; None for no code."""
        if not (secret and len(code) == 6 and code.isascii() and code.isdigit()):
            return None
        codes = _library("pyotp", "one-time codes").TOTP(secret, interval=STEP_SECONDS)
        now = int(at.timestamp()) // STEP_SECONDS
        steps = (now - 1, now, now + 1)  # clocks differ, and typing takes time
        return next((one for one in steps if codes.verify(code, for_time=one * STEP_SECONDS)), None)

    def link(self, secret: str, *, login: str, issuer: str) -> str:
        """Return the `otpauth://` link that apps read from a QR code."""
        codes = _library("pyotp", "one-time codes").TOTP(secret, interval=STEP_SECONDS)
        return str(codes.provisioning_uri(name=login, issuer_name=issuer))


def _bytes(password: str) -> bytes:
    # A form may send anything; a lone surrogate just never matches.
    return password.encode("utf-8", "surrogatepass")


def _library(name: str, what: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise NotInstalled(what, "access") from None
