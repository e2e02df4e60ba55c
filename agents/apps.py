from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "agents"

    def ready(self) -> None:
        from agents import (
            checkpoint_agent,  # noqa: F401 - registers the agent, as each of the others
            checks,  # noqa: F401 - registers the system checks
            diagnoses,
            note_agent,  # noqa: F401
            project_agent,  # noqa: F401
            task_agent,  # noqa: F401
        )

        diagnoses.register()
