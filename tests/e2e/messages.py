"""Bodies of both generations, with ids of their own unless told otherwise."""

import datetime
import json
import uuid


def fresh():
    return str(uuid.uuid4())


def now(offset_s=0):
    """RFC 3339 with seven digits, as the sender writes it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def encode(body):
    return json.dumps(body).encode()


def without_none(**members):
    return {name: value for name, value in members.items() if value is not None}


# --- envelopes

RULE_ID = "70af3071-65d9-4ec3-b3cb-5283e8d55dac"
CLIENT_ID = "bae71d36-ff47-420a-b4a6-f8c9ddf41140"


def rule(rule_type, data=None, company=None, connection=None, alert_id=None, rule_id=RULE_ID):
    return without_none(
        AlertId=alert_id or fresh(), RuleType=rule_type, RuleId=rule_id, ClientId=CLIENT_ID, ClientName="Bank of Dave",
        CompanyId=company, DataConnectionId=connection, Message=f"{rule_type} happened", Data=data)


def event(event_type, payload, event_id=None, generated=None):
    return {"id": event_id or fresh(), "eventType": event_type, "generatedDate": generated or now(), "payload": payload}


def reference(company):
    return {"id": company, "name": "Toft stores", "links": {"portal": f"https://app.example/{company}"}}


# --- what happens in the world, told by either generation

class RateLimit:
    """`what`: reached or reset. It has no company, so all of one kind state one fact."""

    def __init__(self, what="reached"):
        self.what = what

    def rule(self, **more):
        data = {"DailyQuota": 1000, "ExpiresUtc": "2023-05-03T00:00:00Z"}
        return rule(f"Rate Limit {self.what.title()}", data, **more)

    def event(self, **more):
        payload = {"dailyQuota": 1000, "quotaRemaining": 0, "expiryDate": now(3600)}
        return event(f"client.rateLimit.{self.what}", payload, **more)


class Connection:
    """`what`: created, connected, disconnected, reconnected, deleted."""

    TRANSITIONS = {
        "created": (None, "PendingAuth"), "connected": ("PendingAuth", "Linked"),
        "disconnected": ("Linked", "Unlinked"), "reconnected": ("Unlinked", "Linked"), "deleted": (None, None)}

    def __init__(self, what="connected", company=None, connection=None):
        self.what, self.company, self.connection = what, company or fresh(), connection or fresh()

    def rule(self, **more):
        old, new = self.TRANSITIONS[self.what]
        data = {"dataConnectionId": self.connection, "newStatus": new, "oldStatus": old, "platformKey": "gbol"}
        return rule("DataConnectionStatusChanged", data, self.company, self.connection, **more)

    def event(self, **more):
        connection = {"id": self.connection, "integrationKey": "gbol", "platformName": "Xero",
                      "status": self.TRANSITIONS[self.what][1] or "Linked", "sourceType": "Banking"}
        payload = {"referenceCompany": reference(self.company), "connection": connection}
        return event(f"connection.{self.what}", payload, **more)


class SyncConnectionDeleted(Connection):
    """The same event as a connection that is deleted, told by another rule, which knows the company alone."""

    def __init__(self):
        super().__init__("deleted")

    def rule(self, **more):
        return rule("Sync Connection Deleted", None, self.company, **more)


class Read:
    """Data types of one connection were read. `kind` is what rule() tells of: completed, changed or error."""

    RULES = {"completed": "Data sync completed", "changed": "Dataset data changed",
             "error": "Data Sync Status Changed To Error"}

    def __init__(self, kind="completed", data_types=("invoices",), company=None, connection=None):
        self.kind, self.data_types = kind, list(data_types)
        self.company, self.connection = company or fresh(), connection or fresh()

    def rule(self, data_type=None, kind=None, **more):
        kind = kind or self.kind
        data = {"dataType": data_type or self.data_types[0], "datasetId": fresh()}
        if kind == "error":
            data["datasetStatus"] = "ProcessingError"
        return rule(self.RULES[kind], data, self.company, self.connection, **more)

    def element(self, data_type, kind=None):
        kind = kind or self.kind
        return {"connectionId": self.connection, "dataType": data_type, "recordsModified": kind == "changed",
                "status": "ProcessingError" if kind == "error" else "Complete"}

    def event(self, elements=None, **more):
        elements = elements or [self.element(data_type) for data_type in self.data_types]
        payload = {"referenceCompany": reference(self.company), "modifiedFromDate": now(-3600), "dataTypes": elements}
        return event("read.completed", payload, **more)


class FirstRead(Read):
    """A new company is synchronised for the first time."""

    def rule(self, **more):
        return rule("New company synchronised", {}, self.company, self.connection, **more)

    def event(self, **more):
        return dict(super().event(**more), eventType="read.completed.initial")


class Push:
    """`status`: Success, Failed or TimedOut."""

    def __init__(self, status="Success", data_type="invoices"):
        self.status, self.data_type = status, data_type
        self.key, self.company, self.connection = fresh(), fresh(), fresh()

    def rule(self, **more):
        data = {"dataType": self.data_type, "status": self.status, "pushOperationKey": self.key}
        return rule("Push Operation Status Changed()", data, self.company, self.connection, **more)

    def event(self, **more):
        ending = "successful" if self.status == "Success" else "unsuccessful"
        payload = {"id": self.key, "type": "Create", "referenceCompany": reference(self.company),
                   "connectionId": self.connection, "requestedOnDate": now(-60), "completedOnDate": now(),
                   "status": self.status}
        return event(f"{self.data_type}.write.{ending}", payload, **more)


class PushTimedOut(Push):
    """Raises two alerts: rule() is the one of its own, status_rule() the one that every push raises."""

    def __init__(self):
        super().__init__("TimedOut")

    def rule(self, **more):
        data = {"dataType": self.data_type, "pushOperationGuid": self.key}
        return rule("Push Operation Timed Out", data, self.company, self.connection, **more)

    def status_rule(self, **more):
        return super().rule(**more)


class ExpenseSync:
    """`succeeded` or not."""

    def __init__(self, succeeded=True):
        self.succeeded, self.sync, self.company = succeeded, fresh(), fresh()

    def rule(self, **more):
        data = {"syncId": self.sync, "syncType": "Expense"}
        if not self.succeeded:
            data["FailureStage"] = "Pushing"
        return rule("Sync Completed" if self.succeeded else "Sync Failed", data, self.company, **more)

    def event(self, **more):
        ending = "successful" if self.succeeded else "unsuccessful"
        payload = {"referenceCompany": reference(self.company), "syncId": self.sync}
        return event(f"expenses.sync.{ending}", payload, **more)


# The replaced rule types, each with an occurrence that it and its event tell of.
REPLACED = {
    "ClientRateLimitReached": lambda: RateLimit("reached"),
    "ClientRateLimitReset": lambda: RateLimit("reset"),
    "DataConnectionStatusChanged created": lambda: Connection("created"),
    "DataConnectionStatusChanged connected": lambda: Connection("connected"),
    "DataConnectionStatusChanged disconnected": lambda: Connection("disconnected"),
    "DataConnectionStatusChanged reconnected": lambda: Connection("reconnected"),
    "DataConnectionStatusChanged deleted": lambda: Connection("deleted"),
    "DataSyncCompleted": lambda: Read("completed"),
    "DatasetDataChanged": lambda: Read("changed"),
    "DataSyncStatusChangedToError": lambda: Read("error"),
    "NewCompanySynchronized": lambda: FirstRead(),
    "PushOperationStatusChanged successful": lambda: Push("Success"),
    "PushOperationStatusChanged unsuccessful": lambda: Push("Failed", "banking-accounts"),
    "PushOperationTimedOut": PushTimedOut,
    "SyncCompleted": lambda: ExpenseSync(True),
    "SyncFailed": lambda: ExpenseSync(False),
    "SyncConnectionDeleted": SyncConnectionDeleted,
}

# Facts that name one occurrence for ever.
EXACT = [name for name in REPLACED if name.startswith(("Push", "SyncCompleted", "SyncFailed"))]


def account_categories_updated():
    """A rule that nothing replaces."""
    return rule("Account Categories Updated", {"modifiedDate": now()}, fresh(), fresh())


def company_created():
    """An event that replaces nothing."""
    return event("company.created", {"id": fresh(), "name": "Toft stores"})
