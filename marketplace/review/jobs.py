"""What reviews put off: writing to everybody who has a plugin that was taken down."""

from adiuva.jobs import job, schedule
from marketplace.review.mails import write_to_installers


@job(name="marketplace.tell_of_takedowns")
def tell_of_takedowns() -> None:
    """Of those whose users were not all written to yet."""
    write_to_installers()


schedule("*/10 * * * *", tell_of_takedowns, at_start=True)
