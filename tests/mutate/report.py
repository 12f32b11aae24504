"""What was taken away and what noticed it, as a section of ``docs/security.md``."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

from askpro.embedded import BASE_DIR

#: Only ``make mutate`` rewrites the document.
_IS_WRITTEN = "ASKPRO_MUTATE_WRITES" in os.environ
#: Several processes write here; the last one to end makes a table of it.
NOTES = Path(os.environ.get("ASKPRO_VAR", "var")) / "mutate.md"
DOCUMENT = BASE_DIR / "docs" / "security.md"


def write_database(results: list[tuple[Any, str, str]]) -> None:
    """Write one line for each kind of part: how many, and what noticed them."""
    kinds = list(dict.fromkeys(one.kind for one, _, _ in results))
    lines = [
        "| Taken away | Parts | By trying | By reading | Nobody | For example |",
        "|---|---|---|---|---|---|",
    ]
    for kind in kinds:
        of_kind = [(tried, read) for one, tried, read in results if one.kind == kind]
        by_trying = sum(bool(tried) for tried, _ in of_kind)
        by_reading = sum(bool(read) for _, read in of_kind)
        nobody = sum(not tried and not read for tried, read in of_kind)
        example = Counter(
            (tried or read).partition(": ")[2] or tried or read
            for tried, read in of_kind
            if tried or read
        ).most_common(1)
        said = example[0][0] if example else ""
        lines.append(
            f"| {kind} | {len(of_kind)} | {by_trying} | {by_reading} | {nobody}"
            f" | {said} |"
        )
    total = Counter(
        "trying" if tried else "reading" if read else "nobody"
        for _, tried, read in results
    )
    lines += [
        "",
        f"{len(results)} parts: {total['trying']} noticed by trying,"
        f" {total['reading']} by reading the catalogue alone,"
        f" {total['nobody']} by nobody.",
    ]
    for one, tried, read in results:
        if not tried and not read:
            lines.append(f"\nNot noticed: {one.kind}, {one.table} {one.part}.")
    replace("database", lines)


def note_source(change: Any, told: str) -> None:
    """Keep which test failed first after a change of the code; "" where none did."""
    if not _IS_WRITTEN:
        return
    failed = re.search(r"^FAILED (\S+)|^ERROR (\S+)", told, re.MULTILINE)
    by = (failed[1] or failed[2]) if failed else "**nobody**"
    test = by.rpartition("/")[2].partition("[")[0]
    with NOTES.open("a") as notes:
        notes.write(f"| `{change.file}` | {change.name} | {test} |\n")


def write_source() -> None:
    """Write one line for each change of the code that was noted."""
    lines = ["| In | Changed | Noticed by |", "|---|---|---|"]
    if NOTES.exists():
        lines += sorted(NOTES.read_text().splitlines())
        NOTES.unlink()
        replace("source", lines)


def replace(section: str, lines: list[str], document: Path = DOCUMENT) -> None:
    """Put lines between the marks of a section."""
    if not _IS_WRITTEN:
        return
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    text = document.read_text()
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    body = "\n".join(lines)
    document.write_text(f"{before}{begin}\n\n{body}\n\n{end}{after}")


if __name__ == "__main__":
    write_source()
