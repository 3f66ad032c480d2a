"""The operator's own people: users, their roles, and signing in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Controller, Response, delete, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from telecom_crm.application.access.service import Access
from telecom_crm.application.access.signing_in import SignedIn
from telecom_crm.application.users import Users
from telecom_crm.domain.errors import InvalidValue
from telecom_crm.domain.identifiers import SessionId, UserId
from telecom_crm.domain.role import Area
from telecom_crm.domain.session import Session, SessionStage
from telecom_crm.domain.user import User, UserStatus
from telecom_crm.entrypoints.http.access import Own, Public
from telecom_crm.entrypoints.http.api.tokens import RoleText
from telecom_crm.entrypoints.http.bodies import Because, Body, Name
from telecom_crm.entrypoints.http.calls import Call, listing
from telecom_crm.entrypoints.http.routes import does, makes, reads
from telecom_crm.entrypoints.http.values import (
    EventView,
    PageView,
    View,
    listed,
    made,
    shown,
    whole,
)

LoginText = Annotated[str, msgspec.Meta(min_length=1, max_length=100, examples=["aida"])]
PasswordText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
CodeText = Annotated[str, msgspec.Meta(min_length=1, max_length=40, examples=["123456"])]


class NewUser(Body):
    """Somebody to invite."""

    login: LoginText
    name: Name
    role: RoleText


class NewRole(Body):
    """Another role for somebody."""

    role: RoleText


class NewName(Body):
    """Another name for somebody."""

    name: Name


class Accepting(Body):
    """A password of one's own choice, by the secret of an invitation."""

    invitation: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    password: PasswordText


class SigningIn(Body):
    """Who one is, and the password."""

    login: LoginText
    password: PasswordText


class SecondStep(Body):
    """The secret of the first step, and a one-time code or a recovery code."""

    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    code: CodeText


class UserView(View):
    """One of the operator's people; no password and no secret is shown."""

    id: UUID
    login: str
    name: str
    role: str
    second_step: bool
    created_at: datetime
    status: UserStatus
    version: int

    @classmethod
    def of(cls, user: User) -> UserView:
        """Show a user."""
        return cls(
            id=user.id,
            login=user.login,
            name=user.name,
            role=user.role,
            second_step=user.has_second_step,
            created_at=user.created_at,
            status=user.status,
            version=user.version,
        )


class InvitedView(View):
    """Somebody invited, with the secret of their link, which is never shown again."""

    user: UserView
    invitation: str


class SessionView(View):
    """Where and since when somebody is signed in."""

    id: UUID
    stage: SessionStage
    address: str
    agent: str
    started_at: datetime
    seen_at: datetime
    ends_at: datetime

    @classmethod
    def of(cls, session: Session) -> SessionView:
        """Show a session."""
        return cls(
            id=session.id,
            stage=session.stage,
            address=session.address,
            agent=session.agent,
            started_at=session.started_at,
            seen_at=session.seen_at,
            ends_at=session.ends_at,
        )


class SignedInView(View):
    """
    A session, with the secret that opens it as a bearer token does, which is never shown again.

    While its stage is `second_step` the secret opens nothing but `POST /sessions/second-step`.
    """

    session: SessionView
    secret: str


class UserController(Controller):
    """The operator's own people."""

    path = "/users"
    tags = ("access",)

    @makes("/", Area.USERS)
    def invite(
        self, request: Call, data: JSONBody[NewUser], users: NamedDependency[Users]
    ) -> Response[InvitedView]:
        """Invite somebody; the answer shows the secret of their link this once."""
        user, secret = users.invite(
            login=data.login, name=data.name, role=data.role, rights=request.rights, by=request.by
        )
        return _invited(user, secret)

    @reads("/", Area.USERS, query=listing("user"))
    def page(self, request: Call, users: NamedDependency[Users]) -> Response[PageView[UserView]]:
        """List users, removed ones too."""
        return listed(request, users.page(request.query()), UserView.of)

    @reads("/{user_id:uuid}", Area.USERS)
    def get(self, user_id: FromPath[UUID], users: NamedDependency[Users]) -> Response[UserView]:
        """Show a user."""
        return _shown(users.get(UserId(user_id)))

    @reads("/{user_id:uuid}/timeline", Area.USERS)
    def timeline(
        self, user_id: FromPath[UUID], users: NamedDependency[Users]
    ) -> PageView[EventView]:
        """Tell what happened to a user, oldest first."""
        return whole(users.timeline(UserId(user_id)), EventView.of)

    @reads("/{user_id:uuid}/sessions", Area.USERS)
    def sessions(
        self, user_id: FromPath[UUID], access: NamedDependency[Access]
    ) -> PageView[SessionView]:
        """List where a user is signed in, the latest first."""
        return whole(access.sessions(UserId(user_id)), SessionView.of)

    @does("/{user_id:uuid}/rename", Area.USERS, versioned=True)
    def rename(
        self,
        request: Call,
        user_id: FromPath[UUID],
        data: JSONBody[NewName],
        users: NamedDependency[Users],
    ) -> Response[UserView]:
        """Change the name that people see."""
        return _shown(
            users.rename(
                UserId(user_id), name=data.name, expected_version=request.seen, by=request.by
            )
        )

    @does("/{user_id:uuid}/change-role", Area.USERS, versioned=True)
    def change_role(
        self,
        request: Call,
        user_id: FromPath[UUID],
        data: JSONBody[NewRole],
        users: NamedDependency[Users],
    ) -> Response[UserView]:
        """Give a user another role; nobody changes their own, and the last admin stays one."""
        return _shown(
            users.change_role(
                UserId(user_id),
                role=data.role,
                expected_version=request.seen,
                rights=request.rights,
                by=request.by,
            )
        )

    @does("/{user_id:uuid}/block", Area.USERS, versioned=True)
    def block(
        self,
        request: Call,
        user_id: FromPath[UUID],
        data: JSONBody[Because],
        users: NamedDependency[Users],
    ) -> Response[UserView]:
        """Let a user in no more for now, and end their sessions at once."""
        return _shown(
            users.block(
                UserId(user_id), reason=data.reason, expected_version=request.seen, by=request.by
            )
        )

    @does("/{user_id:uuid}/unblock", Area.USERS, versioned=True)
    def unblock(
        self, request: Call, user_id: FromPath[UUID], users: NamedDependency[Users]
    ) -> Response[UserView]:
        """Let a user in again."""
        return _shown(users.unblock(UserId(user_id), expected_version=request.seen, by=request.by))

    @does("/{user_id:uuid}/remove", Area.USERS, versioned=True)
    def remove(
        self,
        request: Call,
        user_id: FromPath[UUID],
        data: JSONBody[Because],
        users: NamedDependency[Users],
    ) -> Response[UserView]:
        """Let a user in no more for good; their login is nobody else's."""
        return _shown(
            users.remove(
                UserId(user_id), reason=data.reason, expected_version=request.seen, by=request.by
            )
        )

    @does("/{user_id:uuid}/reset", Area.USERS, versioned=True)
    def reset(
        self, request: Call, user_id: FromPath[UUID], users: NamedDependency[Users]
    ) -> Response[InvitedView]:
        """Forget a user's password and second step, end their sessions, and invite them anew."""
        user, secret = users.reset(
            UserId(user_id), expected_version=request.seen, rights=request.rights, by=request.by
        )
        return shown(InvitedView(user=UserView.of(user), invitation=secret), version=user.version)

    @post(
        "/accept",
        status_code=200,
        access=Public("whoever has the secret of an invitation chooses a password by it"),
        sync_to_thread=True,
    )
    def accept(
        self, data: JSONBody[Accepting], users: NamedDependency[Users]
    ) -> Response[UserView]:
        """Choose a password by an invitation, and begin to work."""
        return _shown(users.accept(data.invitation, password=data.password))


class SessionController(Controller):
    """Signing in, and out."""

    path = "/sessions"
    tags = ("access",)

    @post(
        "/",
        access=Public("signing in is how one becomes known"),
        refusals=(401, 429),
        sync_to_thread=True,
    )
    def sign_in(
        self, request: Call, data: JSONBody[SigningIn], access: NamedDependency[Access]
    ) -> SignedInView:
        """
        Sign in with a password; where a code is asked for, the session's stage is `second_step`.

        After five wrong attempts on a login, or thirty from an address, nothing is looked at for a
        quarter of an hour.
        """
        signed = access.sign_in(
            login=data.login,
            password=data.password,
            address=request.address,
            agent=request.headers.get("user-agent", ""),
        )
        return _signed_in(signed)

    @post(
        "/second-step",
        access=Public("the secret of the first step is in the body"),
        refusals=(401, 429),
        sync_to_thread=True,
    )
    def second_step(
        self, data: JSONBody[SecondStep], access: NamedDependency[Access]
    ) -> SignedInView:
        """Finish signing in with a one-time code or a recovery code; the secret is a new one."""
        return _signed_in(access.second_step(data.secret, code=data.code))

    @delete("/", access=Own("whoever signed in may sign out"), sync_to_thread=True)
    def sign_out(self, request: Call, access: NamedDependency[Access]) -> None:
        """Sign out: end the session that the request came with."""
        session_id = request.user.session_id
        if session_id is None:
            message = "a session's secret; a token is closed by POST /tokens/{id}/revoke"
            raise InvalidValue.of("Authorization", "no_session", message)
        access.end_session(SessionId(UUID(session_id)), by=request.by)

    @does("/{session_id:uuid}/end", Area.USERS)
    def end(
        self, request: Call, session_id: FromPath[UUID], access: NamedDependency[Access]
    ) -> SessionView:
        """End somebody's session."""
        return SessionView.of(access.end_session(SessionId(session_id), by=request.by))


def _invited(user: User, secret: str) -> Response[InvitedView]:
    view = InvitedView(user=UserView.of(user), invitation=secret)
    return made(view, at=f"/users/{user.id}", version=user.version)


def _signed_in(signed: SignedIn) -> SignedInView:
    return SignedInView(session=SessionView.of(signed.session), secret=signed.secret)


def _shown(user: User) -> Response[UserView]:
    return shown(UserView.of(user), version=user.version)
