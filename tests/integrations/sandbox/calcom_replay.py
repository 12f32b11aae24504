"""Replays recorded exchanges of the real Cal.com against the sandbox.

Uids and numbers differ from run to run: what a recording calls one thing and the
sandbox another is learned from the answers, and put into later requests.
"""

import http.client
import json
import re
import threading
from pathlib import Path
from urllib.parse import urlsplit

from integrations.sandbox import installation
from integrations.sandbox.calcom_event_types import default_fields
from integrations.sandbox.models import (
    CalcomApiKey,
    CalcomEventType,
    CalcomSchedule,
    CalcomUser,
)

RECORDINGS = Path(__file__).parents[2] / "payloads" / "calcom" / "recordings"
ANY_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d\d:\d\d)")
NOT_OURS = {"Date", "Server", "Content-Length", "Connection"}
LEARNED = {"uid", "reservationUid", "seatUid", "rescheduledToUid", "bookingUid"}
BY_SHAPE = {
    "id",
    "ownerId",
    "userId",
    "defaultScheduleId",
    "eventTypeId",
    "createdAt",
    "updatedAt",
    "timestamp",
    "reservationUntil",
    "icsUid",
    "link",
    "scheduleId",
    "seatUid",
    "bookingId",
    "upId",
    "schedule",
}


def recording(name):
    return json.loads((RECORDINGS / f"{name}.json").read_text())


class Answer:
    """What came back."""

    def __init__(self, status, headers, raw):
        self.status, self.headers, self.raw = status, headers, raw

    @property
    def body(self):
        return json.loads(self.raw)


def ask(base_url, method, path, *, headers=None, body=None, timeout=30):
    """Send one request over a connection of its own."""
    address = urlsplit(base_url)
    line = http.client.HTTPConnection(address.hostname, address.port, timeout=timeout)
    raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} if raw is not None else {}
    try:
        line.request(
            method, address.path + path, body=raw, headers=sent | (headers or {})
        )
        answer = line.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        line.close()


class Replay:
    """A salon like the recorded one, and what its things are called here."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.names = {}
        self.event_types = {}
        self._make_people()

    def _make_people(self):
        installation.ensure()
        self.owner = CalcomUser.objects.create(
            username="salon-beispiel",
            email="erika@salon.example",
            name="Erika Beispiel",
        )
        CalcomSchedule.objects.create(
            owner=self.owner,
            name="Öffnungszeiten",
            time_zone="Europe/Berlin",
            availability=[
                {
                    "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
                    "startTime": "09:00",
                    "endTime": "17:00",
                }
            ],
            is_default=True,
        )
        stranger = CalcomUser.objects.create(
            username="fremd", email="fremd@salon.example", name="Fremd"
        )
        for letter in "abcdefg":
            self._key(f"key_{letter * 4}", self.owner)
        for name in ("key_old", "key_refresh", "key_rate1"):
            self._key(name, self.owner)
        self._key("key_fremd", stranger)
        CalcomApiKey.objects.filter(key="cal_key_old").update(
            expires_at="2026-01-01T00:00:00Z"
        )

    @staticmethod
    def _key(name, user):
        CalcomApiKey.objects.create(key=f"cal_{name}", user=user)

    def make_event_type(self, number, slug, title, length=30, fields=None, **settings):
        """Make an event type that no recording makes."""
        address = "Musterstraße 1, 10115 Berlin"
        place = {"type": "address", "address": address, "public": True}
        made = CalcomEventType.objects.create(
            owner=self.owner,
            slug=slug,
            title=title,
            length_min=length,
            booking_fields=fields or default_fields(),
            settings={"locations": [place]} | settings,
        )
        self.event_types[number] = made.pk
        return made

    def post_event_type(self, number, body):
        """Make an event type through the interface."""
        place = {"type": "address", "address": "Musterstraße 1, 10115 Berlin"}
        answer = ask(
            self.base_url,
            "POST",
            "/v2/event-types",
            headers={
                "Authorization": "Bearer cal_key_aaaa",
                "cal-api-version": "2024-06-14",
            },
            body={"locations": [place | {"public": True}]} | body,
        )
        assert answer.status == 201, answer.raw
        self.event_types[number] = answer.body["data"]["id"]

    def book(self, name, start, event_type=1, **more):
        """Book as an exchange did that was not recorded; name its uid as there."""
        attendee = {
            "name": "Max Muster",
            "email": "max@muster.example",
            "timeZone": "Europe/Berlin",
            "language": "de",
        } | more.pop("attendee", {})
        number = self.event_types.get(event_type, event_type)
        wish = {"start": start, "eventTypeId": number, "attendee": attendee} | more
        answer = ask(
            self.base_url,
            "POST",
            "/v2/bookings",
            headers={"cal-api-version": "2024-08-13"},
            body=wish,
        )
        assert answer.status == 201, answer.raw
        self.names[name] = answer.body["data"]["uid"]
        return self.names[name]

    def play(self, *names):
        """Replay exchanges one after the other, each compared; return the last."""
        for name in names:
            answer = self.send(name)
            self.compare(name, answer)
        return answer

    def send(self, name):
        """Send the recorded request as it would be sent here."""
        request = recording(name)["request"]
        headers = dict(request.get("headers", {}))
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if token.startswith("key_"):
            headers["Authorization"] = f"Bearer cal_{token}"
        body = request.get("body")
        body = body.encode() if isinstance(body, str) else self._here(body)
        return ask(
            self.base_url,
            request["method"],
            self._path(request["path"]),
            headers=headers,
            body=body,
        )

    def send_get(self, path):
        """Read something as nobody in particular."""
        headers = {"cal-api-version": "2024-08-13"}
        return ask(self.base_url, "GET", path, headers=headers)

    def get_as_owner(self, path):
        """Read something with the salon's key."""
        headers = {
            "Authorization": "Bearer cal_key_aaaa",
            "cal-api-version": "2024-08-13",
        }
        return ask(self.base_url, "GET", path, headers=headers)

    def _path(self, path):
        for there, here in self.names.items():
            path = path.replace(there, here)
        path = re.sub(r"(eventTypeId=)(\d+)", self._number, path)
        return re.sub(r"(/event-types/)(\d+)", self._number, path)

    def _number(self, found):
        number = int(found[2])
        return f"{found[1]}{self.event_types.get(number, number)}"

    def _here(self, value, key=""):
        if isinstance(value, dict):
            return {name: self._here(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._here(inner) for inner in value]
        if key == "eventTypeId":
            return self.event_types.get(value, value)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text):
        for there, here in self.names.items():
            text = text.replace(there, here)
        return re.sub(
            r"\b(id=|ID |id |eventTypeId=)(\d+)\b",
            lambda found: f"{found[1]}{self.event_types.get(int(found[2]), found[2])}",
            text,
        )

    def compare(self, name, answer):
        """Compare an answer with the recorded one, and learn what it is called."""
        there = recording(name)["response"]
        told = f"{name}: {answer.raw.decode()[:600]}"
        assert answer.status == there["status"], told
        self.compare_headers(name, there["headers"], answer.headers)
        self.learn(there["body"], answer.body)
        differences = list(self.differences(there["body"], answer.body, name))
        assert not differences, "\n".join(differences)

    @staticmethod
    def compare_headers(name, there, here):
        expected = set(there) - NOT_OURS
        assert set(here) - NOT_OURS == expected, name

    def learn(self, there, here):
        if isinstance(there, dict) and isinstance(here, dict):
            for key, value in there.items():
                other = here.get(key)
                is_name = key in LEARNED or (key == "id" and isinstance(value, str))
                if is_name and isinstance(value, str) and isinstance(other, str):
                    self.names.setdefault(value, other)
                self.learn(value, other)
            if "lengthInMinutes" in there and "id" in here:
                self.event_types.setdefault(there["id"], here["id"])
        elif isinstance(there, list) and isinstance(here, list):
            for value, other in zip(there, here, strict=False):
                self.learn(value, other)

    def differences(self, there, here, where, key=""):
        if isinstance(there, dict) and isinstance(here, dict):
            if there.keys() != here.keys():
                missing = sorted(there.keys() - here.keys())
                extra = sorted(here.keys() - there.keys())
                yield f"{where}: missing {missing}, extra {extra}"
            for name in there.keys() & here.keys():
                yield from self.differences(
                    there[name], here[name], f"{where}.{name}", name
                )
        elif isinstance(there, list) and isinstance(here, list):
            if len(there) != len(here):
                yield f"{where}: {len(here)} instead of {len(there)}"
            for place, (one, other) in enumerate(zip(there, here, strict=False)):
                yield from self.differences(one, other, f"{where}[{place}]", key)
        elif not self._is_alike(there, here, key):
            yield f"{where}: {here!r} instead of {there!r}"

    def _is_alike(self, there, here, key):
        if key in BY_SHAPE:
            return _shape(there) == _shape(here)
        if isinstance(there, str) and isinstance(here, str):
            if "Current time in UTC+0" in there:
                there, here = ANY_TIME.sub("T", there), ANY_TIME.sub("T", here)
            if key == "path":
                return self._path(there) == here
            return self._text(there) == here or there == here
        return type(there) is type(here) and there == here


def _shape(value):
    if isinstance(value, str):
        return ANY_TIME.sub("time", re.sub(r"^[\w-]+(@|$)", r"name\1", value))[:24]
    return type(value)


def at_once(*actions):
    """Do several things in parallel; return what each returned, in order."""
    results = [None] * len(actions)
    barrier = threading.Barrier(len(actions))

    def run(place, action):
        barrier.wait()
        results[place] = action()

    threads = [
        threading.Thread(target=run, args=(place, action))
        for place, action in enumerate(actions)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
