"""Azure OpenAI: deployments in the path, a version in the query, and a filter that has its say in every chunk."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import Request, event

_SAFE = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}
_FILTERED = {**_SAFE, "violence": {"filtered": True, "severity": "high"}}
_DOCUMENTATION = "https://go.microsoft.com/fwlink/?linkid=2198766"


class AzureServer(OpenAIServer):
    deployment = "my-deployment"
    """A model that reasons shows none of it."""

    @property
    def base_url(self) -> str:
        return self.origin

    def check(self, request: Request) -> None:
        parts = request.path.strip("/").split("/")
        if len(parts) != 5 or parts[:2] != ["openai", "deployments"] or parts[3:] != ["chat", "completions"]:
            raise Refused(404, _error("404", "Resource not found"))
        if "api-version" not in request.query:
            raise Refused(404, _error("404", "Resource not found"))
        if request.headers.get("api-key") != self.key:
            raise self.refuse(Trouble("unauthorized"))
        if parts[2] != self.deployment:
            words = "The API deployment for this resource does not exist. If you created the deployment within the last"
            raise Refused(404, _error("DeploymentNotFound", f"{words} 5 minutes, please wait a moment and try again."))
        self.check_body(request.body)

    def check_body(self, body: Body) -> None:
        super().check_body({"model": self.deployment, **body})

    def refuse(self, trouble: Trouble) -> Refused:
        match trouble.kind:
            case "unauthorized":
                words = "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a"
                return Refused(401, _error("401", f"{words} valid key for an active subscription."))
            case "rate_limited":
                words = "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token"
                wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
                return Refused(429, _error("429", f"{words} rate limit of your current OpenAI S0 pricing tier."), wait)
            case "filtered_prompt":
                return Refused(400, _filtered_prompt())
            case _:
                return super().refuse(trouble)

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        results = [{"prompt_index": 0, "content_filter_results": {**_SAFE, "jailbreak": {"detected": False}}}]
        yield event(
            {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": results}
        )
        yield from super().stream(request, replace(answer, reasoning=()))

    def chunk(self, body: Body, delta: Body, reason: str | None = None, **more: Any) -> bytes:
        judged = _FILTERED if reason == "content_filter" else _SAFE if delta.get("content") else {}
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": reason,
            "content_filter_results": judged,
        }
        return event({**self.frame(body, "chat.completion.chunk"), "choices": [choice], **more})

    def frame(self, body: Body, kind: str) -> Body:
        return super().frame({"model": "gpt-4o-mini-2024-07-18", **body}, kind)


def _error(code: str, words: str) -> Body:
    return {"error": {"code": code, "message": words}}


def _filtered_prompt() -> Body:
    words = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please"
    return {
        "error": {
            "message": f"{words} modify your prompt and retry. To learn more about our content filtering policies"
            f" please read our documentation: {_DOCUMENTATION}",
            "type": None,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {**_FILTERED, "jailbreak": {"filtered": False, "detected": False}},
            },
        }
    }
