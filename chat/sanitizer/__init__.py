"""The sanitizer keeps prompts, agent names, routing metadata, tool schemas and reasoning out of the output to users.

One implementation for REST responses, WebSocket frames, strings in actions, plan labels and error texts (docs/api.md
§ 5). ``Sanitizer`` is built once from the protected texts; ``for_turn`` adds what the user wrote.
"""

from chat.sanitizer.character_redactor import MAX_HELD
from chat.sanitizer.enclosures import MAX_ENCLOSED
from chat.sanitizer.redactions import REPLACEMENT
from chat.sanitizer.sanitizer import Sanitizer, TurnSanitizer
from chat.sanitizer.stream_redactor import StreamRedactor
from chat.sanitizer.user_texts import strings_in

__all__ = ["MAX_ENCLOSED", "MAX_HELD", "REPLACEMENT", "Sanitizer", "StreamRedactor", "TurnSanitizer", "strings_in"]
