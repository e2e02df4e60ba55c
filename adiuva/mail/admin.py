"""Mails that wait, that went out and that were dropped, to look at; what they say is on no page."""

from django.contrib import admin

from adiuva.admin import ReadOnlyAdmin
from adiuva.mail.models import OutgoingMail


@admin.register(OutgoingMail)
class OutgoingMailAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "recipient", "state", "tries", "next_try_at")
    list_filter = (
        *("kind", ("sent_at", admin.EmptyFieldListFilter), ("dropped_at", admin.EmptyFieldListFilter), "dropped_as"),
    )
    search_fields = ("recipient",)
    ordering = ("-created_at",)
    readonly_fields = (
        *("kind", "recipient", "locale", "state", "tries", "created_at", "next_try_at"),
        *("sent_at", "dropped_at", "dropped_as"),
    )
    fields = readonly_fields

    @admin.display(description="state")
    def state(self, mail: OutgoingMail) -> str:
        if mail.sent_at is not None:
            return "sent"
        return "waiting" if mail.dropped_at is None else f"dropped: {mail.get_dropped_as_display()}"
