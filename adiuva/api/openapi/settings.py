"""What ``/openapi.json`` says of itself, and which of our functions complete it (drf-spectacular's settings)."""

from typing import Any

DOCUMENT: dict[str, Any] = {
    "TITLE": "Adiuva Cloud API",
    "DESCRIPTION": "Chat, sealed storage, plugins and subscriptions for the Adiuva desktop app.\n\n"
    "**How to get a token:** `POST /auth/register` makes an account and `POST /auth/login` begins a session. Both "
    "answer with an `access_token`, which the other routes want as `Authorization: Bearer …`. It is good for 30 "
    "minutes, and `POST /auth/refresh` gives the next one.\n\n"
    "**Errors** are problem documents (RFC 9457). Switch on their `code`; each answer shows an example of each.",
    "CONTACT": {"name": "The owner of the Adiuva Cloud API repository"},
    "LICENSE": {"name": "All rights reserved"},
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ActionTypeEnum": "chat.openapi.ACTION_TYPES",
        "BatchStateEnum": "agents.batches.models.BatchState",
        "BatchStateChangeEnum": "agents.batches.serializers.SETTABLE",
        "BatchTriggerEnum": "agents.batches.models.Trigger",
        "BatchPauseReasonEnum": "agents.batches.models.PauseReason",
        "PermissionsEnum": "marketplace.submissions.manifest.PERMISSIONS",
        "PluginReportReasonEnum": "marketplace.models.ReportReason",
        "RunOutcomeEnum": "agents.batches.models.Outcome",
        "ToolEnum": "chat.openapi.TOOLS",
        "ProblemCode": "adiuva.api.openapi.responses.CODES",
        "TierEnum": "accounts.serializers.TIERS",
        "PaidTierEnum": "billing.tiers.PAID_TIERS",
        "OwnKeyKindEnum": "agents.llm.own_keys.OWN_KEY_KINDS",
        "DomainStatusEnum": "accounts.organizations.domains.serializers.STATUSES",
        "EnvelopeKindEnum": "accounts.models.EnvelopeKind",
        "RoleEnum": "accounts.organizations.models.Role",
        "AuditTypeEnum": "accounts.organizations.models.AuditType",
        "AuditViaEnum": "accounts.organizations.models.AuditVia",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVERS": [{"url": "/", "description": "Where this document is served."}],
    "TAGS": [
        {"name": "auth", "description": "Accounts, logins, second factors, sessions, tokens and mailed links."},
        {"name": "backup", "description": "Sealed snapshots."},
        {"name": "batches", "description": "Saved agents: the Batch Builder, the registry, slots and their runs."},
        {"name": "billing", "description": "Tiers, checkout, subscriptions and Stripe's webhook."},
        {"name": "chat", "description": "Conversation turns, over REST and a WebSocket."},
        {"name": "health", "description": "Liveness and readiness."},
        {"name": "keys", "description": "Sealed master keys, and new devices that ask for one."},
        {"name": "organizations", "description": "Members, invitations, domains, sign-on, SCIM tokens, the audit."},
        {"name": "plans", "description": "Execution plans and their templates."},
        {"name": "plugins", "description": "The marketplace: catalog, submissions, installs, earnings."},
        {"name": "storage", "description": "Sealed records, their change feed, vectors and quotas."},
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Of some 140 operations at once Swagger UI shows four and stops; a closed tag shows its own when it is opened.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "docExpansion": "none", "persistAuthorization": True},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chat.openapi.add_websocket_frames",
        "storage.sync.openapi.add_sync_frames",
        "adiuva.api.openapi.hooks.complete",
        "adiuva.api.openapi.hooks.in_order",
    ],
}
