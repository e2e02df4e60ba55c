"""What reviewers fill in."""

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from adiuva.api.errors import ValidationFailed
from marketplace.models import RejectionReason
from marketplace.review.decisions import MAX_NOTES
from marketplace.review.takedowns import MAX_REASON


class DecisionForm(forms.Form):
    """A form whose last word is the function that it is for."""

    def clean(self) -> dict[str, str]:
        """Forms send the ends of lines as CR LF."""
        return {name: value.replace("\r\n", "\n") for name, value in self.cleaned_data.items()}

    def refuse(self, refusal: ValidationFailed) -> None:
        for field, messages in refusal.extra["errors"].items():
            self.add_error(field if field in self.fields else None, messages)


def _text(*, label: str, rows: int, required: bool, longest: int, hint: str) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "placeholder": hint})
    return forms.CharField(label=label, widget=widget, required=required, max_length=longest)


class ApproveForm(DecisionForm):
    prefix = "approve"
    notes = _text(label="Comment", rows=2, required=False, longest=MAX_NOTES, hint="Optional. The author reads it.")


class RejectForm(DecisionForm):
    prefix = "reject"
    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason …"), *RejectionReason.choices],
        widget=UnfoldAdminSelectWidget(),
    )
    notes = _text(
        label="Comment",
        rows=4,
        required=False,
        longest=MAX_NOTES,
        hint="What the author should change. The author reads it.",
    )


class TakeDownForm(DecisionForm):
    prefix = "take_down"
    reason = _text(
        label="Reason", rows=3, required=True, longest=MAX_REASON, hint="Public: those who have it installed read it."
    )


class ReinstateForm(DecisionForm):
    prefix = "reinstate"
    notes = _text(
        label="Note", rows=3, required=True, longest=MAX_REASON, hint="Why it may come back. Reviewers read it."
    )
