"""All validators, and their run: what a machine can tell of a submission before a person looks at it.

Each is a function of a ``Submission``. Those of docs/api.md are always enforced; the others run in *shadow* mode where
``PLUGIN_CHECKS_SHADOW`` names them: they report, and nothing is refused for it. On the wire and in the admin a
validator's result is called a check.
"""

from typing import Any, Final

from django.conf import settings

from marketplace.submissions.validators import homoglyphs, manifest, package
from marketplace.submissions.validators.base import InconclusiveError, Submission, Validator

VALIDATORS: Final = (
    Validator(code="manifest_fields", validate=manifest.fields, is_required=True),
    Validator(code="id", validate=manifest.identifier, is_required=True),
    Validator(code="version", validate=manifest.version, is_required=True),
    Validator(code="permissions", validate=manifest.permissions, is_required=True),
    Validator(code="price", validate=manifest.price, is_required=True),
    Validator(code="no_blobs", validate=manifest.no_blobs, is_required=True),
    Validator(code="package_zip", validate=package.is_zip, is_required=True),
    Validator(code="package_size", validate=package.sizes, is_required=True),
    Validator(code="package_paths", validate=package.paths, is_required=True),
    Validator(code="package_links", validate=package.links, is_required=True),
    Validator(code="package_names", validate=package.names, is_required=True),
    Validator(code="package_encryption", validate=package.encryption, is_required=True),
    Validator(code="package_integrity", validate=package.integrity, is_required=True),
    Validator(code="nested_archives", validate=package.nested_archives, is_required=True),
    Validator(code="entrypoint", validate=package.entrypoint, is_required=True),
    Validator(code="hidden_characters", validate=manifest.hidden_characters),
    Validator(code="lookalike_id", validate=homoglyphs.lookalike_id),
    Validator(code="lookalike_name", validate=homoglyphs.lookalike_name),
    Validator(code="name_taken", validate=homoglyphs.name_taken),
    Validator(code="programs", validate=package.programs),
    Validator(code="secrets", validate=package.secrets),
    Validator(code="undeclared_permissions", validate=package.undeclared_permissions),
)
SHADOWABLE: Final = frozenset(validator.code for validator in VALIDATORS if not validator.is_required)


def run_validators(submission: Submission) -> list[dict[str, Any]]:
    """The whole list, as it is kept with the version: ``[{"code", "passed", "message", "evidence", "mode"}]``.

    ``mode`` is "enforced" or "shadow". What could not be validated has not passed; a validator in shadow mode may fail
    without anything being refused.
    """
    return [_run(validator, submission) for validator in VALIDATORS]


def blocks(result: dict[str, Any]) -> bool:
    """Whether a submission is refused for this result."""
    return not result["passed"] and result["mode"] == "enforced"


def _run(validator: Validator, submission: Submission) -> dict[str, Any]:
    try:
        passed, message, evidence = validator.validate(submission)
    except InconclusiveError:
        passed, message, evidence = False, "Not checked, because of the other problems.", ()
    is_shadow = not validator.is_required and validator.code in settings.PLUGIN_CHECKS_SHADOW
    return {
        "code": validator.code,
        "passed": passed,
        "message": message,
        "evidence": list(evidence),
        "mode": "shadow" if is_shadow else "enforced",
    }
