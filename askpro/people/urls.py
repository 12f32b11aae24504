"""The pages of signing in: those of the library that we want, and no other."""

from allauth.account import views
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from askpro.people.views import RemoveKeyView


def closed(request: HttpRequest, **_: object) -> HttpResponse:
    """Have no such page: nobody signs up, and addresses are the owner's to change."""
    raise Http404


urlpatterns = [
    path("", RedirectView.as_view(pattern_name="mfa_index")),
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path(
        "password/reset/done/",
        views.password_reset_done,
        name="account_reset_password_done",
    ),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    # Before the library's own, which would let the last one go.
    path("2fa/webauthn/keys/<int:pk>/remove/", RemoveKeyView.as_view()),
    path("2fa/", include("allauth.mfa.urls")),
    path("sessions/", include("allauth.usersessions.urls")),
    # The library links to them by name.
    path("signup/", closed, name="account_signup"),
    path("email/", closed, name="account_email"),
    path("email/verify/", closed, name="account_email_verification_sent"),
    path("email/confirm/<str:key>/", closed, name="account_confirm_email"),
]
