#!/usr/bin/env python3
"""Holds a table of rules against the tests: every rule is named by one at least.

    tests/rules.py pairing|faults            exit status 0: the table is true; 1: it is not, and why
    tests/rules.py pairing|faults --write    writes the column of tests

A test names rules by "(pairing 3.4, 3.5a)" or "(fault 2.1)" in the comment right before its function, or in its docstring. A
function of unit/ counts only where its file hands it to cmocka too.
"""

import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
WORDS = {"pairing": "pairing", "faults": "fault"}  # table: how tests call its rules
ROW = re.compile(r"^\| (\d[\w.]*) \| (.*?) \|(.*)\|$", re.MULTILINE)
FUNCTION = {
    ".c": re.compile(r"(/\*(?:[^*]|\*(?!/))*\*/)\n(?:static )?\w+ (\w+)\("),
    ".py": re.compile(r'^def (\w+)\([^)]*\):\n    ("""(?:[^"]|"(?!""))*""")', re.MULTILINE),
}


def functions(path, text):
    """(name, what it says of itself) of each function that says something."""
    for first, second in FUNCTION[path.suffix].findall(text):
        yield (second, first) if path.suffix == ".c" else (first, second)


def is_run(path, name, text):
    return path.parent.name != "unit" or len(re.findall(rf"\b{name}\b", text)) > 1


def find_tests(word, problems):
    """The tests that name each rule, as they stand in the table."""
    tests, named_here = {}, re.compile(rf"\({word}\s+([^)]*)\)")
    for path in sorted(path for folder in ("unit", "model", "e2e") for path in (HERE / folder).glob("*.*")):
        if path.suffix not in FUNCTION:
            continue
        text = path.read_text()
        place, named = path.relative_to(HERE).with_suffix(""), 0
        for name, words in functions(path, text):
            for rules in named_here.findall(words):
                named += 1
                if not is_run(path, name, text):
                    problems.append(f"{place}: {name} is never run")
                for rule in re.split(r"[\s*,]+", rules.strip()):
                    tests.setdefault(rule, []).append(f"{place.name} `{name}`")
        if named != len(named_here.findall(text)):
            problems.append(f"{place}: a rule is named where no function follows, or begins with no docstring")
    return tests


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in WORDS:
        print(f"which table: {' or '.join(WORDS)}", file=sys.stderr)
        return 2
    problems, path = [], HERE / f"{sys.argv[1]}.md"
    tests = find_tests(WORDS[sys.argv[1]], problems)
    table = path.read_text()
    rules = [rule for rule, _, _ in ROW.findall(table)]
    problems += [f"{rule}: no test names it" for rule in rules if rule not in tests]
    problems += [f"{rule}: stands twice" for rule in set(rules) if rules.count(rule) > 1]
    problems += [f"{rule}: no such rule, named by {', '.join(names)}" for rule, names in tests.items() if rule not in rules]
    wanted = ROW.sub(lambda row: f"| {row[1]} | {row[2]} | {', '.join(tests.get(row[1], []))} |", table)
    if "--write" in sys.argv[2:]:
        path.write_text(wanted)
    elif wanted != table:
        problems.append(f"{path.name}: the tests are other ones by now; tests/rules.py {path.stem} --write")
    print("\n".join(sorted(problems)) or f"{len(rules)} rules, {sum(map(len, tests.values()))} tests that name them")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
