import json
from collections.abc import Awaitable, Callable

from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]


async def test_the_twenty_first_request_of_a_minute_is_429(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    last = [(await socket.ask())[-1] for _ in range(21)]

    assert [frame["type"] for frame in last] == ["done"] * 20 + ["error"]
    problem = last[-1]["error"]
    assert (problem["status"], problem["code"]) == (429, "rate_limited")
    assert 0 < problem["retry_after"] <= 61


async def test_handshakes_and_other_frames_do_not_count(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    for _ in range(22):
        socket = await connect(free)
        await socket.send(type="pong")
        await socket.send_text("nonsense")
        await socket.answer()
        await socket.leave()

    assert (await (await connect(free)).ask())[-1]["type"] == "done"


async def test_an_invalid_request_counts(connect: Connect, free: Account) -> None:
    socket = await connect(free)

    codes = [(await socket.ask(""))[-1]["error"]["code"] for _ in range(21)]

    assert codes == ["validation_error"] * 20 + ["rate_limited"]


async def test_sockets_and_rest_share_the_window(
    connect: Connect, llm: LoopbackLLM, free: Account, api: ApiClient
) -> None:
    first, second = await connect(free), await connect(free)
    for socket in [first, second] * 10:
        assert (await socket.ask())[-1]["type"] == "done"

    answer = await in_database(api.get, "auth/me", token=free.access_token)

    assert answer.status == 429
    assert json.loads(answer.content)["code"] == "rate_limited"
