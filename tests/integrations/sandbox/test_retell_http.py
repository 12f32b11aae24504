import threading

import pytest

from integrations.sandbox import retell, retell_state, wire
from integrations.sandbox.retell_state import Kind
from integrations.sandbox.server import SandboxServer
from integrations.sandbox.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(db):
    server = SandboxServer(0)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.base_url
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_client_reaches_it_with_its_key(sandbox):
    known = retell.connection(sandbox)
    address = f"{known['base_url']}/v2/list-phone-numbers?limit=1"
    key = {"Authorization": f"Bearer {known['api_key']}"}

    told = wire.send("GET", address, headers=key)
    refused = wire.send("GET", address)

    assert told.json()["items"][0]["phone_number"] == "+493083793369"
    assert refused.status == 401
    assert refused.json()["status"] == "error"


def test_broken_json_is_refused(sandbox):
    told = wire.send("POST", f"{sandbox}/retell/v3/list-calls", b"{")

    assert (told.status, told.json()["status"]) == (400, "error")


def test_a_caller_reads_its_world_and_leaves_its_call_behind(sandbox, web):
    web.answers["call_inbound"] = [(200, {"call_inbound": {}})]
    world = World.of_sandbox(web.url, sandbox)
    caller = world.caller("+493023125042")
    caller.ring()
    caller.start()
    caller.hang_up()

    call = retell_state.find(Kind.CALL, caller.call_id)
    assert call["call_status"] == "ended"
    assert call["agent_id"] == retell_state.AGENT_ID


def test_the_levers_of_a_scenario_work(sandbox):
    world = World.of_sandbox("http://127.0.0.1:9", sandbox)

    world.occupy(world.workday(0), 14)
    world.fault("* /v2/*", status=503)
    world.fault("POST /v2/bookings", delay_after_s=12.0)
    world.clear_faults()
