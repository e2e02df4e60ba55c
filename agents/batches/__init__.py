"""Batches (docs/api.md § 14): saved agents that a user's devices run, counted and leased here, and sealed."""
