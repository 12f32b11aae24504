"""The page on which somebody chooses a company, and what each page's header shows."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext

from tenants import choice
from tenants.scoping import every_company, scope

#: How many of their companies members find in the header without a search.
MOST_IN_HEADER = 8
MOST_PAGES = 1000


def header(request: HttpRequest) -> dict[str, Any]:
    """Return what a page's header needs to show the choice and to change it."""
    found = choice.of(request)
    return {
        "current": found.current,
        "is_every": found.is_every,
        "is_open": found.is_open,
        "is_operator": found.is_operator,
        "others": found.others[:MOST_IN_HEADER],
        "has_more": found.is_operator or len(found.others) > MOST_IN_HEADER,
        "url": reverse("admin:choose_company"),
        "next": _list_of(request),
        "every": choice.EVERY,
    }


def _list_of(request: HttpRequest) -> str:
    """Return the list to which this page belongs: its row is one company's alone."""
    match = request.resolver_match
    page = getattr(match.func, "model_admin", None) if match else None
    if page is None or match is None:
        return reverse("admin:index")
    options = page.opts
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


def view(site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the companies to choose from; choose one that was posted.

    :raises Http404: the person may not work there, or there is no such company;
        nothing has changed.
    """
    if request.method == "POST":
        return _choose(request)
    words = request.GET.get("q", "").replace("\0", "").strip()[:100]
    number = _number(request.GET.get("page", ""))
    companies, has_next = choice.page(request, words, number)
    context = site.each_context(request) | {
        "title": gettext("Choose a company"),
        "companies": companies,
        "words": words,
        "next": _asked_for(request, request.GET.get("next", "")),
        "number": number,
        "before": number - 1,
        "after": number + 1 if has_next else None,
    }
    request.current_app = site.name
    return TemplateResponse(request, "admin/company_choice.html", context)


def _number(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGES) if text.isdecimal() else 1


def _choose(request: HttpRequest) -> HttpResponse:
    wished = request.POST.get("company", "")
    is_every = wished == choice.EVERY and choice.of(request).is_operator
    option = None if is_every else choice.find(request, wished)
    if option is None and not is_every:
        raise Http404
    path = _asked_for(request, request.POST.get("next", ""))
    with scope(option.company_id) if option else every_company():
        path = path if _may_open(request, path) else reverse("admin:index")
    choice.choose(request, option)
    return HttpResponseRedirect(path)


def _asked_for(request: HttpRequest, path: str) -> str:
    """Return an address of this admin: the one that was asked for, if it is one."""
    index = reverse("admin:index")
    is_below = path.startswith(index) and "/." not in path
    is_ours = is_below and url_has_allowed_host_and_scheme(path, None)
    return path if is_ours and _match(path) is not None else index


def _match(path: str) -> ResolverMatch | None:
    try:
        return resolve(path.partition("?")[0])
    except Resolver404:
        return None


def _may_open(request: HttpRequest, path: str) -> bool:
    """Tell whether the page is for this person in the company that is open."""
    match = _match(path)
    page = getattr(match.func, "model_admin", None) if match else None
    return page is None or page.has_view_or_change_permission(request)
