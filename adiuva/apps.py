from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangosAdmin


class AdiuvaConfig(AppConfig):
    """The project as an app: the commands and checks that span several apps live here."""

    default = True
    name = "adiuva"

    def ready(self) -> None:
        from adiuva import checks, diagnoses, ready_checks  # noqa: F401 - checks register themselves

        diagnoses.register()


class AdminConfig(DjangosAdmin):
    default = False
    default_site = "adiuva.admin_site.Site"
