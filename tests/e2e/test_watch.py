"""What watches it: metrics that Prometheus takes, alerts that fire, a dashboard of numbers that exist."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from messages import Push, Read, event
from proxy import flag_file
from waiting import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/hookshift.json"

PROMTOOL = shutil.which("promtool", path=f"{os.environ['PATH']}:{ROOT}/.build/tools")
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason="promtool is missing: tests/promtool --fetch")


def promtool(*arguments, stdin=None):
    done = subprocess.run([PROMTOOL, *map(str, arguments)], input=stdin, capture_output=True, check=False, timeout=60)
    return done.returncode, (done.stdout + done.stderr).decode()


@pytest.fixture
def exposition(start, legacy):
    """/metrics of a proxy through which went a pair, a repetition, something unknown, and something refused."""
    legacy.script = [500]
    proxy, push = start(unrecognised="reject"), Push()
    for body in (push.rule(), push.rule(), push.event(), Read().event(), event("entirely.new", {}), {"hello": "you"}):
        proxy.send(body)
    wait_until(lambda: proxy.metric("hookshift_deliveries_total", endpoint="legacy", result="delivered") >= 1)
    return proxy.admin("/metrics").body.decode()


def families(exposition):
    """Name to type, and all names that samples have."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.MULTILINE))
    return types, set(re.findall(r"^([a-z_]+)(?:\{| )", exposition, re.MULTILINE))


def metrics_of(expression):
    """Names of metrics in an expression, with the values of labels asked for by = there."""
    for name, selector in re.findall(r"\b((?:hookshift|process)_[a-z_]+)(\{[^}]*\})?", expression):
        yield name, dict(re.findall(r'(\w+)="([^"$]*)"', selector))


def expressions(node):
    """All that stands under "expr" in a document, and what is asked of variables."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "expr" or (key == "query" and isinstance(value, str)):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for each in node:
            yield from expressions(each)


def alert_rules():
    yaml = pytest.importorskip("yaml")
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


@needs_promtool
def test_exposition_is_accepted(exposition):
    """promtool finds nothing to say about /metrics."""
    assert promtool("check", "metrics", stdin=exposition.encode()) == (0, "")


@needs_promtool
def test_rules_are_accepted():
    """promtool takes the alerts."""
    status, text = promtool("check", "rules", ALERTS)
    assert status == 0, text


@needs_promtool
def test_alerts_fire():
    """Each alert fires in one case and keeps quiet in another."""
    status, text = promtool("test", "rules", ROOT / "tests/alerts.yaml")
    assert status == 0, text


@needs_promtool
def test_prometheus_settings_are_accepted():
    """promtool takes the settings of Prometheus, but for the token, which is made when it runs."""
    status, text = promtool("check", "config", "--syntax-only", ROOT / "deploy/prometheus/prometheus.yml")
    assert status == 0, text


def test_every_alert_is_tried_both_ways():
    """No alert without a case in which it fires and one in which it does not."""
    yaml = pytest.importorskip("yaml")
    tried = [each for case in yaml.safe_load((ROOT / "tests/alerts.yaml").read_text())["tests"]
             for each in case["alert_rule_test"]]
    for rule in alert_rules():
        outcomes = {bool(each.get("exp_alerts")) for each in tried if each["alertname"] == rule["alert"]}
        assert outcomes == {True, False}, rule["alert"]


def test_every_alert_is_explained():
    """deploy/README.md says of each alert what it means and what to do, and of no other."""
    explained = re.findall(r"^\| (Hookshift\w+) \|", (ROOT / "deploy/README.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in alert_rules())


@pytest.mark.parametrize("document", ["alerts", "dashboard"])
def test_metrics_exist(exposition, document):
    """Every metric that alerts and dashboard ask for is in /metrics, and has a series with the labels asked for."""
    asked = expressions(alert_rules() if document == "alerts" else json.loads(DASHBOARD.read_text()))
    _, names = families(exposition)
    count = 0
    for expression in asked:
        for name, labels in metrics_of(expression):
            assert name in names, f"{name} in {expression}"
            wanted = {label: value for label, value in labels.items() if label not in ("job", "instance")}
            assert any(line.startswith(name) and all(f'{label}="{value}"' in line for label, value in wanted.items())
                       for line in exposition.splitlines()), f"{name} {wanted} in {expression}"
            count += 1
    assert count >= 10


def test_metrics_of_the_interface(exposition):
    """What people script against is there, of its type; labels are bounded: an unknown type is "other"."""
    types, names = families(exposition)
    counters = ["messages", "deliveries", "twins", "takeovers", "flags_reloads", "store_errors"]
    gauges = ["messages_in_state", "oldest_pending_seconds", "flag_enabled", "flags_last_reload_success", "endpoint_up",
              "build_info"]
    histograms = ["delivery_duration_seconds", "receive_duration_seconds", "twin_skew_seconds",
                  "store_commit_duration_seconds"]
    for kind, those in (("counter", [f"{name}_total" for name in counters]), ("gauge", gauges),
                        ("histogram", histograms)):
        for name in those:
            assert types.get(f"hookshift_{name}") == kind, name
    for name in ("cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"):
        assert f"process_{name}" in names
    assert 'type="entirely.new"' not in exposition
    assert 'type="other"' in exposition


def test_oldest_parked(start):
    """hookshift_oldest_parked_seconds is the age of the oldest message that waits parked, and 0 where none does."""
    proxy, name = start(flags=flag_file(legacy=False)), "hookshift_oldest_parked_seconds"
    assert proxy.metric(name) == 0
    push = Push()
    proxy.send(push.rule())
    wait_until(lambda: proxy.metric(name, endpoint="legacy") > 0, "the age of the alert")
    assert proxy.metric(name, endpoint="new") == 0
    proxy.send(push.event())
    wait_until(lambda: proxy.metric(name, endpoint="legacy") == 0, "nothing to wait parked")


def test_dashboard_is_whole():
    """Panels have ids of their own, do not overlap, and ask the data source that is chosen above."""
    dashboard, seen, places = json.loads(DASHBOARD.read_text()), set(), set()
    for panel in dashboard["panels"]:
        assert panel["id"] not in seen
        seen.add(panel["id"])
        grid = panel["gridPos"]
        assert grid["x"] + grid["w"] <= 24
        cells = {(grid["x"] + x, grid["y"] + y) for x in range(grid["w"]) for y in range(grid["h"])}
        assert not cells & places, panel["title"]
        places |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"], panel["title"]


@needs_promtool
def test_dashboard_is_understood(tmp_path):
    """Prometheus can parse every question that the dashboard asks."""
    values = {"$__rate_interval": "1m", "$job": "hookshift", "$instance": ".*"}
    rules = []
    for expression in expressions(json.loads(DASHBOARD.read_text())["panels"]):
        for variable, value in values.items():
            expression = expression.replace(variable, value)
        rules.append({"record": f"asked:{len(rules)}", "expr": expression})
    (tmp_path / "rules.json").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, text = promtool("check", "rules", tmp_path / "rules.json")
    assert status == 0, text
    assert len(rules) > 20
