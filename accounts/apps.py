from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import dashboard, ops

        ops.register_gauges()
        dashboard.register()
