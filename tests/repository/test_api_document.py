"""docs/api.md names the routes, codes, frames and variables there are, and no others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from adiuva.api.errors import Problem
from adiuva.environment import Environment
from tests.repository.paths import ROOT
from tests.support import contract

PREFIX = "/api/v1"
STREAM = "/chat/stream"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "WS")
ROUTE = re.compile(rf"`({'|'.join(METHODS)}) ([^\s`?]+)")

Route = tuple[str, str]


@pytest.fixture(scope="module")
def text() -> str:
    return (ROOT / "docs/api.md").read_text()


def section(text: str, number: int) -> str:
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/api.md has no § {number}"
    return found[0]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table."""
    for line in text.splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def list_quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def nameless(method: str, path: str) -> Route:
    """What a path's parameters are called is not on the wire, nor is the prefix in the page's tables."""
    return method, re.sub(r"\{[^}]*\}", "{}", path.removeprefix(PREFIX))


def routes_of_the_page(text: str) -> dict[Route, bool]:
    """Whether each is public, from the tables."""
    first_cells = (cells[0] for cells in rows(text))
    return {nameless(*found.groups()): cell.endswith("public") for cell in first_cells if (found := ROUTE.match(cell))}


def routes_of_the_schema() -> dict[Route, bool]:
    operations = {
        nameless("WS" if "x-websocket" in operation else method.upper(), path): operation
        for path, item in contract.document()["paths"].items()
        for method, operation in item.items()
    }
    return {route: is_public(route[0], operation.get("security", [])) for route, operation in operations.items()}


def is_public(method: str, ways_in: list[dict[str, Any]]) -> bool:
    """A way in that asks for nothing. One such route looks at a token all the same, if there is one; that the socket's
    token may stand in its address is no way in.
    """
    return not any(ways_in) or (method != "WS" and {} in ways_in)


def frames_of_the_schema() -> set[tuple[str, str]]:
    schemas = contract.document()["components"]["schemas"]
    frames = contract.document()["paths"][PREFIX + STREAM]["get"]["x-websocket"]
    return {
        (arrow, kind_of(schemas[reference["$ref"].rpartition("/")[2]]))
        for arrow, direction in (("→", "client"), ("←", "server"))
        for reference in frames[direction]
    }


def kind_of(frame: dict[str, Any]) -> str:
    kind: str = frame.get("properties", {}).get("type", {}).get("const", "none")
    return kind


def codes_of_the_server(problem: type[Problem] = Problem) -> set[tuple[int, str]]:
    own = {(problem.status, problem.code)} if "code" in vars(problem) else set()
    return own.union(*map(codes_of_the_server, problem.__subclasses__()))


def difference(page: set[Any], product: set[Any]) -> dict[str, list[Any]]:
    """Empty when they are the same."""
    missing, invented = sorted(product - page), sorted(page - product)
    return {name: items for name, items in (("missing", missing), ("invented", invented)) if items}


def test_every_route_stands_in_a_table_and_no_other(text: str) -> None:
    assert difference(set(routes_of_the_page(text)), set(routes_of_the_schema())) == {}


def test_public_is_what_asks_for_no_token(text: str) -> None:
    assert difference(set(routes_of_the_page(text).items()), set(routes_of_the_schema().items())) == {}


def test_a_route_in_a_sentence_exists(text: str) -> None:
    named = {nameless(*found) for found in ROUTE.findall(text)}
    assert sorted(named - set(routes_of_the_schema())) == []


def test_a_route_stands_in_one_table_only(text: str) -> None:
    named = [nameless(*found.groups()) for cells in rows(text) if (found := ROUTE.match(cells[0]))]
    assert sorted(route for route in set(named) if named.count(route) > 1) == []


def test_every_code_stands_in_section_1_with_its_status_and_no_other(text: str) -> None:
    named = {(int(cells[0]), list_quoted(cells[1])[0]) for cells in rows(section(text, 1)) if cells[0].isdigit()}
    assert difference(named, codes_of_the_server()) == {}


def test_every_code_of_the_schema_stands_in_section_1(text: str) -> None:
    named = {list_quoted(cells[1])[0] for cells in rows(section(text, 1)) if cells[0].isdigit()}
    assert difference(named, set(contract.document()["components"]["schemas"]["ProblemCode"]["enum"])) == {}


def test_every_frame_stands_in_section_5_with_its_direction_and_no_other(text: str) -> None:
    named = {(cells[0], cells[1].strip("`")) for cells in rows(section(text, 5)) if cells[0] in {"→", "←"}}
    assert difference(named, frames_of_the_schema()) == {}


def test_every_variable_of_the_environment_stands_in_section_12_and_no_other(text: str) -> None:
    named = {name for cells in rows(section(text, 12)) for name in list_quoted(cells[0])}
    assert difference(named, set(Environment.model_fields)) == {}


def test_the_sections_are_numbered_without_a_gap(text: str) -> None:
    numbers = [int(number) for number in re.findall(r"^## (\d+)\. ", text, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) == 16
