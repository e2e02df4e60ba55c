from django.apps import AppConfig


class StorageConfig(AppConfig):
    name = "storage"

    def ready(self) -> None:
        from accounts import erasure
        from storage import (  # noqa: F401 - the checks register themselves
            blob_owners,
            checks,
            diagnoses,
            glance,
            ready,
            vector_checks,
            vector_ready,
        )
        from storage.erasure import erase_rows, sweep_blobs
        from storage.records_ownership import Records
        from storage.vectors import erase_vectors

        glance.register()
        diagnoses.register()
        blob_owners.register(Records())
        # In this order: the counters go with the rows, so that none of the two can be held up by a wrong one.
        erasure.register("storage", erase_rows)
        erasure.register("vectors", erase_vectors)
        erasure.register_sweep("blobs", sweep_blobs)
