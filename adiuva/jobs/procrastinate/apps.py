"""Procrastinate's tables as an app of this project: its migrations and models, without its app, admin and log lines."""

import logging

from django.apps import AppConfig


class TablesConfig(AppConfig):
    """Installed where the database is PostgreSQL: its migrations are written for nothing else."""

    default = True
    name = "procrastinate.contrib.django"
    label = "procrastinate"
    verbose_name = "Jobs"

    def ready(self) -> None:
        """Not procrastinate's own, which makes a worker app of its own and looks for tasks in every app."""
        from django.contrib import admin

        # Its pages offer to run and to cancel jobs by hand; what an operator needs is in State and in the log.
        for model in self.get_models():
            if admin.site.is_registered(model):
                admin.site.unregister(model)
        # At INFO it writes several lines a job, with its arguments; adiuva.jobs.execution says what matters.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        for name in ("worker", "worker.worker", "utils"):
            logging.getLogger(f"procrastinate.{name}").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """What is in the log already in our words: that a job failed, without the text of its error, and that the database
    is away, once and not at ERROR from each part of the worker.
    """
    from procrastinate.exceptions import ConnectorException

    error = record.exc_info[1] if record.exc_info else None
    return getattr(record, "action", "") != "job_error" and not isinstance(error, ConnectorException)
