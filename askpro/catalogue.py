"""The message catalogue without GNU gettext: what is to be translated, and compiled.

English texts stand in the code; their German is kept in ``locale/de`` as a ``.po``
file for people and a ``.mo`` file for Django. Both are committed.
"""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

BASE_DIR = Path(__file__).resolve().parent.parent
FOLDER = BASE_DIR / "askpro" / "locale" / "de" / "LC_MESSAGES"
PO, MO = FOLDER / "django.po", FOLDER / "django.mo"
APPS = ("askpro", "tenants", "bookings", "integrations", "webhooks")
HEADER = (
    "Project-Id-Version: askpro\n"
    "Language: de\n"
    "MIME-Version: 1.0\n"
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Plural-Forms: nplurals=2; plural=(n != 1);\n"
)
SINGULAR = {"_", "gettext", "gettext_lazy", "gettext_noop"}
PLURAL = {"ngettext", "ngettext_lazy"}
_LITERAL = r"""u?('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_IN_TEMPLATE = re.compile(rf"\b(n?gettext|_)\(\s*{_LITERAL}(?:\s*,\s*{_LITERAL})?")


class BadCatalogue(ValueError):
    """The ``.po`` file can't be read; the message names the line."""


@dataclass(frozen=True, order=True)
class Message:
    """An English text; with a plural where it counts something."""

    text: str
    plural: str = ""


@dataclass
class Entry:
    """A message and its German, one text or two."""

    message: Message
    german: list[str]
    is_fuzzy: bool = False

    @property
    def is_complete(self) -> bool:
        """Tell whether each form has its German."""
        forms = 2 if self.message.plural else 1
        return len(self.german) == forms and all(self.german) and not self.is_fuzzy


# --- what the code says ------------------------------------------------------------


def of_ours() -> set[Message]:
    """Return every text of our code and templates."""
    folders = [BASE_DIR / app for app in APPS]
    return set(of_folders([*folders, BASE_DIR / "templates"]))


def of_folders(folders: Iterable[Path]) -> Iterator[Message]:
    """Yield the texts of the Python files and templates below some folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            if "migrations" not in path.parts:
                yield from of_python(path.read_text())
        for kind in ("*.html", "*.txt"):
            for path in sorted(folder.rglob(kind)):
                yield from of_template(path.read_text())


def of_python(source: str) -> Iterator[Message]:
    """Yield the literal texts that a module passes to gettext."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        texts = [
            argument.value
            for argument in node.args[:2]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        if name in SINGULAR and texts:
            yield Message(texts[0])
        elif name in PLURAL and len(texts) == len(Message.__match_args__):
            yield Message(*texts)


def of_template(source: str) -> Iterator[Message]:
    """Yield the texts that a template translates."""
    for function, text, plural in _IN_TEMPLATE.findall(templatize(source)):
        is_counted = function == "ngettext" and plural
        yield Message(
            ast.literal_eval(text), ast.literal_eval(plural) if is_counted else ""
        )


# --- the file for people -----------------------------------------------------------


def read_po(text: str) -> dict[Message, Entry]:
    """Return the entries of a ``.po`` file, its header left out.

    :raises BadCatalogue: a line has another form, or a message stands twice.
    """
    entries: dict[Message, Entry] = {}
    for block in re.split(r"\n\s*\n", text.strip()):
        entry = _entry(block)
        if entry is None:
            continue
        if entry.message in entries:
            raise BadCatalogue(f"twice: {entry.message.text!r}")
        entries[entry.message] = entry
    return entries


def _entry(block: str) -> Entry | None:
    fields: dict[str, str] = {}
    current, is_fuzzy = "", False
    for line in block.splitlines():
        if line.startswith("#"):
            is_fuzzy = is_fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        found = re.fullmatch(r'(?:(\w+(?:\[\d\])?) )?(".*")', line.strip())
        if found is None:
            raise BadCatalogue(f"not understood: {line!r}")
        current = found[1] or current
        fields[current] = fields.get(current, "") + ast.literal_eval(found[2])
    if not fields.get("msgid"):
        return None
    german = [fields[name] for name in sorted(fields) if name.startswith("msgstr")]
    message = Message(fields["msgid"], fields.get("msgid_plural", ""))
    return Entry(message, german, is_fuzzy)


def write_po(entries: Iterable[Entry]) -> str:
    """Return a ``.po`` file, sorted, so that two people's changes rarely meet."""
    blocks = [f'msgid ""\nmsgstr ""\n{_lines(HEADER)}']
    for entry in sorted(entries, key=lambda one: one.message):
        lines = ["#, fuzzy"] if entry.is_fuzzy else []
        lines.append(f"msgid {_quoted(entry.message.text)}")
        if entry.message.plural:
            lines.append(f"msgid_plural {_quoted(entry.message.plural)}")
            german = [*entry.german, "", ""][:2]
            lines += [f"msgstr[{n}] {_quoted(one)}" for n, one in enumerate(german)]
        else:
            lines.append(f"msgstr {_quoted(''.join(entry.german[:1]))}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _lines(text: str) -> str:
    return "\n".join(_quoted(line) for line in text.splitlines(keepends=True))


# --- the file for Django -----------------------------------------------------------


def compile_mo(entries: Iterable[Entry]) -> bytes:
    """Return the ``.mo`` file of the complete entries.

    Source: https://www.gnu.org/software/gettext/manual/html_node/MO-Files.html
    """
    texts = {b"": HEADER.encode()}
    for entry in entries:
        if entry.is_complete:
            parts = [entry.message.text, entry.message.plural]
            key = "\0".join(part for part in parts if part).encode()
            texts[key] = "\0".join(entry.german).encode()
    keys = sorted(texts)
    values = [texts[key] for key in keys]
    start = 28 + 16 * len(keys)
    key_table, start = _table(keys, start)
    value_table, _ = _table(values, start)
    header = (0x950412DE, 0, len(keys), 28, 28 + 8 * len(keys), 0, 0)
    data = b"".join(text + b"\0" for text in [*keys, *values])
    return struct.pack("<7I", *header) + key_table + value_table + data


def _table(texts: list[bytes], start: int) -> tuple[bytes, int]:
    """Return length and place of each text, and where the next one begins."""
    table = b""
    for text in texts:
        table += struct.pack("<2I", len(text), start)
        start += len(text) + 1
    return table, start
