"""`check` looks at what `serve` will open, and at names that must be in the catalogue."""

import os

import pytest

from certificates import self_signed
from proxy import run


def check(proxy):
    proxy.write_settings()
    done = run("check", "--config", proxy.settings_path)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.mark.parametrize("key, value, status, told", [
    ("assign", {"SyncStartd": "new"}, 2, 'assign: "SyncStartd" is no type of the catalogue; did you mean "SyncStarted"?'),
    ("assign", {"AccountCategoriesUpdated": "new"}, 0, "good"),
    ("assign", {"bespoke.happening": "legacy"}, 0, 'assign: warning: "bespoke.happening" is no type of the catalogue'),
    ("endpoints.legacy.routes", {"SyncComplted": "http://127.0.0.1:1/a"}, 2, 'did you mean "SyncCompleted"?'),
    ("endpoints.new.routes", {"expenses.sync.succesful": "http://127.0.0.1:1/a"}, 2,
     'did you mean "expenses.sync.successful"?'),
    ("endpoints.new.routes", {"invoices.write.successful": "http://127.0.0.1:1/a"}, 0, "good"),
    ("pairing.prefer_by_type", {"read.completd": "new"}, 2, 'did you mean "read.completed"?'),
    ("pairing.prefer_by_type", {"SyncCompleted": "new"}, 2, "is a type of rules"),
    ("pairing.prefer_by_type", {"company.created": "new"}, 2, "has no counterpart"),
    ("pairing.prefer_by_type", {"read.completed": "new"}, 0, "good"),
])
def test_types_are_checked_against_the_catalogue(make, key, value, status, told):
    """A name of a type that is almost right, or has no effect where it stands, is an error of `check`; one that nobody
    knows is a warning. (fault 6.2)"""
    proxy = make()
    proxy.settings[key] = value
    code, text = check(proxy)
    assert told in text
    assert code == status, text


def test_store_that_cannot_be(make, tmp_path):
    """The folder of the store must be there, be a folder and be writable; its file must be one. (fault 6.2)"""
    proxy = make()
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path, told in ((tmp_path / "gone" / "messages.db", "create it"), (tmp_path / "file" / "messages.db", "no folder"),
                       (tmp_path / "folder", "is not a file")):
        proxy.settings["store.url"] = f"sqlite:{path}"
        code, text = check(proxy)
        assert code == 2 and told in text and "store.url" in text, text
    proxy.settings["store.url"] = f"sqlite:{tmp_path}/messages.db"
    assert check(proxy)[0] == 0
    assert not os.path.exists(tmp_path / "messages.db"), "check changes nothing"


def test_key_of_another_certificate(make, tmp_path):
    """A key that does not belong to its certificate is found by `check`, for the listener and for both consumers.
    (fault 6.2)"""
    one, other = self_signed(tmp_path, "one"), self_signed(tmp_path, "other")
    for cert, key in (("listen.tls.cert", "listen.tls.key"), ("endpoints.new.client_cert", "endpoints.new.client_key"),
                      ("endpoints.legacy.client_cert", "endpoints.legacy.client_key")):
        proxy = make()
        proxy.settings[cert], proxy.settings[key] = str(one.cert), str(other.key)
        code, text = check(proxy)
        assert code == 2 and cert.rsplit(".", 1)[0] in text, text
        proxy.settings[key] = str(one.key)
        assert check(proxy)[0] == 0
