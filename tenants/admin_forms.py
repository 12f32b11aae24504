"""Forms of the admin: a row's company is never the client's word, keys never shown."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _

from tenants import resolver, scoping, uses
from tenants.fields import EncryptedTextField
from tenants.form_fields import OpeningHoursField, WordsField
from tenants.models import (
    Branch,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
    validate_time_zone,
)
from tenants.numbers import e164


class OwnedForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form for a row of one company.

    In a company's scope that company is set; what a client sends counts for nothing.
    Rows that it refers to must be of the same company.
    """

    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values)
        company_id = scoping.current_company()
        if company_id is not None and self.instance._state.adding:
            self.instance.company_id = company_id

    def _get_validation_exclusions(self) -> set[str]:
        # What is unique is so within a company, also where no field asks for one.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"company"} if self.instance.company_id else excluded

    def clean(self) -> dict[str, Any]:
        """Refuse a reference to a row of another company."""
        super().clean()
        company = self.cleaned_data.get("company")
        company_id = company.pk if company else self.instance.company_id
        for name, value in list(self.cleaned_data.items()):
            owner_id = getattr(value, "company_id", None)
            if owner_id is not None and company_id and owner_id != company_id:
                self.add_error(name, _("This belongs to another company."))
        return self.cleaned_data


class BranchForm(OwnedForm):
    """A branch; its hours must be readable, or each call would stumble."""

    opening_hours = OpeningHoursField(label=_("opening hours"))

    class Meta:
        model = Branch
        fields = "__all__"

    def clean_time_zone(self) -> str:
        """Refuse an unknown zone."""
        name: str = self.cleaned_data["time_zone"]
        if name:
            validate_time_zone(name)
        return name


class ServiceForm(OwnedForm):
    """A service; its other names are words with commas."""

    synonyms = WordsField(label=_("synonyms"))

    class Meta:
        model = Service
        fields = "__all__"


class PhoneNumberForm(OwnedForm):
    """A number in any spelling."""

    number = forms.CharField(label=_("number"), max_length=40)

    class Meta:
        model = PhoneNumber
        fields = "__all__"

    def clean_number(self) -> str:
        """Return it as E.164; refuse one that another company answers."""
        number = e164(self.cleaned_data["number"])
        if number is None:
            raise forms.ValidationError(_("Use the form +493012345678."))
        owner = resolver.owner_of_number(number)
        ours = scoping.current_company()
        if owner is not None and ours is not None and owner.company_id != ours:
            raise forms.ValidationError(_("Another company answers this number."))
        return number


class SecretInput(forms.PasswordInput):
    """An input that never holds what is stored."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(
            {"autocomplete": "new-password"} | (attrs or {}), render_value=False
        )


class ProviderUrl(forms.URLField):
    """A provider's address, by HTTPS where nothing else is said."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"assume_scheme": "https"} | options)


class AccountForm(OwnedForm):
    """A provider account. An empty secret keeps the one that is stored."""

    class Meta:
        model = ProviderAccount
        fields = "__all__"
        field_classes: ClassVar[dict[str, Any]] = {"base_url": ProviderUrl}

    SECRETS: ClassVar[list[str]] = [
        field.name
        for field in ProviderAccount._meta.get_fields()
        if isinstance(field, EncryptedTextField)
    ]

    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values)
        for name in self.SECRETS:
            self.initial.pop(name, None)
            if name in self.fields:
                is_stored = bool(getattr(self.instance, name))
                self.fields[name].widget.attrs["placeholder"] = (
                    _("stored; leave empty to keep it")
                    if is_stored
                    else _("nothing stored")
                )

    def clean(self) -> dict[str, Any]:
        """Keep what is stored where nothing was entered.

        A new webhook secret lets the one before it hold on, until it is forgotten.
        """
        super().clean()
        entered = {name for name in self.SECRETS if self.cleaned_data.get(name)}
        for name in self.SECRETS:
            if name in self.fields and name not in entered:
                self.cleaned_data[name] = getattr(self.instance, name)
        if set(self.SECRETS) <= set(self.fields):
            self._rotate(entered)
        return self.cleaned_data

    def _rotate(self, entered: set[str]) -> None:
        given, stored = self.cleaned_data, self.instance.webhook_secret
        is_new = stored not in ("", given["webhook_secret"])
        if is_new and "webhook_secret_previous" not in entered:
            given["webhook_secret_previous"] = stored
        used_at = uses.after_change(
            self.instance, given["webhook_secret"], given["webhook_secret_previous"]
        )
        for column, value in used_at.items():
            setattr(self.instance, column, value)


class NewMemberForm(OwnedForm):
    """A person by e-mail address, so that nobody has to see everybody's."""

    email = forms.EmailField(label=_("e-mail"), max_length=150)

    class Meta:
        model = Membership
        fields = ("company", "role")

    def clean(self) -> dict[str, Any]:
        """Refuse somebody who works here already."""
        super().clean()
        company = self.cleaned_data.get("company")
        company_id = company.pk if company else self.instance.company_id
        email = self.cleaned_data.get("email")
        mine = Membership.objects.filter(
            company=company_id, user__username__iexact=email
        )
        if email and mine.exists():
            self.add_error("email", _("This person works here already."))
        return self.cleaned_data

    def save(self, commit: bool = True) -> Membership:
        """Give the membership to the person, who is made where nobody has the address.

        Without a password nobody signs in: who is new is sent a link to set one.
        """
        email = self.cleaned_data["email"]
        users = get_user_model().objects
        user = users.filter(username__iexact=email).first()
        if user is None:
            user = users.create_user(username=email, email=email)
        if not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        self.instance.user = user
        saved: Membership = super().save(commit=commit)
        return saved
