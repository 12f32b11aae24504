"""Pages of the admin that belong to no model: each app adds its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse


@dataclass(frozen=True)
class ExtraPage:
    """A page in the menu; ``askpro.admin.GROUPS`` says where, as ``admin:<name>``."""

    name: str
    #: Below the admin's own address, with a slash at the end.
    path: str
    label: Any
    #: Sees to the role by itself, as each page of a model does.
    view: Callable[..., HttpResponse]
    is_shown: Callable[[HttpRequest], bool]

    def as_item(self) -> dict[str, Any]:
        """Return it as the admin describes a model's page."""
        return {
            "name": self.label,
            "object_name": self.name,
            "admin_url": reverse(f"admin:{self.name}"),
            "add_url": None,
            "view_only": True,
            "perms": {"view": True},
        }


#: Filled while the apps' admin modules are imported.
EXTRA_PAGES: list[ExtraPage] = []
