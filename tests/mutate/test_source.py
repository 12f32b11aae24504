"""One line of the code is changed in a copy of the tree; the named tests must fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from askpro.embedded import BASE_DIR
from tests.mutate import report
from tests.mutate.source import CHANGES

pytestmark = pytest.mark.mutate

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "var", "__pycache__")
#: A copy makes databases of its own, on the servers of this run. It reads its settings
#: after it has named them: with the module named before, nothing would connect.
NAMED_HERE = (
    *("DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_READER_URL", "REDIS_URL"),
    "DJANGO_SETTINGS_MODULE",
)


@pytest.fixture
def copy(tmp_path):
    """Another tree with the same sources."""
    shutil.copytree(BASE_DIR, tmp_path / "tree", ignore=LEFT_OUT)
    yield tmp_path / "tree"
    shutil.rmtree(tmp_path / "tree")


def _run(tree: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in NAMED_HERE
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *tests],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_named_tests_pass_where_nothing_is_changed(copy):
    ended = _run(copy, *sorted({test for one in CHANGES for test in one.tests}))

    assert ended.returncode == 0, ended.stdout[-3000:]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_line_is_missed(change, copy):
    source = copy / change.file
    text = source.read_text()
    assert text.count(change.old) == 1, "the line has changed: name it anew"
    source.write_text(text.replace(change.old, change.new))

    ended = _run(copy, *change.tests)

    # A test failed; an error in its set-up would be no proof.
    is_missed = ended.returncode == 1 and "\nFAILED " in ended.stdout
    report.note_source(change, ended.stdout if is_missed else "")
    assert is_missed, ended.stdout[-2000:]
