"""What the code asks the app for, compared with what its manifest asks the user for."""

from collections.abc import Collection
from typing import Final

from marketplace.review.reach.findings import MANIFEST, Finding
from marketplace.review.reach.looking import Collected, Look
from marketplace.review.reach.meanings import ADIUVA, Ref
from marketplace.review.reach.syntax import Node
from marketplace.submissions.manifest import PERMISSIONS, RESOURCES
from marketplace.submissions.validators.contents import permission_of

_MAX_PLACES: Final = 5  # of a permission
_RESOURCE, _METHOD = 2, 3  # names in ``app.tasks`` and ``app.tasks.list``
# Methods that arrays, maps and sets have as well.
_OF_COLLECTIONS: Final = frozenset({"find", "get", "set", "add", "delete", "clear", "search", "all", "count", "remove"})
_MEMBERS: Final = frozenset({"member_expression", "subscript_expression"})


def look_at_permissions(look: Look) -> None:
    for node in look.names.code:
        if node.type in _MEMBERS:
            value = look.values.of(node)
            if isinstance(value, Ref):
                _use(look, node, value.path)
            elif value is None:
                _guess(look, node)
        elif node.type == "string" and (named := look.values.of(node)) in PERMISSIONS:
            _note(look, node, str(named))
    for leaf, binding in look.names.patterns:
        value = look.values.of_binding(binding)
        if isinstance(value, Ref):
            _use(look, leaf, value.path)


def _use(look: Look, node: Node, path: tuple[str | None, ...]) -> None:
    if path[:1] != (ADIUVA,):
        return
    if path[-1] is None and (len(path) == _RESOURCE or (len(path) == _METHOD and path[1] in RESOURCES)):
        look.collected.has_computed_use = True
        look.tell(
            node,
            "permission_undeclared",
            "medium",
            f"What is asked of the app is worked out at run time: {look.quoted(node)}.",
        )
    elif len(path) == _METHOD and path[1] in RESOURCES:
        permission = permission_of(str(path[1]), str(path[2]))
        if permission is not None:
            _note(look, node, permission)
        else:
            _may_use(look, path[1])  # ``app.calendar.on``: a method that says neither
    elif len(path) == _RESOURCE and path[1] in RESOURCES and (node.parent is None or node.parent.type not in _MEMBERS):
        _may_use(look, path[1])  # kept or passed on


def _may_use(look: Look, resource: str | None) -> None:
    for permission in (f"read:{resource}", f"write:{resource}"):
        look.collected.guessed.setdefault(permission, None)


def _guess(look: Look, node: Node) -> None:
    """``box.tasks.create`` of something that another file passes: maybe the app's."""
    base = node.get("object")
    if base is None or base.type not in _MEMBERS | {"identifier"}:
        return
    resource = look.values.key_of(base) if base.type in _MEMBERS else look.names.name(base)
    method = look.values.key_of(node)
    if resource in RESOURCES and method is not None and (permission := permission_of(resource, method)) is not None:
        likely = base.type in _MEMBERS and method not in _OF_COLLECTIONS
        what = f"{permission} may be used and is not declared: {look.quoted(node)}."
        place = look.finding(node, "permission_undeclared", "medium", what) if likely else None
        look.collected.guessed[permission] = look.collected.guessed.get(permission) or place


def _note(look: Look, node: Node, permission: str) -> None:
    places = look.collected.uses.setdefault(permission, [])
    if len(places) < _MAX_PLACES:
        what = f"{permission} is used and not declared: {look.quoted(node)}."
        places.append(look.finding(node, "permission_undeclared", "high", what))


def compare(collected: Collected, declared: Collection[str], *, is_complete: bool) -> list[Finding]:
    """Used and not declared; and declared and never used, where everything was seen."""
    found = [place for permission, places in collected.uses.items() if permission not in declared for place in places]
    for permission, place in collected.guessed.items():
        if place is not None and permission not in declared and permission not in collected.uses:
            found.append(place)
    if is_complete and not collected.has_computed_use:
        used = collected.uses.keys() | collected.guessed.keys()
        found += [
            Finding(
                file=MANIFEST,
                line=1,
                column=1,
                kind="permission_unused",
                severity="low",
                what=f"{permission} is declared and never used.",
            )
            for permission in declared
            if permission in PERMISSIONS and permission not in used
        ]
    return found
