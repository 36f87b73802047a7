"""Prints the rows that benchmarks wrote as a table and, with --json FILE, as one JSON array."""
import argparse
import json

COLUMNS = ("figure", "unit", "ours", "peer_name", "peer", "ratio", "bound", "holds")


def text(value):
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    rows = []
    for name in args.files:
        with open(name, encoding="utf-8") as file:
            rows += [{c: row.get(c) for c in COLUMNS} for row in json.load(file)]
    cells = [COLUMNS] + [tuple(text(row[c]) for c in COLUMNS) for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(COLUMNS))]
    for i, line in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        if i == 0:
            print("  ".join("-" * width for width in widths))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
