"""The templates: their environment, and the filters that write values as the visitor reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import CodeType
from typing import Any
from zoneinfo import ZoneInfo

import attrs
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from jinja2.runtime import Context

from telecom_crm.application.audit import Key
from telecom_crm.domain.brand import Brand
from telecom_crm.domain.demo import Demo
from telecom_crm.domain.language import LANGUAGES, Wording
from telecom_crm.domain.lifecycle import Event
from telecom_crm.domain.money import Money
from telecom_crm.domain.self_care import Offered
from telecom_crm.domain.text import masked
from telecom_crm.entrypoints.http.web import charts, i18n
from telecom_crm.entrypoints.http.web.agents import browser
from telecom_crm.entrypoints.http.web.assets import ASSETS
from telecom_crm.entrypoints.http.web.audit_labels import field
from telecom_crm.entrypoints.http.web.labels import gateway, label, role_title, step_done, tone
from telecom_crm.entrypoints.http.web.menu import Entry, Hit, May, by_section
from telecom_crm.entrypoints.http.web.messages import failure
from telecom_crm.entrypoints.http.web.sections import is_open, opened

TEMPLATES = Path(__file__).parent / "templates"
A_DAY_SECONDS = 24 * 3600
EXPIRES_SOON = timedelta(days=30)
"""So long before its last day a paper is warned of."""
AVATAR_TONES = ("brand", "warn", "info", "bad", "ok")


@attrs.define(eq=False)
class Pages:
    """What every page of one operator shares."""

    zone: ZoneInfo
    currency: str
    operator: str
    clock: Callable[[], datetime]
    role_titles: Callable[[], Mapping[str, str]]
    brand: Callable[[], Brand]
    demo: Callable[[], Demo | None]
    """What everything here was made up from; None where it is somebody's own."""
    offered: Callable[[], Offered]
    """Which parts of self-care there are."""
    names: Callable[[], Mapping[str, str]]
    """What users are called, by login."""
    latest: Callable[[str, str], Sequence[Event]]
    """The last that happened to a thing, by its kind and key, the latest first."""
    things: Callable[[Iterable[Key]], Mapping[Key, Any]]
    """What events and lines of the audit are about, by kind and key, of that which is there."""
    nav: tuple[Entry, ...] = ()
    """The console's navigation."""
    my_entries: tuple[Entry, ...] = ()
    """Self-care's."""
    _environment: Environment = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._environment = environment(pages=self)

    def render(self, template: str, **context: Any) -> str:
        """Render a template."""
        return self._environment.get_template(template).render(**context)

    def entries(self, may: May) -> list[Entry]:
        """Return the parts of the console that are open to a visitor."""
        return [one for one in self.nav if one.is_open(may)]

    def menu(self, may: May) -> list[tuple[str, list[Entry]]]:
        """Return them section by section."""
        return by_section(self.nav, may)

    def makings(self, may: May) -> list[Entry]:
        """Return those in which a visitor may make something."""
        return [one for one in self.nav if one.makes(may)]

    def commands(self, may: May) -> list[Hit]:
        """Return them as the palette shows them before anything is typed."""
        return [
            *(
                Hit(path=one.path, text=i18n.gettext(one.text), icon=one.icon)
                for one in self.entries(may)
            ),
            *(
                Hit(path=f"{one.path}/new", text=i18n.gettext(one.new), icon="plus")
                for one in self.makings(may)
            ),
        ]

    def is_open(self, path: str) -> bool:
        """Tell whether a page of self-care is there: whether its part is switched on."""
        return is_open(path, self.offered().off)

    @property
    def my_menu(self) -> list[Entry]:
        """The parts of self-care that are switched on."""
        return list(opened(self.my_entries, self.offered().off))

    @property
    def title(self) -> str:
        """What the pages are headed with."""
        return self.brand().name or self.operator or "Telecom CRM"

    @property
    def on_paper(self) -> str:
        """What the operator is called on paper, as `Papers` calls it."""
        return self.operator or self.title

    @property
    def today(self) -> date:
        """The operator's day."""
        return self.clock().astimezone(self.zone).date()


class Compiled(BytecodeCache):
    """Keeps what templates compile to in memory, for each further operator of the process."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in what this text of a template compiled to before."""
        bucket.code = self._found.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was just compiled."""
        if bucket.code is not None:
            self._found[bucket.key, bucket.checksum] = bucket.code


COMPILED = Compiled()


def environment(**more: Any) -> Environment:
    """Return the environment of all templates; what a template does not know is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=COMPILED,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
    )
    made.install_gettext_callables(  # type: ignore[attr-defined]
        **{name: _spoken(name) for name in ("gettext", "ngettext", "pgettext", "npgettext")},
        newstyle=True,
    )
    made.filters |= FILTERS
    made.globals |= {
        "asset": ASSETS.url,
        "app_version": ASSETS.version,
        "languages": i18n.NAMES,
        "default_language": LANGUAGES.default,
        "charts": charts,
        **more,
    }
    return made


def _spoken(name: str) -> Callable[..., str]:
    """Return one of gettext's functions, in the language of whichever request asks."""

    def said(*texts: Any) -> str:
        words: str = getattr(i18n.here().words, name)(*texts)
        return words

    return said


# Filters. Each takes the context, not for what is in it, but because the engine would otherwise
# work one out on a literal once and for all, in the language of whoever came first.


@pass_context
def spoken(_: Context, text: Wording) -> str:
    """Write what the catalog says in several languages in the visitor's."""
    return i18n.spoken(text)


@pass_context
def money(_: Context, amount: Money, *, signed: bool = False) -> str:
    """Write an amount."""
    return i18n.here().money(amount, signed=signed)


@pass_context
def currency(_: Context, code: str) -> str:
    """Write what amounts are counted in, as beside them."""
    return i18n.here().currency(code)


@pass_context
def number(_: Context, value: float) -> str:
    """Write a number."""
    return i18n.here().number(value)


@pass_context
def percent(_: Context, value: float, *, signed: bool = False) -> str:
    """Write a share of one."""
    return i18n.here().percent(value, signed=signed)


@pass_context
def day(context: Context, value: date | datetime | None, form: str = "medium") -> str:
    """Write a day; of an instant, the operator's."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = value.astimezone(context["pages"].zone).date()
    return i18n.here().date(value, form)


@pass_context
def instant(context: Context, at: datetime | None, form: str = "medium") -> str:
    """Write an instant on the operator's clocks."""
    return "" if at is None else i18n.here().instant(at, context["pages"].zone, form)


@pass_context
def left(context: Context, at: datetime) -> str:
    """Write the minutes and seconds until an instant, as the page counts them down from then on."""
    seconds = max(0, round((at - context["pages"].clock()).total_seconds()))
    return f"{seconds // 60}:{seconds % 60:02}"


@pass_context
def ago(context: Context, at: datetime) -> str:
    """Write how long ago an instant was, and beyond a day the instant itself."""
    seconds = (context["pages"].clock() - at).total_seconds()
    if 0 <= seconds < A_DAY_SECONDS:
        return i18n.here().ago(seconds)
    return instant(context, at)


@pass_context
def month(context: Context, at: datetime) -> str:
    """Write the month of an instant."""
    return i18n.here().month(at, context["pages"].zone)


@pass_context
def iso(_: Context, at: datetime) -> str:
    """Write an instant for machines."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


@pass_context
def phone(_: Context, value: object) -> str:
    """Write a phone number in groups that stay together."""
    return i18n.phone(value)


@pass_context
def role(context: Context, name: str) -> str:
    """Write a role in words; one that is gone by its name."""
    return role_title(name, context["pages"].role_titles().get(name, name))


@pass_context
def named(_: Context, value: object) -> str:
    """Write a member of an enum (a state, a kind, an action) in words."""
    return label(value)


@pass_context
def agent(_: Context, said: str) -> str:
    """Write what somebody is signed in with."""
    return browser(said)


@pass_context
def fielded(_: Context, name: str) -> str:
    """Write the name of a field."""
    return field(name)


@pass_context
def stepped(_: Context, name: str) -> str:
    """Write what the network did."""
    return step_done(name)


@pass_context
def gatewayed(_: Context, name: str) -> str:
    """Write where a payment is taken."""
    return gateway(name)


@pass_context
def failed(_: Context, text: str) -> str:
    """Write why a payment or a network's task failed."""
    return failure(text)


def initials(name: str) -> str:
    """Return the letters of a name's first two words."""
    return "".join(word[0] for word in name.split()[:2]).upper()


def avatar_tone(name: str) -> str:
    """Return one of a few tones, the same for a name each time."""
    return AVATAR_TONES[sum(map(ord, name)) % len(AVATAR_TONES)]


@pass_context
def runs_out(context: Context, until: date) -> str:
    """Tell of a paper's last day whether it is "over" or comes "soon"; "" while there is time."""
    today: date = context["pages"].today
    return "over" if until < today else "soon" if until < today + EXPIRES_SOON else ""


FILTERS: Mapping[str, Callable[..., Any]] = {
    "agent": agent,
    "spoken": spoken,
    "money": money,
    "currency": currency,
    "number": number,
    "percent": percent,
    "day": day,
    "instant": instant,
    "ago": ago,
    "iso": iso,
    "left": left,
    "month": month,
    "phone": phone,
    "field": fielded,
    "gateway": gatewayed,
    "step_done": stepped,
    "failure": failed,
    "named": named,
    "role": role,
    "masked": masked,
    "runs_out": runs_out,
    "initials": initials,
    "avatar_tone": avatar_tone,
    "tone": tone,
}
