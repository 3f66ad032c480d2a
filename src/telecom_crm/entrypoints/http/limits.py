"""How often somebody may ask: so many requests a second, and some at once after a pause."""

from __future__ import annotations

import time
from collections.abc import Callable

import attrs

REMEMBERED = 10_000
"""How many callers a limit remembers."""
BURST_SECONDS = 2.0
"""A token may use the requests of so many seconds at once."""
BURST_REFUSED = 30
"""So many tokens that open nothing an address may send at once."""


@attrs.define(eq=False)
class Limit:
    """
    The generic cell rate algorithm: a caller's state is one instant, up to which requests are paid.

    Each request moves it on by 1/`per_second`; one that would move it `burst / per_second` seconds
    past the present is refused. Without a `per_second` nobody is. Not for several threads: the
    event loop asks, and costs are a look-up and a few floats.
    """

    per_second: float
    burst: float
    monotonic: Callable[[], float] = time.monotonic
    _paid_until: dict[str, float] = attrs.field(factory=dict, repr=False)

    def take(self, caller: str) -> float:
        """Count a request and return 0.0, or return the seconds after which it would be let in."""
        if not self.per_second:
            return 0.0
        wait, now = self.wait(caller), self.monotonic()
        if wait:
            return wait
        if len(self._paid_until) >= REMEMBERED and caller not in self._paid_until:
            self._forget(now)
        self._paid_until[caller] = max(self._paid_until.get(caller, now), now) + 1 / self.per_second
        return 0.0

    def wait(self, caller: str) -> float:
        """Return the seconds after which a caller would be let in, 0.0 for now; count nothing."""
        until = self._paid_until.get(caller)
        if until is None:
            return 0.0
        over = until + (1 - self.burst) / self.per_second - self.monotonic()
        return over if over > 0 else 0.0

    def _forget(self, now: float) -> None:
        """Drop who has paid for everything; where nobody has, the one who comes next first."""
        left = {who: until for who, until in self._paid_until.items() if until > now}
        if len(left) >= REMEMBERED:
            del left[min(left, key=left.__getitem__)]
        self._paid_until = left


@attrs.frozen(kw_only=True)
class Limits:
    """
    What a server process lets through.

    Each process counts for itself: counting together would cost every request an exchange with the
    database, to guard against what costs one. `requests_per_second` is for each token, 0 for no
    limit; `refused_per_minute` for each address, of tokens that open nothing.
    """

    requests_per_second: int = 300
    refused_per_minute: int = 60
    proxies: tuple[str, ...] = ()
    """Addresses of proxies, whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    monotonic: Callable[[], float] = time.monotonic

    def of_tokens(self) -> Limit:
        """Return the limit of tokens."""
        rate = float(self.requests_per_second)
        return Limit(rate, max(1.0, rate * BURST_SECONDS), self.monotonic)

    def of_addresses(self) -> Limit:
        """Return the limit of addresses."""
        rate = self.refused_per_minute / 60
        return Limit(rate, min(BURST_REFUSED, max(1, self.refused_per_minute)), self.monotonic)
