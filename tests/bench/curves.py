"""Tables and curves in text."""

import statistics

WIDTH = 40


def median(values):
    return statistics.median(values)


def number(value):
    if isinstance(value, str):
        return value
    return f"{value:,.1f}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def show(title, of, points):
    """A bar for each point; its length is to the longest."""
    longest = max(value for _, value in points) or 1
    print(f"\n{title}\n")
    for at, value in points:
        print(f"  {number(int(at)):>12} {of:12} {number(float(value)):>9} {'█' * round(WIDTH * value / longest)}")


def table(heads, rows):
    cells = [heads] + [[number(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = ["| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths)) + " |" for row in cells]
    print("\n" + "\n".join([lines[0], "|" + "--:|" * len(heads), *lines[1:]]))


def compare(title, of, found):
    """`found`: values by name and point."""
    print(f"\n{title}")
    names = list(found)
    table([of, *names], [[at, *(found[name][at] for name in names)] for at in found[names[0]]])
    for name in names:
        show(name, of, list(found[name].items()))
