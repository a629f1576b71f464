"""The dashboard page as people use it, in a real browser. Pictures of it are left in .build/page."""

import contextlib
import itertools

import pytest

from browser import ROOT, Browser
from messages import Connection, ExpenseSync, Push, Read, company_created, rule

TOKEN = "of-the-operator"
PICTURES = ROOT / ".build/page"
ENTER, ESCAPE = "\ue007", "\ue00c"  # as WebDriver names keys


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with contextlib.closing(Browser(tmp_path_factory.mktemp("browser"))) as browser:
        yield browser


@pytest.fixture
def page(chromium, make):
    """The browser. When the test is over, and before `make` ends its proxies, the console must be clean, and the page
    must have asked its proxy alone."""
    chromium.look(1280, 900)
    chromium.forget()
    yield chromium
    complaints, origins = chromium.complaints(), chromium.origins()
    chromium.open("about:blank")
    assert complaints == []
    assert len(origins) == 1


def visit(page, proxy):
    page.open(f"http://127.0.0.1:{proxy.admin_port}/")
    return page


def give_token(page, token=TOKEN):
    page.type("#token", token)
    page.click("#token-form button[type=submit]")


def test_verdict(page, start):
    """The answer at the top follows a played migration: cannot tell, not yet, yes, not yet again, with reasons. It comes
    by itself, and at once for another period."""
    proxy = start(pairing__window="1s")
    visit(page, proxy)
    page.wait_for("#verdict-answer", "^Cannot tell$")
    page.wait_for("#health-text", "^ready, version")
    page.wait_for("#types-empty", "No message that has a counterpart")
    push = Push()
    proxy.send(push.rule())
    page.wait_for("#verdict-answer", "^Not yet$")
    page.wait_for("#verdict-reasons", "1 PushOperationStatusChanged")
    proxy.send(push.event())
    page.choose("#since", "week")
    page.wait_for("#verdict-answer", "^Yes$")
    assert page.texts("#verdict-reasons li") == []
    page.wait_for("#types tbody tr", r"PushOperationStatusChanged .*write\.successful .*ready 1 1 1 0 0 0 alert 100 %")
    lost = proxy.send(Read().rule())
    page.wait_for("#verdict-answer", "^Not yet$")
    page.wait_for("#verdict-reasons", "1 DataSyncCompleted since .* had no read.completed")
    page.wait_for("#types tbody", lost.id)


def test_flags_and_consumers(page, start, legacy):
    """Flags show what is in force and what was refused, consumers whether they are up, the flow what comes."""
    proxy = start(retry__schedule="50ms,10m")
    visit(page, proxy)
    page.wait_for("#flags", "legacy-consumer on.*new-consumer on.*new-consumer-shadow off")
    proxy.set_flags(new=False)
    page.wait_for("#flags", "legacy-consumer on.*new-consumer off")
    proxy.write_flags("{")
    page.wait_for("#flags-file", "Refused at .*: ")
    page.wait_for("[aria-label=legacy]", "legacy up")
    legacy.otherwise = 500
    for _ in range(5):
        proxy.send(Push().rule())
    page.wait_for("[aria-label=legacy]", "legacy down")
    page.wait_for("#charts", "alerts: 5 in the last minute")
    page.wait_for("#charts", r"failed attempts: \d+ in the last minute")


def test_search_and_story(page, start):
    """Messages are found by state, type, company and id, in any mixture; each tells its story, twins included."""
    proxy, push = start(), Push()
    alert, event = proxy.send(push.rule()), proxy.send(push.event())
    others = [proxy.send(Read().rule()) for _ in range(30)]
    proxy.wait_for_state(alert.id, "delivered")
    visit(page, proxy)
    page.wait_for("#messages-note", "^25 shown, newest first.$")
    page.click("#older")
    page.wait_for("#messages-note", "^32 shown, newest first.$")
    page.choose("#search [name=state]", "suppressed")
    page.click("#search button")
    page.wait_for("#messages-note", "^1 shown")
    assert page.texts("#messages tbody .id")[0] == event.id
    page.choose("#search [name=state]", "any")
    page.type("#search [name=company]", push.company)
    page.press(ENTER)
    page.wait_for("#messages-note", "^2 shown")
    page.type("#search [name=type]", "PushOperationStatusChanged")
    page.press(ENTER)
    page.wait_for("#messages-note", "^1 shown")

    page.click(f"[data-message='{alert.id}']")
    page.wait_for("#story-heading", f"^Message {alert.id}$")
    story = page.wait_for("#story-body", "What happened")
    for words in ("A rule of type PushOperationStatusChanged arrived for company", f"write/{push.key}/successful",
                  "legacy-consumer is on", "Attempt 1", event.id):
        assert words in story, story
    page.click(f"#story [data-message='{event.id}']")
    page.wait_for("#story-heading", f"^Message {event.id}$")
    page.wait_for("#story-body .why", f"handled by its twin: {alert.id}")
    page.press(ESCAPE)
    page.wait_until_gone("#story")

    page.type("#search [name=company]", "")
    page.type("#search [name=type]", "")
    page.type("#search [name=id]", others[0].id)
    page.press(ENTER)
    page.wait_for("#story-heading", f"^Message {others[0].id}$")
    page.click("#story .close")
    page.wait_for("#messages-note", "^1 shown")
    for nobody in ("0000000000001", "what is it?"):
        page.type("#search [name=id]", nobody)
        page.press(ENTER)
        page.wait_for("#toast", f"There is no message {nobody[:7]}")
        page.wait_for("#messages-note", "^No message is like that.$")


def test_replay_asks_for_the_token(page, start, legacy):
    """Nothing is shown and nothing delivered again to who has not the token; a wrong one is refused, the right one
    taken."""
    proxy = start(admin__token=TOKEN, retry__schedule="10ms")
    legacy.otherwise = 410
    dead = proxy.send(Push().rule())
    proxy.wait_for_state(dead.id, "dead")
    legacy.otherwise = 200
    visit(page, proxy)
    page.wait_for("#token-words", "shows itself to who gives its token")
    give_token(page, "a-guess")
    page.wait_for("#token-words", "not the right one")
    assert page.texts("#messages tbody tr") == []
    give_token(page)
    page.click(f"[data-message='{dead.id}']")
    page.wait_for("#story-body", "What happened")
    assert "pushOperationKey" in page.text("#story-body")
    page.click("#story .close")
    page.wait_for("#replay-dead", "Deliver the 1 dead message again")

    page.click("#token-button")  # a token that is right no more
    give_token(page, "of-last-year")
    page.wait_for("#token-words", "not the right one")
    page.click("#ask-token .close")
    page.wait_for("#trouble", "Give the token")
    page.click("#replay-dead")
    page.wait_for("#confirm-words", "All dead messages")
    page.click("#confirm-yes")
    page.wait_for("#token-words", "not the right one")
    give_token(page, "another-guess")
    page.wait_for("#token-words", "not the right one")
    assert len(legacy.requests) == 1
    give_token(page)
    page.wait_for("#toast", "1 will be delivered again")
    legacy.wait_for(2)
    page.wait_for("#messages tbody tr", "delivered")
    page.wait_until_gone("#trouble")

    page.click(f"[data-message='{dead.id}']")
    page.click("#story [data-replay]")
    page.wait_for("#confirm-words", "is delivered: it was handled")
    page.click("#confirm-yes")
    page.wait_for("#toast", f"{dead.id} will be delivered again")
    legacy.wait_for(3)
    page.wait_for("#story-body", "Attempt 3")


def play(proxy, legacy, new):
    """Something of everything that the page can show; returns a message with a long story."""
    legacy.script = [503, 503]
    push = Push()
    told = proxy.send(push.rule())
    proxy.send(push.event(), webhook_id="msg_of_the_twin")
    for what in (Read("changed", ["invoices", "bills"]), Connection("disconnected"), ExpenseSync(False)):
        proxy.send(what.event())
        proxy.send(what.rule())
    proxy.send(company_created())
    proxy.wait_for_state(told.id, "delivered")  # so that both failures are its own
    proxy.send(rule("Sync Started", {"syncId": "1", "syncType": "Expense"}, "company"))
    new.otherwise = 410
    proxy.wait_for_state(proxy.send(Push().event()).id, "dead")
    new.otherwise = 200
    return told


def test_looks(page, start, legacy, new):
    """On a telephone and on a wide screen, light and dark: nothing sticks out to the side, axe-core finds nothing
    serious; the pictures are for people to look at."""
    proxy = start()
    told = play(proxy, legacy, new)
    for width, scheme in itertools.product((360, 1600), ("light", "dark")):
        page.look(width, 900, scheme)
        visit(page, proxy)
        page.wait_for("#verdict-answer", "^Not yet$")
        page.wait_for("#messages-note", "shown")
        page.wait_for("#charts", "alerts: [1-9]")
        judge(page, f"page-{width}-{scheme}")
        page.click(f"[data-message='{told.id}']")
        page.wait_for("#story-body", "Attempt 3")
        judge(page, f"story-{width}-{scheme}")
    page.click("#story .close")
    page.click("#token-button")
    page.wait_for("#token-words", "With it")
    judge(page, "token")


def judge(page, name):
    page.shoot(PICTURES / f"{name}.png")
    assert page.script("return document.documentElement.scrollWidth <= innerWidth"), name
    assert page.barriers() == [], name
