"""``POST /batches/build`` (docs/api.md § 14): the Batch Builder as a turn, sanitized, bounded and metered like any."""
