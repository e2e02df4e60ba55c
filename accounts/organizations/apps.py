from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "accounts.organizations"

    def ready(self) -> None:
        from accounts.organizations import dashboard, erasure, export, ops
        from accounts.organizations.invitations import mails
        from accounts.organizations.sso import enforcement, redeeming

        dashboard.register()
        erasure.register()
        export.register()
        ops.register_examinations()
        mails.register()
        enforcement.register()
        redeeming.register()
