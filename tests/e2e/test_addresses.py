"""Names of consumers: with several addresses, and with others than before. In a network namespace of the test's own."""

import pathlib
import subprocess
import sys

import pytest

UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]


@pytest.mark.parametrize("trial", ["several_addresses", "moved_name"])
def test_names(tmp_path, trial):
    """An address that is silent costs a moment, not the attempt; a name that moves is followed under steady traffic.
    (fault 3.1) (fault 3.2)"""
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no namespaces")
    script = pathlib.Path(__file__).parent / "addresses.py"
    done = subprocess.run([*UNSHARE, sys.executable, script, trial, tmp_path], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
