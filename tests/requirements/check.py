#!/usr/bin/env python3
"""Which tests name which requirement, and which requirement no test names.

    check.py LIST        prints all of it
    check.py LIST --bad  prints what is missing alone, and fails when there is any

LIST has lines `id LETTER FIRST-LAST`, `row NAME TITLE` (a row that its specification gives no name) and `in GLOB`
(from the root of the tree). A test names a requirement in its own name (`Test(take, T4_L9_lengths...`, `def
streams_L2_L4(`, `def k1_k2_jobs(`, a title of rf_add_test), in the comment that ends on the line above, or, where a
whole Python program is one test, in the first line of its docstring."""
import argparse
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SUFFIXES = {".c", ".py", ".js", ".txt"}
TEST = re.compile(r"""^\s*(?:Test|ParameterizedTest|Theory|rf_test|rf_add_test)\s*\(\s*(?P<c>"[^"]*"|[^;{)]*)
                      |^(?:async\s+)?def\s+(?P<py>[a-z]\w*)
                      |^\s*(?:test|it)\(\s*(?P<js>"[^"]*"|'[^']*'|`[^`]*`)""", re.X)
COMMENT = re.compile(r"^\s*(/\*|\*|//|#(?!include|define|if|endif|else|undef|pragma))|\*/\s*$")


def read_list(path):
    """Ids with their titles, and globs."""
    ids, globs = {}, []
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["id"]:
            first, last = (int(n) for n in words[2].split("-"))
            ids |= {f"{words[1]}{n}": "" for n in range(first, last + 1)}
        elif words[:1] == ["row"]:
            ids[words[1]] = " ".join(words[2:])
        elif words[:1] == ["in"]:
            globs.append(words[1])
    return ids, globs


def comment_above(lines, at):
    """The comment that ends right above line `at`."""
    above = []
    inside = at > 0 and lines[at - 1].rstrip().endswith("*/")
    for line in reversed(lines[:at]):
        if not inside and not COMMENT.match(line):
            break
        above.append(line)
        if line.lstrip().startswith("/*"):
            inside = False
    return " ".join(above)


def ids_in(text, known):
    """D2_D3, (D2-D5), "D12: ...", d2_d3_ where a name begins; no letters or digits beside them."""
    text = re.sub(r"(?:^|(?<=, ))(?:[a-z]\d{1,2}_)+", lambda start: start.group().upper(), text)
    found = set()
    for letter, first, last in re.findall(r"(?<![A-Za-z0-9-])([A-Z])(\d{1,2})(?:-[A-Z]?(\d{1,2}))?(?![A-Za-z0-9])", text):
        found |= {f"{letter}{n}" for n in range(int(first), int(last or first) + 1)}
    return found & known


def tests_of(path, known):
    """(name, ids) of every test of a file."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if path.suffix == ".py":
        head = next((line for line in lines if '"""' in line), "")
        if re.match(r'"""[A-Z]\d', head):
            yield head.strip('" '), ids_in(head.split(":")[0], known)
    for at, line in enumerate(lines):
        match = TEST.match(" ".join(lines[at:at + 2]) if line.rstrip().endswith((",", "(")) else line)
        if match:
            name = next(g for g in match.groups() if g is not None).split(", .")[0].strip().strip("\"'`")
            yield name, ids_in(name, known) | ids_in(comment_above(lines, at), known)


def find(ids, globs):
    known = set(ids)
    files = sorted({f for g in globs for f in ROOT.glob(g) if f.is_file() and f.suffix in SUFFIXES})
    named = {i: [] for i in ids}
    for file in files:
        if "node_modules" in file.parts or ".venv" in file.parts or file.parent == pathlib.Path(__file__).parent:
            continue
        for name, found in tests_of(file, known):
            for i in found:
                named[i].append(f"{file.relative_to(ROOT)}: {name}")
    return named


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("--bad", action="store_true", help="only what is missing")
    options = parser.parse_args()
    ids, globs = read_list(options.list)
    named = find(ids, globs)
    missing = [i for i, tests in named.items() if not tests]
    if not options.bad:
        for i, tests in named.items():
            head = f"{i:4}{ids[i]}\n    " if ids[i] else f"{i:4}"
            print(head + "\n    ".join(tests or ["MISSING"]))
    print(f"{len(named) - len(missing)} of {len(named)} requirements have a test"
          + (f"; none has {', '.join(missing)}" if missing else ""))
    return 1 if missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
