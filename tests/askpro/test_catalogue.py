"""The admin speaks German: nothing missing, nothing left over, nothing uncompiled."""

from __future__ import annotations

import gettext
from pathlib import Path

import allauth
import django_celery_beat
import pytest
import unfold
from django.core.management import CommandError, call_command
from django.utils.translation import gettext as translated
from django.utils.translation import override, trans_real

from askpro import catalogue
from askpro.catalogue import Entry, Message

UNFOLD = Path(unfold.__file__).parent
ALLAUTH = Path(allauth.__file__).parent
#: What we show of others' pages; what Django translates itself is left to it.
BORROWED = [
    *(UNFOLD / name for name in ("templates", "templatetags", "mixins")),
    *(UNFOLD / "contrib" / name for name in ("filters", "forms")),
    Path(django_celery_beat.__file__).parent,
]


#: The sign-in's own German says "du": where it speaks to people, ours comes first.
SIGN_IN = [
    *(ALLAUTH / "templates" / name for name in ("account", "mfa", "usersessions")),
    *(ALLAUTH / name for name in ("account", "mfa", "usersessions")),
]


def _of_the_sign_in():
    texts = set(catalogue.of_folders(SIGN_IN))
    for folder in SIGN_IN[:3]:
        for path in folder.rglob("*.txt"):
            texts |= set(catalogue.of_template(path.read_text()))
    return texts


def _borrowed():
    modules = [path.read_text() for path in UNFOLD.glob("*.py")]
    return set(catalogue.of_folders(BORROWED)).union(
        *(catalogue.of_python(source) for source in modules)
    )


@pytest.fixture(scope="module")
def entries():
    return catalogue.read_po(catalogue.PO.read_text())


def test_every_text_of_ours_has_its_german(entries):
    missing = catalogue.of_ours() - set(entries)
    incomplete = {key for key, entry in entries.items() if not entry.is_complete}

    assert missing == set(), "run: manage.py compile_catalogue --update"
    assert incomplete == set()


def test_no_text_is_left_over(entries):
    borrowed = _borrowed() | _of_the_sign_in()

    assert set(entries) - catalogue.of_ours() - borrowed == set()


def test_the_pages_that_we_borrow_speak_german():
    known = trans_real.translation("de")._catalog

    silent = [
        message.text
        for message in _borrowed()
        if ((message.text, 0) if message.plural else message.text) not in known
    ]

    assert silent == []


def test_the_compiled_file_says_what_the_readable_one_says(entries):
    assert catalogue.MO.read_bytes() == catalogue.compile_mo(entries.values())
    with catalogue.MO.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message, entry in entries.items():
        if message.plural:
            both = [compiled.ngettext(message.text, message.plural, n) for n in (1, 2)]
            assert both == entry.german
        else:
            assert compiled.gettext(message.text) == entry.german[0]


def test_placeholders_are_the_same_in_both_languages(entries):
    for message, entry in entries.items():
        for german in entry.german:
            assert _placeholders(german) == _placeholders(
                message.plural or message.text
            ), message


def _placeholders(text):
    import re

    return sorted(re.findall(r"%\(\w+\)[sd]|\{\w*\}", text))


def test_the_readable_file_keeps_its_form(entries):
    assert catalogue.PO.read_text() == catalogue.write_po(entries.values())


def test_django_finds_it():
    with override("de"):
        assert translated("branch") == "Filiale"
    with override("en"):
        assert translated("branch") == "branch"


def test_texts_are_found_in_code_and_templates():
    code = 'x = _("one" " text"); ngettext("%d row", "%d rows", n); _(variable)'
    template = (
        '{% load i18n %}{% translate "Two" %}{% blocktranslate count n=n %}'
        "{{ n }} call{% plural %}{{ n }} calls{% endblocktranslate %}"
    )

    assert list(catalogue.of_python(code)) == [
        Message("one text"),
        Message("%d row", "%d rows"),
    ]
    assert list(catalogue.of_template(template)) == [
        Message("Two"),
        Message("%(n)s call", "%(n)s calls"),
    ]


def test_a_fuzzy_entry_is_not_complete():
    text = '#, fuzzy\nmsgid "one"\nmsgstr "eins"\n\nmsgid "two"\nmsgstr ""\n"zwei"\n'

    entries = catalogue.read_po(text)

    assert entries == {
        Message("one"): Entry(Message("one"), ["eins"], is_fuzzy=True),
        Message("two"): Entry(Message("two"), ["zwei"]),
    }
    assert not entries[Message("one")].is_complete
    assert b"eins" not in catalogue.compile_mo(entries.values())


@pytest.mark.parametrize("text", ["msgid one", 'msgid "a"\nmsgstr ""\n\nmsgid "a"\n'])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises(catalogue.BadCatalogue):
        catalogue.read_po(text)


def test_the_command_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogue, "PO", tmp_path / "django.po")
    monkeypatch.setattr(catalogue, "MO", tmp_path / "django.mo")
    catalogue.PO.write_text('msgid "branch"\nmsgstr "Filiale"\n')

    with pytest.raises(CommandError, match="company"):
        call_command("compile_catalogue", "--update")

    assert b"Filiale" in catalogue.MO.read_bytes()
    assert 'msgid "company"\nmsgstr ""' in catalogue.PO.read_text()
