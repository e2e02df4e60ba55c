"""Nothing of a user's key stays: not in a log line, a metric, an exception or the process's memory."""

import copy
import gc
import io
import logging
import pickle
import secrets
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from adiuva.api.errors import Problem
from adiuva.observability.logging import JsonFormatter, ReadableFormatter, redact
from adiuva.observability.secrets import Secret, list_living_forms
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.own_keys import OWN_KEY_KINDS, OwnKeyKind
from tests.agents.llm.own_keys.conftest import Connect
from tests.fakes.llm_server import LoopbackLLM
from tests.fakes.providers.script import Refused
from tests.support.foreign_hosts import VENDORS, ForeignHosts

ASKED = [message.user("Hello?")]
every_kind = pytest.mark.parametrize("kind", OWN_KEY_KINDS)
Lines = Callable[[], str]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What a server would write at LOG_LEVEL=DEBUG with every library's logger open, formatted as it happens."""
    stream = io.StringIO()
    handlers = [logging.StreamHandler(stream), logging.StreamHandler(stream)]
    handlers[0].setFormatter(JsonFormatter())
    handlers[1].setFormatter(ReadableFormatter())
    root = logging.getLogger()
    level = root.level
    loggers = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    before = [(each, each.level, each.disabled, each.propagate) for each in loggers]
    root.setLevel(logging.DEBUG)
    for each in loggers:
        each.setLevel(logging.DEBUG)
        each.disabled, each.propagate = False, True
    for handler in handlers:
        root.addHandler(handler)
    yield stream.getvalue
    for handler in handlers:
        root.removeHandler(handler)
    root.setLevel(level)
    for each, own_level, disabled, propagate in before:
        each.setLevel(own_level)
        each.disabled, each.propagate = disabled, propagate


@every_kind
@pytest.mark.parametrize("fails", [False, True], ids=["answers", "fails"])
async def test_no_line_no_metric_and_no_exception_has_the_key(
    foreign: ForeignHosts,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    lines: Lines,
    kind: OwnKeyKind,
    fails: bool,
) -> None:
    key = f"Own.{secrets.token_hex(16)}"  # of no shape that a pattern knows
    server = foreign.vendor(kind)
    server.key = key  # type: ignore[misc]
    own = connect(kind, key=key)
    shown = ""
    if fails:

        def check(request: Any) -> None:
            raise Refused(401, {"error": {"message": f"Incorrect API key provided: {key}"}}, {"X-Echo": key})

        monkeypatch.setattr(server, "check", check)
        with pytest.raises(Problem) as caught:
            await get_llm(provider=own).complete(ASKED)
        shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.as_dict("id"))
        error: BaseException | None = caught.value
        while error is not None:
            shown += repr(error) + str(vars(error))
            error = error.__cause__ or error.__context__
    else:
        await get_llm(provider=own).complete(ASKED)
    assert key not in shown
    assert key not in lines()
    assert key not in generate_latest(REGISTRY).decode()
    assert key not in f"{own!r} {own} {own.api_key!r} {own.api_key}"


async def test_a_line_that_holds_the_key_is_blanked_while_the_key_is_used(lines: Lines) -> None:
    key = f"Own/{secrets.token_hex(16)}"
    own = Secret(key)
    logging.getLogger("anybody").error("sent %s", key, extra={"field": f"x {key}"})
    bad_header = ValueError(f"Header value {key!r} is bad")
    logging.getLogger("anybody").error("failed", exc_info=bad_header)
    logging.getLogger("anybody").error("GET /?key=%s", key.replace("/", "%2F"))
    text = lines()
    assert key not in text
    assert key.replace("/", "%2F") not in text
    assert text.count("[REDACTED]") >= 6
    del own
    assert key not in list_living_forms()
    assert redact(key) == key  # what is over costs no line anything


def test_a_short_key_blanks_no_ordinary_words() -> None:
    held = Secret("none")
    assert redact("there is none of these") == "there is none of these"
    assert held.reveal() == "none"


def test_two_requests_with_one_key_end_apart() -> None:
    first, second = Secret("Same.0123456789"), Secret("Same.0123456789")
    del first
    assert redact("Same.0123456789") == "[REDACTED]"
    assert second.reveal() == "Same.0123456789"
    del second
    assert redact("Same.0123456789") == "Same.0123456789"


def test_a_key_cannot_be_written_down() -> None:
    held = Secret("Own.0123456789")
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            write(held)


@pytest.mark.slow
@every_kind
async def test_the_process_has_forgotten_the_key_after_the_call(
    foreign: ForeignHosts, connect: Connect, trap: LoopbackLLM, kind: OwnKeyKind
) -> None:
    """Every object that can be reached is looked through, LiteLLM's caches, clients and loggers among them."""
    backwards = secrets.token_hex(16)
    server = foreign.vendor(kind)
    server.key = f"Own.{backwards[::-1]}"  # type: ignore[misc]
    await get_llm(provider=connect(kind, VENDORS[kind][2], server.key)).complete(ASKED)
    assert next(_holders(backwards), None), "the server's own records hold it, and it was not found there"
    server.forget()
    server.key = ""  # type: ignore[misc]
    gc.collect()
    assert list(_holders(backwards)) == []


def _holders(backwards: str) -> Iterator[str]:
    """Descriptions of texts that hold it the right way round, which this function never does for longer than a look."""
    found: list[object] = gc.get_objects()
    seen = {id(each) for each in found}
    seen.add(id(found))
    while found:
        referents = gc.get_referents(*found[-5000:])
        del found[-5000:]
        for each in referents:
            if id(each) in seen:
                continue
            seen.add(id(each))
            found.append(each)
            if isinstance(each, str) and backwards in each[::-1]:
                yield f"str of {len(each)} characters"
            elif isinstance(each, bytes | bytearray) and backwards.encode() in each[::-1]:
                yield f"{type(each).__name__} of {len(each)}"
