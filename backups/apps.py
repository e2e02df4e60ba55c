from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups.ownership import backups
        from storage import blob_owners

        blob_owners.register(backups)
