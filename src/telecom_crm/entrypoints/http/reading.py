"""Bodies in JSON: read strictly, and whatever is wrong with one told at once."""

from __future__ import annotations

import re
import types
from collections.abc import Generator, Iterator
from functools import cache, partial
from itertools import islice
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import attrs
import msgspec
from litestar.dto import AbstractDTO
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.exceptions import HTTPException
from litestar.types.empty import Empty
from litestar.typing import FieldDefinition

from telecom_crm.application.phones import in_e164
from telecom_crm.application.ports import ReadPhone
from telecom_crm.domain.errors import Fault, InvalidValue
from telecom_crm.domain.identifiers import MSISDN
from telecom_crm.entrypoints.http.bodies import ContactText, MsisdnText
from telecom_crm.entrypoints.http.keys import read_key
from telecom_crm.entrypoints.http.problems import Malformed
from telecom_crm.entrypoints.http.served import served

T = TypeVar("T")

JSON_LIMIT = 1_000_000
"""The most bytes of a JSON body."""
MOST_FAULTS = 200
"""So many faults of a body are told; a body of nothing else may have a hundred thousand."""


def read_json(raw: bytes, kind: type[T], *, read_phone: ReadPhone = MSISDN) -> T:
    """
    Read a body as a value of a class.

    Raise `Malformed` for what is not JSON or has wrong types, `InvalidValue` for the rest of what
    may be wrong; each with every fault.
    """
    wanted: Any = kind
    try:
        found: T = _decoder(wanted, read_phone).decode(raw)
    except (ValueError, RecursionError, OverflowError, InvalidValue) as error:
        raise _explained(raw, kind, error, read_phone) from None
    if _SUSPECT.search(raw) and (
        faults := list(islice(_nul_faults(msgspec.json.decode(raw), ""), MOST_FAULTS))
    ):
        # No database and no page can hold NUL, so no field needs to refuse it by itself.
        raise InvalidValue(tuple(faults))
    return found


class StrictBody(AbstractDTO[Any]):
    """Has the framework read bodies with `read_json`."""

    @classmethod
    def is_supported_model_type_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003  # the framework's signature
        """Any class will do."""
        return True

    @classmethod
    def create_for_field_definition(
        cls,
        field_definition: FieldDefinition,
        handler_id: str,
        backend_cls: Any = None,
    ) -> None:
        """Nothing has to be made ready."""

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Generator[DTOFieldDefinition]:  # noqa: ARG003  # the framework's signature
        """No transfer model is made, so it has no fields."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:  # noqa: ARG003  # the framework's signature
        """No transfer model is made."""
        return False

    def decode_bytes(self, value: bytes) -> Any:
        """
        Read the body as the class that the handler's `data` is annotated with.

        What is wrong with it is told together with what is wrong with the request's key.
        """
        connection = self.asgi_connection
        media_type = connection.headers.get("content-type", "application/json")
        encoding = connection.headers.get("content-encoding", "identity")
        if not _JSON.fullmatch(media_type) or encoding.lower() != "identity":
            raise HTTPException(status_code=415)
        handler, read_phone = connection.route_handler, served(connection.scope).read_phone
        try:
            return read_json(value, body_class(handler), read_phone=read_phone)
        except (Malformed, InvalidValue) as of_body:
            if handler.opt.get("key") is None:
                raise
            try:
                read_key(connection)
            except (Malformed, InvalidValue) as of_key:
                raise _both(of_key, of_body) from None
            raise


def body_class(handler: Any) -> Any:
    """Return the class of the body that a route's handler takes, or None."""
    field = handler.parsed_data_field
    return None if field is None or field is Empty else field.annotation


def may_be_empty(kind: Any) -> bool:
    """Tell whether a body of this class may be left out, all of its fields having defaults."""
    return (
        isinstance(kind, type)
        and issubclass(kind, msgspec.Struct)
        and all(not field.required for field in msgspec.structs.fields(kind))
    )


_JSON = re.compile(
    r"application/([a-z0-9.+-]+\+)?json\s*(;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE | re.ASCII
)
_SUSPECT = re.compile(rb"\\u0000")
_WRONG_TYPE = re.compile(r"Expected `.*`, got `.*`")
_PLACE = re.compile(r" - at `.*`$")


def _both(
    one: Malformed | InvalidValue, other: Malformed | InvalidValue
) -> Malformed | InvalidValue:
    """Return two errors as one; what cannot be read weighs more than what may not be."""
    kind = Malformed if Malformed in (type(one), type(other)) else InvalidValue
    return kind((*one.faults, *other.faults))


@cache
def _decoder(kind: Any, read_phone: ReadPhone) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind, dec_hook=partial(_read_text, read_phone))


def _read_text(read_phone: ReadPhone, kind: type[Any], raw: object) -> object:
    """Read a text that has a form of its own."""
    if not isinstance(raw, str):
        raise msgspec.ValidationError(f"Expected `str`, got `{_json_type(raw)}`")
    if kind is ContactText:
        return ContactText(in_e164(raw, read_phone))
    if kind is MsisdnText:
        return MsisdnText(read_phone(raw))
    found = kind(raw)
    _ = found.value
    return found


@attrs.frozen
class _Found:
    fault: Fault
    wrong_type: bool


def _explained(
    raw: bytes, kind: Any, error: Exception, read_phone: ReadPhone
) -> Malformed | InvalidValue:
    """Return all that is wrong with a body that could not be read."""
    try:
        plain = msgspec.json.decode(raw)
    except (ValueError, RecursionError, OverflowError):
        message = _PLACE.sub("", str(error)).replace("`", "")
        return Malformed((Fault("", "not_json", f"not JSON that can be read: {message}"),))
    found = list(islice(_Explainer(read_phone).faults(plain, kind, ""), MOST_FAULTS))
    faults = tuple(one.fault for one in found)
    if not faults:
        return Malformed((Fault("", "malformed", "cannot be read"),))
    return Malformed(faults) if any(one.wrong_type for one in found) else InvalidValue(faults)


@attrs.frozen
class _Explainer:
    """Finds all that is wrong with a body that could not be read."""

    read_phone: ReadPhone

    def faults(self, raw: object, kind: Any, path: str) -> Iterator[_Found]:
        inner, nullable = _without_none(kind)
        if raw is None and nullable:
            return
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(raw, dict):
            found = list(islice(self._faults_of_fields(raw, inner, path), MOST_FAULTS))
            yield from found or self._fault_of(raw, inner, path)
        elif get_origin(listed := _without_meta(inner)) is list and isinstance(raw, list):
            of = get_args(listed)[0]
            every = (
                one
                for n, item in enumerate(raw)
                for one in self.faults(item, of, _at(path, str(n)))
            )
            found = list(islice(every, MOST_FAULTS))
            yield from found or self._fault_of(raw, inner, path)
        else:
            yield from self._fault_of(raw, inner, path)

    def _faults_of_fields(
        self, raw: dict[str, Any], kind: type[msgspec.Struct], path: str
    ) -> Iterator[_Found]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        hints = get_type_hints(kind, include_extras=True)
        for name in raw:
            if name not in fields:
                yield _Found(Fault.unknown(_at(path, name[:60]), fields), False)
        for name, field in fields.items():
            if name in raw:
                yield from self.faults(raw[name], hints[field.name], _at(path, name))
            elif field.required:
                yield _Found(Fault(_at(path, name), "missing", "is required"), False)

    def _fault_of(self, raw: object, kind: Any, path: str) -> Iterator[_Found]:
        """Read one value by itself and tell what is wrong with it."""
        try:
            msgspec.convert(raw, kind, dec_hook=partial(_read_text, self.read_phone))
        except InvalidValue as error:
            for fault in error.faults:
                inside = isinstance(raw, dict)
                yield _Found(
                    attrs.evolve(fault, field=_at(path, fault.field) if inside else path), False
                )
        except (ValueError, RecursionError, OverflowError) as error:
            text = str(error)
            message = _PLACE.sub("", text).replace("`", "").replace("Expected", "expected", 1)
            wrong_type = bool(_WRONG_TYPE.match(text))
            code = "wrong_type" if wrong_type else "invalid"
            yield _Found(Fault(path, code, message), wrong_type)


def _nul_faults(raw: object, path: str) -> Iterator[Fault]:
    if isinstance(raw, str) and "\0" in raw:
        yield Fault(path, "text", "no control characters")
    elif isinstance(raw, dict):
        for name, value in raw.items():
            yield from _nul_faults(name, path)
            yield from _nul_faults(value, _at(path, name.replace("\0", "")[:60]))
    elif isinstance(raw, list):
        for place, value in enumerate(raw):
            yield from _nul_faults(value, _at(path, str(place)))


def _without_none(kind: Any) -> tuple[Any, bool]:
    """Return a type without None and UNSET, and whether None was one of its members."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    members = get_args(kind)
    left = [one for one in members if one not in (type(None), msgspec.UnsetType)]
    inner = left[0] if len(left) == 1 else Union[tuple(left)]  # noqa: UP007  # members are only known here
    return inner, type(None) in members


def _without_meta(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _json_type(raw: object) -> str:
    names: dict[type, str] = {dict: "object", list: "array", type(None): "null"}
    return names.get(type(raw), type(raw).__name__)


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
