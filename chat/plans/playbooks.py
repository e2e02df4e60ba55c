"""The built-in plans, which every user has; their ids are their names (wire contract § 6)."""

from collections.abc import Mapping
from typing import Any

from chat.plans.builder import ExecutionPlanBuilder
from chat.plans.model import ExecutionPlan
from chat.plans.templates import EXTRACT_TASKS, WEEKLY_SUMMARY, PromptTemplate

CREATE_TASKS = "create_tasks_from_project"
WEEKLY_NOTE = "generate_weekly_note"


def create_tasks_from_project(
    variables: Mapping[str, Any], *, name: str = "Create tasks from a project", plan_id: str | None = None
) -> ExecutionPlan:
    """``variables`` are those of the extracting template; with none of them the client's context names the project."""
    return _extract_and_create(EXTRACT_TASKS, variables, name=name, plan_id=plan_id)


def generate_weekly_note(
    variables: Mapping[str, Any], *, name: str = "Write a note about the week", plan_id: str | None = None
) -> ExecutionPlan:
    return _extract_and_create(WEEKLY_SUMMARY, variables, name=name, plan_id=plan_id)


def _extract_and_create(
    template: PromptTemplate, variables: Mapping[str, Any], *, name: str, plan_id: str | None
) -> ExecutionPlan:
    assert template.extracts is not None  # noqa: S101 - both callers name an extracting template
    builder = ExecutionPlanBuilder(name, plan_id=plan_id).add_llm_step(
        template.template_id, variables, step_id="extract"
    )
    return builder.add_data_step(
        "create_record", template.extracts.table, data_from_step="extract", step_id="create"
    ).build()


PLAYBOOKS: Mapping[str, ExecutionPlan] = {
    plan.plan_id: plan
    for plan in (
        create_tasks_from_project({}, plan_id=CREATE_TASKS),
        generate_weekly_note({}, plan_id=WEEKLY_NOTE),
    )
}
