"""A web process on a real socket, for the clients that others wrote."""

from __future__ import annotations

import pytest

from askpro.demo.processes import Processes
from tests import factories
from tests.system import free_port


@pytest.fixture(scope="module")
def web_url(django_db_setup, tmp_path_factory):
    """Return the address of a web process that serves this run's database."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with Processes(
        tmp_path_factory.mktemp("web"),
        PUBLIC_BASE_URL=url,
        KEY_REQUESTS_PER_MINUTE="1000000",
        # A connection for each thread: nobody waits for another's.
        DATABASE_POOL_SIZE="64",
    ) as web:
        web.start("web", "web", "--port", str(port))
        web.wait_for("web", f"{url}/healthz")
        yield url


@pytest.fixture
def branch(_django_db_helper):
    """Return a branch that lacks nothing, in a company of its own."""
    return factories.make_ready_branch(company=factories.make_company())
