"""What the models can do: agents, their tools and prompts, the LLM edge and the tool loop."""
