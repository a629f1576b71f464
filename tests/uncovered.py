#!/usr/bin/env python3
"""Says which lines and branches no test has reached.

    gcovr --json ... | tests/uncovered.py [--all-of FOLDER]...

Prints a line for each file, and for the folders named by --all-of each place that was not reached, with its source.
Exit status: 0 when everything in those folders was reached, 1 when not, 2 when they hold nothing that was counted.

What the source leaves out (GCOVR_EXCL_LINE, GCOVR_EXCL_BR_LINE, each with the reason) does not count, and one branch
of every `switch`: gcc makes one for values that no `case` names, and refuses to compile where such a value exists
(-Wswitch).
"""

import argparse
import json
import pathlib
import sys


def is_counted(entry):
    return not any(entry.get(key) for key in ("gcovr/noncode", "gcovr/excluded"))


def branches_of(line, source):
    """True for each branch that was taken."""
    taken = [branch["count"] > 0 for branch in line["branches"] if is_counted(branch)]
    if source.strip().startswith("switch (") and taken and not taken[-1]:
        taken.pop()
    return taken


class File:
    def __init__(self, entry):
        self.path = entry.get("file") or entry["filename"]
        source = pathlib.Path(self.path).read_text().splitlines()
        self.lines, self.branches, self.gaps = [0, 0], [0, 0], []
        for line in filter(is_counted, entry["lines"]):
            number = line["line_number"]
            self.add(line, number, source[number - 1])

    def add(self, line, number, source):
        taken = branches_of(line, source)
        self.lines[0] += line["count"] > 0
        self.lines[1] += 1
        self.branches[0] += sum(taken)
        self.branches[1] += len(taken)
        if line["count"] == 0:
            self.gaps.append(f"{self.path}:{number}: never reached: {source.strip()}")
        elif not all(taken):
            missed = ", ".join(str(i + 1) for i, was in enumerate(taken) if not was)
            self.gaps.append(f"{self.path}:{number}: branch {missed} of {len(taken)} never taken: {source.strip()}")


def row(name, lines, branches):
    def share(part):
        return f"{100 * part[0] / part[1] if part[1] else 100:5.1f} %  {part[0]:5d} of {part[1]:5d}"

    print(f"{name:44s} lines {share(lines)}   branches {share(branches)}")


def total(files, what):
    return [sum(getattr(file, what)[i] for file in files) for i in (0, 1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all-of", action="append", default=[], metavar="FOLDER")
    wanted = tuple(folder.rstrip("/") + "/" for folder in parser.parse_args().all_of)
    files = sorted((File(entry) for entry in json.load(sys.stdin)["files"]), key=lambda file: file.path)
    for file in files:
        row(file.path, file.lines, file.branches)
    row("all", total(files, "lines"), total(files, "branches"))
    whole = [file for file in files if file.path.startswith(wanted)] if wanted else []
    gaps = [gap for file in whole for gap in file.gaps]
    print("\n".join(gaps), end="\n" if gaps else "")
    if wanted and not total(whole, "lines")[1]:
        print(f"nothing was counted in {', '.join(wanted)}", file=sys.stderr)
        return 2
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
