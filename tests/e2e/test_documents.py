"""What the documents in deploy/ say is what the program does."""

import pathlib
import re
import subprocess

from proxy import BINARY, environment, run
from runbook import walk

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"


def test_runbook(tmp_path):
    """Every command of the runbook, typed as written (on other ports), shows what the runbook says."""
    assert walk(DEPLOY / "runbook.md", tmp_path, (8080, 9090, 8001, 8002)) > 20


def test_settings_are_current():
    """deploy/settings.md has the table that the program prints."""
    document = (DEPLOY / "settings.md").read_text()
    current = run("settings", "--markdown").stdout.decode()
    assert document[document.index("| key"):] == current, "put what `hookshift settings --markdown` prints at its end"


def test_man_page_is_current():
    """deploy/hookshift.1 is written from what the program says of its commands and settings."""
    made = subprocess.run([DEPLOY / "manpage", BINARY], capture_output=True, check=True, env=environment()).stdout
    assert (DEPLOY / "hookshift.1").read_bytes() == made, "deploy/manpage PROGRAM > deploy/hookshift.1"


def test_examples_are_good(tmp_path):
    """The sample settings and flags pass the program's own check, without a warning but that secrets are to be set."""
    done = run("check", "--config", DEPLOY / "settings.example.json", "--set",
               f"flags.file={DEPLOY / 'flags.example.json'}", "--set", f"store.url=sqlite:{tmp_path}/hookshift.db")
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 0 and len(lines) == 1 and lines[0].startswith("verify: neither generation is verified"), lines


def test_links_lead_somewhere():
    """Files that the documents point at are there."""
    for document in (DEPLOY.parent / "README.md", *DEPLOY.glob("*.md")):
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text()):
            assert "://" in target or (document.parent / target).exists(), f"{document}: {target}"
