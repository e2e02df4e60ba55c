import pytest

from chat.sanitizer import Sanitizer, TurnSanitizer
from tests.chat.sanitizer.leak_checks import Leaks
from tests.chat.sanitizer.real_prompts import prompts, real_sanitizer


@pytest.fixture(scope="session")
def sanitizer() -> Sanitizer:
    """Over the real prompts, agents and tools."""
    return real_sanitizer()


@pytest.fixture
def turn(sanitizer: Sanitizer) -> TurnSanitizer:
    """Of a user who wrote nothing of interest."""
    return sanitizer.for_turn(["What is due today?"])


@pytest.fixture(scope="session")
def leaks(sanitizer: Sanitizer) -> Leaks:
    """To a user who wrote nothing of interest."""
    return Leaks(sanitizer.for_turn(["What is due today?"]), prompts(), length=400)
