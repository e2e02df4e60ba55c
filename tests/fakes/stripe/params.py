"""What a route takes: checked against the parameter types that Stripe publishes with its SDK.

They are generated from Stripe's own specification, so a parameter that Stripe would refuse as unknown is refused here.
"""

import sys
import types
import typing
from functools import lru_cache
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

import stripe
from stripe._stripe_context import StripeContext
from typing_extensions import is_typeddict

from tests.fakes.stripe.errors import ApiError, missing_param
from tests.fakes.stripe.forms import Form

UNIVERSAL = {"expand"}
OPTIONS = frozenset(stripe.RequestOptions.__annotations__)  # headers, which the SDK's types mix with parameters


def check_params(form: Form, shape: type, *, prefix: str = "") -> Form:
    """``form`` with numbers and booleans in place of strings. Raises ApiError as Stripe would."""
    fields = _fields(shape)
    for name in form:
        if name not in fields and not (not prefix and name in UNIVERSAL):
            named = _full_name(prefix, name)
            raise ApiError(f"Received unknown parameter: {named}", code="parameter_unknown", param=named)
    needed: frozenset[str] = getattr(shape, "__required_keys__", frozenset())
    for name in fields:
        if name in needed and name not in form:
            raise missing_param(_full_name(prefix, name))
    return {
        name: _value(given, fields[name], _full_name(prefix, name)) if name in fields else given
        for name, given in form.items()
    }


@lru_cache
def _fields(shape: type) -> dict[str, Any]:
    names = {**vars(typing), **vars(stripe), "StripeContext": StripeContext, **vars(sys.modules[shape.__module__])}
    hints = get_type_hints(shape, localns=names, include_extras=True)
    return {
        name: get_args(hint)[0] if get_origin(hint) is NotRequired else hint
        for name, hint in hints.items()
        if name not in OPTIONS
    }


def _full_name(prefix: str, name: str) -> str:
    return f"{prefix}[{name}]" if prefix else name


def _value(given: Any, hint: Any, name: str) -> Any:
    origin = get_origin(hint)
    if origin in {Union, types.UnionType}:
        return _one_of(given, get_args(hint), name)
    if origin is list:
        if not isinstance(given, list):
            raise ApiError("Invalid array", param=name)
        return [_value(item, get_args(hint)[0], f"{name}[{index}]") for index, item in enumerate(given)]
    if is_typeddict(hint):
        if not isinstance(given, dict):
            raise ApiError("Invalid object", param=name)
        return check_params(given, hint, prefix=name)
    if _is_mapping(origin or hint):
        if not isinstance(given, dict):
            raise ApiError("Invalid object", param=name)
        return given
    return _scalar(given, hint, name)


def _is_mapping(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, dict | stripe.StripeObject)


def _one_of(given: Any, hints: tuple[Any, ...], name: str) -> Any:
    """The first alternative that fits. Literals beside ``str`` are an enum that only the type checker may extend."""
    words = [word for hint in hints if get_origin(hint) is Literal for word in get_args(hint)]
    others = [hint for hint in hints if get_origin(hint) is not Literal]
    if words and set(words) != {""}:
        others = [hint for hint in others if hint is not str]
    if given in words:
        return given
    refusal = ApiError(f"Invalid {name}: must be one of {', '.join(map(str, words))}", param=name)
    for hint in others:
        try:
            return _value(given, hint, name)
        except ApiError as error:
            refusal = error
    raise refusal


def _scalar(given: Any, hint: Any, name: str) -> Any:
    if not isinstance(given, str):
        raise ApiError(f"Invalid string: {given}", param=name)
    if get_origin(hint) is Literal:
        if given not in get_args(hint):
            raise ApiError(f"Invalid {name}: must be one of {', '.join(map(str, get_args(hint)))}", param=name)
        return given
    if hint is bool:
        if given not in {"true", "false"}:
            raise ApiError(f"Invalid boolean: {given}", param=name)
        return given == "true"
    if hint is int:
        try:
            return int(given)
        except ValueError:
            raise ApiError(f"Invalid integer: {given}", code="parameter_invalid_integer", param=name) from None
    return given
