"""The kinds of mail, each with a text in every language of ours."""

from enum import StrEnum


class MailKind(StrEnum):
    """What is written for (docs/api.md § 3)."""

    VERIFICATION = "verification"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a kind of mail
    EMAIL_CHANGE = "email_change"
    EMAIL_CHANGE_NOTICE = "email_change_notice"
    ADDRESS_TAKEN = "address_taken"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a kind of mail
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    IDENTITY_LINKED = "identity_linked"
    NEW_DEVICE = "new_device"
    PAYMENT_FAILED = "payment_failed"
    SUBSCRIPTION_ENDING = "subscription_ending"
    RECEIPT = "receipt"
    REVIEW_DECISION = "review_decision"
    REVIEW_QUESTION = "review_question"
    TAKE_DOWN = "take_down"
    VERSION_TAKE_DOWN = "version_take_down"
    INVITATION = "invitation"
