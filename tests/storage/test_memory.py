"""What a large record costs the server's memory, whatever its size (docs/api.md § 7)."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.adiuva.members import join
from tests.fakes.s3_sink import S3Sink
from tests.support.server import RunningServer
from tests.support.transfer import Body, download, measured_growth, upload, wait_until_idle

pytestmark = pytest.mark.slow

LARGE_MIB = 256


@pytest.mark.parametrize(("store", "bound_mib"), [("files", 16), ("s3", 64)])
def test_a_large_record_up_and_down_takes_little_memory(
    server_factory: Callable[..., RunningServer], tmp_path: Path, store: str, bound_mib: int
) -> None:
    small, large = Body.make(tmp_path / "small", mib=1), Body.make(tmp_path / "large", mib=LARGE_MIB)
    with ExitStack() as stack:
        where = stack.enter_context(S3Sink()).environment if store == "s3" else {}
        server = server_factory(MAX_RECORD_BYTES=str(large.size), **where)
        member = join(server)
        server.manage("set_tier", member.email, "team")
        first = upload(server, member.token, small)
        download(server, member.token, first.json["id"], checked=False)
        wait_until_idle(server.pid)

        with measured_growth(server.pid) as up:
            answer = upload(server, member.token, large)
        assert (answer.status, answer.json["size_bytes"]) == (201, large.size)
        with measured_growth(server.pid) as down:
            assert download(server, member.token, answer.json["id"], checked=True) == large.checksum
        server.stop()
    assert max(up.mib, down.mib) <= bound_mib
