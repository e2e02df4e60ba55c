"""The plainest way to read an OpenAI stream: the same for both sides of the socket's row."""

import json
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx


async def texts(client: httpx.AsyncClient, message: str) -> AsyncIterator[str]:
    """The text of each event, from the provider in ``OPENAI_API_BASE``."""
    asked: dict[str, Any] = {"model": "bench", "stream": True, "messages": [{"role": "user", "content": message}]}
    async with client.stream("POST", os.environ["OPENAI_API_BASE"] + "/chat/completions", json=asked) as answer:
        async for line in answer.aiter_lines():
            if not line.startswith("data: {"):
                continue
            text = json.loads(line[6:])["choices"][0]["delta"].get("content")
            if text:
                yield text
