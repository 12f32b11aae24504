"""The page on which an operator takes a lost second factor away."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import (
    raise_if_reauthentication_required,
)
from django import forms
from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from askpro.people import resets


class ReasonForm(forms.Form):
    """Why it is done."""

    reason = forms.CharField(
        label=_("reason"),
        max_length=200,
        help_text=_(
            "How do you know that it is this person? The audit trail keeps this."
        ),
        widget=UnfoldAdminTextInputWidget,
    )


def view(page: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask why, then reset and say so; who asks must have proven that just now.

    :raises ReauthenticationRequired: password or second factor are asked for first.
    """
    user = page.get_object(request, unquote(object_id))
    if user is None or not page.has_change_permission(request, user):
        raise Http404
    if user == request.user:
        # There the own password and the factor are asked for.
        messages.warning(request, gettext("Your own second factor is changed here."))
        return redirect("mfa_index")
    raise_if_reauthentication_required(request, app="allauth.mfa")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    back_url = reverse("admin:auth_user_change", args=[user.pk])
    if not form.is_valid():
        context = page.admin_site.each_context(request) | {
            "opts": page.opts,
            "title": gettext("Reset the second factor"),
            "person": user,
            "form": form,
            "back_url": back_url,
        }
        return TemplateResponse(request, "admin/second_factor_reset.html", context)
    resets.take_away(user, reason=form.cleaned_data["reason"])
    said = gettext("%(name)s sets a new second factor up at the next sign-in.")
    messages.success(request, said % {"name": user.get_username()})
    return redirect(back_url)
