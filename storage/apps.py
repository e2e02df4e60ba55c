from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "storage"

    def ready(self) -> None:
        from accounts import erasure
        from storage import dashboard, export, ops
        from storage.blobs import key_owners
        from storage.erasure import erase_rows, sweep_blobs
        from storage.records.service import RecordOwner, VersionOwner
        from storage.records.upload_target import RecordTarget
        from storage.uploads import targets
        from storage.uploads.owner import UploadOwner
        from storage.vectors.factory import is_held_by_server
        from storage.vectors.search import erase_vectors

        dashboard.register()
        ops.register_examinations()
        export.register()
        key_owners.register(RecordOwner())
        key_owners.register(VersionOwner())
        key_owners.register(UploadOwner())
        targets.register(RecordTarget())
        # In this order: the counters go with the rows, so that none of the two can be blocked by a wrong one. Blobs go
        # when no row names them; a vector store that is away keeps the account, and nothing else.
        erasure.register("storage", erase_rows)
        erasure.register("vectors", erase_vectors)
        erasure.register_sweep("blobs", sweep_blobs, after=["storage"])
        erasure.register_server_only(is_held_by_server)
