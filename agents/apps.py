from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        from agents import agents, ops  # noqa: F401 - agents: each of them registers itself

        ops.register_examinations()
