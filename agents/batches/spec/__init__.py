"""BatchSpec (docs/api.md § 14): what a batch is, as the client seals it, and when a schedule is due."""
