from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import dashboard, ops  # noqa: F401 - checks register themselves

        ops.register_gauges()
        dashboard.register()
