"""The frames that wait on a socket while a turn runs."""

from chat.frames import BadFrame, ChatFrame

MAX_FRAMES = 32
MAX_CHARACTERS = 1024 * 1024  # parsed, a frame takes up to twenty times its text: this bounds what one socket can hold


class WaitingFrames:
    """In order of arrival, and bounded: a single frame always finds room, whatever its length."""

    __slots__ = ("_characters", "_frames")

    def __init__(self) -> None:
        self._frames: list[tuple[ChatFrame | BadFrame, int]] = []
        self._characters = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def push(self, frame: ChatFrame | BadFrame, characters: int) -> bool:
        """False when there is no room; ``characters`` is the length of the frame's text."""
        if self._frames and (len(self._frames) == MAX_FRAMES or self._characters + characters > MAX_CHARACTERS):
            return False
        self._frames.append((frame, characters))
        self._characters += characters
        return True

    def pop(self) -> ChatFrame | BadFrame:
        frame, characters = self._frames.pop(0)
        self._characters -= characters
        return frame

    def clear(self) -> None:
        self._frames.clear()
        self._characters = 0
