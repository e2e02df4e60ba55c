"""What only S3 has: how a request looks on the wire, and what one bucket takes."""

import hashlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from storage.blobs.s3.store import LEAST_PART_BYTES, MOST_PARTS, part_bytes_for, regroup
from tests.fakes.moto_server import MotoServer
from tests.storage.blobs.bodies import in_parts, sealed_bytes
from tests.storage.blobs.conftest import BUCKET, PART_BYTES, Objects

KEY = "3f0c8a9e/tasks/7d1b.0a"
GIB = 1024**3


@pytest.mark.parametrize("size", [0, 10, PART_BYTES, PART_BYTES + 1])
def test_everything_is_encrypted_at_rest(objects: Objects, moto_server: MotoServer, size: int) -> None:
    objects.store.upload(KEY, in_parts(sealed_bytes(size)))
    begun = [one for one in moto_server.asked if one.method == "POST" and one.query == "uploads"]
    put = [one for one in moto_server.asked if one.method == "PUT" and "partNumber" not in one.query]
    (wrote,) = begun + put
    assert wrote.headers["x-amz-server-side-encryption"] == "AES256"
    assert objects.client.head_object(Bucket=BUCKET, Key=KEY)["ServerSideEncryption"] == "AES256"


def test_each_piece_is_signed_with_its_own_hash_so_that_what_arrives_changed_is_refused(
    objects: Objects, moto_server: MotoServer
) -> None:
    body = sealed_bytes(2 * PART_BYTES + 5)
    objects.store.upload(KEY, in_parts(body))
    sent = {one.headers["x-amz-content-sha256"] for one in moto_server.asked if "partNumber" in one.query}
    pieces = in_parts(body, PART_BYTES)
    assert sent == {hashlib.sha256(piece).hexdigest() for piece in pieces}


def test_a_compatible_server_is_asked_by_path_and_without_newer_checksums(
    objects: Objects, moto_server: MotoServer
) -> None:
    objects.store.upload(KEY, [b"x"])
    (asked,) = moto_server.asked
    assert asked.path == f"/{BUCKET}/{KEY}"
    assert not [name for name in asked.headers if "checksum" in name or "trailer" in name]
    assert asked.headers.get("content-encoding") is None


def test_a_small_upload_is_one_request(objects: Objects, moto_server: MotoServer) -> None:
    objects.store.upload(KEY, in_parts(sealed_bytes(PART_BYTES)))
    assert len(moto_server.asked) == 1


def test_a_listing_goes_on_after_a_page(objects: Objects, moto_server: MotoServer) -> None:
    behind = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]  # a thousand requests would take a while
    keys = [f"a1/tasks/{number}" for number in range(1005)]
    for key in keys:
        behind.put_object(BUCKET, key, b"")
    listing = objects.store.list_keys("a1/")
    next(listing)
    assert len(moto_server.asked) == 1  # the next page is asked for when it is needed
    assert 1 + sum(1 for _ in listing) == 1005
    assert len(moto_server.asked) == 2
    for key in keys:
        behind.delete_object(BUCKET, key)


@settings(deadline=None)
@given(largest=st.integers(1, 5000 * GIB))
@example(largest=10 * GIB)
@example(largest=LEAST_PART_BYTES * MOST_PARTS)
@example(largest=LEAST_PART_BYTES * MOST_PARTS + 1)
def test_the_largest_body_fits_into_the_parts_a_bucket_takes(largest: int) -> None:
    part_bytes = part_bytes_for(largest)
    assert part_bytes * MOST_PARTS >= largest
    assert part_bytes >= LEAST_PART_BYTES


def test_the_default_limits_need_no_larger_parts() -> None:
    assert part_bytes_for(10 * GIB) == LEAST_PART_BYTES


@settings(deadline=None)
@given(parts=st.lists(st.binary(max_size=40)), part_bytes=st.integers(1, 50))
def test_regrouping_keeps_every_byte_in_pieces_of_one_size(parts: list[bytes], part_bytes: int) -> None:
    pieces = [bytes(piece) for piece in regroup(parts, part_bytes)]
    assert b"".join(pieces) == b"".join(parts)
    assert all(len(piece) == part_bytes for piece in pieces[:-1])
    assert len(pieces[-1]) <= part_bytes
    assert pieces[-1] or pieces == [b""]
