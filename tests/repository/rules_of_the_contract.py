"""Sixty rules of docs/api.md, each with the words by which a newcomer would look for the module that keeps it.

The words are the sentence's own, not those of any module: a rule is found when every word of one of its alternatives
stands in the path of one module (test_findable_rules.py). A rule that is not found asks for a better file name.
"""

RULES: tuple[tuple[str, tuple[str, ...]], ...] = (
    # § 1 Conventions
    ("Every error is a problem document with a code", ("problem", "error")),
    ("Every response carries X-Request-ID", ("request id",)),
    ("A request is refused for its token, then its rate, then its target, then its body", ("refusal order", "refusal")),
    ("A list is one page of items with its total", ("pagination", "list page")),
    ("CORS allows the named origins and exposes the named headers", ("cors", "origin")),
    ("If-Match and If-None-Match put conditions on a request", ("condition", "precondition")),
    ("Range answers part of the bytes", ("range",)),
    ("A checksum is lower-case hexadecimal SHA-256", ("checksum",)),
    # § 2 Health
    ("Health answers without touching a dependency", ("health",)),
    ("Readiness asks the database, the cache, the blobs and the vectors", ("readiness", "ready")),
    # § 3 Auth
    ("Registration makes an account; a taken e-mail address is a conflict", ("registration", "register")),
    ("A failed login tells nothing about which e-mail addresses exist", ("login",)),
    ("Refresh tokens rotate, and reuse revokes the session", ("refresh token",)),
    ("An access token is a JWT with these claims", ("access token", "jwt")),
    ("A user sees the sessions of the account and revokes one of them", ("session",)),
    ("A change of password revokes every session before it", ("password change", "password")),
    ("A password is hashed with bcrypt over SHA-256", ("password hash", "bcrypt")),
    ("Deleting the account removes everything that it stored", ("account deletion", "deletion")),
    ("A ticket opens one WebSocket within 30 seconds", ("ticket",)),
    ("Login and registration are limited per address and per account", ("login limit", "account limit")),
    # § 4 Rate limits
    ("A sliding 60-second window per user", ("rate limit", "sliding window")),
    ("With Redis, one window holds for all processes", ("redis window", "rate limit redis")),
    # § 5 Chat
    ("The context of a chat request is at most 512 KiB", ("chat request", "chat context")),
    ("An action tells the client what to do with its data", ("action",)),
    ("The arguments of a tool are validated before an action is emitted", ("tool argument", "argument")),
    ("Four agents with a fixed vocabulary of tools", ("agent tool", "agent vocabulary")),
    ("A message needs one of the agents, and the router finds out which", ("agent router", "agent routing")),
    ("Usage counts the turns and the tokens of today and of the month", ("usage",)),
    ("The chat socket is authenticated before it is accepted", ("socket authentication", "chat socket")),
    ("Every frame of the socket is one JSON object of a known type", ("frame",)),
    ("The client answers a read tool from its own data", ("client tool", "tool result")),
    ("A cancelled turn closes the call to the model", ("turn cancellation", "chat cancellation")),
    ("A ping goes out every 30 seconds, also while the model is silent", ("ping",)),
    ("Trouble of the provider is 502, 503 or 504", ("provider trouble", "provider error", "upstream")),
    ("Without a provider key the built-in offline model answers", ("offline model", "offline")),
    # § 5 Sanitizer
    ("System prompts in an answer are redacted", ("sanitizer prompt", "redaction prompt")),
    ("Reasoning markers are redacted with what they enclose", ("reasoning", "marker")),
    ("In a stream the sanitizer also finds what is split over chunks", ("sanitizer stream", "sanitizer chunk")),
    # § 6 Plans
    ("An execution plan has steps and names templates, never prompts", ("execution plan", "plan step")),
    ("The playbook holds the built-in plans and the caller's own recent ones", ("playbook",)),
    ("A client runs the template of a step", ("plan template",)),
    # § 7 Storage
    ("A record is uploaded as raw bytes, as a form or as JSON", ("record upload", "upload")),
    ("The feed tells every change after a cursor", ("change feed", "storage change", "storage feed")),
    ("A deleted record leaves a tombstone", ("tombstone",)),
    ("An upload over the quota of the tier is refused", ("quota",)),
    ("Idempotency-Key is honoured for 24 hours", ("idempotency",)),
    ("Object keys are made of user, table and record", ("object key", "blob key")),
    ("The storage is reaped of blobs without a row", ("reap storage",)),
    ("A search of vectors answers the nearest ones, best first", ("vector search",)),
    # § 8 Backup
    ("The history lists the backups, newest first", ("backup history",)),
    ("A backup is uploaded with its version, timestamp and checksum in headers", ("backup header", "backup upload")),
    # § 9 Plugins
    ("A manifest names the plugin, its version, price and permissions", ("manifest",)),
    ("A package is a sane zip: no absolute path, no symlink, no bomb", ("package zip", "package check", "zip")),
    ("A plugin is installed, and a paid one is bought with it", ("install", "purchase")),
    ("A rating is one to five stars, one per user", ("rating",)),
    ("Staff review a submission before it is listed", ("review",)),
    ("Of each sale the developer gets 70 percent", ("developer share", "split", "earning")),
    # § 10 Billing
    ("A webhook needs a valid signature and acts once", ("webhook",)),
    ("A past-due subscription keeps its tier for the days of grace", ("grace", "past due")),
    # § 12 Running it
    ("A production environment refuses an unsafe setting", ("production check", "environment check", "environment")),
)
