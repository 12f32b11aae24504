"""Staff see their company's rows; operators see all."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from tenants import resolver
from tenants.scoping import every_company, scope


class StaffScopeMiddleware:
    """Open the scope of whoever is signed in, for the whole request.

    Someone without a company stays outside: there the database refuses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_superuser:
            with every_company():
                return self.get_response(request)
        companies = resolver.companies_of(user.pk) if user.is_authenticated else []
        if not companies:
            return self.get_response(request)
        with scope(companies[0]):
            return self.get_response(request)
