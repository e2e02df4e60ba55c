"""What a decision says to a plugin's author: a sentence for the reason, and what the reviewer wrote."""

from typing import Final

from marketplace.models import PluginReview, RejectionReason

_AUTHOR_TEXTS: Final[dict[str, str]] = {
    RejectionReason.MALICIOUS: "The plugin does something that harms users or their data.",
    RejectionReason.PERMISSIONS: "The plugin asks for permissions that it does not need. Leave them out.",
    RejectionReason.PRIVACY: "The plugin sends or keeps users' data in a way that its description does not mention.",
    RejectionReason.MISLEADING: "The name, the description or the price promises something the plugin does not do.",
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


def words_to_author(review: PluginReview) -> str:
    """All that the reviewer says; empty for an approval without a comment."""
    return "\n\n".join(filter(None, [author_text(review.reason_code), review.notes]))
