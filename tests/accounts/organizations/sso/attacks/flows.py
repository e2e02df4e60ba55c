"""What may be changed of a flow, and how one ends."""

from urllib.parse import urlencode

from accounts.handoff.codes import use_code
from tests.support.client import Answer
from tests.support.sign_on import Browser, query_of


def changed(url: str, **changes: str | None) -> str:
    """``url`` with another query. None takes a parameter away."""
    query = {name: value for name, value in {**query_of(url), **changes}.items() if value is not None}
    return f"{url.partition('?')[0]}?{urlencode(query)}"


def passes(browser: Browser) -> bool:
    """Of the same browser, provider and connection, with nothing wrong."""
    told = browser.sign_on()
    return bool(use_code(code=told["code"], code_verifier=browser.code_verifier))


def error_of(answer: Answer) -> str:
    """What the app is told. Never a code beside it, and the app's own state."""
    told = query_of(answer.headers["Location"])
    assert set(told) == {"error", "state"}, told
    return told["error"]
