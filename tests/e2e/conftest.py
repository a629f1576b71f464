"""Fixtures: two consumers, and proxies in front of them that are checked once more when the test is over."""

import os
import random

import pytest

from certificates import self_signed, trusting
from consumer import Consumer
from proxy import Proxy


@pytest.fixture
def legacy():
    consumer = Consumer()
    yield consumer
    consumer.stop()


@pytest.fixture
def new():
    consumer = Consumer()
    yield consumer
    consumer.stop()


@pytest.fixture
def make(tmp_path, legacy, new):
    """make(**settings): a proxy that is not started; __ in names stands for the dot of a setting."""
    made = []

    def make_proxy(legacy_url=None, new_url=None, **settings):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Proxy(folder, legacy_url or legacy.url, new_url or new.url, **settings))
        return made[-1]

    yield make_proxy
    for proxy in made:
        try:
            if proxy.process:
                proxy.finish()
        finally:
            if proxy.is_running:
                proxy.process.kill()
            print("\n".join(proxy.log))  # shown where the test failed


@pytest.fixture
def start(make):
    """start(**settings): a proxy that is ready."""
    return lambda **settings: make(**settings).start()


@pytest.fixture(params=["plain", "TLS"])
def port(request, make, legacy, tmp_path):
    """port(**settings): a proxy that is ready, plain or with TLS, whose open() gives a connection."""
    def start(**settings):
        if request.param == "plain":
            proxy = make(**settings).start()
            proxy.open, proxy.consumer = proxy.connect, legacy
            return proxy
        identity = self_signed(tmp_path, "proxy")
        proxy = make(**identity.settings(), **settings).start()
        context = trusting(identity.cert)
        proxy.consumer = legacy
        proxy.open = lambda: context.wrap_socket(proxy.connect(), server_hostname="127.0.0.1")
        return proxy

    return start


@pytest.fixture(params=["sqlite", "memory"])
def store(request):
    """For tests whose behaviour must not depend on the store."""
    return request.param


@pytest.fixture
def chance():
    """Random numbers whose seed is shown where the test failed, and taken from HOOKSHIFT_SEED."""
    seed = int(os.environ.get("HOOKSHIFT_SEED", random.randrange(1 << 32)))
    print(f"HOOKSHIFT_SEED={seed}")
    return random.Random(seed)
