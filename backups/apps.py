from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups.service import backups
        from storage.blobs import owners

        owners.register(backups)
