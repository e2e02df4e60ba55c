"""The committed ``openapi.json``, held against what the server really says.

Every answer that a test gets through ``ApiClient``, and every frame through ``tests.chat.ws.sockets``, passes here, and
so do the stories of ``tests/flows``: a status must be one the operation names, the body as the schema of that status
says, with the headers promised.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

if TYPE_CHECKING:
    import httpx  # 0.1 s of CPU, and most tests speak to Django directly

DOCUMENT = Path(__file__).resolve().parents[2] / "openapi.json"
# Of a route that is not there, or not with this method: no operation could name them.
UNNAMED = {404, 405}


@functools.cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return loaded


@functools.cache
def _registry() -> Registry[Any]:
    return Registry().with_resource("urn:openapi", DRAFT202012.create_resource(document()))


@functools.cache
def _validator(pointer: str) -> Draft202012Validator:
    schema = {"$ref": f"urn:openapi#{pointer}"}
    return Draft202012Validator(schema, registry=_registry(), format_checker=Draft202012Validator.FORMAT_CHECKER)


@functools.cache
def _routes() -> list[tuple[re.Pattern[str], str]]:
    """The plainest first, as in the URLconf: `/plugins/mine` is no plugin's id."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [(re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))), path) for path in paths]


def path_of(url: str) -> str | None:
    """The document's name for the path of ``url``."""
    plain = unquote(urlsplit(url).path)
    return next((path for pattern, path in _routes() if pattern.fullmatch(plain)), None)


def violation(*, component: str, value: Any) -> str | None:
    """What is wrong with ``value`` as that component, in a line."""
    return _wrong(f"/components/schemas/{component}", value)


def check(*, method: str, url: str, status: int, headers: Mapping[str, str], content: bytes) -> None:
    """Raises ``AssertionError`` for an answer that ``openapi.json`` does not foresee."""
    path = path_of(url)
    operation = document()["paths"].get(path, {}).get("get" if method == "HEAD" else method.lower())
    if path is None or operation is None:
        return
    place = f"{method} {path} → {status}"
    response = operation["responses"].get(str(status))
    if response is None:
        assert status in UNNAMED, f"{place}: openapi.json does not name this status: {content[:300]!r}"
        return
    pointer = f"/paths/{_escaped(path)}/{'get' if method == 'HEAD' else method.lower()}/responses/{status}"
    if "$ref" in response:
        pointer = response["$ref"].removeprefix("#")
        response = document()["components"]["responses"][pointer.rpartition("/")[2]]
    _check_headers(place, response, headers)
    if method != "HEAD":
        _check_body(place, response, pointer, headers, content)


def check_httpx(response: "httpx.Response") -> None:
    """For ``httpx.Client(event_hooks=CHECKED)``: whole stories on the real server."""
    response.read()
    request = response.request
    check(
        method=request.method,
        url=str(request.url),
        status=response.status_code,
        headers=response.headers,
        content=response.content,
    )


CHECKED: dict[str, list[Callable[..., Any]]] = {"response": [check_httpx]}


def check_frame(frame: Any) -> None:
    """Raises ``AssertionError`` for a frame of the server's that is none of ``ServerFrame``."""
    named = _frames_of_type(frame.get("type"))
    assert named, f"openapi.json does not name this frame: {frame}"
    wrong = [_wrong(f"/components/schemas/{name}", frame) for name in named]
    assert None in wrong, f"frame {frame['type']}: {wrong}"


@functools.cache
def _frames_of_type(kind: Any) -> list[str]:
    """Of one type there may be two: the done frames of a turn and of a map run."""
    schemas = document()["components"]["schemas"]
    names = (reference["$ref"].rpartition("/")[2] for reference in schemas["ServerFrame"]["oneOf"])
    return [name for name in names if schemas[name]["properties"]["type"]["const"] == kind]


def _check_headers(place: str, response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    for name, header in response.get("headers", {}).items():
        if "$ref" in header:
            header = document()["components"]["headers"][header["$ref"].rpartition("/")[2]]  # noqa: PLW2901
        assert not header.get("required") or name in headers, f"{place}: there is no {name}"


def _check_body(
    place: str, response: Mapping[str, Any], pointer: str, headers: Mapping[str, str], content: bytes
) -> None:
    named = response.get("content", {})
    if not named:
        assert not content, f"{place}: openapi.json names no body: {content[:300]!r}"
        return
    kind = headers["Content-Type"].partition(";")[0]
    assert kind in named, f"{place}: openapi.json does not name {kind}"
    if kind.endswith("json"):
        wrong = _wrong(f"{pointer}/content/{_escaped(kind)}/schema", json.loads(content))
        assert wrong is None, f"{place}: {wrong}"


def _wrong(pointer: str, value: Any) -> str | None:
    error = best_match(_validator(pointer).iter_errors(value))
    return error and f"{error.json_path}: {error.message}"


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
