"""Bodies of PagerDuty and Stripe, both generations, as their documents describe them."""

import base64
import datetime
import itertools
import time

from messages import encode, fresh

PAIRS = {"trigger": "triggered", "acknowledge": "acknowledged", "unacknowledge": "unacknowledged",
         "resolve": "resolved", "assign": "reassigned", "escalate": "escalated", "delegate": "delegated",
         "annotate": "annotated"}
BASIC = "Basic " + base64.b64encode(b"user:pass").decode()
numbers = itertools.count(1)


def at(seconds, digits=False):
    moment = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (".169Z" if digits else "Z")


class Transition:
    """Something that happened to an incident, told by v2 (each extension sends its own message) and by v3."""

    def __init__(self, incident, what, happened=None, service="PSVC001"):
        self.incident, self.what, self.service = incident, what, service
        self.happened = happened if happened is not None else time.time()
        self.event_id = fresh()

    def message(self, extension="PHOOK01"):
        return {"event": f"incident.{self.what}", "id": fresh(), "created_on": at(self.happened),
                "webhook": {"id": extension, "type": "webhook"},
                "incident": {"id": self.incident, "service": {"id": self.service}}}

    def v2(self, extension="PHOOK01"):
        return {"messages": [self.message(extension)]}

    def v3(self):
        data = {"id": self.incident, "type": "incident", "service": {"id": self.service}}
        if self.what == "annotate":
            data = {"id": fresh(), "type": "incident_note", "incident": {"id": self.incident}}
        return {"event": {"id": self.event_id, "event_type": f"incident.{PAIRS[self.what]}", "resource_type": "incident",
                          "occurred_at": at(self.happened, True), "data": data}}


class Change:
    """Something that happened to an object, told by a snapshot event and by a thin one."""

    def __init__(self, kind, happened=None):
        self.kind, self.number = kind, next(numbers)
        self.happened = happened if happened is not None else time.time()
        self.id, self.thin_id = f"evt_{fresh()}", f"evt_test_{fresh()}"

    def snapshot(self):
        return {"id": self.id, "object": "event", "type": self.kind, "created": int(self.happened), "livemode": False,
                "data": {"object": {"id": f"obj_{self.number}"}}}

    def thin(self):
        return {"id": self.thin_id, "object": "v2.core.event", "type": f"v1.{self.kind}",
                "created": at(self.happened, True), "snapshot_event": self.id,
                "related_object": {"id": f"obj_{self.number}"}}


def body(content):
    return encode(content)
