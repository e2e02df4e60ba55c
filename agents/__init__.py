"""What the models can do: agents, their tools and prompts, the LLM edge and the tool loop."""

import os

# Read while litellm is imported, by whichever module: without them it fetches its lists from the internet.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
os.environ.setdefault("LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS", "True")
os.environ.setdefault("LITELLM_LOG", "CRITICAL")
# langchain-core sends every prompt to LangSmith when a developer's shell says so; prompts never leave the server.
os.environ["LANGCHAIN_TRACING"] = os.environ["LANGCHAIN_TRACING_V2"] = "false"
os.environ["LANGSMITH_TRACING"] = os.environ["LANGSMITH_TRACING_V2"] = "false"
