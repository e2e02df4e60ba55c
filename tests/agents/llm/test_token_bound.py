"""What a call may read at most, by a bound that no tokenizer is above (``agents.llm.meter``)."""

import base64
import json
import random
import string
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from uuid import UUID

import pytest

from agents import prompts
from agents.llm.messages import Message
from agents.llm.meter import bound_input, bound_tokens
from agents.tools.by_agent import TOOLS_BY_AGENT
from agents.tools.tasks import TASK_TOOLS
from tests.support.server import PROJECT_DIR

RANDOM = random.Random(1)  # noqa: S311 - of texts
CHARACTERS = 4_000


def at_random(alphabet: str) -> str:
    return "".join(RANDOM.choice(alphabet) for _ in range(CHARACTERS))


def between(first: int, last: int) -> str:
    return "".join(chr(RANDOM.randrange(first, last)) for _ in range(CHARACTERS))


CORPUS = {
    "prose": (PROJECT_DIR / "docs/api.md").read_text()[:40_000],
    "code": (PROJECT_DIR / "agents/tool_loop.py").read_text(),
    "digits": at_random(string.digits),
    "numbers": " ".join(str(RANDOM.randrange(10 ** RANDOM.randrange(1, 9))) for _ in range(CHARACTERS)),
    "base64": base64.b64encode(RANDOM.randbytes(CHARACTERS)).decode(),
    "base64 in prose": "Here is the file: " * 20 + base64.b64encode(RANDOM.randbytes(CHARACTERS)).decode(),
    "hex": RANDOM.randbytes(CHARACTERS).hex(),
    "uuids": json.dumps([str(UUID(bytes=RANDOM.randbytes(16))) for _ in range(200)]),
    "small letters": at_random(string.ascii_lowercase),
    "capitals": at_random(string.ascii_uppercase),
    "letters": at_random(string.ascii_letters),
    "letters and digits": at_random(string.ascii_lowercase + string.digits),
    "punctuation": at_random(string.punctuation),
    "letters apart": " ".join(at_random(string.ascii_lowercase)),
    "control characters": between(1, 32),
    "blanks": at_random(" \t\n"),
    "german": "Bitte bereite die Zustimmungserklärungen für die morgige Besprechung vor. " * 40,
    "finnish": "Valmistele huomisen kokouksen materiaalit, ole hyvä. Järjestelmällistämättömyydellään. " * 40,
    "polish": "Zażółć gęślą jaźń. Przygotuj proszę materiały na jutrzejsze spotkanie. " * 40,
    "russian": "Подготовьте, пожалуйста, материалы к завтрашней встрече. " * 40,
    "arabic": "يرجى تحضير مواد اجتماع الغد. الموعد النهائي للمشروع هو يوم الجمعة المقبل. " * 40,
    "hindi": "कृपया कल की बैठक के लिए सामग्री तैयार करें। " * 40,
    "thai": "กรุณาเตรียมเอกสารสำหรับการประชุมพรุ่งนี้ " * 40,
    "amharic": "እባክዎ ለነገው ስብሰባ ቁሳቁሶችን ያዘጋጁ። " * 40,
    "chinese": "我们今天下午三点在会议室开会讨论项目进度,请大家准时参加。" * 40,
    "rare chinese": between(0x4E00, 0x9FFF),
    "japanese": "明日の会議の資料を準備してください。" * 40,
    "korean": "내일 회의 자료를 준비해 주세요. " * 40,
    "emoji": between(0x1F300, 0x1F6FF),
    "emoji of several": "👩‍👩‍👧‍👦👨🏽‍💻🏳️‍🌈" * 200,
    "mathematics": "∑∫√∞≈≠≤≥⊂⊃∩∀∃" * 100,
    "any script": between(0xA0, 0xD7FF),
}


@pytest.fixture(scope="module", params=["cl100k_base", "o200k_base"])
def tokens_of(request: pytest.FixtureRequest) -> Callable[[str], int]:
    """By the encodings that LiteLLM brings along: nothing is fetched."""
    spec = find_spec("litellm")
    assert spec is not None
    assert spec.origin is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(Path(spec.origin).parent / "litellm_core_utils/tokenizers"))
        import tiktoken

        encoding = tiktoken.get_encoding(request.param)
    return lambda text: len(encoding.encode(text, disallowed_special=()))


def test_no_text_has_more(tokens_of: Callable[[str], int]) -> None:
    found = {name: (tokens_of(text), bound_tokens(text)) for name, text in CORPUS.items()}

    assert {name: both for name, both in found.items() if both[0] > both[1]} == {}


@pytest.mark.parametrize("name", ["prose", "code", "german", "chinese", "russian"])
def test_what_people_write_is_not_taken_for_much_more(tokens_of: Callable[[str], int], name: str) -> None:
    assert bound_tokens(CORPUS[name]) < 8 * tokens_of(CORPUS[name])
    if name in {"prose", "code", "german"}:
        assert bound_tokens(CORPUS[name]) < 3 * tokens_of(CORPUS[name])


def test_a_call_is_its_messages_its_tools_and_its_schema(tokens_of: Callable[[str], int]) -> None:
    tools = [tool.schema() for tool in TASK_TOOLS]
    messages: list[Message] = [
        {"role": "system", "content": CORPUS["prose"]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": CORPUS["base64"]},
    ]
    plain = bound_input(messages, [])

    assert plain >= tokens_of(json.dumps(messages, ensure_ascii=False))
    assert bound_input(messages, tools) - plain >= tokens_of(json.dumps(tools))
    assert bound_input(messages, [], tools[0]) > plain


def test_our_own_words_are_known(tokens_of: Callable[[str], int]) -> None:
    """They are most of what a short question costs, which must fit into a small budget."""
    prompt = "\n\n".join(prompts.load(path.stem) for path in (PROJECT_DIR / "agents/prompts").glob("*.txt"))
    tools = [tool.schema() for tools in TOOLS_BY_AGENT.values() for tool in tools]
    asked: list[Message] = [{"role": "system", "content": prompt}, {"role": "user", "content": "Buy milk."}]
    real = tokens_of(prompt) + tokens_of(json.dumps(tools))

    assert real < bound_input(asked, tools) < 1.5 * real


def test_a_surrogate_alone_and_nothing_at_all_have_a_bound() -> None:
    assert bound_tokens("\ud800") >= 1
    assert bound_tokens("") >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prose", "chinese", "base64"])
def test_the_largest_context_takes_no_time(name: str) -> None:
    """The best of many: a busy machine only adds to it. 0.3 to 0.6 ms alone."""
    text = (CORPUS[name] * 600).encode()[: 512 * 1024].decode(errors="ignore")
    best = sys.float_info.max
    for _ in range(50):
        started = time.perf_counter()
        bound_tokens(text)
        best = min(best, time.perf_counter() - started)
    assert best < 0.003
