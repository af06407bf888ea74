"""Which keys a model knows at a place of the data: for the suggestion beside an unknown key."""

from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel


def keys_at(kind: Any, value: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys that the model at `path` of `value` knows, in the order of its declaration."""
    annotation: Any = kind
    current = value
    for part in path:
        annotation = _member(_model(annotation, current), part)
        current = current[part]
    model = _model(annotation, current)
    if not isinstance(model, type) or not issubclass(model, BaseModel):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model(annotation: Any, value: Any) -> Any:
    """The type behind `Annotated`, and of a union the member that fits the value.

    That is a list for a list, else the mapping whose `kind` the value names.
    """
    annotation = _bare(annotation)
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation
    members = [member for member in get_args(annotation) if member is not type(None)]
    if len(members) == 1:
        return _model(members[0], value)
    if isinstance(value, list):
        return next((item for item in map(_bare, members) if get_origin(item) is list), annotation)
    kind = value.get("kind") if isinstance(value, Mapping) else None
    for member in members:
        field = getattr(member, "model_fields", {}).get("kind")
        if field is not None and kind in get_args(field.annotation):
            return member
    return _model(members[0], value) if members else annotation


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _member(annotation: Any, part: str | int) -> Any:
    """The type of one key or item."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        return arguments[1]
    if origin is list:
        return arguments[0]
    fields = getattr(annotation, "model_fields", {})
    field = fields.get(part) or next((f for f in fields.values() if f.alias == part), None)
    return field.annotation if field else Any
