"""How somebody gets in who was given a company: a letter with the way."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.models import User

from tenants.models import Company


def invite(user: User, company: Company) -> None:
    """Write to somebody who may work in a company from now on.

    Who has no password yet gets a link to set one, for three days; afterwards the
    sign-in's own "forgot the password?" sends another.
    """
    adapter = get_adapter()
    told = {"company": company.name, "username": user.get_username(), "link": ""}
    if not user.has_usable_password():
        key = f"{user_pk_to_url_str(user)}-{default_token_generator.make_token(user)}"
        told["link"] = adapter.get_reset_password_from_key_url(key)
    # People are found by their user name, which may be all that is known of them.
    address = user.email or user.get_username()
    adapter.send_mail("account/email/invitation", address, told)
