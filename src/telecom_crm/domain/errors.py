"""
The root and the families of errors.

A concrete error is an attrs class beside the code that raises it, in one of these families.
Its `code` is public: callers, the HTTP service and files of row errors rely on it, so it never
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import ClassVar, TypeVar

import attrs

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)


@attrs.define
class TelecomCrmError(Exception):
    """
    Root of every anticipated failure; anything else that is raised is a defect of this library.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    """True where the same command, sent again unchanged, may succeed."""

    def __str__(self) -> str:
        return self.code.replace("_", " ")


@attrs.frozen
class Fault:
    """One thing wrong with an input: where, what, and what would be right."""

    field: str
    code: str
    message: str
    value: str = ""

    @classmethod
    def unknown(cls, field: str, known: Iterable[str]) -> Fault:
        """Return the fault of a name that is not known: the one that was meant, and all of them."""
        names = list(known)
        near = get_close_matches(field.rpartition(".")[2], names, n=1)
        meant = f"did you mean {near[0]}? " if near else ""
        return cls(field, "unknown_field", f"is not known here; {meant}one of {', '.join(names)}")


@attrs.define
class InvalidValue(TelecomCrmError):
    """The input can never be right; `faults` names every reason at once."""

    code: ClassVar[str] = "invalid_value"

    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, field: str, code: str, message: str, value: object = "") -> InvalidValue:
        """Return the error for a single fault."""
        return cls((Fault(field, code, message, str(value)),))

    def __str__(self) -> str:
        return "; ".join(f"{fault.field}: {fault.message}" for fault in self.faults)


@attrs.define
class NotFound(TelecomCrmError):
    """No such thing, as far as this store knows."""

    code: ClassVar[str] = "not_found"

    thing: str
    key: str

    def __str__(self) -> str:
        return f"there is no {self.thing} {self.key}"


@attrs.define
class IllegalTransition(TelecomCrmError):
    """The thing's state does not allow the command; nothing was changed."""

    code: ClassVar[str] = "illegal_transition"

    machine: str
    state: str
    command: str
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        can = f"it allows {', '.join(self.allowed)}" if self.allowed else "that state is final"
        return f"cannot {self.command} a {self.machine} that is {self.state}; {can}"


class Reason(str):
    """
    A reason in words that keeps what it is made of, so that it can be said in another language.

    `pattern` is the sentence with `%(name)s` where `values` go: codes of the catalog, amounts and
    the like, or a reason behind this one; several of a place are alternatives.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: Mapping[str, tuple[object, ...]]

    @classmethod
    def of(cls, pattern: str, **values: object) -> Reason:
        """Return a sentence with its places filled in; a list or a tuple fills in several."""
        filled = {
            name: tuple(one) if isinstance(one, list | tuple) else (one,)
            for name, one in values.items()
        }
        words = {name: " or ".join(map(str, several)) for name, several in filled.items()}
        made = cls(pattern % words)
        made.pattern, made.values = pattern, filled
        return made


@attrs.define
class RuleViolated(TelecomCrmError):
    """
    A rule of the business says no; `reasons` gives every violation in words, as `Reason` where
    subscribers are told it too.
    """

    code: ClassVar[str] = "rule_violated"

    rule: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.reasons)


@attrs.define
class Conflict(TelecomCrmError):
    """Right input, wrong moment: something else already holds what the command needs."""

    code: ClassVar[str] = "conflict"


@attrs.define
class StaleVersion(TelecomCrmError):
    """The caller changed an old copy; read the thing again and decide anew."""

    code: ClassVar[str] = "stale_version"

    thing: str
    key: str

    def __str__(self) -> str:
        return f"{self.thing} {self.key} was changed by someone else in the meantime"


@attrs.define
class VersionSeen(StaleVersion):
    """
    The version that the caller named is not the present one, which is `version`.

    Reading again changes nothing: the caller has to look and decide.
    """

    version: int

    def __str__(self) -> str:
        return (
            f"{self.thing} {self.key} is at version {self.version}, which is not the one you named;"
            " look at it and decide anew"
        )


@attrs.define
class KeyReused(TelecomCrmError):
    """An idempotency key came again with other content."""

    code: ClassVar[str] = "key_reused"

    key: str

    def __str__(self) -> str:
        return f"idempotency key {self.key!r} was already used for another request"


@attrs.define
class NotPermitted(TelecomCrmError):
    """The caller is known and may not do this."""

    code: ClassVar[str] = "not_permitted"

    action: str
    lacks: tuple[str, str] | None = None
    """The action and the area of the right that it takes, where it is one."""

    def __str__(self) -> str:
        return f"you may not {self.action}"


@attrs.define
class Unavailable(TelecomCrmError):
    """A part this command needs (the database, a gateway) is away or busy; try again later."""

    code: ClassVar[str] = "unavailable"
    retryable: ClassVar[bool] = True

    part: str

    def __str__(self) -> str:
        return f"the {self.part} is not available right now; try again"


@attrs.define
class Busy(Conflict):
    """Another command holds the thing right now; the same command may succeed in a moment."""

    code: ClassVar[str] = "busy"
    retryable: ClassVar[bool] = True

    thing: str

    def __str__(self) -> str:
        return f"another request is working on {self.thing} right now; try again"


@attrs.define
class GatewayError(TelecomCrmError):
    """A payment gateway said no, could not be reached, or left us uncertain."""

    code: ClassVar[str] = "gateway_error"

    gateway: str
    detail: str = ""

    def __str__(self) -> str:
        return f"gateway {self.gateway}: {self.detail or self.code.replace('_', ' ')}"


@attrs.define
class SchemaOutdated(TelecomCrmError):
    """
    The database's schema is not the one this version needs.

    `foreign` is the schema's name where nothing leads from it to ours: another edit of the same
    migration made it, or another version whose migrations we do not know.
    """

    code: ClassVar[str] = "schema_outdated"

    found: str
    needed: str
    foreign: str = ""

    def __str__(self) -> str:
        if not self.foreign:
            return (
                f"the database is at schema {self.found or 'none'}, this version needs"
                f" {self.needed}; run: telecom-crm migrate"
            )
        return (
            f"the schema {self.foreign} is at {self.found}, but another build of telecom_crm made"
            f" it, whose {self.found} is not ours, and no migration leads from there. Use that"
            " build, or begin anew with nothing in it: with another --data directory, or in a"
            f' database of yours after DROP SCHEMA "{self.foreign}", "{self.foreign}_jobs" CASCADE'
            " with: telecom-crm migrate"
        )


def apart(error: E) -> E:
    """
    Return an error of one's own, to raise beside others who raise the same.

    Raised twice, one exception collects the traces of both.
    """
    return attrs.evolve(error) if isinstance(error, TelecomCrmError) else error


@attrs.define
class Faults:
    """
    Gathers every fault of an input, so that its sender is told all of them at once.

    >>> faults = Faults()
    >>> number = faults.check("minor", int, "12")
    >>> faults.raise_any()
    """

    found: list[Fault] = attrs.field(factory=list)

    def check(self, field: str, make: Callable[[str], T], raw: str) -> T | None:
        """Return `make(raw)`, or None with its faults kept under `field`."""
        try:
            return make(raw)
        except InvalidValue as error:
            self.found += [attrs.evolve(fault, field=field) for fault in error.faults]
            return None

    def add(self, field: str, code: str, message: str, value: object = "") -> None:
        """Keep one fault."""
        self.found.append(Fault(field, code, message, str(value)))

    def extend(self, faults: Iterable[Fault]) -> None:
        """Keep several faults."""
        self.found += faults

    def raise_any(self) -> None:
        """Raise `InvalidValue` with everything found, if anything was."""
        if self.found:
            raise InvalidValue(tuple(self.found))
