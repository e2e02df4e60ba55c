"""The automated checklist: what a machine can say of a submission before a person looks at it.

Each check is a function of a ``Submission``. Those of the wire contract are always enforced; the others run in *shadow*
mode where ``PLUGIN_CHECKS_SHADOW`` names them: they report, and nothing is refused for it.
"""

from typing import Any, Final

from django.conf import settings

from marketplace.checks import insides, lookalikes, manifests, packages
from marketplace.checks.base import Check, NotLookedAtError, Submission

__all__ = ["CHECKS", "SHADOWABLE", "Submission", "blocks", "run_checks"]

CHECKS: Final = (
    Check(code="manifest_fields", examine=manifests.fields, contract=True),
    Check(code="id", examine=manifests.identifier, contract=True),
    Check(code="version", examine=manifests.version, contract=True),
    Check(code="permissions", examine=manifests.permissions, contract=True),
    Check(code="no_blobs", examine=manifests.no_blobs, contract=True),
    Check(code="package_zip", examine=packages.is_zip, contract=True),
    Check(code="package_size", examine=packages.sizes, contract=True),
    Check(code="package_paths", examine=packages.paths, contract=True),
    Check(code="package_links", examine=packages.links, contract=True),
    Check(code="package_names", examine=packages.names, contract=True),
    Check(code="package_encryption", examine=packages.encryption, contract=True),
    Check(code="package_integrity", examine=packages.integrity, contract=True),
    Check(code="nested_archives", examine=insides.nested_archives, contract=True),
    Check(code="entrypoint", examine=packages.entrypoint, contract=True),
    Check(code="hidden_characters", examine=manifests.hidden_characters),
    Check(code="lookalike_id", examine=lookalikes.lookalike_id),
    Check(code="lookalike_name", examine=lookalikes.lookalike_name),
    Check(code="name_taken", examine=lookalikes.name_taken),
    Check(code="programs", examine=insides.programs),
    Check(code="secrets", examine=insides.secrets),
    Check(code="undeclared_permissions", examine=insides.undeclared_permissions),
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
