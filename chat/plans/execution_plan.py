"""An execution plan: steps that a client carries out itself, with prompts named by their template only."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agents.actions import ActionType, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmStep:
    """Run ``template_id`` with ``variables`` (``POST /plans/templates/{template_id}/run``)."""

    id: str
    template_id: str
    variables: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "type": "llm", "template_id": self.template_id, "variables": dict(self.variables)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStep:
    """Do ``action`` on the client's own ``table``, for each record that the step ``data_from_step`` returned.

    ``data_from_step`` is None for ``query_records`` only.
    """

    id: str
    action: ActionType
    table: Table
    data_from_step: str | None

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "data",
            "action": self.action,
            "table": self.table,
            "data_from_step": self.data_from_step,
        }


Step = LlmStep | DataStep


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPlan:
    """Made and checked by ``ExecutionPlanBuilder``."""

    plan_id: str
    name: str
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """The ExecutionPlan of docs/api.md: ``{plan_id, name, steps}``."""
        return {"plan_id": self.plan_id, "name": self.name, "steps": [step.as_dict() for step in self.steps]}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "ExecutionPlan":
        """The plan that ``as_dict`` wrote. For trusted values only: nothing is checked here."""
        return cls(plan_id=value["plan_id"], name=value["name"], steps=tuple(map(_step, value["steps"])))


def freeze_variables(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """An immutable copy; a template's variables are plain values, so a shallow one is enough."""
    return MappingProxyType(dict(values))


def _step(value: Mapping[str, Any]) -> Step:
    if value["type"] == "llm":
        variables = freeze_variables(value["variables"])
        return LlmStep(id=value["id"], template_id=value["template_id"], variables=variables)
    return DataStep(
        id=value["id"], action=value["action"], table=value["table"], data_from_step=value["data_from_step"]
    )
