"""Speed of the sentiment classifier's network: python -m benchmarks.sentiment

Reading reviews one at a time and 32 at a time, each only to its end, as they come and in buckets of like length, beside
a plain loop that pads 32 reviews as they come, and beside the fp32 limit of the machine, measured in the same run; then
training, in buckets and as they come. Weights and words are random, lengths are drawn about as IMDB's: speed depends on
nothing else. Runs are interleaved; medians are printed.
"""

import argparse
import statistics
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.translate import gemm_limit, interleaved, ratio
from seqcore.batching import padded, token_budget_batches
from seqcore.tasks.sentiment import SentimentConfig
from seqcore.tasks.sentiment.network import SentimentNetwork

PADDING = 0
MEDIAN, SPREAD, SHORTEST, LONGEST = 230, 0.65, 15, 1800  # pieces of a review: log-normal, about as IMDB's
BATCH_ROWS, BATCH_TOKENS = 32, 16_000


def reviews(count: int, vocabulary: int) -> list[list[int]]:
    """Random pieces, with lengths as of reviews."""
    lengths = (MEDIAN * torch.randn(count).mul(SPREAD).exp()).clamp(SHORTEST, LONGEST).long()
    return [torch.randint(4, vocabulary, (int(length),)).tolist() for length in lengths]


def batched(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Tokens (B, T), padded, and lengths (B,)."""
    return torch.tensor(padded(rows, PADDING)), torch.tensor([len(row) for row in rows])


@torch.inference_mode()
def read(
    network: SentimentNetwork, texts: Sequence[Sequence[int]], size: int, sort: bool = False, to_the_end: bool = False
) -> Tensor:
    """Logits of all texts, so many at a time: sorted by length, or as they come; the padding of them all, or not."""
    logits_of = network.logits if to_the_end else network.logits_in_chunks
    order = sorted(range(len(texts)), key=lambda row: len(texts[row])) if sort else list(range(len(texts)))
    logits = torch.empty(len(texts), network.head[-1].get_parameter("weight").shape[0])
    for begin in range(0, len(order), size):
        rows = order[begin : begin + size]
        logits[rows] = logits_of(*batched([texts[row] for row in rows]))
    return logits


def train(network: SentimentNetwork, texts: Sequence[Sequence[int]], batches: Sequence[Sequence[int]]) -> None:
    """One pass over the texts, gradients included, in bfloat16."""
    for rows in batches:
        tokens, lengths = batched([texts[row] for row in rows])
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = network({"tokens": tokens, "lengths": lengths, "labels": torch.zeros(len(rows), dtype=torch.long)})
        (loss.total / loss.count).backward()


def work(network: SentimentNetwork, tokens: int) -> float:
    """GFLOP to read so many tokens: each goes through every matrix of the LSTM once."""
    return 2e-9 * tokens * sum(weight.numel() for weight in network.encoder.parameters() if weight.dim() == 2)


def measure_reading(
    network: SentimentNetwork, texts: Sequence[Sequence[int]], rounds: int, limit: float
) -> Iterator[str]:
    """The rows of the table, a way of reading each."""
    few = texts[:BATCH_ROWS]
    alone = interleaved({"alone": lambda: read(network, few, 1)}, rounds)["alone"]
    together = interleaved(
        {
            "padded": lambda: read(network, texts, BATCH_ROWS, to_the_end=True),
            "mixed": lambda: read(network, texts, BATCH_ROWS),
            "bucketed": lambda: read(network, texts, BATCH_ROWS, sort=True),
        },
        rounds,
    )
    pieces, pieces_of_few = sum(map(len, texts)), sum(map(len, few))
    padded_speed = pieces / statistics.median(together["padded"])
    for name, seconds, count, tokens in (
        ("one at a time", alone, len(few), pieces_of_few),
        (f"{BATCH_ROWS} as they come, padded", together["padded"], len(texts), pieces),
        (f"{BATCH_ROWS} as they come", together["mixed"], len(texts), pieces),
        (f"{BATCH_ROWS} of like length", together["bucketed"], len(texts), pieces),
    ):
        median = statistics.median(seconds)
        fraction = work(network, tokens) / median / limit
        speed = tokens / median
        yield f"| {name} | {count / median:.1f} | {speed:,.0f} | {fraction:.0%} | {speed / padded_speed:.2f} |"


def measure_training(network: SentimentNetwork, texts: Sequence[Sequence[int]], rounds: int) -> Iterator[str]:
    """The rows of the table, a way of making batches each."""
    buckets = token_budget_batches([(len(text),) for text in texts], BATCH_TOKENS, seed=1)
    size = max(1, round(len(texts) / len(buckets)))
    as_they_come = [list(range(len(texts))[begin : begin + size]) for begin in range(0, len(texts), size)]
    seconds = interleaved(
        {"padded": lambda: train(network, texts, as_they_come), "bucketed": lambda: train(network, texts, buckets)},
        rounds,
    )
    pieces = sum(map(len, texts))
    for name, title, batches in (
        ("padded", f"{size} as they come", as_they_come),
        ("bucketed", f"{BATCH_TOKENS:,} pieces of like length", buckets),
    ):
        filled = sum(len(batch) * max(len(texts[row]) for row in batch) for batch in batches) / pieces
        speed = pieces / statistics.median(seconds[name])
        yield f"| {title} | {speed:,.0f} | {filled:.2f} | {ratio(seconds['padded'], seconds[name]):.2f} |"


def main() -> None:
    """Measure and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.manual_seed(0)
    config = SentimentConfig()
    network, texts = SentimentNetwork(config, PADDING).eval(), reviews(options.reviews, config.vocab_size)
    limit = gemm_limit()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), fp32 limit {limit:.0f} GFLOP/s")
    print(f"{len(texts)} reviews, {sum(map(len, texts)) / len(texts):.0f} pieces on average\n")
    alone, together = read(network, texts, 1, False), read(network, texts, BATCH_ROWS, True)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    print("| reading | reviews/s | pieces/s | of the fp32 limit | ratio |\n|---|--:|--:|--:|--:|")
    print("\n".join(measure_reading(network, texts, options.rounds, limit)))
    network.train()
    print("\n| training, bf16 autocast | pieces/s | read, padding counted | ratio |\n|---|--:|--:|--:|")
    print("\n".join(measure_training(network, texts, max(1, options.rounds // 2))))


if __name__ == "__main__":
    main()
