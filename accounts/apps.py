from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import checks, gauges, glance  # noqa: F401 - checks register themselves

        gauges.register()
        glance.register()
