"""The process that looks at a package: what it may use, and that whatever becomes of it is an answer."""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from marketplace.review.reach import process
from marketplace.review.reach.findings import failed_report
from marketplace.review.reach.process import run_child
from tests.marketplace.zip_archives import noise

ROOT = Path(process.__file__).resolve().parents[3]
MANIFEST = {"permissions": ["read:tasks"], "entrypoint": "./main.js"}


def look_at_package(files: dict[str, bytes], *, seconds: float = process.WALL_SECONDS) -> Any:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return run_bytes(packed.getvalue(), seconds=seconds)


def run_bytes(package: bytes, *, seconds: float = process.WALL_SECONDS) -> Any:
    with tempfile.TemporaryFile() as file:
        file.write(package)
        return run_child(file, MANIFEST, seconds=seconds)


def instead_of_the_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str) -> None:
    (tmp_path / "other_child.py").write_text(code)
    monkeypatch.setattr(process, "_ROOT", tmp_path)
    monkeypatch.setattr(process, "_CHILD", "other_child")


def answer_of(**fields: Any) -> dict[str, Any]:
    """What a child says of one finding."""
    told = {"file": "a.js", "line": 1, "column": 1, "kind": "network", "severity": "high", "what": "x", **fields}
    return {"version": 1, "files": 1, "unparsed": [], "reason": "", "findings": [told]}


def in_the_child(code: str) -> subprocess.CompletedProcess[bytes]:
    """``code`` in a process that has given up what the child gives up."""
    before = (
        "from marketplace.review.reach import child\nimport os, socket, sys\nchild.load_grammars()\nchild.limit()\n"
    )
    return subprocess.run(
        [sys.executable, "-E", "-s", "-B", "-c", before + code], cwd=ROOT, capture_output=True, check=False, timeout=60
    )


def test_a_package_is_looked_at_file_by_file() -> None:
    report = look_at_package({"main.js": b"eval(x)", "lib/a.ts": b"fetch('https://a.example')", "a.png": noise(50)})
    assert [(one["file"], one["kind"]) for one in report["findings"]] == [
        ("main.js", "code_from_text"),
        ("lib/a.ts", "network"),
        ("manifest", "permission_unused"),
    ]
    assert (report["complete"], report["files"], report["unparsed"]) == (True, 2, [])


def test_it_loads_no_django_and_gets_nothing_of_our_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the server")
    told = in_the_child("print(sorted(name for name in sys.modules if name.startswith(('django', 'rest_framework'))))")
    assert told.stdout == b"[]\n"
    instead_of_the_child(
        monkeypatch,
        tmp_path,
        "import json, os\nprint(json.dumps({'version': 1, 'files': 0, 'unparsed': sorted(os.environ), 'reason': '',"
        " 'findings': []}))",
    )
    assert set(run_bytes(b"")["unparsed"]) <= {"LC_CTYPE"}


@pytest.mark.parametrize(
    "code",
    [
        "socket.socket()",
        "open('/etc/hostname')",
        "os.fork()" if os.getuid() else "open('/etc/passwd')",  # root may have any number of processes
        "bytearray(2 * 1024 ** 3)",
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); socket.socket()"
        if os.getuid()
        else "os.open('/tmp', os.O_RDONLY)",
    ],
)
def test_it_has_no_socket_no_file_and_no_more_memory(code: str) -> None:
    done = in_the_child(code)
    assert done.returncode == 1
    assert b"Error" in done.stderr


@pytest.mark.thorough
def test_an_endless_child_is_ended_with_all_it_has_started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead_of_the_child(
        monkeypatch,
        tmp_path,
        f"import os\nother = os.fork()\nif other: open({str(tmp_path / 'other')!r}, 'w').write(str(other))\n"
        "while True: pass",
    )
    before = time.monotonic()
    report = run_bytes(b"", seconds=2)
    assert time.monotonic() - before < 10
    assert (report["complete"], report["reason"]) == (False, "It took too long to look at.")
    other = int((tmp_path / "other").read_text())
    for _ in range(100):
        if not _runs(other):
            break
        time.sleep(0.05)
    assert not _runs(other)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.parametrize(
    "code",
    [
        "import os; os.abort()",
        "raise SystemExit(3)",
        "print('no JSON')",
        "print('[]')",
        "print('{}')",
        "print('[' * 100000)",
        "print('x' * 5_000_000)",
        f"print({json.dumps(answer_of(line=-1))!r})",
        f"print({json.dumps(answer_of(kind='<script>'))!r})",
        f"print({json.dumps(answer_of(what=1))!r})",
    ],
)
def test_a_child_that_crashes_or_lies_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str
) -> None:
    instead_of_the_child(monkeypatch, tmp_path, code)
    report = run_bytes(b"")
    assert report == failed_report("Looking at it failed; its code may have made the parser crash.")


def test_one_that_has_used_up_its_processor_was_too_slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    instead_of_the_child(monkeypatch, tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)")
    assert run_bytes(b"")["reason"] == "It took too long to look at."


def test_what_a_child_says_has_signs_for_what_is_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = {**answer_of(file="a\0", what="x\u202e" * 900), "unparsed": ["b\ud800"]}
    instead_of_the_child(monkeypatch, tmp_path, f"print({json.dumps(answer)!r})")
    report = run_bytes(b"")
    assert report["findings"][0]["file"] == "a⟨U+0000⟩"
    assert report["findings"][0]["what"].startswith("x⟨U+202E⟩")
    assert len(report["findings"][0]["what"]) <= 300
    assert report["unparsed"] == ["b⟨U+D800⟩"]


def test_what_is_no_archive_or_a_bomb_is_said_to_be_unseen() -> None:
    assert not run_bytes(b"PK no archive")["complete"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("main.js", b" " * 20_000_000)
    report = run_bytes(packed.getvalue())
    assert (report["complete"], report["findings"]) == (False, [])


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        b"[" * 3_900_000,  # a node for each byte
        b"var a = 1;" * 1_600_000,  # 16 MB on one line
        b"(" * 900_000 + b")" * 900_000,
        b"x => " * 700_000 + b"1",
    ],
)
def test_a_file_that_takes_all_there_is_leaves_the_others_be(code: bytes) -> None:
    before = time.monotonic()
    report = look_at_package({"huge.js": code, "main.js": b"eval(x)"})
    assert time.monotonic() - before < process.WALL_SECONDS + 5
    assert not report["complete"]
    assert report["reason"]
    assert report["unparsed"] == ["huge.js"]
    assert ("main.js", "code_from_text") in {(one["file"], one["kind"]) for one in report["findings"]}
