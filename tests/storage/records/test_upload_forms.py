"""``multipart/form-data`` as clients write it, and as they should not."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.checksums import checksum_of
from tests.storage.records.devices import Device, files, form
from tests.storage.records.live_users import nameless_files
from tests.support.client import Answer

pytestmark = pytest.mark.django_db
SEALED = bytes(range(256)) + b"\r\n--\r\n"
FIELDS = {"table_name": "notes", "checksum": checksum_of(SEALED)}


@pytest.fixture
def post(device: Device) -> Callable[[bytes, str], Answer]:
    return lambda body, content_type: device.api.post(
        "storage/records", body=body, token=device.token, headers={"Content-Type": content_type}
    )


def part(name: str, data: bytes, *, file_name: str | None = None, headers: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    return f"--B\r\n{disposition}\r\n{headers}\r\n".encode() + data + b"\r\n"


NOTES = part("table_name", b"notes") + part("checksum", FIELDS["checksum"].encode())
END = b"--B--\r\n"
MULTIPART = "multipart/form-data; boundary=B"


@pytest.mark.parametrize("order", ["blob first", "blob last", "blob between"])
def test_fields_come_in_any_order(post: Callable[..., Answer], order: str) -> None:
    match order:
        case "blob first":
            parts: dict[str, Any] = {"blob": SEALED, **FIELDS}
        case "blob last":
            parts = {**FIELDS, "blob": SEALED}
        case _:
            parts = {"checksum": FIELDS["checksum"], "blob": SEALED, "table_name": "notes"}
    answer = post(*form(**parts))
    assert (answer.status, answer.json["size_bytes"]) == (201, len(SEALED))


@pytest.mark.parametrize("file_name", ["sealed.bin", "", None, "../../etc/passwd", "ü.bin", "a" * 300])
def test_a_blob_is_its_bytes_whatever_its_file_is_called(
    post: Callable[..., Answer], device: Device, file_name: str | None
) -> None:
    answer = post(NOTES + part("blob", SEALED, file_name=file_name) + END, MULTIPART)
    assert answer.status == 201, answer
    assert device.read(answer.json["id"]).content == SEALED


@pytest.mark.parametrize(
    "content_type",
    [
        "Multipart/Form-Data; boundary=B",
        'multipart/form-data; boundary="B"',
        "multipart/form-data;charset=utf-8;boundary=B",
    ],
)
def test_a_form_is_one_however_its_type_is_spelled(post: Callable[..., Answer], content_type: str) -> None:
    assert post(NOTES + part("blob", SEALED, file_name="x") + END, content_type).status == 201


def test_what_surrounds_the_parts_is_not_theirs(post: Callable[..., Answer], device: Device) -> None:
    body = b"a preamble\r\n" + NOTES + part("blob", SEALED, file_name="x") + END + b"an epilogue"
    assert device.read(post(body, MULTIPART).json["id"]).content == SEALED


MALFORMED = {
    "nothing": b"",
    "no boundary at all": b"table_name=notes",
    "another boundary": (NOTES + part("blob", SEALED, file_name="x") + END).replace(b"--B", b"--C"),
    "no end, after a field": part("blob", SEALED, file_name="x") + NOTES,
    "no end, after the blob": NOTES + part("blob", SEALED, file_name="x"),
    "cut in the blob": (NOTES + part("blob", SEALED, file_name="x"))[:-20],
    "cut in a head": NOTES + b"--B\r\nContent-Dispo",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_not_a_whole_form_is_400(
    post: Callable[..., Answer], device: Device, blob_folder: Path, body: bytes
) -> None:
    answer = post(body, MULTIPART)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["non_field_errors"]
    assert files(blob_folder) == []
    assert device.items() == []


@pytest.mark.parametrize(
    "parameters", ["", "; boundary=", "; boundary=é", "; boundary=" + "x" * 300, "; charset=utf-8"]
)
def test_a_form_without_a_boundary_is_400(post: Callable[..., Answer], parameters: str) -> None:
    answer = post(NOTES + part("blob", SEALED, file_name="x") + END, f"multipart/form-data{parameters}")
    assert (answer.status, list(answer.json["errors"])) == (400, ["non_field_errors"])


def test_a_blob_that_is_sent_twice_is_400(post: Callable[..., Answer]) -> None:
    answer = post(NOTES + part("blob", SEALED, file_name="x") * 2 + END, MULTIPART)
    assert (answer.status, answer.json["errors"]) == (400, {"blob": ["Sent more than once."]})


def test_a_long_field_is_no_reason_to_fail(post: Callable[..., Answer]) -> None:
    long = part("note", b"x" * 500_000) + part("attachment", b"y" * 500_000, file_name="y")
    assert post(NOTES + long + part("blob", SEALED, file_name="x") + END, MULTIPART).status == 201


def test_fields_are_no_place_for_megabytes(post: Callable[..., Answer]) -> None:
    answer = post(NOTES + part("note", b"x" * 3_000_000) + END, MULTIPART)
    assert (answer.status, answer.code) == (413, "payload_too_large")


def test_no_form_leaves_an_open_file(post: Callable[..., Answer]) -> None:
    """The spool is a file without a name: only its descriptor would be left. Others come and go with connections."""
    large = os.urandom(1_500_000)
    fields = {"table_name": "notes", "checksum": checksum_of(large)}

    def send() -> None:
        assert post(*form(**fields, blob=large)).status == 201
        assert post(*form(**fields, blob=large[:-1])).status == 400
        assert post(*form(blob=large)).status == 400
        assert post(form(**fields, blob=large)[0][:-9], MULTIPART).status == 400

    before = nameless_files(os.getpid())
    send()
    assert nameless_files(os.getpid()) == before


PIECES = [
    *(b"--B\r\n", b"--B--\r\n", b"\r\n", b"\r\n\r\n", b"--", b"B", b"\x00\xff", b"notes", b"=", b"eA=="),
    *(
        b'Content-Disposition: form-data; name="blob"',
        b'; filename="x"',
        b'; name="table_name"',
        b"Content-Disposition:",
    ),
    *(b"Content-Transfer-Encoding: base64", b"Content-Length: x", b"Content-Type: text/plain; charset=nonsense"),
]


@pytest.mark.thorough
def test_no_form_breaks_the_route(device: Device, blob_folder: Path) -> None:
    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=25).map(b"".join))
    def send(body: bytes) -> None:
        headers = {"Content-Type": MULTIPART}
        answer = device.api.post("storage/records", body=body, token=device.token, headers=headers)
        assert answer.status in {400, 429}, answer

    send()
    assert files(blob_folder) == []
