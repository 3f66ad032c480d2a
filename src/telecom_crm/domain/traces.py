"""What a log may know of a defect."""

from __future__ import annotations

from traceback import format_tb


def trace_of(error: BaseException) -> str:
    """
    Tell where an error and its causes were raised and of what kinds they are, the first first.

    Their messages are left out: a database quotes the row that it refuses, a parser the text that
    it could not read, and so they may tell of a customer.
    """
    told: list[str] = []
    one: BaseException | None = error
    while one is not None:
        told.append("".join(format_tb(one.__traceback__)) + type(one).__qualname__)
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    return "\n".join(reversed(told))
