"""Checks of what is inside the package's files (``contents`` has looked)."""

from marketplace.checks.base import NotLookedAtError, Outcome, Submission, judged


def _found(submission: Submission, finder: str) -> list[str]:
    """Raises ``NotLookedAtError`` where the look did not reach every file."""
    contents = submission.contents
    if contents.damaged or not contents.is_complete:
        raise NotLookedAtError
    return contents.found[finder]


def nested_archives(submission: Submission) -> Outcome:
    return judged(
        _found(submission, "archives"),
        ok="No archive in the archive.",
        wrong="Archives in the package hide what is in them; put the files there themselves.",
    )


def programs(submission: Submission) -> Outcome:
    return judged(
        _found(submission, "programs"),
        ok="No programs but scripts for the app.",
        wrong="Programs that run outside the app.",
    )


def secrets(submission: Submission) -> Outcome:
    return judged(
        _found(submission, "secrets"),
        ok="No keys or tokens were found.",
        wrong="Keys or tokens: take them out, and revoke them, because they have left your machine.",
    )


def undeclared_permissions(submission: Submission) -> Outcome:
    declared = submission.manifest.get("permissions")
    used = set(_found(submission, "permissions"))
    names = {one for one in declared if isinstance(one, str)} if isinstance(declared, list) else set()
    return judged(
        sorted(used - names),
        ok="The code asks for no more than the manifest.",
        wrong="The code uses permissions that the manifest does not ask for.",
    )
