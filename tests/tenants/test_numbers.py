"""Every spelling of a number is one number; what is none is nothing."""

from __future__ import annotations

import pytest

from tenants.numbers import e164


@pytest.mark.parametrize(
    "spoken",
    [
        "+493083793369",
        "+49 30 837 93 369",
        "0049 30 83793369",
        "030 83793369",
        "(030) 837-93369",
        "+49 (0)30 83793369",
        "030/83793369",
    ],
)
def test_spellings_of_one_number(spoken):
    assert e164(spoken) == "+493083793369"


def test_foreign_numbers_stay_valid():
    assert e164("+43 1 5057000") == "+4315057000"
    assert e164("01 5057000", region="AT") == "+4315057000"


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "anonymous",
        "unknown",
        "restricted",
        "0",
        "12",
        "+",
        "x" * 500,
        "\0",
        "+49\n",
    ],
)
def test_what_is_no_number(odd):
    assert e164(odd) is None
