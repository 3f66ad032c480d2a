"""What is done to a thing by a button: asked about on a page of its own, and then done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, TypeVar

import attrs
from litestar import Controller, Response
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler

from telecom_crm.domain.errors import NotFound
from telecom_crm.domain.lifecycle import Actor
from telecom_crm.domain.role import Action, Area
from telecom_crm.entrypoints.crm import Crm
from telecom_crm.entrypoints.http.access import route_of
from telecom_crm.entrypoints.http.web.forms import Form
from telecom_crm.entrypoints.http.web.http import Toast, Visit, page, redirect
from telecom_crm.entrypoints.http.web.i18n import gettext as _
from telecom_crm.entrypoints.http.web.routes import acts, shows

T = TypeVar("T")


def _nothing(*_: object) -> dict[str, Any]:
    return {}


def _version(_: Crm, thing: Any) -> int | None:
    seen: int | None = thing.version
    return seen


@attrs.frozen(kw_only=True)
class Question:
    """What a command asks first; one without a name asks for nothing, only whether."""

    name: str = ""
    read: Callable[[Form, Crm, Any], Mapping[str, Any]] = _nothing
    """Reads the form into what the service is told."""
    fields: tuple[str, ...] = attrs.field()
    """The fields of its page, called as it is where there is one."""
    begins: Callable[[Visit, Any], Mapping[str, object]] = _nothing
    """What stands in the fields of a thing before anything was typed."""
    offers: Callable[[Visit, Crm, Any, Form], Mapping[str, Any]] = _nothing
    """What its page has to choose from."""
    template: str = ""
    """A page of its own, where that of the area will not do, and the part that is fetched alone."""
    fragment: str | None = None

    @fields.default
    def _called_as_it_is(self) -> tuple[str, ...]:
        return (self.name,) if self.name else ()


WHETHER = Question()
REASON = Question(name="reason", read=lambda form, *_: {"reason": form.text("reason", limit=500)})


@attrs.frozen
class Command:
    """A command of a thing: its name in the address, its words, and the service that does it."""

    name: str
    text: str
    icon: str
    done: str
    """What is said after."""
    do: Callable[..., Any]
    asks: Question = WHETHER
    hurts: bool = False
    undo: str = attrs.field(default="", kw_only=True)
    """The command that takes it back, offered where what was done is told."""
    undo_with: Callable[[Any, Mapping[str, Any]], Mapping[str, str]] = attrs.field(
        default=_nothing, kw_only=True
    )
    """What the form of that one is sent, by the thing as it was and what the service was told."""
    undo_if: Callable[[Any, Actor], bool] = attrs.field(default=lambda *_: True, kw_only=True)
    """Whether that one puts back what was, for who does it to a thing as it was."""
    needs: Area | None = attrs.field(default=None, kw_only=True)
    """What the visitor must be allowed to see besides, for the command to find it."""

    weighed: bool = attrs.field(default=False, kw_only=True)
    """Whether the service weighs it against what the visitor may do."""

    @property
    def words(self) -> str:
        """What stands on its button."""
        return _(self.text)


Link = tuple[str, str, str]
"""Where something begins: its address, its words and its icon."""


@attrs.frozen(kw_only=True)
class Commands(Generic[T]):
    """The commands of a kind of thing, and how pages speak of one."""

    area: Area
    action: Action = Action.WRITE
    service: Callable[[Crm], Any]
    find: Callable[[Crm, Any], T]
    """Finds a thing by what its address says; raises `NotFound`."""
    title: Callable[[T], str]
    table: tuple[Command, ...]
    """The commands, in the order in which they are offered."""
    key: Callable[[T], Any] = attrgetter("id")
    """What the service knows it by."""
    version: Callable[[Crm, T], int | None] | None = _version
    """Which version of it the page shows; None where no version tells what its commands need."""
    check: Callable[[T, str], None] = lambda *_: None
    """Raises where a command is nothing for a thing in its state: its page asks nothing then."""
    template: str = "console/ask.html"
    told: Callable[[Visit, Crm, T], Mapping[str, Any]] = _nothing
    """What pages of the area show of a thing."""
    trail: Callable[[Visit], str] = lambda _: ""
    """The query that its addresses carry along."""
    home: str = ""
    """The page that shows it, where none is its own."""
    after: Callable[[Visit, Crm, Any], str] | None = None
    """Where to go on with what came of it; to the thing where nothing else is said."""
    allowed: Callable[[Visit, Crm, T], Collection[str]] = lambda *_: ()
    """The names of those that the thing's state lets through, for the menu of its row."""
    links: Callable[[Visit, Crm, T], Iterable[Link]] = lambda *_: ()
    """What else begins at a thing, for whoever may."""

    def offered(self, request: Visit, allowed: Collection[str]) -> list[Command]:
        """Return those among the allowed ones, for whoever may give them."""
        if not request.may(self.area, self.action):
            return []
        return [
            one
            for one in self.table
            if one.name in allowed and (one.needs is None or request.may(one.needs))
        ]

    def begun(self, request: Visit, crm: Crm, thing: T, base: str) -> list[Link]:
        """Return what begins at a thing with the address `base`: its commands, and what else."""
        now = self.offered(request, self.allowed(request, crm, thing))
        trail = self.trail(request)
        asked = [(f"{base}/{one.name}{trail}", one.words, one.icon) for one in now]
        return [*self.links(request, crm, thing), *asked]

    def ask(self, request: Visit, crm: Crm) -> Response[bytes]:
        """Ask about the command that the address names."""
        thing, command = self._addressed(request, crm)
        self.check(thing, command.name)
        form = Form.filled(**command.asks.begins(request, thing))
        return self._asked(request, crm, thing, command, form)

    def do(self, request: Visit, crm: Crm, form: Form) -> Response[bytes]:
        """Carry it out as the form says, and go on; ask again where it is refused."""
        thing, command = self._addressed(request, crm)
        if form.flag("look"):  # at what it would come to
            return self._asked(request, crm, thing, command, form)
        told = command.asks.read(form, crm, thing)
        if self.version is not None:
            told = {**told, "expected_version": form.version}
        if command.weighed:
            told = {**told, "rights": request.rights}
        done = form.submit(command.do, self.service(crm), self.key(thing), **told, by=request.by)
        if not form.ok:
            return self._asked(request, crm, thing, command, form)
        base = _parent(_path(request))
        toast = Toast(_(command.done))
        if command.undo and done is not None and command.undo_if(thing, request.by):
            toast = attrs.evolve(
                toast,
                undo=f"{base}/{command.undo}",
                version=done.version,
                values=command.undo_with(thing, told),
            )
        to = self.after(request, crm, done) if self.after else self.home or base
        return redirect(request, to, toast=toast)

    def _addressed(self, request: Visit, crm: Crm) -> tuple[T, Command]:
        """Return the thing and the command of an address, to whoever may see what it needs."""
        where = dict(request.path_params)
        name = where.pop("command", self.table[0].name)
        command = next((one for one in self.table if one.name == name), None)
        if command is None:
            raise NotFound("command", name[:40])
        [key] = where.values()
        thing = self.find(crm, key)
        if command.needs:
            assert request.visitor is not None, "guests have no console"
            route = route_of(request.scope)
            crm.access.permit(
                request.visitor, command.needs, Action.READ, thing="route", thing_id=route
            )
        return thing, command

    def _asked(
        self, request: Visit, crm: Crm, thing: T, command: Command, form: Form
    ) -> Response[bytes]:
        """Show the question; again, with what is wrong, where the command was refused."""
        path, trail, question = _path(request), self.trail(request), command.asks
        back = self.home or f"{_parent(path)}{trail}"
        offers = question.offers(request, crm, thing, form)  # first: it may find something wrong
        return page(
            request,
            question.template or self.template,
            fragment=question.fragment,
            status=200 if form.ok else form.status,
            heading=command.words,
            command=command,
            object=self.title(thing),
            action=f"{path}{trail}",
            back=back,
            version=self.version and self.version(crm, thing),
            form=form,
            **self.told(request, crm, thing),
            **offers,
        )


def routes_of(path: str, commands: Commands[T]) -> tuple[HTTPRouteHandler, HTTPRouteHandler]:
    """
    Return the page that asks about a command, and what its form does.

    `path` has the thing's key and ends with `{command:str}`, or with the name of the only one.
    """

    @shows(path, commands.area, commands.action)
    def ask(
        self: Controller,  # noqa: ARG001 - a method of the controller that it is put in
        request: Visit,
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Ask whether, and what the command has to know: what a dialog does with JavaScript."""
        return commands.ask(request, crm)

    @acts(path, commands.area, commands.action)
    def command(
        self: Controller,  # noqa: ARG001 - a method of the controller that it is put in
        request: Visit,
        form: NamedDependency[Form],
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Do it."""
        return commands.do(request, crm, form)

    return ask, command


def menu_of(path: str, *several: Commands[T]) -> HTTPRouteHandler:
    """
    Return the menu of a thing's row: what may be done to it now, each a link to where it is asked.

    It is fetched when somebody opens it: a list of a hundred rows asks nothing for them. `path` has
    the thing's key; `several` are the commands that it has, all finding it alike.
    """

    @shows(f"{path}/menu", several[0].area)
    def menu(
        self: Controller,  # noqa: ARG001 - a method of the controller that it is put in
        request: Visit,
        crm: NamedDependency[Crm],
    ) -> Response[bytes]:
        """Show what may be done to a thing now."""
        first, base = several[0], _parent(_path(request))
        [key] = request.path_params.values()
        thing = first.find(crm, key)
        links: Sequence[Link] = [
            link for commands in several for link in commands.begun(request, crm, thing, base)
        ]
        return page(
            request,
            "console/menu.html",
            fragment="console/_menu.html",
            object=first.title(thing),
            base=base,
            links=links,
        )

    return menu


def _path(request: Visit) -> str:
    path: str = request.scope["path"]
    return path.rstrip("/")


def _parent(path: str) -> str:
    return path.rpartition("/")[0]
