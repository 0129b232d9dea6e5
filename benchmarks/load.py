"""Many clients at once: python -m benchmarks.load

Starts all apps as one server, in a process of its own, and asks every endpoint alone for its answers. Then many
clients ask for the same, mixed at random, for a while: each answer must be the one that was given alone (texts the
same, numbers within a tolerance), and a server that has too much to do may only ask to try again. Its memory is
watched. At last the text endpoints alone are asked, of this server and of one that works on each call by itself, in
turn.

Every connection goes to 127.0.0.1.
"""

import argparse
import asyncio
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.server import BusyError, Request, Server, connection

APPS = Path(__file__).resolve().parent.parent / "apps"
TOLERANCE = 2e-3  # of numbers, such as probabilities: sums in another order differ in single precision
ENGLISH = (
    "A brown dog runs through the snow.", "Two men are playing guitar in front of a crowd.",
    "A little girl in a pink dress is climbing the stairs. Her mother watches her.",
    "Several people are waiting for a train.\n\nIt is late.", "A man in a blue shirt is standing on a ladder.",
    "Children play football on a field while their parents talk.", "The cat sleeps on a red sofa.",
    "A woman is cooking dinner for 12 guests in a large kitchen.",
)  # fmt: skip
FRENCH = ("Un chien brun court dans la neige.", "Deux hommes jouent de la guitare.")
_PRAISE = (
    "The plot is thin, but the actors are wonderful and the music carries every scene.",
    "I did not expect to like it, and yet I would gladly see it again.",
    "Nothing happens for an hour, and when it does you no longer care.",
    "Whoever wrote these dialogues has never listened to people talking.",
    "The camera work is beautiful, the ending is a disappointment.",
)
REVIEWS = (*_PRAISE, *(" ".join(_PRAISE[i:] + _PRAISE[:i]) * times for i in range(5) for times in (1, 2, 3)))


def mixture(tables: Path) -> list[Request]:
    """Every endpoint, those that answer fast more often."""
    table, text = tables / "reviews.csv", tables / "letter.txt"
    table.write_text("text\n" + "\n".join(f'"{review}"' for review in REVIEWS[:8]), encoding="utf-8")
    text.write_text("\n".join(ENGLISH[:6]), encoding="utf-8")
    photos = sorted((APPS / "captioner" / "examples").glob("*.jpg"))
    requests = [Request("translate", (sentence, "auto", way, 5, 1.0)) for sentence in ENGLISH for way in ("de", "fr")]
    requests += [Request("translate", (sentence, "fr", "en", 3, 1.0)) for sentence in FRENCH]
    requests += [Request("translate_stream", (sentence, "en", "de", 5, 1.0)) for sentence in ENGLISH[:4]]
    requests += [Request("explain_translation", (sentence, "en", "de", 5, 1.0, 3)) for sentence in ENGLISH[:3]]
    requests += [Request("classify", (review, 0.6)) for review in REVIEWS]
    requests += [Request("explain_sentiment", (review, 0.6)) for review in REVIEWS[:3]]
    requests += [Request("caption", (photo, 5, 1.0)) for photo in photos]
    requests += [Request("explain_caption", (photos[0], 5, 1.0, 3))]
    films = sorted((APPS / "video" / "examples").glob("*.mp4"))
    requests += [Request("label_frames", (films[0], "")), Request("label_video", (films[1], ""))]
    requests += [Request("classify_file", (table, "text", 0.6)), Request("translate_file", (text, "en", "de", 5, 1.0))]
    return [*requests, Request("languages", ()), Request("labels", ()), Request("video_models", ())]


def same(answer: Any, wanted: Any) -> bool:
    """Whether two answers say the same: texts alike, numbers within the tolerance."""
    if isinstance(wanted, bool) or not isinstance(wanted, int | float | list | dict):
        return bool(answer == wanted)
    if isinstance(wanted, dict):
        return (
            isinstance(answer, dict)
            and list(answer) == list(wanted)
            and all(same(answer[k], wanted[k]) for k in wanted)
        )
    if isinstance(wanted, list):
        alike = isinstance(answer, list) and len(answer) == len(wanted)
        return alike and all(same(one, other) for one, other in zip(answer, wanted, strict=True))
    return isinstance(answer, int | float) and abs(answer - wanted) <= TOLERANCE * max(1.0, abs(wanted))


@dataclass
class Outcome:
    """What clients have met."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    busy: int = 0
    lasted: float = 0.0  # seconds, until the last answer

    @property
    def answers(self) -> int:
        """Right and wrong ones."""
        return sum(map(len, self.seconds.values()))

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.lasted


async def load(server: Server, requests: dict[Request, Any], clients: int, seconds: float, start: int = 0) -> Outcome:
    """Let so many clients ask for so long; each asks again when it has its answer."""
    outcome, opened = Outcome(), time.monotonic()
    end = opened + seconds

    async def work(number: int) -> None:
        rng = random.Random(1000 * start + number)
        async with connection() as client:
            while time.monotonic() < end:
                request = rng.choice(list(requests))
                begun = time.monotonic()
                try:
                    answer = await server.ask(client, request)
                except BusyError:
                    outcome.busy += 1
                    await asyncio.sleep(1)
                    continue
                except Exception as error:  # whatever it is, a user would have met it
                    outcome.errors.append(f"{request.endpoint}: {type(error).__name__}: {error}")
                    continue
                outcome.seconds[request.endpoint].append(time.monotonic() - begun)
                if not same(answer, requests[request]):
                    outcome.wrong.append(f"{request}\n  alone:    {requests[request]}\n  together: {answer}"[:2000])

    await asyncio.gather(*map(work, range(clients)))
    outcome.lasted = time.monotonic() - opened
    return outcome


async def answers_alone(server: Server, requests: Sequence[Request]) -> dict[Request, Any]:
    """What each request is answered when nobody else asks."""
    answers = {}
    async with connection() as client:
        await server.ready(client)
        for request in requests:
            answers[request] = await server.ask(client, request)
    return answers


async def watched(server: Server, seconds: float, samples: list[tuple[float, float]]) -> None:
    """Write down the memory every second."""
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        samples.append((now, server.memory()))
        await asyncio.sleep(1)


async def mixed(server: Server, clients: int, seconds: float) -> bool:
    """All endpoints at once; whether everything was as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        requests = await answers_alone(server, mixture(Path(folder)))
        samples: list[tuple[float, float]] = []
        watch = asyncio.create_task(watched(server, seconds, samples))
        outcome = await load(server, requests, clients, seconds)
        await watch
    print(f"\n{clients} clients, {seconds:.0f} s, all endpoints: {outcome.answers} answers,",
          f"{len(outcome.wrong)} wrong, {len(outcome.errors)} errors, {outcome.busy} times busy\n")  # fmt: skip
    print("| endpoint | answers | p50, s | p95, s |\n|---|--:|--:|--:|")
    for endpoint, times in sorted(outcome.seconds.items()):
        print(f"| `/{endpoint}` | {len(times)} | {statistics.median(times):.2f} | {percentile(times, 95):.2f} |")
    middle, last = (
        statistics.median(size for when, size in samples if at - seconds / 12 <= when <= at)
        for at in (seconds / 2, seconds)
    )
    print(f"\nmemory: {samples[0][1]:,.0f} MB before, {middle:,.0f} at half time, {last:,.0f} at the end: "
          f"{100 * (last / middle - 1):+.1f} %")  # fmt: skip
    print("over time, MB:", *(f"{size:,.0f}" for _, size in samples[:: max(1, len(samples) // 12)]))
    for problem in (*outcome.wrong[:5], *outcome.errors[:20]):
        print(problem, file=sys.stderr)
    return not outcome.wrong and not outcome.errors and last < 1.05 * middle


async def throughput(server: Server, alone: Server, clients: int, seconds: float) -> bool:
    """Text endpoints with and without working together, in turn; whether the first is at least twice as fast."""
    good = True
    print(f"\n{clients} clients, answers a second\n\n| endpoint | together | one by one | ratio |\n|---|--:|--:|--:|")
    for endpoint, requests in {
        "translate": [Request("translate", (sentence, "en", "de", 5, 1.0)) for sentence in ENGLISH],
        "classify": [Request("classify", (review, 0.6)) for review in REVIEWS],
    }.items():
        known = {each: await answers_alone(each, requests) for each in (server, alone)}
        rates: dict[Server, list[float]] = {server: [], alone: []}
        for turn in range(3):
            for each in rates:
                outcome = await load(each, known[each], clients, seconds, turn)
                good = good and not outcome.wrong and not outcome.errors
                rates[each].append(outcome.rate)
                for problem in (*outcome.wrong[:2], *outcome.errors[:2]):
                    print(problem, file=sys.stderr)
        together, apart = (statistics.median(rates[each]) for each in (server, alone))
        print(f"| `/{endpoint}` | {together:.1f} | {apart:.1f} | {together / apart:.2f} |", flush=True)
        good = good and together >= 2 * apart
    labels = await answers_alone(server, [Request("labels", ())])
    quick = await load(server, labels, clients, seconds)
    print(f"\n`/labels`, for which no model works: {quick.rate:.0f} answers a second")
    return good


def percentile(values: Sequence[float], part: float) -> float:
    """The value that so many per cent are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(part / 100 * (len(ordered) - 1)))]


def serve_alone(arguments: Sequence[str]) -> None:
    """All apps, with every call worked on by itself."""
    from apps.server import batching

    batching.MAX_TOGETHER = 1
    from apps.__main__ import main as serve

    serve(arguments)


def main() -> None:
    """Run everything and print tables; the status says whether all was as it should be."""
    if "--serve-alone" in sys.argv:
        serve_alone(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120, help="of the mixed load")
    parser.add_argument("--throughput-seconds", type=float, default=10, help="of each turn; 0 leaves this part out")
    chosen = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {time.strftime('%F')}")
    servers = [Server()]
    try:
        good = asyncio.run(mixed(servers[0], chosen.clients, chosen.seconds))
        if chosen.throughput_seconds:
            servers.append(Server(together=False))
            together, alone = servers
            good &= asyncio.run(throughput(together, alone, min(chosen.clients, 40), chosen.throughput_seconds))
    finally:
        for server in servers:
            server.stop()
    sys.exit(not good)


if __name__ == "__main__":
    main()
