"""Who includes whom, from the compiler's own dependency output (ninja deps), not from text.

    check_layers.py BUILD_DIR SOURCE_DIR     checks every compiled source of the project
    check_layers.py --self-test SOURCE_DIR   plants each kind of violation in a tree of its own,
                                             compiles it with -MD, and expects to find it
"""
import pathlib
import re
import subprocess
import sys
import tempfile

# Left may be used by right, never the other way and never sideways; equal ranks are siblings.
RANKS = [
    ["common/base"],
    ["common/sandbox", "common/sqlite"],
    ["common/media", "common/rpc", "common/bus", "common/store", "common/fetch"],
    ["common/outbox"],
    ["common/service", "clients/c"],
    ["services/", "gateway", "clients/"],
]
# A system header and the only rooms that may see it.
OWNERS = [
    (re.compile(r"/nng/"), ["common/rpc"], "nng"),
    (re.compile(r"/librdkafka/"), ["common/bus"], "librdkafka"),
    (re.compile(r"/curl/"), ["common/fetch", "common/store", "clients/cli"], "curl"),
    (re.compile(r"/(sqlite3|sqlite3ext|libpq-fe)\.h$"), ["common/sqlite", "common/bus", "services/job"], "SQL"),
]
SQL_FILES = re.compile(r"^services/job/store/|^common/(bus|sqlite)/")
GENERATED = re.compile(r"\.(pb-c|rpc)\.h$")
ADAPTER = re.compile(r"_(rpc|events)\.c$")


def room(path):
    """The folder that a project file belongs to: "common/rpc", "services/jam", "gateway", ..."""
    parts = path.split("/")
    if parts[0] in ("common", "services", "clients") and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def rank(name):
    for i, group in enumerate(RANKS):
        if any(name == g or (g.endswith("/") and name.startswith(g)) for g in group):
            return i
    return None


def include_fault(source, header):
    """Why a project source may not include a project header, or None."""
    a, b = room(source), room(header)
    if a == b or rank(a) is None:
        return None
    if rank(b) is None:
        return f"includes {header}, which is no library"
    if rank(b) == len(RANKS) - 1:
        return f"includes {header} of {b}: services include no other service"
    if rank(b) >= rank(a):
        return f"includes {header}: {a} stands below or beside {b}"
    return None


# S1: an address that a user gave is connected to by the guarded fetcher alone; the store's is the operator's.
def system_fault(source, header):
    """Why a project source may not see an outside header, or None."""
    for pattern, rooms, name in OWNERS:
        if pattern.search(header) and room(source) not in rooms:
            return f"includes {header}: {name} belongs to {' and '.join(rooms)}"
        if pattern.search(header) and name == "SQL" and not SQL_FILES.match(source):
            return f"includes {header}: SQL belongs to the job store and the embedded bus"
    if GENERATED.search(header) and room(source) != "common/rpc" and not ADAPTER.search(source):
        return f"includes {header}: generated messages belong to adapter files (*_rpc.c, *_events.c)"
    return None


def faults(dependencies, root):
    """Faults of {absolute source: [absolute headers]}; tests may include everything."""
    found = []
    for source, headers in sorted(dependencies.items()):
        name = relative(source, root)
        if name is None or name.startswith(("tests/", "build/")):
            continue
        for header in headers:
            inside = relative(header, root)
            generated = GENERATED.search(header)
            project = inside is not None and not generated and not inside.startswith("build/")
            fault = include_fault(name, inside) if project else system_fault(name, header)
            if fault:
                found.append(f"{name} {fault}")
    return found


def relative(path, root):
    try:
        return str(pathlib.Path(path).resolve().relative_to(root))
    except ValueError:
        return None


def ninja_dependencies(build):
    """{source: [headers]} of every object that ninja has compiled."""
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, text=True,
                          capture_output=True).stdout
    result = {}
    files = None
    for line in text.splitlines():
        if line.endswith(("(VALID)", "(STALE)")):
            files = []
        elif line.startswith("    ") and files is not None:
            path = pathlib.Path(line.strip())
            files.append(str(path if path.is_absolute() else pathlib.Path(build) / path))
            result[files[0]] = files[1:]
    return result


PLANTED = [
    ("services/jam/jam.c", "services/recorder/recorder.h", None, "services include no other service"),
    ("gateway/gateway.c", "services/jam/jam.h", None, "services include no other service"),
    ("common/base/rf_x.c", "common/rpc/rf_rpc.h", None, "stands below or beside"),
    ("common/bus/rf_y.c", "common/store/rf_store.h", None, "stands below or beside"),
    ("common/fetch/rf_w.c", "common/outbox/rf_outbox.h", None, "stands below or beside"),
    ("common/service/rf_z.c", "services/jam/jam.h", None, "services include no other service"),
    ("services/jam/jam_net.c", None, "nng/nng.h", "nng belongs to"),
    ("services/jam/jam_bus.c", None, "librdkafka/rdkafka.h", "librdkafka belongs to"),
    ("services/job/job_http.c", None, "curl/curl.h", "curl belongs to"),
    ("services/jam/jam_sql.c", None, "sqlite3.h", "SQL belongs to"),
    ("services/job/domain/job_lifecycle.c", None, "sqlite3.h", "SQL belongs to the job store"),
    ("services/jam/jam_session.c", None, "jam/v1/jam.pb-c.h", "generated messages belong to"),
]


def compile_dependencies(root, outside, source):
    out = root / "deps.d"
    subprocess.run(["cc", "-MD", "-MF", out, "-I", root, "-isystem", outside, "-fsyntax-only", source],
                   check=True)
    words = out.read_text().replace("\\\n", " ").split()[1:]
    return {words[0]: words[1:]}


def self_test():
    missed = []
    for source, header, system, wanted in PLANTED:
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            root, outside = pathlib.Path(a).resolve(), pathlib.Path(b).resolve()
            target = root / header if header else outside / system
            for path in (root / source, target):
                path.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("extern int planted;\n")
            (root / source).write_text(f"#include <{header or system}>\nint planted;\n")
            found = faults(compile_dependencies(root, outside, root / source), root)
            if not any(wanted in fault for fault in found):
                missed.append(f"{source} -> {header or system}: found {found}")
    return missed


def main():
    if sys.argv[1] == "--self-test":
        problems = self_test()
        print(f"{len(PLANTED)} violations planted")
    else:
        build, source = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:3])
        dependencies = ninja_dependencies(build)
        root = pathlib.Path(source)
        checked = [s for s in dependencies if (relative(s, root) or "tests/").split("/")[0] != "tests"]
        problems = faults(dependencies, root)
        print(f"{len(checked)} sources checked")
        if len(checked) < 20:
            problems.append("too few sources: is the build complete?")
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
