"""The flag file as Kubernetes mounts a ConfigMap: a link into a folder that is swapped as a whole."""

import shutil

from load import Load
from proxy import flag_file
from waiting import wait_until

SWAPS = 12


class ConfigMap:
    """flags.json -> ..data/flags.json, ..data -> a folder per version; update() does what the kubelet does."""

    def __init__(self, folder):
        self.folder, self.version = folder, 0
        folder.mkdir()
        self.update(flag_file())
        (folder / "flags.json").symlink_to("..data/flags.json")

    def update(self, text):
        current, self.version = self.folder / f"..{self.version}", self.version + 1
        fresh = self.folder / f"..{self.version}"
        fresh.mkdir()
        (fresh / "flags.json").write_text(text)
        link = self.folder / "..data_tmp"
        link.symlink_to(fresh.name)
        link.rename(self.folder / "..data")
        if current.exists():
            shutil.rmtree(current)


def test_swapped_under_load(make, tmp_path, legacy, new):
    """Every swap comes into force while messages come in; none is refused, and in the end each has been delivered."""
    mount = ConfigMap(tmp_path / "mount")
    proxy = make(flags__file=str(mount.folder / "flags.json")).start()
    load = Load(proxy)
    for swap in range(SWAPS):
        sides = {"legacy": swap % 3 != 1, "new": swap % 2 == 1}
        mount.update(flag_file(**sides))
        for side, on in sides.items():
            wait_until(lambda side=side, on=on: proxy.metric("hookshift_flag_enabled", flag=f"{side}-consumer") == on,
                       f"swap {swap} to be in force")
        seen = len(load.rules) + len(load.events)
        wait_until(lambda seen=seen: len(load.rules) + len(load.events) > seen + 4, "messages under these flags")
    mount.update(flag_file())
    load.stop()
    assert load.refused == 0 and len(load.rules) > SWAPS
    wait_until(lambda: set(load.rules) <= set(legacy.keys()), "all alerts at legacy")
    wait_until(lambda: set(load.events) <= set(new.keys()), "all events at new")
    assert len(legacy.keys()) == len(set(legacy.keys())) and len(new.keys()) == len(set(new.keys()))
    assert proxy.metric("hookshift_flags_reloads_total", result="failed") == 0
    assert proxy.metric("hookshift_flags_last_reload_success") == 1
