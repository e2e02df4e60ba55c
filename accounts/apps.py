from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import dashboard, ops
        from accounts.export import documents
        from accounts.factors import recovery_codes, totp
        from accounts.factors.passkeys import assertions, codes
        from accounts.recovery import composers

        ops.register_gauges()
        ops.register_examinations()
        dashboard.register()
        totp.register()
        recovery_codes.register()
        composers.register()
        assertions.register()
        codes.register()
        documents.register()
