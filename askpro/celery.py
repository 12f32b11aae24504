"""The Celery application: tasks are nudges, the rows say what is to be done."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import (
    beat_init,
    before_task_publish,
    setup_logging,
    task_prerun,
    worker_init,
)

from askpro import actor, correlation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "askpro.settings")

app = Celery("askpro")
# Threads other than this one publish too.
app.set_default()
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@before_task_publish.connect(weak=False)
def _send_along(headers: dict[str, Any], **_: Any) -> None:
    headers.setdefault(correlation.TASK_HEADER, correlation.current())
    headers.setdefault(actor.TASK_HEADER, list(actor.current()))


@task_prerun.connect(weak=False)
def _take_along(task: Any, **_: Any) -> None:
    correlation.take(task.request.get(correlation.TASK_HEADER) or "")
    actor.take(actor.of_task(task.request.get(actor.TASK_HEADER), task.name))


@setup_logging.connect(weak=False)
def _keep_logging(**_: Any) -> None:
    """Keep the logging of the settings: Celery leaves it alone where this exists."""


@worker_init.connect(weak=False)
@beat_init.connect(weak=False)
def _start_if_fit(**_: Any) -> None:
    """Let Celery's own program start in production only where ours would."""
    from askpro import checks  # the apps are not loaded when this module is

    checks.demand()
