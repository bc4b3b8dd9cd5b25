"""Forged certificate chains and revocation lists: the table of cases, and chains made at random."""

import itertools
import os
import re
import subprocess

from build import CHECKOUT

# Chains in one run of the test, and in the short form. `make test` has the table of cases, which the short form leaves out.
CHAINS, SHORT = 400, 300


def run_test(name, **settings):
    command = ["cargo", "test", "--quiet", "--locked", "--workspace", "--test", "c_tests", "--", name, "--nocapture"]
    return subprocess.run(
        command, cwd=CHECKOUT, env={**os.environ, **settings}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def table_of_cases():
    """The cases with a known result: a failure is a change of behaviour."""
    done = run_test("tls::chains::each_chain_gives_the_result_in_the_table")
    cases = len((CHECKOUT / "c-tests/runner/tls/chains/cases.tsv").read_text().splitlines()) - 1
    if done.returncode != 0:
        print(done.stdout[-4000:])
    return cases, 0 if done.returncode == 0 else 1


def random_chains(seed, number, chains):
    """Returns the numbers of chains tried and lost, and the test's summary."""
    settings = {"LIBPQ_OXIDE_CHAINS": str(chains), "LIBPQ_OXIDE_CHAINS_SEED": f"{seed}.{number}"}
    done = run_test("tls::chains::mixed", **settings)
    found = re.search(r"random chains: (\d+) tried, (\d+) lost, (\d+) accepted by both, (\d+) documented", done.stdout)
    if not found:
        print(done.stdout[-4000:])
        return 1, 1, 0, 0
    if done.returncode != 0:
        print("\n".join(line for line in done.stdout.splitlines() if line.startswith("mixed-") or "panicked" in line))
        print(f"  repeat: LIBPQ_OXIDE_CHAINS={chains} LIBPQ_OXIDE_CHAINS_SEED={seed}.{number} cargo test ... -- tls::chains::mixed")
    return tuple(map(int, found.groups()))


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    rows, wrong, total = [], 0, [0, 0, 0, 0]
    if not budget.short:
        cases, wrong = table_of_cases()
        rows.append(("certificates: table of cases", cases, cases - wrong, wrong, "each with the result in cases.tsv"))
    # At least one run, even if the table has needed all the time.
    for number in itertools.chain([0], budget.numbers(1, first=1)):
        total = [sum(pair) for pair in zip(total, random_chains(seed, number, SHORT if budget.short else CHAINS))]
    tried, lost, accepted, known = total
    note = f"{accepted} accepted by both, {known} differences in docs/tls.md"
    rows.append(("certificates: random chains", tried, tried - lost, lost, note))
    return rows, not (wrong or lost)
