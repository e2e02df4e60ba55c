from django.apps import AppConfig


class BackupsConfig(AppConfig):
    name = "backups"

    def ready(self) -> None:
        from backups import export, upload_target
        from backups.history import backup_owner
        from storage.blobs import key_owners

        key_owners.register(backup_owner)
        export.register()
        upload_target.register()
