"""The tables of accounts, by what they are about: users, sessions, mailed links, factors, keys, events, exports."""

from accounts.models.exports import AccountExport
from accounts.models.factors import ChallengePurpose, Factor, FactorType, LoginChallenge, RecoveryCode
from accounts.models.keys import EnvelopeKind, InstallationKey, KeyEnvelope, KeyRequest, KeyRequestState
from accounts.models.mail_tokens import EmailChange, MailToken, MailTokenPurpose, MailTokenQuerySet
from accounts.models.security_events import SecurityEvent, SecurityEventType
from accounts.models.sessions import RefreshToken, Session, SessionQuerySet, hash_of
from accounts.models.users import User, UserManager

__all__ = [
    "AccountExport",
    "ChallengePurpose",
    "EmailChange",
    "EnvelopeKind",
    "Factor",
    "FactorType",
    "InstallationKey",
    "KeyEnvelope",
    "KeyRequest",
    "KeyRequestState",
    "LoginChallenge",
    "MailToken",
    "MailTokenPurpose",
    "MailTokenQuerySet",
    "RecoveryCode",
    "RefreshToken",
    "SecurityEvent",
    "SecurityEventType",
    "Session",
    "SessionQuerySet",
    "User",
    "UserManager",
    "hash_of",
]
