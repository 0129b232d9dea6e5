"""Speed of the translator's network: python -m benchmarks.translate

Decoding with beam 5, and training, beside straightforward loops over the same weights that must give the same tokens
and the same loss, and beside the fp32 limit of the machine, measured in the same run; and the loss of a batch, beside
torch's. Weights and sentences are random: speed does not depend on them. Runs are interleaved; medians are printed.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.straightforward import StraightforwardSearch, step_loop_loss
from seqcore.decoding import GenerationConfig, beam_search
from seqcore.nn import label_smoothed_cross_entropy, length_mask
from seqcore.tasks.translation import TranslationNetwork, TranslatorConfig

SETTINGS = Path(__file__).parent.parent / "seqcore" / "recipes" / "configs" / "multi30k.yaml"
PADDING, START, END = 0, 1, 2
SHORTEST, LONGEST = 10, 20  # tokens of a source, about as in Multi30k
BEAM_SIZE = 5

Found = list[tuple[list[int], float]]
"""The best hypothesis of every sentence: its tokens and their log-probability."""


def create_network(settings: dict[str, Any]) -> TranslationNetwork:
    """A network as the YAML describes it, without dropout, so that both ways of training have one loss."""
    network = TranslationNetwork(TranslatorConfig(**{**settings, "dropout": 0.0}), PADDING)
    nn.init.normal_(network.decoder.embedding.weight)  # so that some tokens are much likelier than others
    return network


def search_config(tokens: int) -> GenerationConfig:
    """Beam search that must write exactly so many tokens."""
    return GenerationConfig(END, PADDING, BEAM_SIZE, max_length=tokens, min_length=tokens, banned_tokens=(START,))


@torch.inference_mode()
def decode(network: TranslationNetwork, source: Tensor, lengths: Tensor, config: GenerationConfig) -> Found:
    """What `Translator.translate` runs."""
    state = network.decoder.start(network.encode(source, lengths))
    hypotheses = beam_search(network.decoder.step, state, torch.full((len(source),), START), config)
    return [(list(best.tokens), best.log_probability) for best, *_ in hypotheses]


def train(network: TranslationNetwork, batch: dict[str, Tensor], step_loop: bool = False, bf16: bool = False) -> float:
    """The mean loss of a batch; its gradients are left in the network."""
    network.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        if step_loop:
            loss = step_loop_loss(network, batch)
        else:
            answer = network(batch)
            loss = answer.total / answer.count
    loss.backward()
    return float(loss.detach())


def sentences(rows: int, shortest: int, longest: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Random tokens (rows, longest), padded, and their lengths (rows,); at least one has the longest."""
    lengths = torch.randint(shortest, longest + 1, (rows,))
    lengths[0] = longest
    tokens = torch.randint(END + 1, vocabulary, (rows, longest))
    return tokens.masked_fill(~length_mask(lengths, longest), PADDING), lengths


def interleaved(contenders: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every run; each contender runs once to warm up, and then they take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            begin = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - begin)
    return seconds


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times faster: the median over the rounds, each compared with its neighbour in time."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def gemm_limit() -> float:
    """fp32 GFLOP/s of a product of two 2,048-cubes: the best of 5."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    seconds = interleaved({"gemm": lambda: functional.linear(a, b)}, 5)["gemm"]
    return 2 * 2048**3 / min(seconds) / 1e9


def work(network: TranslationNetwork, read: int, written: int) -> float:
    """GFLOP that so many source positions and hypothesis steps need: each goes through every matrix once."""
    decoder = network.decoder

    def numbers(*modules: nn.Module) -> int:
        return sum(weight.numel() for module in modules for weight in module.parameters() if weight.dim() == 2)

    reading = numbers(network.encoder, decoder.attention)
    writing = numbers(decoder.stack, decoder.combine, decoder.project, decoder.output)
    return 2e-9 * (reading * read + writing * written)


def compare_tokens(network: TranslationNetwork, tokens: int, vocabulary: int) -> None:
    """Both searches must give the same tokens in float64, where there are no ties."""
    network, config = network.double(), search_config(tokens)
    source, lengths = sentences(16, SHORTEST, LONGEST, vocabulary)
    ours, theirs = (
        decode(network, source, lengths, config),
        StraightforwardSearch(network, START, config)(source, lengths),
    )
    for (written, total), (other, other_total) in zip(ours, theirs, strict=True):
        if written != other or abs(total - other_total) > 1e-4:
            raise AssertionError(f"the searches differ: {written} at {total}, {other} at {other_total}")
    network.float()
    print(f"16 sentences in float64, beam {BEAM_SIZE}, {tokens} tokens: both searches give the same tokens\n")


def measure_decoding(network: TranslationNetwork, rows: int, tokens: int, rounds: int, limit: float) -> str:
    """One row of the table: so many sentences at once."""
    config = search_config(tokens)
    source, lengths = sentences(rows, SHORTEST, LONGEST, network.decoder.output.out_features)
    straightforward = StraightforwardSearch(network, START, config)
    pairs = zip(decode(network, source, lengths, config), straightforward(source, lengths), strict=True)
    # In single precision, equally good answers may be told apart by rounding alone.
    same = [a[0] == b[0] for a, b in pairs if a[0] == b[0] or abs(a[1] - b[1]) < 1e-3]
    if len(same) < rows:
        raise AssertionError(f"the searches differ in {rows - len(same)} of {rows} sentences")
    seconds = interleaved(
        {
            "ours": lambda: decode(network, source, lengths, config),
            "straightforward": lambda: straightforward(source, lengths),
        },
        rounds if rows > 8 else 5 * rounds,
    )
    ours, theirs = (statistics.median(times) for times in seconds.values())
    fraction = work(network, int(lengths.sum()), rows * (1 + BEAM_SIZE * (tokens - 1))) / ours / limit
    faster = ratio(seconds["straightforward"], seconds["ours"])
    return (
        f"| {rows} | {rows / ours:.1f} | {rows * tokens / ours:,.0f} | {fraction:.0%} | "
        f"{rows * tokens / theirs:,.0f} | {faster:.2f} | {sum(same)} of {rows} |"
    )


def measure_training(network: TranslationNetwork, batch_tokens: int, rounds: int, limit: float) -> list[str]:
    """The rows of the table: forward and backward passes over one batch of the size we train with."""
    rows, vocabulary = batch_tokens // (LONGEST + 1), network.decoder.output.out_features
    source, lengths = sentences(rows, LONGEST, LONGEST, vocabulary)
    target, _ = sentences(rows, SHORTEST + 1, LONGEST + 1, vocabulary)
    batch = {"source": source, "source_lengths": lengths, "target": target}
    count = int((target[:, 1:] != PADDING).sum())
    losses = train(network, batch), train(network, batch, step_loop=True)
    if abs(losses[0] - losses[1]) > 1e-4:
        raise AssertionError(f"fused training has a loss of {losses[0]}, the step loop of {losses[1]}")
    seconds = interleaved(
        {
            "step loop, fp32": lambda: train(network, batch, step_loop=True),
            "fused, fp32": lambda: train(network, batch),
            "fused, bf16 autocast": lambda: train(network, batch, bf16=True),
        },
        rounds,
    )
    flop = 3 * work(network, int(lengths.sum()), count)  # backwards, twice as much again
    lines = []
    for name, times in seconds.items():
        median = statistics.median(times)
        faster = ratio(seconds["step loop, fp32"], times)
        lines.append(f"| {name} | {count / median:,.0f} | {flop / median / limit:.0%} | {faster:.2f} |")
    return lines


def measure_loss(output: nn.Linear, tokens: int, rounds: int) -> list[str]:
    """The rows of the table: output layer and label-smoothed loss of so many tokens, forwards and backwards."""
    hidden = torch.randn(tokens, output.in_features, requires_grad=True)
    labels = torch.randint(output.out_features, (tokens,))

    def run(blocks: bool, bf16: bool) -> None:
        output.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = output(hidden)
            if blocks:
                loss = label_smoothed_cross_entropy(logits, labels, 0.1)
            else:
                loss = functional.cross_entropy(logits.float(), labels, reduction="sum", label_smoothing=0.1)
        loss.backward()

    lines = []
    for name, bf16 in (("fp32", False), ("bf16 autocast", True)):
        ways: dict[str, Callable[[], Any]] = {"torch": partial(run, False, bf16), "blocks": partial(run, True, bf16)}
        theirs, ours = interleaved(ways, rounds).values()
        milliseconds = (f"{1000 * statistics.median(times):.0f}" for times in (theirs, ours))
        lines.append(f"| {name} | {' | '.join(milliseconds)} | {ratio(theirs, ours):.2f} |")
    return lines


def main() -> None:
    """Print three Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 32, 128], help="sentences at once")
    parser.add_argument("--tokens", type=int, default=30, help="tokens that every hypothesis must have")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    settings = yaml.safe_load(SETTINGS.read_text(encoding="utf-8"))
    network, limit = create_network(settings["model"]).eval(), gemm_limit()
    print(f"torch {torch.__version__}, {arguments.threads} thread(s), fp32 limit {limit:.0f} GFLOP/s\n")
    compare_tokens(network, arguments.tokens, settings["model"]["vocab_size"])
    print("| batch | sentences/s | tokens/s | of the fp32 limit | straightforward, tokens/s | ratio | same tokens |")
    print("|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    for rows in arguments.batch:
        print(measure_decoding(network, rows, arguments.tokens, arguments.rounds, limit), flush=True)
    print("\n| training | target tokens/s | of the fp32 limit | ratio |\n|---|--:|--:|--:|")
    batch_tokens = settings["training"]["batch_tokens"]
    print("\n".join(measure_training(network.train(), batch_tokens, arguments.rounds, limit)))
    print(
        f"\n| output layer and loss, {batch_tokens:,} tokens | torch, ms | in blocks, ms | ratio |\n|---|--:|--:|--:|"
    )
    print("\n".join(measure_loss(network.decoder.output, batch_tokens, arguments.rounds)))


if __name__ == "__main__":
    main()
