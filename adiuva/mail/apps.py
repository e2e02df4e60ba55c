from django.apps import AppConfig


class MailConfig(AppConfig):
    name = "adiuva.mail"
    label = "mail"
    verbose_name = "Mail"

    def ready(self) -> None:
        from adiuva.mail import ops

        ops.register()
