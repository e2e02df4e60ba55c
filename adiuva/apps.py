from django.apps import AppConfig


class AdiuvaConfig(AppConfig):
    """The project as an app: the commands and checks that span several apps live here."""

    name = "adiuva"

    def ready(self) -> None:
        from adiuva import checks, ready_checks  # noqa: F401 - both register themselves
