"""Keys and tokens that an author did not mean to publish. What is told of one is its kind and its place."""

import re
from collections.abc import Iterator
from typing import Final

from marketplace.archives import shown

# Forms that providers have published for their own scanners; none matches what is only long and random. Kind, what is
# in every one of its kind, and the expression, which costs a hundred times as much as looking for that.
FORMS: Final = (
    ("private key", b"PRIVATE KEY", rb"-----BEGIN (?:[A-Z]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    ("AWS access key", b"AKIA", rb"AKIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("AWS temporary key", b"ASIA", rb"ASIA[0-9A-Z]{16}(?![0-9A-Za-z])"),
    ("GitHub token", b"gh", rb"gh[opusr]_[0-9A-Za-z]{36}"),
    ("GitHub token", b"github_pat_", rb"github_pat_[0-9A-Za-z_]{22,}"),
    ("GitLab token", b"glpat-", rb"glpat-[0-9A-Za-z_-]{20}"),
    ("Slack token", b"xox", rb"xox[abeoprs]-[0-9A-Za-z-]{10,}"),
    ("Slack webhook", b"hooks.slack.com", rb"hooks\.slack\.com/services/T[0-9A-Z]{5,}/B[0-9A-Z]{5,}/[0-9A-Za-z]{16,}"),
    ("Stripe key", b"_live_", rb"[sr]k_live_[0-9A-Za-z]{16,}"),
    ("Stripe webhook secret", b"whsec_", rb"whsec_[0-9A-Za-z+/]{24,}"),
    ("Google API key", b"AIza", rb"AIza[0-9A-Za-z_-]{35}"),
    ("OpenAI key", b"T3BlbkFJ", rb"sk-(?:proj-|svcacct-)?[0-9A-Za-z_-]{20,}T3BlbkFJ[0-9A-Za-z_-]{20,}"),
    ("Anthropic key", b"sk-ant-", rb"sk-ant-[0-9A-Za-z_-]{24,}"),
    ("npm token", b"npm_", rb"npm_[0-9A-Za-z]{36}"),
    ("PyPI token", b"pypi-AgEI", rb"pypi-AgEI[0-9A-Za-z_-]{40,}"),
    ("SendGrid key", b"SG.", rb"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}"),
    ("JSON Web Token", b"eyJ", rb"eyJ[0-9A-Za-z_-]{16,}\.eyJ[0-9A-Za-z_-]{16,}\.[0-9A-Za-z_-]{20,}"),
    (
        "URL with a password",
        b"://",
        rb"(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqps?)://[^\s:@/\"'`]{1,64}:[^\s@/\"'`<>${}]{6,64}@",
    ),
)
# A run of such characters is entered at its beginning only: a file of nothing but beginnings costs no square.
_SECRETS: Final = tuple((kind, hint, re.compile(rb"(?<![0-9A-Za-z_-])" + form)) for kind, hint, form in FORMS)


def secrets_in(name: str, data: bytes) -> Iterator[str]:
    """The first of each kind: counting the lines before every one would cost a square."""
    for kind, hint, pattern in _SECRETS:
        if hint in data and (match := pattern.search(data)):
            line = data.count(b"\n", 0, match.start()) + 1
            yield f"{shown(name)}, line {line}: {kind}"
