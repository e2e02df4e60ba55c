"""Execution plans (docs/api.md § 6): steps for a client, and the prompt templates that it runs by id."""
