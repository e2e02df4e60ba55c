"""Execution plans (wire contract § 6): prompt templates a client runs by their id, and the steps it makes of them."""
