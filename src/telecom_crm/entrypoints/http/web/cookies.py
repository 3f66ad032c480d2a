"""The cookies of the pages: how they are named, and what keeps others from them."""

from __future__ import annotations

from collections.abc import Mapping

from litestar.datastructures import Cookie

SESSION: Mapping[str, str] = {"console": "console", "my": "my"}
"""The cookie that holds the secret of a session, by face."""
SEED = "seed"
"""What a form's token is made of before anybody has signed in."""
CODE_SENT = "code-sent"
"""The phone that a code was sent to, for another one to go there too, and when."""
LANGUAGE, THEME, FLASH = "language", "theme", "flash"
A_YEAR_SECONDS = 365 * 24 * 3600


def named(name: str, scheme: str) -> str:
    """
    Return a cookie's name on the wire.

    `__Host-` binds it to this host, the root path and TLS; over plain http, which only a trial on
    one's own machine should be, not every browser takes such a cookie, so it goes without.
    """
    return f"__Host-{name}" if scheme == "https" else name


def baked(name: str, value: str, scheme: str, *, seconds: int | None = None) -> Cookie:
    """Return a cookie to set, until the browser is closed where no `seconds` are given."""
    return Cookie(
        key=named(name, scheme),
        value=value,
        max_age=seconds,
        path="/",
        secure=scheme == "https",
        httponly=True,
        samesite="lax",
    )


def eaten(name: str, scheme: str) -> Cookie:
    """Return a cookie that takes the one of this name away."""
    return baked(name, "", scheme, seconds=0)
