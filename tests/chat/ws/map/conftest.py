from collections.abc import Iterator

import pytest

from tests.fakes.llm_server import LoopbackLLM


@pytest.fixture(autouse=True)
def _same_default(llm: LoopbackLLM) -> Iterator[None]:
    before = llm.default
    yield
    llm.default = before
