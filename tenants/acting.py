"""Whoever signed in acts in what the request does."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from askpro.actor import Actor, acting
from tenants.addresses import client_ip


class PersonActsMiddleware:
    """Let the person in the browser be who acts; after Django knows who it is."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        name = user.get_username() if user.is_authenticated else ""
        with acting(Actor("person", name, client_ip(request))):
            return self.get_response(request)
