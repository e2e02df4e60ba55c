"""Who may answer: the operator's models, and users' own keys (docs/api.md § 15)."""
