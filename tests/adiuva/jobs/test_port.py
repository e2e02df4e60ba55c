"""The rules for jobs, before any queue has them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from croniter import croniter

from adiuva.jobs import Retry, job, registry, schedule
from adiuva.jobs.embedded import Timetable
from adiuva.jobs.execution import Failed, TryAgain, attempt
from adiuva.jobs.port import Scheduled
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.samples import notes


@pytest.fixture(autouse=True)
def _no_job_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_jobs", dict(registry._jobs))


def test_the_pauses_of_production_grow_to_an_hour_and_last_four() -> None:
    pauses = [Retry().pause(failures=failures) for failures in range(1, 11)]
    assert pauses == [10, 30, 90, 270, 810, 2430, 3600, 3600, 3600, None]
    assert sum(pause or 0 for pause in pauses) / 3600 == pytest.approx(4, abs=0.1)


def test_a_job_called_by_itself_runs_here_and_now() -> None:
    samples.write(word="x")
    assert notes() == ["x"]


@pytest.mark.parametrize(
    "function",
    [lambda word: word, lambda *words: words, lambda **words: words, lambda *, timestamp: timestamp],
)
def test_arguments_are_keywords(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError):
        job(name="sample.strange")(function)


def test_a_name_is_one_jobs() -> None:
    with pytest.raises(ValueError, match="two jobs"):
        job(name="sample.write")(lambda: None)


def test_the_clock_starts_what_needs_no_arguments_and_once() -> None:
    with pytest.raises(TypeError):
        schedule("* * * * *", samples.write)
    schedule("* * * * *", samples.tick)
    with pytest.raises(ValueError, match="scheduled already"):
        schedule("0 * * * *", samples.tick)


def test_identical_jobs_have_one_key_whatever_the_order_of_their_arguments() -> None:
    assert samples.hold.key({"word": "x", "gate": "y"}) == samples.hold.key({"gate": "y", "word": "x"})
    assert samples.hold.key({"word": "x"}) != samples.write.key({"word": "x"})


@pytest.mark.django_db
def test_a_try_ends_well_or_says_what_is_next() -> None:
    attempt("sample.write", {"word": "x"}, failures=3)
    with pytest.raises(TryAgain) as again:
        attempt("sample.fail_slowly", {}, failures=2)
    assert again.value.seconds == 90
    with pytest.raises(Failed):
        attempt("sample.fail_slowly", {}, failures=9)
    with pytest.raises(TryAgain):
        attempt("sample.nobody_knows", {}, failures=0)


@pytest.mark.django_db
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, RuntimeError])
def test_whatever_a_job_raises_ends_its_try_only(error: type[BaseException]) -> None:
    @job(name="sample.leave")
    def leave() -> None:
        raise error

    with pytest.raises(TryAgain):
        attempt("sample.leave", {}, failures=0)


@pytest.mark.django_db
def test_the_log_of_a_failure_says_where_and_not_what(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Failed, match=r"^RuntimeError$"):
        attempt("sample.fail", {"secret": "terces-a"}, failures=9)
    [record] = caplog.records
    fields: dict[str, Any] = vars(record)
    assert (fields["job"], fields["tries"], fields["error"]) == ("sample.fail", 10, "RuntimeError")
    assert "samples.py" in caplog.text
    assert "a-secret" not in caplog.text


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_a_timetable_is_in_utc_and_says_each_time_once() -> None:
    nightly = Scheduled(cron="10 3 * * *", job=samples.tick, at_start=False)
    often = Scheduled(cron="*/5 * * * *", job=samples.give_up, at_start=False)
    table = Timetable([nightly, often], now=at("2026-11-28 02:58"))
    assert table.due(now=at("2026-11-28 02:59")) == []
    assert table.next_time() == at("2026-11-28 03:00")
    assert table.due(now=at("2026-11-28 03:00")) == [often]
    assert table.due(now=at("2026-11-28 03:00")) == []
    assert table.due(now=at("2026-11-30 12:02")) == [nightly, often]
    assert table.next_time() == at("2026-11-30 12:05")


def test_a_timetable_survives_a_clock_that_was_ahead() -> None:
    table = Timetable([Scheduled(cron="* * * * *", job=samples.tick, at_start=False)], now=at("2026-11-29 08:00:30"))
    assert table.due(now=at("2026-11-28 08:00:30")) == []
    assert table.next_time() == at("2026-11-28 08:01")
    assert len(table.due(now=at("2026-11-28 08:01"))) == 1
    assert table.due(now=at("2026-11-28 08:00:59")) == []  # a moment back: what has run does not run again
    assert table.due(now=at("2026-11-28 08:01:01")) == []
    assert len(table.due(now=at("2026-11-28 08:02"))) == 1


def test_every_time_of_the_service_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.load()
    for entry in registry.list_scheduled():
        assert croniter.is_valid(entry.cron), entry.job.name
