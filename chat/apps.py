from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"

    def ready(self) -> None:
        from accounts import erasure
        from chat import dashboard, export
        from chat.plans.cache import plan_cache

        erasure.register("plans", plan_cache.forget)
        dashboard.register()
        export.register()
