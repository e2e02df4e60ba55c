"""The automated checklist: what a machine can say of a submission before a person looks at it.

Each check is a function of a ``Submission``. Those of the wire contract are always enforced; the others run in *shadow*
mode where ``PLUGIN_CHECKS_SHADOW`` names them: they report, and nothing is refused for it.
"""

from typing import Any, Final

from django.conf import settings

from marketplace.submissions.validators import lookalikes, manifest, package
from marketplace.submissions.validators.base import Check, NotLookedAtError, Submission

__all__ = ["CHECKS", "SHADOWABLE", "Submission", "blocks", "run_checks"]

CHECKS: Final = (
    Check(code="manifest_fields", examine=manifest.fields, contract=True),
    Check(code="id", examine=manifest.identifier, contract=True),
    Check(code="version", examine=manifest.version, contract=True),
    Check(code="permissions", examine=manifest.permissions, contract=True),
    Check(code="no_blobs", examine=manifest.no_blobs, contract=True),
    Check(code="package_zip", examine=package.is_zip, contract=True),
    Check(code="package_size", examine=package.sizes, contract=True),
    Check(code="package_paths", examine=package.paths, contract=True),
    Check(code="package_links", examine=package.links, contract=True),
    Check(code="package_names", examine=package.names, contract=True),
    Check(code="package_encryption", examine=package.encryption, contract=True),
    Check(code="package_integrity", examine=package.integrity, contract=True),
    Check(code="nested_archives", examine=package.nested_archives, contract=True),
    Check(code="entrypoint", examine=package.entrypoint, contract=True),
    Check(code="hidden_characters", examine=manifest.hidden_characters),
    Check(code="lookalike_id", examine=lookalikes.lookalike_id),
    Check(code="lookalike_name", examine=lookalikes.lookalike_name),
    Check(code="name_taken", examine=lookalikes.name_taken),
    Check(code="programs", examine=package.programs),
    Check(code="secrets", examine=package.secrets),
    Check(code="undeclared_permissions", examine=package.undeclared_permissions),
)
SHADOWABLE: Final = frozenset(check.code for check in CHECKS if not check.contract)


def run_checks(submission: Submission) -> list[dict[str, Any]]:
    """The whole list, as it is kept with the version: ``[{"code", "passed", "message", "evidence", "mode"}]``.

    ``mode`` is "enforced" or "shadow". What could not be looked at has not passed; a check in shadow mode may be wrong
    without anything being refused.
    """
    return [_run(check, submission) for check in CHECKS]


def blocks(result: dict[str, Any]) -> bool:
    """Whether a submission is refused for this result."""
    return not result["passed"] and result["mode"] == "enforced"


def _run(check: Check, submission: Submission) -> dict[str, Any]:
    try:
        passed, message, evidence = check.examine(submission)
    except NotLookedAtError:
        passed, message, evidence = False, "Not looked at, because of what else is wrong.", ()
    is_shadow = not check.contract and check.code in settings.PLUGIN_CHECKS_SHADOW
    return {
        "code": check.code,
        "passed": passed,
        "message": message,
        "evidence": list(evidence),
        "mode": "shadow" if is_shadow else "enforced",
    }
