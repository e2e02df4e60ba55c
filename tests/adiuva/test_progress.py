import io
from typing import Any

import pytest

from adiuva import commands
from adiuva.byte_sizes import parse_bytes, show_bytes
from adiuva.commands import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds, moved by hand."""
    now = [100.0]

    class Time:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr(commands, "time", Time)
    return now


def pass_seconds(clock: list[float], seconds: float) -> None:
    clock[0] += seconds


def test_a_short_command_says_nothing(clock: list[float]) -> None:
    for stream in (io.StringIO(), Terminal()):
        with Progress(stream, "blobs") as shown:
            shown.step(1000)
        assert stream.getvalue() == ""


def test_a_terminal_has_one_line_that_is_gone_in_the_end(clock: list[float]) -> None:
    stream = Terminal()
    with Progress(stream, "blobs", total=9000) as shown:
        for _ in range(3):
            pass_seconds(clock, 0.2)
            shown.step(1000)
    assert "\n" not in stream.getvalue()
    assert "blobs: 3,000 of 9,000" in stream.getvalue()
    assert stream.getvalue().endswith("\r" + " " * len("blobs: 3,000 of 9,000") + "\r")


def test_a_log_gets_a_line_now_and_then(clock: list[float]) -> None:
    stream = io.StringIO()
    with Progress(stream, "blobs") as shown:
        for _ in range(120):
            pass_seconds(clock, 1)
            shown.step()
    assert stream.getvalue().splitlines() == ["blobs: 30", "blobs: 60", "blobs: 90", "blobs: 120"]


def test_a_result_on_the_same_terminal_has_a_line_of_its_own(clock: list[float]) -> None:
    stream: Any = Terminal()
    with Progress(stream, "blobs") as shown:
        pass_seconds(clock, 1)
        shown.step()
        shown.above(lambda line: stream.write(f"{line}\n"))("damaged")
    assert "\rblobs: 1\r        \rdamaged\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "size"),
    [
        *(("0", 0), ("1024", 1024), ("12B", 12), ("1KiB", 1024), ("1kb", 1000), ("5GiB", 5 * 1024**3)),
        *((" 1.5 GiB ", 3 * 2**29), ("2tib", 2 * 1024**4), ("0.001kB", 1), ("1PB", 10**15)),
        ("9007199254740993", 9007199254740993),
    ],
)
def test_amounts_of_bytes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "-1", "+1", "GiB", "1 G", "1,5GiB", "1.GiB", ".5GiB", "1e3", "0x10", "1.5", "²"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (5 * 1024**3, "5 GiB"), (2**60, "1,024 PiB")],
)
def test_amounts_of_bytes_are_shown(size: int, text: str) -> None:
    assert show_bytes(size) == text
