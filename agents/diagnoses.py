"""What doctor says of the language model. A real question is asked only on the operator's word: it costs money."""

import asyncio

from django.conf import settings

from adiuva.observability import diagnosis
from adiuva.observability.diagnosis import Finding, Orders
from agents import messages
from agents.llm import get_llm

QUESTION = "Answer with the one word: well"


def llm(orders: Orders) -> Finding:
    model = get_llm()  # raises NotConfigured
    names = " then ".join(model.names)
    if not orders.ask:
        if settings.LLM_MODEL == settings.OFFLINE_MODEL:
            return Finding("ok", f"the built-in offline model ({names}); nobody outside is asked")
        return Finding("ok", f"{names}; not asked (--ask does)")
    reply = asyncio.run(model.complete([messages.user(QUESTION)]))
    offline = "the built-in offline model, " if settings.LLM_MODEL == settings.OFFLINE_MODEL else ""
    return Finding("ok", f"{offline}{names} answered with {len(reply.text)} characters")


def register() -> None:
    diagnosis.register("llm", llm)
