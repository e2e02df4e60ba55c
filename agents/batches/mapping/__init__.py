"""Map runs (docs/api.md § 14): one instruction, carried out on each of many records by itself."""
