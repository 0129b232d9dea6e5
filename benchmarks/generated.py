"""Generated input for every verb: python -m benchmarks.generated --inputs 10000

Texts of all of Unicode, wrong types, odd settings, damaged files: each gives a result that is checked, or one of our
own errors. Any other exception ends the run, and hypothesis prints the smallest input that raises it; so does a call of
more than twenty seconds. Models are tiny, some untrained: what is tested does not depend on what they have learned.
"""

import argparse
import faulthandler
import logging
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

LONGEST_CALL = 20.0  # seconds; nothing that is generated is that much work


def try_verb(verb: "Verb", inputs: int, start: int) -> Counter[bool]:  # type: ignore[name-defined]  # noqa: F821
    """How many results (True) and how many refusals (False) so many inputs gave. Raises what a verb should not."""
    counted: Counter[bool] = Counter()

    @seed(start)
    @settings(max_examples=inputs, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(verb.inputs())
    def run(value: object) -> None:
        faulthandler.dump_traceback_later(LONGEST_CALL, exit=True)
        try:
            counted[verb.answers(value)] += 1
        finally:
            faulthandler.cancel_dump_traceback_later()

    run()
    return counted


def main() -> None:
    """Try every verb, or those that are named, and print a table."""
    from generated_verbs import VERBS

    logging.disable(logging.ERROR)  # of the libraries that are given what they cannot read

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000, help="of each verb (default: 10,000)")
    parser.add_argument("--verb", action="append", choices=[verb.name for verb in VERBS], help="may be given often")
    parser.add_argument("--seed", type=int, default=0, help="of the inputs (default: 0)")
    chosen = parser.parse_args()
    print("| verb | inputs | results | refusals | seconds |\n|---|--:|--:|--:|--:|", flush=True)
    for verb in VERBS:
        if chosen.verb and verb.name not in chosen.verb:
            continue
        begun = time.perf_counter()
        counted = try_verb(verb, chosen.inputs, chosen.seed)
        seconds = time.perf_counter() - begun
        row = f"| {verb.name} | {counted.total():,} | {counted[True]:,} | {counted[False]:,} | {seconds:.0f} |"
        print(row, flush=True)


if __name__ == "__main__":
    import os

    with tempfile.TemporaryDirectory() as folder:  # nothing that data readers keep outlives the run
        os.environ["HF_DATASETS_CACHE"], os.environ["HF_HUB_OFFLINE"] = folder, "1"
        main()
