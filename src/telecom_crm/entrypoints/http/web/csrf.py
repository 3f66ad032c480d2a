"""Tokens that show a form to be ours: a masked digest of what only our own pages know."""

from __future__ import annotations

import hashlib
import hmac
import secrets

HEADER, FIELD = "x-csrftoken", "csrf"
_LENGTH = 16


def issued(seed: str) -> str:
    """Return a token for a seed, another one each time: a packed page tells nothing about it."""
    pad = secrets.token_bytes(_LENGTH)
    return (pad + _xor(pad, _core(seed))).hex()


def is_ours(token: str, seed: str) -> bool:
    """Tell whether a token was issued for this seed."""
    try:
        raw = bytes.fromhex(token)
    except ValueError:
        return False
    if len(raw) != 2 * _LENGTH or not seed:
        return False
    return hmac.compare_digest(_xor(raw[:_LENGTH], raw[_LENGTH:]), _core(seed))


def _core(seed: str) -> bytes:
    return hashlib.sha256(b"csrf:" + seed.encode("utf-8", "surrogatepass")).digest()[:_LENGTH]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
