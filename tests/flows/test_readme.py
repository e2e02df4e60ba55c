"""The README's first conversation, typed as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import PROJECT_DIR, RunningServer

pytestmark = pytest.mark.thorough

README = (PROJECT_DIR / "README.md").read_text()
RUN = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)
FILE = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def conversation(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the README's blocks print, run one after another in one shell."""
    folder: Path = tmp_path_factory.mktemp("readme")
    server.manage("seed_demo")
    here = server.url.removeprefix("http://")
    for name, text in FILE.findall(README):
        (folder / name).write_text(text.replace("localhost:8000", here))
    script = "\n".join(RUN.findall(README)).replace("localhost:8000", here).replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ.copy(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_new_user_is_told_who_they_are(conversation: str) -> None:
    assert '"email":"you@example.com","email_verified":false,"locale":"en","tier":"free"' in conversation


def test_the_task_comes_back_as_an_action_over_rest_and_websocket(conversation: str) -> None:
    assert conversation.count('"name":"create_task","type":"create_record","table":"tasks"') == 3  # REST, action, done
    assert '"title":"Buy milk","priority":"high","due_date":"' in conversation


def test_the_stream_prints_chunks_before_the_done_frame(conversation: str) -> None:
    assert conversation.index('{"type":"chunk"') < conversation.index('{"type":"done","done":true')


def test_the_sealed_bytes_are_kept_and_stand_in_the_feed(conversation: str) -> None:
    assert '"table_name":"notes","checksum":"' in conversation
    assert '"changes":[{"seq":1,' in conversation
    assert '","has_more":false}' in conversation


def test_a_purchase_begins_on_a_page_of_the_servers_own(conversation: str) -> None:
    assert '"checkout_url":"http://localhost' in conversation
    assert "/billing/stub/" in conversation
