"""Roles as rules: the built-in ones, and the operator's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from telecom_crm.application.declared import unique
from telecom_crm.application.granting import require_covered, watched
from telecom_crm.application.paging import each_in
from telecom_crm.application.ports import Transaction
from telecom_crm.application.rule_keeping import RuleKeeper
from telecom_crm.application.rule_readers import read_roles
from telecom_crm.domain.errors import InvalidValue, NotFound, Reason, RuleViolated
from telecom_crm.domain.lifecycle import SYSTEM, Actor
from telecom_crm.domain.role import ALL_RIGHTS, BUILT_IN_ROLES, Rights, Role
from telecom_crm.domain.user import USER_LIFECYCLE

ROLES = "roles"


def roles_in(tx: Transaction) -> dict[str, Role]:
    """Return the roles by name, built-in ones first."""
    raw = tx.rules.get(ROLES)
    own = () if raw is None else read_roles(raw)
    return {**BUILT_IN_ROLES, **{role.name: role for role in own}}


def role_titles_in(tx: Transaction) -> dict[str, str]:
    """Return what roles are called, by name."""
    return {role.name: role.title for role in roles_in(tx).values()}


def role_in(tx: Transaction, name: str) -> Role:
    """Return one role, or raise `NotFound`."""
    roles = roles_in(tx)
    if name not in roles:
        raise NotFound("role", name[:60])
    return roles[name]


@attrs.frozen
class RoleBook(RuleKeeper):
    """What the operator's people may do."""

    def roles(self) -> tuple[Role, ...]:
        """List the roles, built-in ones first."""
        with self.uow(read_only=True) as tx:
            return tuple(roles_in(tx).values())

    def role(self, name: str) -> Role:
        """Show one role, or raise `NotFound`."""
        with self.uow(read_only=True) as tx:
            return role_in(tx, name)

    def put_roles(
        self,
        roles: Sequence[Role],
        *,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> tuple[Role, ...]:
        """
        Replace the operator's own roles; the built-in ones stay as they are.

        Raise `RuleViolated` for one that a built-in role has the name of, and where a user or a
        token has a role that would be gone; `BeyondRights` where one that is new, or other than it
        was, may do what whoever asks, with these `rights`, may not.
        """
        unique(roles, lambda role: role.name, what="role")

        def checked(tx: Transaction) -> tuple[Role, ...]:
            _refuse_roles(tx, roles)
            before = roles_in(tx)
            for role in roles:
                if role != before.get(role.name):
                    require_covered(rights, role.rights, role=role.name)
            return tuple(roles)

        with watched(self.uow, self.clock, thing="role", by=by):
            put = self._change(ROLES, checked, expected_version, by)
        return (*BUILT_IN_ROLES.values(), *put)

    def create_role(self, role: Role, *, rights: Rights = ALL_RIGHTS, by: Actor = SYSTEM) -> Role:
        """Add one of the operator's own roles; raise `InvalidValue` for a name that is taken."""
        version, roles = self.version(ROLES), self.roles()
        if role.name in {one.name for one in roles}:
            raise InvalidValue.of("name", "role_taken", "a name that no other role has", role.name)
        wanted = [*_own(roles), role]
        self.put_roles(wanted, expected_version=version, rights=rights, by=by)
        return role

    def change_role(
        self,
        role: Role,
        *,
        expected_version: int | None = None,
        rights: Rights = ALL_RIGHTS,
        by: Actor = SYSTEM,
    ) -> Role:
        """
        Change one of the operator's own roles, known by its name.

        Whoever has it may do the new things at once, and the old ones no more. Raise `NotFound`,
        and `RuleViolated` for one that is built in.
        """
        version, roles = self._roles_with(role.name, expected_version)
        changed = [role if one.name == role.name else one for one in roles]
        self.put_roles(changed, expected_version=version, rights=rights, by=by)
        return role

    def delete_role(
        self, name: str, *, expected_version: int | None = None, by: Actor = SYSTEM
    ) -> None:
        """Take one of the operator's own roles away; raise `RuleViolated` where it is in use."""
        version, roles = self._roles_with(name, expected_version)
        kept = [one for one in roles if one.name != name]
        self.put_roles(kept, expected_version=version, by=by)

    def _roles_with(self, name: str, expected_version: int | None) -> tuple[int, tuple[Role, ...]]:
        """Return the version that a change follows, and the operator's own roles."""
        version = self.version(ROLES)  # first: what changes in between is then refused
        roles = {role.name: role for role in self.roles()}
        if name not in roles:
            raise NotFound("role", name[:60])
        if name in BUILT_IN_ROLES:
            raise RuleViolated("roles", (_built_in(name),))
        seen = version if expected_version is None else expected_version
        return seen, _own(roles.values())


def _own(roles: Iterable[Role]) -> tuple[Role, ...]:
    return tuple(role for role in roles if role.name not in BUILT_IN_ROLES)


def _built_in(name: str) -> Reason:
    return Reason.of("the role %(role)s is built in and stays as it is; copy it", role=name)


def _refuse_roles(tx: Transaction, roles: Sequence[Role]) -> None:
    """Raise where one has the name of a built-in role, or one that somebody has would be gone."""
    names = {role.name for role in roles}
    if taken := sorted(names & BUILT_IN_ROLES.keys()):
        raise RuleViolated("roles", tuple(map(_built_in, taken)))
    gone = roles_in(tx).keys() - BUILT_IN_ROLES.keys() - names
    if used := [name for name in sorted(gone) if _is_used(tx, name)]:
        reasons = tuple(Reason.of("somebody still has the role %(role)s", role=one) for one in used)
        raise RuleViolated("roles", reasons)


def _is_used(tx: Transaction, role: str) -> bool:
    """Tell whether a user who was not removed, or a token that was not revoked, has a role."""
    users = each_in(tx.users, role=role)
    tokens = each_in(tx.tokens, role=role)
    return any(not USER_LIFECYCLE.is_final(user.status) for user in users) or any(
        token.revoked_at is None for token in tokens
    )
