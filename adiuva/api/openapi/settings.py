"""What ``/openapi.json`` says of itself, and which of our functions complete it (drf-spectacular's settings)."""

from typing import Any

DOCUMENT: dict[str, Any] = {
    "TITLE": "Adiuva Cloud API",
    "DESCRIPTION": "Chat, sealed storage, plugins and subscriptions for the Adiuva desktop app.",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ActionTypeEnum": "chat.openapi.ACTION_TYPES",
        "ToolEnum": "chat.openapi.TOOLS",
        "ProblemCode": "adiuva.api.openapi.responses.CODES",
        "TierEnum": "accounts.serializers.TIERS",
        "PaidTierEnum": "billing.tiers.PAID_TIERS",
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SERVERS": [{"url": "/", "description": "Where this document is served."}],
    "TAGS": [
        {"name": "auth", "description": "Accounts, logins, second factors, sessions, tokens and mailed links."},
        {"name": "backup", "description": "Sealed snapshots."},
        {"name": "billing", "description": "Tiers, checkout, subscriptions and Stripe's webhook."},
        {"name": "chat", "description": "Conversation turns, over REST and a WebSocket."},
        {"name": "health", "description": "Liveness and readiness."},
        {"name": "keys", "description": "Sealed master keys, and new devices that ask for one."},
        {"name": "plans", "description": "Execution plans and their templates."},
        {"name": "plugins", "description": "The marketplace: catalog, submissions, installs, earnings."},
        {"name": "storage", "description": "Sealed records, their change feed, vectors and quotas."},
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "chat.openapi.add_websocket_frames",
        "storage.sync.openapi.add_sync_frames",
        "adiuva.api.openapi.hooks.complete",
        "adiuva.api.openapi.hooks.in_order",
    ],
}
