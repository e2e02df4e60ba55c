"""Keeps system prompts, agent names, routing metadata, tool schemas and reasoning out of what a user is told.

One implementation for the REST answer, the WebSocket's frames, action strings, plan labels and error texts (wire
contract § 5). ``Sanitizer`` is built once from the protected texts; ``for_turn`` adds what the user wrote.
"""

from chat.sanitizer.sanitizer import Sanitizer, TurnSanitizer
from chat.sanitizer.stream_redactor import MAX_HELD, REPLACEMENT, StreamRedactor
from chat.sanitizer.user_texts import strings_in

__all__ = ["MAX_HELD", "REPLACEMENT", "Sanitizer", "StreamRedactor", "TurnSanitizer", "strings_in"]
