"""Builds execution plans step by step and refuses those that could not be carried out."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from agents.actions import ActionType, Table
from chat.plans.execution_plan import DataStep, ExecutionPlan, LlmStep, Step, freeze_variables
from chat.plans.templates import BadVariablesError, PromptTemplateRegistry, templates

MAX_STEPS = 20
MAX_NAME_CHARACTERS = 120
_STEP_ID = re.compile(r"[a-z][a-z0-9_]{0,63}")

# Which actions each table takes: those of the agents' tools (docs/api.md § 5).
_ALL: frozenset[ActionType] = frozenset({"create_record", "update_record", "delete_record", "query_records"})
VOCABULARY: Mapping[Table, frozenset[ActionType]] = {
    "tasks": _ALL,
    "task_comments": _ALL - {"update_record"},
    "projects": _ALL,
    "checkpoints": _ALL,
    "notes": _ALL,
}


class PlanError(ValueError):
    """The plan is not valid; ``step`` is the id of the wrong step, None for the plan as a whole."""

    def __init__(self, message: str, *, step: str | None = None) -> None:
        super().__init__(f"{step}: {message}" if step else message)
        self.step = step


@dataclass(frozen=True, slots=True)
class _StepOutput:
    """The records that a step hands to later ones; ``stored`` records exist already and have ids."""

    table: Table
    stored: bool


class ExecutionPlanBuilder:
    """Fluent: ``ExecutionPlanBuilder("Weekly note").add_llm_step(…).add_data_step(…).build()``.

    Steps without an id of their own are called ``step_1``, ``step_2`` … by their position. Nothing is checked before
    ``build``, so that every mistake is reported by one type of exception.
    """

    def __init__(self, name: str, *, plan_id: str | None = None, registry: PromptTemplateRegistry = templates) -> None:
        self._name = name
        self._plan_id = plan_id
        self._registry = registry
        self._steps: list[Step] = []

    def add_step(self, step: Step) -> Self:
        """A ``step`` with an empty id gets one by its position."""
        self._steps.append(step if step.id else replace(step, id=f"step_{len(self._steps) + 1}"))
        return self

    def add_llm_step(self, template_id: str, variables: Mapping[str, Any] | None = None, *, step_id: str = "") -> Self:
        return self.add_step(LlmStep(id=step_id, template_id=template_id, variables=freeze_variables(variables or {})))

    def add_data_step(
        self, action: ActionType, table: Table, *, data_from_step: str | None = None, step_id: str = ""
    ) -> Self:
        return self.add_step(DataStep(id=step_id, action=action, table=table, data_from_step=data_from_step))

    def build(self) -> ExecutionPlan:
        """Raises ``PlanError`` for the first step that is wrong."""
        if not self._name.strip() or len(self._name) > MAX_NAME_CHARACTERS:
            raise PlanError(f"a plan's name has 1 to {MAX_NAME_CHARACTERS} characters")
        if not 1 <= len(self._steps) <= MAX_STEPS:
            raise PlanError(f"a plan has 1 to {MAX_STEPS} steps")
        earlier: dict[str, _StepOutput | None] = {}
        for step in self._steps:
            if not _STEP_ID.fullmatch(step.id):
                raise PlanError(
                    "a step's id begins with a letter, then letters, digits and _, all lower-case", step=step.id
                )
            if step.id in earlier:
                raise PlanError("a step before it has the same id", step=step.id)
            earlier[step.id] = (
                self._check_llm_step(step) if isinstance(step, LlmStep) else self._check_data_step(step, earlier)
            )
        return ExecutionPlan(plan_id=self._plan_id or str(uuid.uuid4()), name=self._name, steps=tuple(self._steps))

    def _check_llm_step(self, step: LlmStep) -> _StepOutput | None:
        try:
            template = self._registry.get(step.template_id)
        except KeyError:
            raise PlanError(f"there is no template {step.template_id}", step=step.id) from None
        try:
            template.validate_variables(step.variables)
        except BadVariablesError as error:
            raise PlanError(f"variables: {error}", step=step.id) from None
        return _StepOutput(template.extracts.table, stored=False) if template.extracts else None

    def _check_data_step(self, step: DataStep, earlier: Mapping[str, _StepOutput | None]) -> _StepOutput | None:
        if step.action not in VOCABULARY.get(step.table, ()):
            raise PlanError(f"{step.action} cannot be done to {step.table}", step=step.id)
        if step.action == "query_records":
            if step.data_from_step is not None:
                raise PlanError("query_records takes no data from another step", step=step.id)
            return _StepOutput(step.table, stored=True)
        if step.data_from_step is None or step.data_from_step not in earlier:
            raise PlanError("data_from_step names no step before it", step=step.id)
        data = earlier[step.data_from_step]
        if data is None:
            raise PlanError(f"{step.data_from_step} yields no data", step=step.id)
        if data.table != step.table:
            raise PlanError(f"{step.data_from_step} yields {data.table}, not {step.table}", step=step.id)
        if data.stored == (step.action == "create_record"):
            state = "are stored already" if data.stored else "are not stored yet"
            raise PlanError(f"{step.action} does not fit: the records of {step.data_from_step} {state}", step=step.id)
        return None if step.action == "delete_record" else _StepOutput(step.table, stored=True)
