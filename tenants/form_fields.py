"""Form fields for what is stored as JSON and typed by people."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.dates import WEEKDAYS
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget

from tenants.opening_hours import DAYS, validate

EXAMPLE = "09:00-12:30, 14:00-18:00"


class OpeningHoursWidget(forms.MultiWidget):
    """A line for each day of the week."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        lines = [
            UnfoldAdminTextInputWidget({"placeholder": EXAMPLE if not number else ""})
            for number in range(len(DAYS))
        ]
        super().__init__(lines, attrs)

    def decompress(self, value: Any) -> list[str]:
        """Return each day's intervals as one text."""
        return _lines(value)

    def render(
        self, name: str, value: Any, attrs: Any = None, renderer: Any = None
    ) -> SafeString:
        """Return the lines with the names of their days."""
        context = self.get_context(name, value, attrs)["widget"]
        lines = zip(WEEKDAYS.values(), self.widgets, context["subwidgets"], strict=True)
        days = [
            {
                "label": label,
                "id": line["attrs"].get("id", ""),
                "input": widget.render(line["name"], line["value"], line["attrs"]),
            }
            for label, widget, line in lines
        ]
        return render_to_string("admin/opening_hours.html", {"days": days})


def _lines(value: Any) -> list[str]:
    hours = value if isinstance(value, dict) else {}
    return [", ".join(hours.get(day, [])) for day in DAYS]


class OpeningHoursField(forms.MultiValueField):
    """Weekly hours, as ``{"mon": ["09:00-12:30"]}``; a closed day has no key."""

    widget = OpeningHoursWidget

    def __init__(self, **options: Any) -> None:
        lines = [forms.CharField(required=False, max_length=120) for _day in DAYS]
        options.setdefault(
            "help_text", _("Empty: closed. All empty: the calendar decides.")
        )
        options.setdefault("required", False)
        super().__init__(fields=lines, require_all_fields=False, **options)

    def compress(self, data_list: list[str]) -> dict[str, list[str]]:
        """Return the hours; refuse what can't be read."""
        hours = {
            day: [one.strip() for one in text.split(",") if one.strip()]
            for day, text in zip(DAYS, data_list or [""] * len(DAYS), strict=True)
        }
        opened = {day: texts for day, texts in hours.items() if texts}
        try:
            validate(opened)
        except ValueError as error:
            raise forms.ValidationError(
                _("Write it like this: %(example)s.") % {"example": EXAMPLE}
            ) from error
        return opened

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what is stored with what was typed."""
        return bool(super().has_changed(_lines(initial), data))


class WordsField(forms.CharField):
    """A list of words, typed with commas."""

    widget = UnfoldAdminTextInputWidget

    def __init__(self, **options: Any) -> None:
        options.setdefault("help_text", _("Separate several by commas."))
        options.setdefault("required", False)
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        """Return a list as one text."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return the words."""
        text = super().clean(value)
        return [one.strip() for one in text.split(",") if one.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what is stored with what was typed."""
        return bool(super().has_changed(self.prepare_value(initial), data))
