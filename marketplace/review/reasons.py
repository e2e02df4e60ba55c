"""Why a submission is rejected: codes for programs, and what each tells the author."""

from typing import Final

from django.db import models


class RejectionReason(models.TextChoices):
    """The labels are for reviewers."""

    MALICIOUS = "malicious", "Harms users or their data"
    PERMISSIONS = "permissions", "Asks for more permissions than it needs"
    PRIVACY = "privacy", "Sends or keeps data it does not tell about"
    MISLEADING = "misleading", "Name, texts or price mislead"
    IMPERSONATION = "impersonation", "Looks like somebody else's plugin or brand"
    BROKEN = "broken", "Does not work"
    SECRETS = "secrets", "The package holds secrets or private data"
    UNREADABLE = "unreadable", "Cannot be reviewed: obfuscated or generated code"
    LEGAL = "legal", "Licence, copyright or law"
    SUPERSEDED = "superseded", "A newer version is live or in review"
    OTHER = "other", "Something else (say what)"


_AUTHOR_TEXTS: Final[dict[str, str]] = {
    RejectionReason.MALICIOUS: "The plugin does something that harms users or their data.",
    RejectionReason.PERMISSIONS: "The plugin asks for permissions that what it does has no need of. Leave these out.",
    RejectionReason.PRIVACY: "The plugin sends or keeps users' data in a way that its description does not mention.",
    RejectionReason.MISLEADING: "The name, the description or the price promises something else than the plugin does.",
    RejectionReason.IMPERSONATION: "The plugin can be mistaken for another plugin, product or company.",
    RejectionReason.BROKEN: "The plugin did not work when we tried it.",
    RejectionReason.SECRETS: "The package holds a key, a password or private data. Take it out, and replace the key.",
    RejectionReason.UNREADABLE: "We could not read the code. Submit the sources.",
    RejectionReason.LEGAL: "The plugin breaks a licence, a copyright or a law.",
    RejectionReason.SUPERSEDED: "A newer version of this plugin is live or in review, so this one was not looked at.",
    RejectionReason.OTHER: "See the reviewer's comment.",
}


def author_text(reason_code: str) -> str:
    """The sentence for the author; empty for an approval, and for a code of other days."""
    return _AUTHOR_TEXTS.get(reason_code, "")
