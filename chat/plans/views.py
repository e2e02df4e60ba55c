"""The plan routes (docs/api.md § 6): the playbook, a plan, and the run of a template.

A tier has the templates of the agents it includes.
"""

from typing import Any

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.models import User
from adiuva.api.errors import NotFound
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from chat import usage
from chat.agent_routing import require_agents, required_tier
from chat.plans.cache import plan_cache
from chat.plans.playbooks import PLAYBOOKS
from chat.plans.running import run_template
from chat.plans.serializers import (
    ExecutionPlanSerializer,
    PlaybookSerializer,
    TemplateListSerializer,
    TemplateResultSerializer,
    TemplateRunSerializer,
    validate_template_run,
)
from chat.plans.templates import PromptTemplate, templates


def require_template(user: User, template: PromptTemplate) -> None:
    """Raises ``FeatureNotAvailable``."""
    require_agents(user, [template.agent], detail="The current tier does not include this template.")


class PlaybookView(ApiView):
    @extend_schema(
        operation_id="listPlans",
        summary="List the built-in plans and your recent ones",
        description="The built-in plans come first, then yours from plan mode in the last hour, newest first.",
        responses={200: PlaybookSerializer},
    )
    def get(self, request: Request) -> Response:
        own = plan_cache.recent(user_id=identity_of(request).user.id)
        return Response({"items": [plan.as_dict() for plan in (*PLAYBOOKS.values(), *own)]})


class PlanView(ApiView):
    @extend_schema(
        operation_id="getPlan",
        summary="Get a plan",
        description="One of the built-in plans, or one of the caller's recent ones.",
        responses={
            200: ExecutionPlanSerializer,
            404: problem("not_found: neither a built-in plan nor one of your recent ones"),
        },
    )
    def get(self, request: Request, plan_id: str) -> Response:
        plan = PLAYBOOKS.get(plan_id) or plan_cache.get(plan_id, user_id=identity_of(request).user.id)
        if plan is None:
            raise NotFound("There is no such plan, or it has expired.")
        return Response(plan.as_dict())


class TemplatesView(ApiView):
    @extend_schema(
        operation_id="listTemplates",
        summary="List the plan templates",
        description="All of them, also those that only a higher tier runs; `variables` is a JSON Schema.",
        responses={200: TemplateListSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response({"items": [_shown(template) for template in templates.list_templates()]})


def _shown(template: PromptTemplate) -> dict[str, Any]:
    return {
        "template_id": template.template_id,
        "variables": template.variables.model_json_schema(),
        "required_tier": required_tier([template.agent]),
    }


class TemplateRunView(ApiView):
    """Sync like every DRF view; the run itself is on the server's event loop, like a turn of ``POST /chat``."""

    template: PromptTemplate

    def check_permissions(self, request: Request) -> None:
        """404 and 403 come before any mistake in the body (docs/api.md § 1)."""
        super().check_permissions(request)
        try:
            self.template = templates.get(self.kwargs["template_id"])
        except KeyError:
            raise NotFound("There is no such template.") from None
        require_template(identity_of(request).user, self.template)

    @extend_schema(
        operation_id="runTemplate",
        summary="Run a plan template",
        description="Carries out an llm step. An extracting template returns records for the data step after it; the "
        "others return their agent's answer and the actions for the client to carry out.",
        request=TemplateRunSerializer,
        responses={
            200: TemplateResultSerializer,
            400: problem("validation_error: a variable in `variables` is wrong or missing"),
            402: problem(
                "quota_exceeded, with `limit`, `used` and `resets_at`: too few of the month's tokens are left"
            ),
            403: problem("feature_not_available, with `required_tier`: the template's agent"),
            404: problem("not_found"),
            413: problem("payload_too_large, with `max_bytes`: the context"),
            502: problem("upstream_error: the language model failed, or returned no valid records"),
            503: problem("not_configured, upstream_unavailable: no language model, or no room on the server"),
            504: problem("upstream_timeout: the language model"),
        },
    )
    def post(self, request: Request, template_id: str) -> Response:
        user = identity_of(request).user
        variables, context, choice = validate_template_run(
            TemplateRunSerializer(data=request.data), template=self.template, user=user
        )
        # The model may take a minute, too long to hold a pooled database connection.
        close_old_connections()
        with usage.count_turn(user, choice.provider) as meter:
            run = async_to_sync(run_template)(
                template=self.template,
                variables=variables,
                context=context,
                user=user,
                meter=meter,
                model=choice.model,
                provider=choice.provider,
            )
        return Response(run.as_dict())
