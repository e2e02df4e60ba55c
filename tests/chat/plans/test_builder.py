"""The builder: every plan it lets out can be carried out, and every other is refused by its step."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.actions import ActionType, Table
from chat.plans.builder import MAX_STEPS, VOCABULARY, ExecutionPlanBuilder, PlanError
from chat.plans.execution_plan import DataStep, ExecutionPlan, LlmStep
from chat.plans.templates import templates

EXTRACT = "tpl_task_extract_from_project"
WEEKLY = "tpl_note_weekly_summary"
ASK = "tpl_task_agent_default"
MESSAGE = {"message": "Buy milk"}


def test_a_plan_is_written_as_the_contract_has_it() -> None:
    plan = (
        ExecutionPlanBuilder("Two tables", plan_id="p-1")
        .add_llm_step(EXTRACT, {"max_tasks": 3}, step_id="read")
        .add_data_step("create_record", "tasks", data_from_step="read")
        .add_llm_step(WEEKLY)
        .add_data_step("create_record", "notes", data_from_step="step_3", step_id="write")
        .build()
    )

    assert plan.as_dict() == {
        "plan_id": "p-1",
        "name": "Two tables",
        "steps": [
            {"id": "read", "type": "llm", "template_id": EXTRACT, "variables": {"max_tasks": 3}},
            {
                "id": "step_2",
                "type": "data",
                "action": "create_record",
                "table": "tasks",
                "data_from_step": "read",
            },
            {"id": "step_3", "type": "llm", "template_id": WEEKLY, "variables": {}},
            {
                "id": "write",
                "type": "data",
                "action": "create_record",
                "table": "notes",
                "data_from_step": "step_3",
            },
        ],
    }
    assert ExecutionPlan.from_dict(plan.as_dict()) == plan


def test_each_plan_gets_an_id_of_its_own() -> None:
    first, second = (ExecutionPlanBuilder("Ask").add_llm_step(ASK, MESSAGE).build() for _ in range(2))

    assert first.plan_id != second.plan_id


def test_a_plan_cannot_be_changed() -> None:
    given_variables = dict(MESSAGE)
    plan = ExecutionPlanBuilder("Ask").add_llm_step(ASK, given_variables).build()
    given_variables["message"] = "Sell milk"
    (step,) = plan.steps

    assert isinstance(step, LlmStep)
    assert step.variables == MESSAGE
    with pytest.raises(AttributeError):
        plan.name = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        step.variables["message"] = "Other"  # type: ignore[index]


def test_what_was_queried_may_be_changed_and_deleted() -> None:
    plan = (
        ExecutionPlanBuilder("Tidy up")
        .add_data_step("query_records", "tasks", step_id="all")
        .add_data_step("update_record", "tasks", data_from_step="all", step_id="changed")
        .add_data_step("delete_record", "tasks", data_from_step="changed")
        .build()
    )

    assert len(plan.steps) == 3


def builder() -> ExecutionPlanBuilder:
    return ExecutionPlanBuilder("Plan").add_llm_step(EXTRACT, step_id="read").add_llm_step(ASK, MESSAGE, step_id="ask")


WRONG: dict[str, tuple[Any, str]] = {
    "a template that does not exist": (builder().add_llm_step("tpl_nothing"), "tpl_nothing"),
    "a variable the template does not take": (builder().add_llm_step(WEEKLY, {"message": "x"}), "takes week_of, focus"),
    "a variable of another type": (builder().add_llm_step(EXTRACT, {"max_tasks": "3"}), "max_tasks"),
    "a variable that is missing": (builder().add_llm_step(ASK), "message"),
    "an id twice": (builder().add_llm_step(WEEKLY, step_id="ask"), "same id"),
    "an id that is none": (builder().add_llm_step(WEEKLY, step_id="No Id"), "begins with a letter"),
    "no reference": (builder().add_data_step("create_record", "tasks"), "no step before it"),
    "a step that does not exist": (
        builder().add_data_step("create_record", "tasks", data_from_step="x"),
        "no step before it",
    ),
    "the step itself": (
        builder().add_data_step("create_record", "tasks", data_from_step="me", step_id="me"),
        "no step before it",
    ),
    "a step that yields no data": (
        builder().add_data_step("create_record", "tasks", data_from_step="ask"),
        "yields no data",
    ),
    "another table's records": (
        builder().add_data_step("create_record", "notes", data_from_step="read"),
        "yields tasks, not notes",
    ),
    "records that have no id yet": (
        builder().add_data_step("delete_record", "tasks", data_from_step="read"),
        "not stored yet",
    ),
    "a query of given records": (
        builder().add_data_step("query_records", "tasks", data_from_step="read"),
        "takes no data",
    ),
    "an action the table does not have": (
        builder().add_data_step("update_record", "task_comments", data_from_step="read"),
        "cannot be done",
    ),
    "an action outside the vocabulary": (
        builder().add_data_step("call_agent", "tasks", data_from_step="read"),
        "cannot be done",
    ),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG)
def test_it_refuses(wrong: ExecutionPlanBuilder, message: str) -> None:
    with pytest.raises(PlanError, match=message) as refusal:
        wrong.build()

    assert refusal.value.step is not None
    assert str(refusal.value).startswith(f"{refusal.value.step}: ")


@pytest.mark.parametrize(("name", "steps"), [("", 1), ("   ", 1), ("x" * 121, 1), ("Plan", 0), ("Plan", MAX_STEPS + 1)])
def test_a_plan_has_a_name_and_a_number_of_steps(name: str, steps: int) -> None:
    plan = ExecutionPlanBuilder(name)
    for _ in range(steps):
        plan.add_llm_step(WEEKLY)

    with pytest.raises(PlanError) as refusal:
        plan.build()
    assert refusal.value.step is None


IDS = st.sampled_from(["a", "b", "c", "step_2", "", "B!"])
LLM_STEPS = st.builds(
    LlmStep,
    id=IDS,
    template_id=st.sampled_from([EXTRACT, WEEKLY, ASK, "tpl_none"]),
    variables=st.sampled_from([{}, MESSAGE, {"max_tasks": 2}, {"max_tasks": True}]),
)
DATA_STEPS = st.builds(
    DataStep,
    id=IDS,
    action=st.sampled_from(get_args(ActionType)),
    table=st.sampled_from(get_args(Table)),
    data_from_step=IDS | st.none(),
)
# Mostly right, so that whole plans come out as well.
LIKELY = st.builds(
    DataStep, id=IDS, action=st.just("create_record"), table=st.sampled_from(["tasks", "notes"]), data_from_step=IDS
)
STEPS = st.lists(LLM_STEPS | DATA_STEPS | LIKELY, max_size=6)


@given(STEPS)
def test_any_steps_make_a_whole_plan_or_are_refused(steps: list[LlmStep | DataStep]) -> None:
    try:
        built = build(steps)
    except PlanError as error:
        refusal = error
    else:
        assert_valid(built)
        return
    assert refusal.step is not None or not steps


def build(steps: list[LlmStep | DataStep]) -> ExecutionPlan:
    plan = ExecutionPlanBuilder("Any")
    for step in steps:
        plan.add_step(step)
    return plan.build()


def assert_valid(built: ExecutionPlan) -> None:
    seen: dict[str, LlmStep | DataStep] = {}
    for step in built.steps:
        assert step.id not in seen
        if isinstance(step, LlmStep):
            templates.get(step.template_id).validate_variables(step.variables)
        else:
            assert step.action in VOCABULARY[step.table]
            if step.action != "query_records":
                assert step.data_from_step is not None
                assert output_table(seen[step.data_from_step]) == step.table
        seen[step.id] = step
    assert ExecutionPlan.from_dict(built.as_dict()) == built


def output_table(step: LlmStep | DataStep) -> str | None:
    if isinstance(step, DataStep):
        return step.table
    kind = templates.get(step.template_id).extracts
    return kind.table if kind else None
