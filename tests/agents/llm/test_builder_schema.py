"""The largest schema that a model is asked to keep to, the Batch Builder's: every provider takes it."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from agents.batches.builder.prompt import answer_schema, messages
from agents.llm.factory import get_llm
from agents.run_context import RunContext
from tests.chat.batch_builder.answers import said
from tests.fakes.providers.script import say
from tests.fakes.providers.server import ProviderServer


@pytest.mark.parametrize("times", [1, 2])
async def test_each_provider_is_asked_for_a_batch(server: ProviderServer, times: int) -> None:
    answer = '{"buildable": false, "reason": "No."}'
    server.default = say(answer, usage=(11, 5))
    asked = messages("Every Monday tidy up", RunContext.of({}), None)

    for _ in range(times):
        reply = await get_llm().complete(asked, schema=answer_schema())

        assert json.loads(reply.text) == json.loads(answer)
    refused = [str(each) for each in server.records.refused]
    assert [each for each in refused if "response_format type is unavailable" not in each] == []  # DeepSeek takes none


def test_it_has_only_what_every_provider_takes() -> None:
    words = set(keywords(answer_schema()))

    assert words <= {
        *("title", "type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs"),
    }
    jsonschema_rs.meta.validate(answer_schema())
    assert jsonschema_rs.is_valid(answer_schema(), json.loads(said()))


def keywords(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            yield from keywords([*value.values()] if name in {"properties", "$defs"} else value)
    elif isinstance(node, list):
        for item in node:
            yield from keywords(item)
