"""Django's own backend: no connection is told whose rows it may see."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base

#: The stubs know nothing of the backend's inner methods.
_Base: Any = base.DatabaseWrapper


class DatabaseWrapper(_Base):  # type: ignore[misc]
    """Sees every row that its login may see."""

    def tell_scope(self) -> None:
        """Tell nothing."""
