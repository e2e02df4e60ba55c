from django.apps import AppConfig


class BatchesConfig(AppConfig):
    name = "agents.batches"

    def ready(self) -> None:
        from accounts import erasure
        from agents.batches import due, export
        from agents.batches.service import erase_batches
        from storage.sync import hello

        erasure.register("batches", erase_batches)
        export.register()
        hello.register("due", hint=due.HINT, read=due.due_ids)
