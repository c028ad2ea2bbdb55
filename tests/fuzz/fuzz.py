"""Fuzzes the API of a local system as each of two organizations, and as their operator. See tests/fuzz/run."""

import argparse
import collections
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from world import SHARED_CASES, SHARED_ENTITY, Server, two_organizations

HERE = Path(__file__).parent
METHODS = {"get", "put", "post", "delete"}
# Only the operator may do this, and it reaches every organization: nothing is the other's to it.
OPERATORS = "operation-id-regex=^(putOrganization|.*ExportAudits?(Doubled|Status|StatusDoubled|File|FileDoubled)?)$"
# How long all of it may take for each case, and at least; far above what it takes.
SECONDS_A_CASE, SECONDS_AT_LEAST = 0.5, 300


def dictionaries(own, other):
    """Ids that make a request reach something: mostly the caller's own, and some of the other's."""
    return {
        "orgs": [own.org] * 4 + [other.org],
        "keys": own.keys * 2 + other.keys,
        "audits": own.audits * 2 + own.audits_with_file + other.audits,
        "runs-and-keys": own.runs + own.keys + other.runs + other.keys,
        "cases": own.cases * 2 + other.cases + SHARED_CASES,
        "entities": [own.entity, SHARED_ENTITY, own.entity, other.entity],
    }


def configuration(own, other, tally, is_operator):
    lines = [(HERE / "schemathesis.toml").read_text()]
    for name, values in dictionaries(own, other).items():
        lines.append(f"[dictionaries.{name}]\nvalues = {json.dumps(values)}")
    lines.append(f"[checks.Tally]\ninto = {json.dumps(str(tally))}")
    if not is_operator:
        ids = [other.org, *other.keys, *other.runs, *other.cases, other.entity, *other.audits]
        lines.append(f"[checks.NothingOfTheOther]\ncanary = {json.dumps(other.canary)}\nids = {json.dumps(list(map(str, ids)))}")
    return "\n".join(lines) + "\n"


def fuzz(server, document, own, other, work, arguments, is_operator, until):
    """One run of schemathesis; what it counted, and whether it found nothing."""
    work.mkdir()
    tally = work / "tally.json"
    (work / "schemathesis.toml").write_text(configuration(own, other, tally, is_operator))
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "TMPDIR", "LANG")},
        "FUZZ_HOOKS": str((HERE / "checks.py").resolve()),
        "FUZZ_URL": server.api,
        "FUZZ_TOKEN": own.operator if is_operator else own.token,
        "FUZZ_KEY": own.key,
        "FUZZ_KEY_IN_USE": own.key_in_use,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    program = Path(sys.executable).parent / "schemathesis"
    command = [program, "--config-file", work / "schemathesis.toml", "run", document, "--no-color", *arguments]
    with open(work / "log", "w") as log:
        done = subprocess.run(command, cwd=work, env=environment, stdout=log, stderr=log, timeout=until - time.monotonic())
    counts = json.loads(tally.read_text()) if tally.exists() else []
    if done.returncode != 0 or not counts:
        print((work / "log").read_text())
        return counts, False
    return counts, True


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=5_000, help="so many at random, at least; from 5,000 on, every boundary of the document besides")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", type=Path, help="where the logs of the runs are left")
    arguments = arguments.parse_args()
    # Or the server would go on without anybody.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    is_long = arguments.cases >= 5_000
    started = time.monotonic()
    until = started + max(SECONDS_AT_LEAST, arguments.cases * SECONDS_A_CASE)
    totals, failures = collections.Counter(), []
    with tempfile.TemporaryDirectory() as scratch, Server() as server:
        work = Path(scratch)
        one, other = two_organizations(server)
        described = requests.get(f"{server.api}/openapi.json", timeout=30)
        # From a file: schemathesis leaves out the operation that it has the document from.
        (work / "openapi.json").write_bytes(described.content)
        document = described.json()
        operations = {f"{method.upper()} {path}" for path, of in document["paths"].items() for method in METHODS & of.keys()}
        each = math.ceil(arguments.cases / (2 * len(operations)))
        phases = "coverage,fuzzing" if is_long else "fuzzing"
        common = [f"--seed={arguments.seed}", f"--max-examples={each}", f"--phases={phases}", "--workers=1"]
        runs = [
            ("one", one, other, [], False),
            ("other", other, one, [], False),
            ("operator", one, other, ["--include-" + OPERATORS], True),
        ]
        for name, own, stranger, only, is_operator in runs:
            counts, is_clean = fuzz(server, work / "openapi.json", own, stranger, work / name, [*common, *only], is_operator, until)
            totals.update({(label, status): count for label, status, count in counts})
            if not is_clean:
                failures.append(f"the run as {name}")
        if arguments.keep:
            shutil.copytree(work, arguments.keep, dirs_exist_ok=True)
    # Otherwise nothing was asked of what stands behind the checks of a request. A few cases may miss an operation whose state must suit.
    good = {label for label, status in totals if 200 <= status < 300}
    if is_long:
        failures += [f"no 2xx was answered to {label}" for label in sorted(operations - good)]
    failures += [f"the server says {line.strip()}" for line in server.log if "panicked" in line]
    cases = sum(totals.values())
    if cases < arguments.cases:
        failures.append(f"only {cases} cases")
    for failure in failures:
        print(f"FAILED {failure}")
    classes = collections.Counter()
    for (_, status), count in totals.items():
        classes[f"{status // 100}xx"] += count
    statuses = ", ".join(f"{count} {name}" for name, count in sorted(classes.items()))
    seconds = round(time.monotonic() - started)
    print(f"fuzzing: {cases} cases, {len(operations)} operations of which {len(good)} answered 2xx, {statuses}, {len(failures)} failures, {seconds} s, seed {arguments.seed}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
