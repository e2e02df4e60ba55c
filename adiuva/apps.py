from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig as DjangosAdmin


class AdiuvaConfig(AppConfig):
    """The project as an app: the commands and checks that span several apps live here."""

    default = True
    name = "adiuva"

    def ready(self) -> None:
        from adiuva import ops
        from adiuva.observability import outside

        outside.start()
        ops.register_examinations()
        ops.register_gauges()


class AdminConfig(DjangosAdmin):
    default = False
    default_site = "accounts.staff.site.StaffSite"
