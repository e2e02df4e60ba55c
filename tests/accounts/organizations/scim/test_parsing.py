"""What a directory asks for, out of what it sends. No request, no database."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.organizations.scim.parsing import (
    USER_SCHEMA,
    Changes,
    Filter,
    read_count,
    read_filter,
    read_patch,
    read_path,
    read_start,
    read_user,
)
from accounts.organizations.scim.problems import ScimRefused

# What PostgreSQL and UTF-8 can hold, in any spelling JSON has for it.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=12,
)
NAMES = {"userName", "externalId", "active"}


def refused_as(call: Any, *arguments: Any) -> str | None:
    with pytest.raises(ScimRefused) as refusal:
        call(*arguments)
    return refusal.value.scim_type


def outcome_of(call: Any, argument: Any) -> str | None:
    """None: it was understood, as something that can be kept."""
    try:
        read = call(argument)
    except ScimRefused as refusal:
        return refusal.scim_type
    if isinstance(read, Changes):
        assert read.user_name != ""
        assert read.active in {None, True, False}
    return None


def in_some_case(name: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([letter.lower(), letter.upper()]) for letter in name)).map("".join)


# --- filters -----------------------------------------------------------------------------------------------------


@pytest.mark.thorough
@given(
    attribute=st.sampled_from(["userName", "externalId"]),
    data=st.data(),
    value=TEXTS,
    escaped=st.booleans(),
    is_prefixed=st.booleans(),
)
def test_a_filter_finds_the_value_that_was_written(
    attribute: str, data: st.DataObject, value: str, escaped: bool, is_prefixed: bool
) -> None:
    name, operator = data.draw(in_some_case(attribute)), data.draw(in_some_case("eq"))
    text = f"{f'{USER_SCHEMA}:' if is_prefixed else ''}{name} {operator} {json.dumps(value, ensure_ascii=escaped)}"

    assert read_filter(text) == Filter(attribute, value)  # type: ignore[arg-type]


@given(st.text(max_size=60) | TEXTS.map(lambda text: f'userName eq "{text}"'))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    assert outcome_of(read_filter, text) in {None, "invalidFilter"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "userName", "userName eq", "userName eq x", 'userName co "x"', 'active eq "true"', 'id eq "x"'),
        *('userName eq "x" and active eq "y"', '(userName eq "x")', 'not (userName eq "x")', 'userName eq "x'),
        *('userName eq "\\x"', 'userName eq "\\u0000"', 'userName eq "\\ud800"', 'emails[type eq "a"].value eq "x"'),
        *("userName eq 'x'", "userName eq 7", 'userName eq "' + "x" * 2000 + '"', 'userName eq "x" "y"', 7, None),
    ],
)
def test_another_filter_is_refused(text: Any) -> None:
    assert refused_as(read_filter, text) == "invalidFilter"


def test_pages_are_whole_numbers_within_bounds() -> None:
    assert [read_start(value) for value in (None, "1", "0", "-7", "12", 3)] == [1, 1, 1, 1, 12, 3]
    assert [read_count(value) for value in (None, "1", "0", "-7", "9999", 3)] == [100, 1, 0, 0, 200, 3]
    values: list[Any] = ["", "x", "1.0", "٣", "1" * 11, True, 1.5, []]
    for value in values:
        assert refused_as(read_start, value) == "invalidValue"


# --- resources ---------------------------------------------------------------------------------------------------


def test_a_resource_is_read_in_any_case_and_without_what_is_not_kept() -> None:
    body: dict[str, Any] = {
        "USERNAME": "a",
        f"{USER_SCHEMA}:externalid": "b",
        USER_SCHEMA: {"Active": "TRUE"},
        "name": {"active": 0},
    }

    assert read_user(body) == Changes(user_name="a", external_id="b", active=True)
    assert read_user({"userName": "a", "active": None}) == Changes(user_name="a")
    assert read_user({"userName": "a", "externalId": None}) == Changes(user_name="a", external_id="")


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from([*NAMES, "USERNAME", USER_SCHEMA, "emails"]) | st.text(max_size=9), ANY_JSON))
def test_any_object_is_a_resource_or_refused(body: dict[str, Any]) -> None:
    assert outcome_of(read_user, body) in {None, "invalidValue", "invalidSyntax"}


# --- patches -----------------------------------------------------------------------------------------------------


@given(
    operations=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "op": st.sampled_from(["add", "Add", "replace", "REPLACE", "remove", "move"]) | ANY_JSON,
                "path": st.sampled_from([*NAMES, USER_SCHEMA, "emails[type eq 1].value", "id", "x.y"]) | ANY_JSON,
                "value": ANY_JSON | st.dictionaries(st.sampled_from([*NAMES, USER_SCHEMA]), ANY_JSON),
            },
        )
        | ANY_JSON,
        max_size=4,
    )
)
def test_any_patch_is_understood_or_refused(operations: list[Any]) -> None:
    refusals = {"invalidSyntax", "invalidPath", "invalidValue", "mutability", "noTarget"}
    assert outcome_of(read_patch, {"Operations": operations}) in {None, *refusals}


@given(st.lists(st.tuples(st.sampled_from(["path", "object", "urn"]), st.booleans(), st.booleans()), min_size=1))
def test_the_last_of_several_operations_counts(written: list[tuple[str, bool, bool]]) -> None:
    operations = []
    for form, active, as_text in written:
        value: Any = str(active) if as_text else active
        operations.append(
            {"op": "Replace", "path": "active", "value": value}
            if form == "path"
            else {"op": "replace", "value": {"active" if form == "object" else f"{USER_SCHEMA}:active": value}}
        )

    assert read_patch({"operations": operations[:100]}) == Changes(active=written[:100][-1][1])


@pytest.mark.parametrize(
    ("path", "attribute"),
    [
        *(("active", "active"), ("USERNAME", "userName"), (f"{USER_SCHEMA.upper()}:externalId", "externalId")),
        *(("displayName", None), ("name.givenName", None), ('emails[type eq "a]b"].value', None), ("emails[x]", None)),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value", None),
        (f"{USER_SCHEMA}:emails[type eq 1].value", None),
    ],
)
def test_a_path_leads_to_what_is_kept(path: str, attribute: str | None) -> None:
    assert read_path(path) == attribute


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "active", "value": False}, "invalidSyntax"),
        ({"path": "active", "value": False}, "invalidSyntax"),
        ({"op": "replace", "value": False}, "invalidSyntax"),
        ("replace", "invalidSyntax"),
        ({"op": "replace", "value": {"active": False, "ACTIVE": True}}, "invalidSyntax"),
        ({"op": "replace", "path": "", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": 7, "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "active.value", "value": False}, "invalidPath"),
        ({"op": "replace", "path": "active[value eq true]", "value": False}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": False}, "invalidPath"),
        ({"op": "replace", "path": "name..x", "value": False}, "invalidPath"),
        ({"op": "replace", "path": "a" * 2000, "value": False}, "invalidPath"),
        ({"op": "replace", "path": "active", "value": "no"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": None}, "invalidValue"),
        ({"op": "replace", "path": "active"}, "invalidValue"),
        ({"op": "replace", "path": "userName", "value": ""}, "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "remove", "path": "active"}, "mutability"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "replace", "path": "meta.location", "value": "x"}, "mutability"),
    ],
)
def test_an_operation_that_is_wrong_is_told_by_its_kind(operation: Any, scim_type: str) -> None:
    assert refused_as(read_patch, {"Operations": [operation]}) == scim_type


@pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": [{}] * 101}])
def test_a_patch_has_operations(body: Any) -> None:
    assert refused_as(read_patch, body) == "invalidSyntax"
