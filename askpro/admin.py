"""The admin site: staff's one place to look and to repair."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite


class AskProAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin of AskPro."""
