import pytest

from tests.integrations.sandbox.stand_in import StandIn


@pytest.fixture
def web():
    stand_in = StandIn()
    yield stand_in
    stand_in.close()
