"""What watches us hears a word, and of the process also while PostgreSQL is away."""

from __future__ import annotations

import pytest
from django.utils import translation


def test_a_process_lives_without_a_database(client):
    # Without the mark django_db a question to the database fails.
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_readiness_asks_the_database(client, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert client.get("/readyz", headers={"accept": "text/plain"}).json() == {
            "status": "ok"
        }


def test_the_language_of_the_browser_before_speaks_at_no_machine_door(client):
    translation.activate("en")

    client.get("/healthz")

    assert translation.get_language() == "de"
