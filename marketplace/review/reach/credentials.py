"""Credentials in code, beyond the forms that providers publish: by what a constant is called, and by how random it is.

What is found is never quoted.
"""

import re
from typing import Any, Final

from marketplace.review.reach.findings import entropy_of, quote
from marketplace.review.reach.looking import Look
from marketplace.review.reach.meanings import unwrap
from marketplace.review.reach.syntax import Node
from marketplace.submissions.validators.contents import FORMS

_FORMS: Final = tuple(
    (kind, hint.decode(), re.compile(r"(?<![0-9A-Za-z_-])" + form.decode())) for kind, hint, form in FORMS
)
_MAX_LOOKED_AT: Final = 8_192

# A name in words: "clientSecret" and "CLIENT_SECRET" are "client secret".
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS: Final = frozenset({
    "secret", "token", "password", "passwd", "pwd", "passphrase", "apikey", "accesskey", "privatekey", "authkey",
    "authtoken", "bearer", "credential", "credentials", "apitoken", "pat",
})  # fmt: skip
_KEY_BEFORE: Final = frozenset({
    "api", "access", "private", "secret", "auth", "signing", "encryption", "account", "license", "service",
    "client",
})  # fmt: skip
# What is called after a secret and is none.
_NO_SECRET: Final = frozenset({
    "id", "ids", "hash", "sha", "checksum", "digest", "integrity", "name", "label", "title", "url", "uri",
    "endpoint", "path", "header", "headers", "field", "type", "kind", "placeholder", "pattern", "regex", "regexp",
    "prefix", "suffix", "length", "count", "limit", "expiry", "expires", "public", "error", "message", "text",
    "hint", "selector", "input", "class", "style", "event", "storage", "cookie", "param", "parameter", "query",
    "scope", "csrf", "xsrf", "page", "route", "action", "kinds", "types", "names", "description", "template",
    "format", "locale", "version", "state", "status", "color", "colour", "tokenizer", "cancel", "symbol", "syntax",
    "grammar", "lexer", "css",
})  # fmt: skip
_HEADERS: Final = frozenset({
    "authorization", "proxy-authorization", "x-api-key", "x-auth-token", "api-key", "x-access-token", "apikey",
    "x-secret", "x-token", "private-token", "x-auth-key",
})  # fmt: skip
_SCHEME: Final = re.compile(r"(?:bearer|basic|token|apikey|api-key|digest|aws4-hmac-sha256)\s+(\S{8,})", re.IGNORECASE)
_USERINFO: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://([^/\s:@\"'`?#]{0,64}):([^/\s@\"'`?#]{3,200})@[\w.-]", re.IGNORECASE
)
_QUERY: Final = re.compile(
    r"[?&](?:api_?key|access_?token|auth_?token|token|secret|password|key|sig)=([^&#\s]{16,})", re.IGNORECASE
)
_PLACEHOLDER: Final = re.compile(
    r"your|example|xxx|change.?me|replace|placeholder|dummy|sample|redacted|insert|todo|fixme|<.*>|\{.*\}|\$|\*\*\*|\.\.\.|"
    r"…|%s|^test|^fake|^mock|^secret$|^password$|^passw0rd$|^user(name)?$|my[-_]|[-_]here|abcdef|12345678|0{8}|lorem",
    re.IGNORECASE,
)
_PLAIN_WORDS: Final = re.compile(r"[A-Za-z]+(?:[-_.:/ ][A-Za-z]+)*")
_SHORTEST_KEY, _LONGEST_KEY, _SHORTEST_SURE = 16, 4_096, 24
_SHORTEST_PASSWORD, _LONGEST_PASSWORD = 8, 128
_SHORTEST_TEXT: Final = 12
_MANY_SIGNS: Final = 3.5
_FEW_SIGNS: Final = 3.0  # bits a character: texts with less repeat themselves


def look_at_credentials(look: Look) -> None:
    for node in look.names.code:
        match node.type:
            case (
                "variable_declarator"
                | "pair"
                | "assignment_expression"
                | "field_definition"
                | "public_field_definition"
            ):
                _named(look, node)
            case "assignment_pattern" | "object_assignment_pattern" | "required_parameter" | "jsx_attribute":
                _named(look, node)
            case "call_expression":
                _header_call(look, node)
            case "string" | "template_string" | "binary_expression":
                _constant(look, node)


def is_random(value: str) -> bool:
    """Long enough and mixed enough to be made by a machine; no word, path, sentence or placeholder."""
    if (
        not _SHORTEST_KEY <= len(value) <= _LONGEST_KEY
        or any(one.isspace() for one in value)
        or _PLACEHOLDER.search(value)
    ):
        return False
    has_digit, has_letter = any(one.isdigit() for one in value), any(one.isalpha() for one in value)
    return has_digit and has_letter and "//" not in value and entropy_of(value) >= _FEW_SIGNS


def _is_surely_random(value: str) -> bool:
    """Under a name that is used for much else."""
    return len(value) >= _SHORTEST_SURE and entropy_of(value) >= _MANY_SIGNS and "." not in value


def is_password(value: str) -> bool:
    if (
        not _SHORTEST_PASSWORD <= len(value) <= _LONGEST_PASSWORD
        or any(one.isspace() for one in value)
        or _PLACEHOLDER.search(value)
    ):
        return False
    return _PLAIN_WORDS.fullmatch(value) is None and any(one.isdigit() for one in value) and value.isascii()


def names_a_secret(name: str) -> str:
    """What a name says that its value is: "password", "secret", "key", or nothing ("")."""
    words = [word.lower() for word in _WORDS.findall(name)]
    if (
        not words
        or words[-1] in _NO_SECRET
        or (len(words) > 1 and words[0] in {"csrf", "xsrf", "placeholder", "public"})
    ):
        return ""
    if words[-1] in {"password", "passwd", "pwd", "passphrase", "pass"}:
        return "password"
    joined = "".join(words[-2:])
    if words[-1] in _SECRET_WORDS or joined in _SECRET_WORDS:
        return "secret"
    if words[-1] == "key":
        return "secret" if len(words) > 1 and words[-2] in _KEY_BEFORE else "key"
    if any(word in {"secret", "password"} for word in words) and not set(words) & _NO_SECRET:
        return "secret"
    return "key" if words[-1] == "auth" else ""


def _named(look: Look, node: Node) -> None:
    told = node.get("name") or node.get("key") or node.get("property") or node.get("left") or node.get("pattern")
    given = node.get("value") or node.get("right")
    if node.type == "jsx_attribute" and len(node.kids) > 1:
        told, given = node.kids[0], node.kids[1]
    if told is None or given is None:
        return
    name = _name_of(look, told)
    value = look.values.text_of(given)
    if not name or value is None:
        return
    if name.lower() in _HEADERS:
        _header(look, node, name, value)
        return
    says = names_a_secret(name)
    is_known = any(hint in value and form.search(value) for _, hint, form in _FORMS)
    found = (
        (says == "password" and (is_password(value) or is_random(value)))
        or (says == "secret" and is_random(value))
        or (says == "key" and is_random(value) and _is_surely_random(value))
    )
    if found and not is_known:
        look.tell(node, "credentials", "high", f"{quote(name)} is a constant that looks like a credential.")


def _name_of(look: Look, node: Node) -> str:
    node = unwrap(node)
    if node.type in {"member_expression", "subscript_expression"}:
        return look.values.key_of(node) or ""
    if node.type == "computed_property_name":
        return look.values.text_of(node.kids[0]) or "" if node.kids else ""
    if node.type == "string":
        return look.values.text_of(node) or ""
    is_name = node.type.endswith("identifier") or node.type.endswith("identifier_pattern")
    return look.names.name(node) if is_name else ""


def _header_call(look: Look, node: Node) -> None:
    callee = unwrap(node.get("function"))
    if callee.type != "member_expression" or look.values.key_of(callee) not in {
        "setRequestHeader",
        "set",
        "append",
        "header",
    }:
        return
    values: list[Any] = look.values.resolve(node).values
    match values:
        case [str() as name, str() as value] if name.lower() in _HEADERS:
            _header(look, node, name, value)


def _header(look: Look, node: Node, name: str, value: str) -> None:
    scheme = _SCHEME.fullmatch(value.strip())
    secret = scheme[1] if scheme is not None else value
    if _PLACEHOLDER.search(secret) or any(one.isspace() for one in secret):
        return
    if scheme is not None or is_random(secret) or is_password(secret):
        look.tell(node, "credentials", "high", f"The header {quote(name)} is given a constant.")


def _constant(look: Look, node: Node) -> None:
    if node.type == "binary_expression" and node.parent is not None and node.parent.type == "binary_expression":
        return
    text = look.values.text_of(node)
    if text is None:
        text = look.text(node)[1:-1] if node.type == "template_string" else ""
    if len(text) < _SHORTEST_TEXT:
        return
    text = text[:_MAX_LOOKED_AT]
    if "://" in text and (found := _USERINFO.search(text)) is not None and not _is_example(found[2]):
        look.tell(node, "credentials", "high", "An address has a user's password in it.")
        return
    if "=" in text and (found := _QUERY.search(text)) is not None and is_random(found[1]):
        look.tell(node, "credentials", "high", "An address has a credential in its query.")
        return
    for kind, hint, form in _FORMS:
        if hint in text and (match := form.search(text)) and not _PLACEHOLDER.search(match[0]):
            look.tell(node, "credentials", "high", f"A constant has the form of a credential: {kind}.")
            return


def _is_example(password: str) -> bool:
    return _PLACEHOLDER.search(password) is not None or password.lower() in {"password", "pass", "secret", "pw", "pwd"}
