"""Routes relative to ``/api/v1/``."""

from django.urls import path

from chat.batch_builder.views import BatchBuildView
from chat.plans.views import PlanView, PlaybookView, TemplateRunView, TemplatesView
from chat.providers.views import ModelsView, ProviderTestView
from chat.views import ChatView, UsageView

urlpatterns = [
    path("chat", ChatView.as_view(), name="chat"),
    path("chat/usage", UsageView.as_view(), name="chat-usage"),
    path("batches/build", BatchBuildView.as_view(), name="batches-build"),
    path("chat/models", ModelsView.as_view(), name="chat-models"),
    path("chat/providers/test", ProviderTestView.as_view(), name="chat-providers-test"),
    path("plans/playbook", PlaybookView.as_view(), name="plans-playbook"),
    path("plans/playbook/<str:plan_id>", PlanView.as_view(), name="plans-plan"),
    path("plans/templates", TemplatesView.as_view(), name="plans-templates"),
    path("plans/templates/<str:template_id>/run", TemplateRunView.as_view(), name="plans-template-run"),
]
