"""What others may know of an author and of a reviewer."""

import hashlib
from uuid import UUID

FORMER_AUTHOR = "Former developer"


def author_name_of(user_id: UUID) -> str:
    """``dev-`` and eight hexadecimal digits: always the same, and no way back. An id is 122 random bits, so nobody can
    try them all, and it needs no key that could be changed or lost.
    """
    return f"dev-{_digest('author', user_id)}"


def reviewer_name_of(user_id: UUID) -> str:
    """As an author's, and not to be matched with it: a reviewer may write plugins, too."""
    return f"reviewer-{_digest('reviewer', user_id)}"


def _digest(role: str, user_id: UUID) -> str:
    return hashlib.sha256(f"adiuva:{role}:{user_id}".encode()).hexdigest()[:8]
