"""Forged certificate chains and revocation lists: the table of cases, chains made at random, and flips of single bits."""

import collections
import concurrent.futures
import itertools
import os
import re
import subprocess

from build import CHECKOUT

# Chains in one run of the test, and in the short form. `make test` has the table of cases, which the short form leaves out.
CHAINS, SHORT = 400, 300
# The same for flips. The long form does all of them in so many runs, some of which run at the same time.
FLIPS, SHORT_FLIPS = 400, 300
RUNS, AT_ONCE = 150, 3


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


FLIPS_LINE = re.compile(
    r"^flipped bits: (?P<tried>\d+) tried, (?P<lost>\d+) lost, (?P<accepted>\d+) accepted by both, "
    r"(?P<refused>\d+) refused by both, (?P<known>\d+) documented",
    re.MULTILINE,
)


def flips(seed, which):
    """Runs some flips. Returns how many were tried, lost, accepted by both, refused by both and documented; and how many of the documented
    ones are explained by which cases of cases.tsv."""
    done = run_test("tls::chains::flips", LIBPQ_OXIDE_FLIPS=which, LIBPQ_OXIDE_CHAINS_SEED=seed)
    found = FLIPS_LINE.search(done.stdout)
    counts = collections.Counter({what: int(number) for what, number in found.groupdict().items()} if found else {})
    if done.returncode != 0 or not found:
        lost = [line for line in done.stdout.splitlines() if line.startswith("flip-")]
        print("\n".join(lost) or done.stdout[-4000:])
        print("  repeat: make torture ONLY=certificates CASE=flip-NUMBER")
        # The test itself failed, or its proof that it notices differences.
        counts.update(() if lost else {"tried": 1, "lost": 1})
    explained = re.findall(r"^stricter: (\d+) (.+)$", done.stdout, re.MULTILINE)
    return counts, collections.Counter({cases: int(number) for number, cases in explained})


def results_of_flips(seed, budget, case):
    if case is not None:
        number = int(case.removeprefix("flip-"))
        yield flips(str(seed), f"{number}-{number + 1}")
    elif budget.short:
        yield flips(str(seed), str(SHORT_FLIPS))
    elif budget.long:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(lambda part: flips(str(seed), f"{part}/{RUNS}"), range(RUNS))
    else:
        for number in itertools.chain([0], budget.numbers(1, first=1)):
            yield flips(f"{seed}.{number}", str(FLIPS))


def run_flips(seed, budget, case=None):
    """Returns a row for the summary, and whether all is well."""
    total, by_cases = collections.Counter(), collections.Counter()
    for counts, explained in results_of_flips(seed, budget, case):
        total.update(counts)
        by_cases.update(explained)
    for cases, number in by_cases.most_common():
        print(f"  {number} flips are refused by this library only: {cases}")
    lost = total["lost"]
    note = f"{total['accepted']} accepted by both, {total['refused']} refused by both, {total['known']} differences in docs/tls.md"
    return ("certificates: flipped bits", total["tried"], total["tried"] - lost, lost, note), not lost


def run(seed, budget, case=None):
    """Returns rows for the summary, and whether all is well."""
    if case is not None:
        row, ok = run_flips(seed, budget, case)
        return [row], ok
    rows, wrong, total = [], 0, [0, 0, 0, 0]
    if not budget.short:
        cases, wrong = table_of_cases()
        rows.append(("certificates: table of cases", cases, cases - wrong, wrong, "each with the result in cases.tsv"))
    # At least one run, even if the table has needed all the time.
    for number in itertools.chain([0], budget.part(budget.seconds / 2).numbers(1, first=1)):
        total = [sum(pair) for pair in zip(total, random_chains(seed, number, SHORT if budget.short else CHAINS))]
    tried, lost, accepted, known = total
    note = f"{accepted} accepted by both, {known} differences in docs/tls.md"
    rows.append(("certificates: random chains", tried, tried - lost, lost, note))
    row, ok = run_flips(seed, budget)
    return [*rows, row], ok and not (wrong or lost)
