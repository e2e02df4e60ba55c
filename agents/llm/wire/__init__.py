"""How models' answers travel: one HTTP client below LiteLLM, and readers of what providers stream."""
