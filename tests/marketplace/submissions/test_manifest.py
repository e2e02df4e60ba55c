"""What a manifest may hold."""

import base64
import random
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.submissions import manifest as rules
from marketplace.submissions.manifest import is_newer
from marketplace.submissions.validators.manifest import looks_like_a_blob
from tests.marketplace.members import MANIFEST, failures_of, validate

ID_SIGNS = set(string.ascii_lowercase + string.digits + "-")
MANY = settings(max_examples=300, deadline=None)


def list_failures(**changes: Any) -> set[str]:
    return set(failures_of(validate(**changes)))


# --- ids and versions ---


@MANY
@given(st.text(alphabet=sorted(ID_SIGNS), min_size=1, max_size=64))
def test_an_id_of_the_alphabet_is_one(text: str) -> None:
    assert (rules.id_fault(text) is None) == (text not in rules.RESERVED_IDS)


@MANY
@given(
    st.text(min_size=1, max_size=70).filter(lambda text: set(text) - set(string.ascii_lowercase + string.digits + "-"))
)
def test_an_id_with_another_character_is_none(text: str) -> None:
    assert rules.id_fault(text) is not None


@pytest.mark.parametrize("value", ["", "x" * 65, "a\n", "\uff41", "é", "a_b", "a.b", "A", None, 1, [], {}, True])
def test_what_is_no_id(value: Any) -> None:
    assert rules.id_fault(value) is not None


identifiers = st.text(alphabet=string.ascii_letters + string.digits + "-", min_size=1, max_size=5)
numbers = st.integers(0, 10**6).map(str)
pre_releases = st.lists(identifiers.filter(lambda text: not text.isdigit() or text == str(int(text))), max_size=3)
versions = st.builds(
    lambda core, pre, build: (
        ".".join(core) + ("-" + ".".join(pre) if pre else "") + ("+" + ".".join(build) if build else "")
    ),
    st.tuples(numbers, numbers, numbers),
    pre_releases,
    st.lists(identifiers, max_size=3),
)


@MANY
@given(versions)
def test_a_semantic_version_is_taken_and_can_be_ordered(version: str) -> None:
    assert rules.version_fault(version) is None
    assert not is_newer(version, than=version)
    next_major = int(version.partition(".")[0]) + 1
    assert is_newer(f"{next_major}.0.0", than=version)
    assert not is_newer(version, than=f"{next_major}.0.0")


@MANY
@given(st.text(alphabet="0123456789.-+aZ \n\u0663", max_size=12))
def test_a_version_that_is_taken_has_three_numbers_without_leading_zeros(text: str) -> None:
    if rules.version_fault(text) is None:
        core = text.partition("+")[0].partition("-")[0].split(".")
        assert len(core) == 3
        assert all(part == str(int(part)) and part.isascii() for part in core)


@pytest.mark.parametrize(
    "value",
    [
        *("", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-01", "1.0.0-a..b", "v1.0.0", " 1.0.0"),
        *("1.0.0\n", "1.0.0-é", "\u0663.0.0", "-1.0.0", "1.0.0+a+b", "1.0.0-a_b", "1.0.0-" + "a" * 60),
        *(None, 1.0, 1, ["1.0.0"]),
    ],
)
def test_what_is_no_semantic_version(value: Any) -> None:
    assert rules.version_fault(value) is not None


# --- permissions and price ---


@MANY
@given(st.lists(st.sampled_from(rules.PERMISSIONS), unique=True))
def test_every_choice_of_permissions_is_taken(permissions: list[str]) -> None:
    assert rules.permissions_fault(permissions) is None


def test_permissions_are_those_of_the_contract() -> None:
    assert len(rules.PERMISSIONS) == 10
    assert {"read:tasks", "write:calendar", "read:checkpoints"} < set(rules.PERMISSIONS)


@pytest.mark.parametrize(
    "value",
    [
        *("read:tasks", None, {}, ["read:*"], ["read:users"], ["delete:tasks"], ["READ:TASKS"], ["read:tasks "]),
        *(["tasks"], ["read:tasks", "read:tasks"], [1], [None], [["read:tasks"]], [{"read": "tasks"}]),
        ["read:tasks,write:tasks"],
    ],
)
def test_what_is_no_list_of_permissions(value: Any) -> None:
    assert rules.permissions_fault(value) is not None


@pytest.mark.parametrize(("value", "ok"), [(0, True), (1, True), (100_000, True), (100_001, False), (-1, False)])
def test_a_price_is_within_bounds(value: int, ok: bool) -> None:
    assert (rules.price_fault(value) is None) == ok


@pytest.mark.django_db
@pytest.mark.parametrize(("value", "ok"), [(0, True), (1, False), (49, False), (50, True), (100_000, True)])
def test_a_price_can_be_charged(value: int, ok: bool) -> None:
    assert (rules.small_price_fault(value) is None) == ok
    failures = failures_of(validate(price_cents=value))
    assert set(failures) == (set() if ok else {"price"})
    if not ok:
        assert failures["price"]["message"].startswith("A price is 0 or at least 50 cents")


@pytest.mark.parametrize("value", [1.5, "1", None, True, [], 10**400])
def test_what_is_no_price(value: Any) -> None:
    assert rules.price_fault(value) is not None


# --- fields ---


@pytest.mark.django_db
@pytest.mark.parametrize("field", rules.FIELDS)
def test_every_field_is_required(field: str) -> None:
    changes: dict[str, Any] = {field: ...}
    refusing = failures_of(validate(**changes))
    assert f"{field}: is missing." in refusing["manifest_fields"]["evidence"]


@pytest.mark.django_db
@pytest.mark.parametrize("field", rules.TEXTS)
@pytest.mark.parametrize("value", [None, 1, True, [], {}, "x" * 5000])
def test_a_text_is_a_text_of_some_length(field: str, value: Any) -> None:
    assert "manifest_fields" in list_failures(**{field: value})


@pytest.mark.django_db
def test_a_description_may_be_empty_and_a_name_may_not() -> None:
    assert list_failures(description="") == set()
    assert list_failures(name="  ") == {"manifest_fields"}


@pytest.mark.django_db
def test_html_and_formulas_are_texts_like_others() -> None:
    """The admin shows them as what they are."""
    assert (
        list_failures(name="<b>Bold</b>", description='=HYPERLINK("https://example.com") <script>alert(1)</script>')
        == set()
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.thorough
@pytest.mark.django_db
def test_no_manifest_breaks_the_checks() -> None:
    @settings(max_examples=150, deadline=None)
    @given(st.dictionaries(st.sampled_from(rules.FIELDS) | st.text(max_size=10), json_values, max_size=9))
    def check(manifest: dict[str, Any]) -> None:
        changes = dict.fromkeys(MANIFEST, ...) | manifest
        checks = validate(**{name: value for name, value in changes.items() if name not in {"data", "author_id"}})
        assert all(isinstance(one["passed"], bool) and one["message"] for one in checks)

    check()


# --- blobs ---

ENCODINGS = [base64.b64encode, base64.urlsafe_b64encode, base64.b16encode]


@MANY
@given(st.binary(min_size=90, max_size=300), st.sampled_from(ENCODINGS))
def test_long_bytes_of_any_kind_are_known_however_they_are_encoded(data: bytes, encode: Any) -> None:
    assert looks_like_a_blob(encode(data).decode())


@pytest.mark.parametrize("encode", ENCODINGS)
def test_short_random_bytes_are_known_almost_always(encode: Any) -> None:
    samples = (random.Random(seed).randbytes(45) for seed in range(500))  # noqa: S311 - the same ones each time
    known = sum(looks_like_a_blob(encode(sample).decode()) for sample in samples)
    assert known >= 495


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(bytes(300)).decode(),
        "An icon: data:image/png;base64,iVBORw0KGgo=",
        "data:application/octet-stream;base64,AAAA",
        "data:text/javascript,alert(1)",
        "iVBORw0KGgoAAAANSUhEUgAA",
        "H4sIAAAAAAAAA0vKTAcAUo2K",
        base64.encodebytes(bytes(range(200))).decode(),
        "\x7fELF\x02\x01",
        "bell \a",
        "\ue000\uf8ff",
        "0123456789abcdef" * 4,
    ],
)
def test_what_is_a_blob(text: str) -> None:
    assert looks_like_a_blob(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Counts words.\n\n\tAnd characters, too.\r\n",
        "See https://github.com/adiuva/word-count/blob/main/docs/getting-started/installation-guide.md",
        "dist/plugins/word-count/build/output/production/main.bundle.min.js",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "supercalifragilisticexpialidociousSupercalifragilistic",
        "a 0f8fad5b-d9cb-469f-a165-70867728950e b",
        "commit 9e107d9d372bb6826bd81d3542a419d6e107d9d3",
        "数える 🧮 – ½ × ’quoted’",
        "com.example.productivity.WordCountPluginFactoryProviderRegistry",
        "1.0.0-alpha.1+exp.sha.5114f85",
    ],
)
def test_what_people_write_is_no_blob(text: str) -> None:
    assert not looks_like_a_blob(text)


BYTES = bytes(range(7, 247, 4))  # always the same: of random ones, one blob in two hundred is not known in so few
BLOB = base64.b64encode(BYTES).decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"description": f"An icon: {BLOB}"},
        {"category": BLOB[:60]},
        {"icon": BLOB},
        {"extra": {"deep": [{"icon": BLOB}]}},
        {"extra": {BLOB: 1}},
        {BLOB: 1},
        {"bytes": list(range(200))},
        {"number": int.from_bytes(BYTES, "big")},
    ],
)
def test_a_blob_is_found_in_any_field_also_in_one_that_would_be_ignored(changes: dict[str, Any]) -> None:
    assert "no_blobs" in list_failures(**changes)


@pytest.mark.django_db
@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\u2066", "\u00ad", "\ufeff", "\u2028", "\U000e0041"])
def test_characters_that_cannot_be_seen_are_told(sign: str) -> None:
    refusing = failures_of(validate(name=f"Word{sign} Count"))
    assert refusing["hidden_characters"]["evidence"] == [f"'name': U+{ord(sign):04X}"]
