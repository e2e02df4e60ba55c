"""The plainest way to read an OpenAI stream with httpx."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx


def build_request(message: str, *, model: str) -> dict[str, Any]:
    asked = {"model": model, "stream": True, "stream_options": {"include_usage": True}}
    return {**asked, "messages": [{"role": "user", "content": message}]}


async def texts(client: httpx.AsyncClient, message: str, *, model: str) -> AsyncIterator[str]:
    """The text of each event, from the provider in ``OPENAI_API_BASE``."""
    url = os.environ["OPENAI_API_BASE"] + "/chat/completions"
    async with client.stream("POST", url, json=build_request(message, model=model)) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            choices = json.loads(line[6:])["choices"]
            if choices and (text := choices[0]["delta"].get("content")):
                yield text
