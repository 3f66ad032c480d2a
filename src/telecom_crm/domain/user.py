"""Users: the operator's own people, how they sign in, and for how long they may."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import attrs

from telecom_crm.domain.change import CHANGES, FIELDS, differences
from telecom_crm.domain.errors import Faults, InvalidValue, RuleViolated
from telecom_crm.domain.identifiers import UserId
from telecom_crm.domain.lifecycle import Actor, Event, Lifecycle, Row
from telecom_crm.domain.token import PERSON, RESERVED_NAMES, read_actor_name

INVITATION = timedelta(hours=72)
"""How long a link to choose a password is good for."""
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
LEAST_LEFT = 7
"""How many characters a password has beside what is guessed at once."""
COMMON_WORDS = (
    *("password", "passwort", "passw0rd", "p@ssw0rd", "qwerty", "welcome", "letmein", "iloveyou"),
    *("admin", "administrator", "operator", "changeme", "secret", "login", "user", "test", "root"),
    *("monkey", "dragon", "football", "baseball", "sunshine", "princess", "superman", "master"),
    *("пароль", "йцукен", "любовь", "привет", "kyrgyzstan", "bishkek", "кыргызстан", "бишкек"),
    *("telecom", "telecomcrm", "crm"),
)
"""What passwords are made of that are guessed first."""
RECOVERY_CODES = 10

_ROWS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    *("qwertyuiop", "asdfghjkl", "zxcvbnm", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb"),
    *("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
)
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@+-]{1,79}", re.ASCII)


class UserStatus(StrEnum):
    """Whether somebody may sign in."""

    INVITED = "invited"
    ACTIVE = "active"
    BLOCKED = "blocked"
    REMOVED = "removed"


class UserCommand(StrEnum):
    """What can be done with a user."""

    INVITE = "invite"
    ACCEPT = "accept"
    RESET = "reset"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REMOVE = "remove"


class Theme(StrEnum):
    """How pages look."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


_S, _C = UserStatus, UserCommand

# fmt: off
USER_LIFECYCLE = Lifecycle("user", UserStatus, UserCommand, (
    Row(source=None, command=_C.INVITE, target=_S.INVITED, event="UserInvited"),
    Row(source=_S.INVITED, command=_C.ACCEPT, target=_S.ACTIVE, event="UserActivated"),
    Row(source=(_S.INVITED, _S.ACTIVE), command=_C.RESET, target=_S.INVITED,
        event="UserPasswordReset", needs="another admin than the last"),
    Row(source=_S.ACTIVE, command=_C.BLOCK, target=_S.BLOCKED, event="UserBlocked",
        needs="another user than oneself, and another admin than the last"),
    Row(source=_S.BLOCKED, command=_C.UNBLOCK, target=_S.ACTIVE, event="UserUnblocked"),
    Row(source=(_S.INVITED, _S.ACTIVE, _S.BLOCKED), command=_C.REMOVE, target=_S.REMOVED,
        event="UserRemoved", needs="another user than oneself, and another admin than the last"),
))
# fmt: on


@attrs.frozen(kw_only=True)
class Preferences:
    """How somebody likes the console: a language (None for the browser's), a look, shortcuts."""

    language: str | None = None
    theme: Theme = Theme.AUTO
    shortcuts: bool = True


@attrs.frozen(kw_only=True, slots=False)
class User:
    """
    One of the operator's people.

    `login` is known in any case and never given to somebody else. What opens anything is kept as a
    digest: the password as argon2id, the invitation's secret and the recovery codes as SHA-256. The
    secret of one-time codes (RFC 6238) is kept as it is, since codes are made from it; it counts
    from `totp_confirmed_at` on, and `totp_step` is the last step whose code was used. What came
    until `news_read_at` is no news to them.
    """

    id: UserId
    login: str
    name: str
    role: str
    preferences: Preferences = Preferences()
    password_hash: str | None = attrs.field(default=None, repr=False)
    invitation: str | None = attrs.field(default=None, repr=False)
    invitation_ends_at: datetime | None = None
    totp_secret: str | None = attrs.field(default=None, repr=False)
    totp_confirmed_at: datetime | None = None
    totp_step: int = 0
    recovery: tuple[str, ...] = attrs.field(default=(), repr=False)
    news_read_at: datetime | None = None
    created_at: datetime
    status: UserStatus
    version: int = 0
    events: tuple[Event, ...] = attrs.field(default=(), eq=False, repr=False)

    @classmethod
    def invite(
        cls,
        *,
        id: UserId,
        login: str,
        name: str,
        role: str,
        invitation: str,
        by: Actor,
        at: datetime,
    ) -> User:
        """Return a user who may choose a password; `invitation` is the digest of the secret."""
        faults = Faults()
        known = faults.check("login", read_login, login)
        called = faults.check("name", read_actor_name, name)
        faults.raise_any()
        return cls(
            id=id,
            login=known or "",
            name=called or "",
            role=role,
            invitation=invitation,
            invitation_ends_at=at + INVITATION,
            created_at=at,
            **USER_LIFECYCLE.begin(_C.INVITE, key=id, by=by, at=at, payload={"role": role}),
        )

    @property
    def key(self) -> str:
        """The id as text."""
        return str(self.id)

    @property
    def may_sign_in(self) -> bool:
        """Whether a password of theirs opens anything."""
        return USER_LIFECYCLE.can(self, _C.BLOCK) and self.password_hash is not None

    @property
    def has_second_step(self) -> bool:
        """Whether a password alone is not enough."""
        return self.totp_confirmed_at is not None

    def is_invited_by(self, invitation: str, *, at: datetime) -> bool:
        """Tell whether the digest is that of an invitation that is still good."""
        ends = self.invitation_ends_at
        return self.invitation == invitation and ends is not None and at < ends

    def accept(self, *, password_hash: str, at: datetime) -> User:
        """Begin to work, with a password of one's own choice."""
        return USER_LIFECYCLE.move(
            self,
            _C.ACCEPT,
            by=self.actor,
            at=at,
            password_hash=password_hash,
            invitation=None,
            invitation_ends_at=None,
        )

    def reset(self, *, invitation: str, by: Actor, at: datetime) -> User:
        """Forget the password and the second step, and invite anew."""
        return USER_LIFECYCLE.move(
            self,
            _C.RESET,
            by=by,
            at=at,
            password_hash=None,
            invitation=invitation,
            invitation_ends_at=at + INVITATION,
            **_NO_SECOND_STEP,
        )

    def block(self, *, reason: str, by: Actor, at: datetime) -> User:
        """Let them in no more for now."""
        return USER_LIFECYCLE.move(self, _C.BLOCK, by=by, at=at, reason=reason)

    def unblock(self, *, by: Actor, at: datetime) -> User:
        """Let them in again."""
        return USER_LIFECYCLE.move(self, _C.UNBLOCK, by=by, at=at)

    def remove(self, *, reason: str, by: Actor, at: datetime) -> User:
        """Let them in no more for good; what they did keeps their name."""
        return USER_LIFECYCLE.move(
            self,
            _C.REMOVE,
            by=by,
            at=at,
            reason=reason,
            password_hash=None,
            invitation=None,
            invitation_ends_at=None,
            **_NO_SECOND_STEP,
        )

    def rename(self, name: str, *, by: Actor, at: datetime) -> User:
        """Change the name that people see."""
        called = read_actor_name(name)
        payload = {FIELDS: ["name"]}
        return self._note("UserRenamed", "rename", payload, by=by, at=at, name=called)

    def change_role(self, role: str, *, by: Actor, at: datetime) -> User:
        """Give another role."""
        payload = {CHANGES: {"role": [self.role, role]}}
        return self._note("UserRoleChanged", "change_role", payload, by=by, at=at, role=role)

    def change_password(self, *, password_hash: str, by: Actor, at: datetime) -> User:
        """Take another password."""
        return self._note(
            "UserPasswordChanged", "change_password", by=by, at=at, password_hash=password_hash
        )

    def prefer(self, preferences: Preferences, *, by: Actor, at: datetime) -> User:
        """Change how the console looks."""
        before, after = attrs.asdict(self.preferences), attrs.asdict(preferences)
        payload = {CHANGES: differences(before, after)}
        return self._note(
            "UserPreferencesChanged", "prefer", payload, by=by, at=at, preferences=preferences
        )

    def read_news(self, until: datetime, *, by: Actor, at: datetime) -> User:
        """Have seen what came until an instant."""
        return self._note("UserNewsRead", "read_news", by=by, at=at, news_read_at=until)

    def begin_second_step(self, secret: str, *, by: Actor, at: datetime) -> User:
        """Take a secret of one-time codes; it counts once a code of it was seen."""
        self._refuse_second_step(there=True)
        return self._note(
            "UserSecondStepBegun", "begin_second_step", by=by, at=at, totp_secret=secret
        )

    def confirm_second_step(
        self, *, step: int, recovery: Iterable[str], by: Actor, at: datetime
    ) -> User:
        """Ask for a code from now on; `recovery` are the digests of codes that work once each."""
        self._refuse_second_step(there=True)
        return self._note(
            "UserSecondStepConfirmed",
            "confirm_second_step",
            by=by,
            at=at,
            totp_confirmed_at=at,
            totp_step=step,
            recovery=tuple(recovery),
        )

    def drop_second_step(self, *, by: Actor, at: datetime) -> User:
        """Ask for no code any more."""
        self._refuse_second_step(there=False)
        return self._note(
            "UserSecondStepDropped", "drop_second_step", by=by, at=at, **_NO_SECOND_STEP
        )

    def renew_recovery(self, recovery: Iterable[str], *, by: Actor, at: datetime) -> User:
        """Take other recovery codes; the old ones work no more."""
        self._refuse_second_step(there=False)
        codes = tuple(recovery)
        return self._note("UserRecoveryRenewed", "renew_recovery", by=by, at=at, recovery=codes)

    def use_code(self, step: int, *, at: datetime) -> User:
        """Note a code as used, so that it works once."""
        return self._note("UserCodeUsed", "use_code", by=self.actor, at=at, totp_step=step)

    def use_recovery(self, digest: str, *, at: datetime) -> User:
        """Use a recovery code up."""
        left = tuple(code for code in self.recovery if code != digest)
        payload = {"left": len(left)}
        return self._note(
            "UserRecoveryUsed", "use_recovery", payload, by=self.actor, at=at, recovery=left
        )

    @property
    def actor(self) -> Actor:
        """The user as one who gives commands, without a session."""
        return Actor(self.login, f"{PERSON}{self.id}")

    def _refuse_second_step(self, *, there: bool) -> None:
        if self.has_second_step is there:
            said = "is there already; drop it first" if there else "is not there"
            raise RuleViolated("second_step", (f"the second step {said}",))

    def _note(
        self,
        name: str,
        command: str,
        payload: dict[str, Any] | None = None,
        /,
        *,
        by: Actor,
        at: datetime,
        **changes: Any,
    ) -> User:
        USER_LIFECYCLE.row(self.status, _C.REMOVE)  # a removed user stays as they are
        return USER_LIFECYCLE.note(
            self, name, command, by=by, at=at, payload=payload or {}, **changes
        )


_NO_SECOND_STEP: dict[str, Any] = {
    "totp_secret": None,
    "totp_confirmed_at": None,
    "totp_step": 0,
    "recovery": (),
}


def read_login(raw: str) -> str:
    """Return a login in the form it is known by; raise `InvalidValue`."""
    login = raw.strip().casefold()
    if not _LOGIN.fullmatch(login):
        message = "2 to 80 of a-z, 0-9 and ._@+-, a letter or digit first"
        raise InvalidValue.of("login", "login", message, raw[:80])
    if login in RESERVED_NAMES:
        kept = ", ".join(sorted(RESERVED_NAMES))
        raise InvalidValue.of("login", "reserved", f"another one than {kept}", login)
    return login


def read_password(raw: str, *, login: str = "") -> str:
    """
    Return a password that may be chosen; raise `InvalidValue`.

    Length is what counts (NIST SP 800-63B, 5.1.1.2): no rules on kinds of characters. What is
    guessed at once adds none: the commonest words, the login and its parts, one character
    repeated, and characters in a row of the alphabet or a keyboard count as one character each,
    and `LEAST_LEFT` are to be there.
    """
    if not SHORTEST_PASSWORD <= len(raw) <= LONGEST_PASSWORD:
        message = (
            f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; several words make a good one"
        )
        raise InvalidValue.of("password", "password_length", message)
    folded = raw.casefold()
    own = [one for one in (login, *re.split(r"[._@+-]", login)) if len(one) > 3]
    easy = _left_of(folded, [*own, *COMMON_WORDS]) < LEAST_LEFT
    if easy or len(set(folded)) < 5 or (len(login) > 3 and login in folded):
        message = "not the login, common words, rows of keys or the same few characters"
        raise InvalidValue.of("password", "password_simple", message)
    return raw


def _left_of(password: str, words: Iterable[str]) -> int:
    """Return how many characters are left where what is guessed at once counts as one each."""
    for word in sorted(words, key=len, reverse=True):
        password = password.replace(word, "\0")
    return 1 + sum(not _goes_on(password, at) for at in range(1, len(password)))


def _goes_on(text: str, at: int) -> bool:
    """Tell whether a character repeats the one before, or is the next to it in a row."""
    pair = text[at - 1 : at + 1]
    return pair[0] == pair[1] or any(pair in row or pair[::-1] in row for row in _ROWS)
