"""Why a mail did not leave. None of these holds an address or the server's own words, which may quote one."""


class NotSent(Exception):  # noqa: N818 - the rest of the sentence is in its kinds
    """Another try may do. ``code`` is the server's (RFC 5321 § 4.2); None where it did not come to an answer."""

    def __init__(self, what: str, *, code: int | None = None) -> None:
        super().__init__(f"{what}: {code}" if code else what)
        self.what = what
        self.code = code

    def fields(self) -> dict[str, str | int]:
        """Of a line of the log."""
        return {"reason": self.what} | ({"code": self.code} if self.code else {})


class MailServerAway(NotSent):
    """It cannot be reached, hangs, or takes mail from nobody or not from us: no other mail would get further."""


class MailRefused(NotSent):
    """For good. ``is_about_recipient``: else the server likes something about us or the message itself not."""

    def __init__(self, what: str, *, code: int | None = None, is_about_recipient: bool = True) -> None:
        super().__init__(what, code=code)
        self.is_about_recipient = is_about_recipient
