"""The per-frame video classifier: files, streams, training and data."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import datasets
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_training import train
from tiny_videos import COLOURS, colours, plain, tiny_classifier, tiny_config, write_video

from seqcore import load
from seqcore.errors import CheckpointError, DataError, InputError, SettingsError
from seqcore.media.clips import Clip, read_clip
from seqcore.media.video import read_frames
from seqcore.nn.frames import FrameEncoder
from seqcore.tasks.video import FrameClassifier
from seqcore.tasks.video.pruning import prune_channels
from seqcore.tasks.video.result import to_frame_labels
from seqcore.tasks.video.rows import read_videos, reference
from seqcore.tasks.video.training import augment, class_weights, smoothing_loss

NAMES = ["red", "red", "blue", "green", "green", "blue", "red", "green", "blue"]


def clip(frames: int, channels: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(frames)
    return torch.randint(0, 256, (frames, channels, 24, 32), generator=generator, dtype=torch.uint8)


# Whole files, chunks and streams


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 14),
    cuts=st.lists(st.integers(1, 13), max_size=4),
    offsets=st.sampled_from([(0,), (-1, 0), (-4, -1, 0), (-1, 0, 2)]),
    delay=st.integers(0, 4),
)
def test_a_stream_gives_what_the_whole_gives(
    frames: int, cuts: list[int], offsets: tuple[int, ...], delay: int
) -> None:
    task = tiny_classifier(offsets=offsets, delay=delay, motion=len(offsets) > 1)
    network = task.network.double()
    video = clip(frames).unsqueeze(0)
    with torch.inference_mode():
        whole = network(video)
        parts, stream = [], None
        edges = [0, *sorted({cut for cut in cuts if cut < frames}), frames]
        for begin, end in pairwise(edges):
            logits, stream = network.forward_chunk(video[:, begin:end], stream)
            parts.append(logits)
        assert stream is not None
        parts.append(network.flush(stream))
    assert sum(part.shape[1] for part in parts[:-1]) == max(0, frames - task.config.lag)
    torch.testing.assert_close(
        torch.cat([part.double() for part in parts], 1), whole, atol=1e-6, rtol=0
    )  # motion is measured in single precision


def test_names_of_a_stream_before_answer_with_a_warning() -> None:
    from seqcore.tasks import video as room

    task, frames = tiny_classifier(), clip(3).unsqueeze(0).float()
    _, stream = task.network.forward_chunk(frames)
    with pytest.warns(FutureWarning, match="FrameNetwork.feed is called FrameNetwork.forward_chunk"):
        assert isinstance(task.network.feed(frames)[1], room.StreamState)
    with pytest.warns(FutureWarning, match="FrameClassifier.finish is called FrameClassifier.flush"):
        assert task.finish(stream) == task.flush(stream)
    with pytest.warns(FutureWarning, match="StreamState"):
        assert room.Stream is room.StreamState


def test_steps_give_the_labels_of_the_file(tmp_path: Path) -> None:
    task = tiny_classifier()
    path = write_video(tmp_path / "a.mp4", colours(NAMES))
    found = task.label(path)
    state, labels = None, []
    for _, frame in read_frames(path):
        label, state = task.step(frame.permute(1, 2, 0).numpy(), state)
        labels.append(label)
    assert labels[: task.config.lag] == [None] * task.config.lag
    assert state is not None
    assert [*labels[task.config.lag :], *task.flush(state)] == list(found.labels)
    assert len(found.labels) == len(NAMES)
    assert found.probabilities.sum(1).tolist() == pytest.approx([1.0] * len(NAMES), abs=1e-5)


def test_two_streams_do_not_meet() -> None:
    task = tiny_classifier()
    one, other = ([plain(name) for name in names] for names in (NAMES, NAMES[::-1]))

    def alone(frames: list[Any]) -> list[str | None]:
        state, labels = None, []
        for frame in frames:
            label, state = task.step(frame, state)
            labels.append(label)
        return labels

    states: list[Any] = [None, None]
    mixed: list[list[str | None]] = [[], []]
    for pair in zip(one, other, strict=True):
        for i in range(2):
            label, states[i] = task.step(pair[i], states[i])
            mixed[i].append(label)
    assert mixed == [alone(one), alone(other)]


def test_a_stream_keeps_nothing_but_its_state() -> None:
    task = tiny_classifier()
    sizes, state = set(), None
    for name in NAMES * 3:
        _, state = task.step(plain(name), state)
        sizes.add(state.frames.numel())
    assert len(sizes) <= 2  # it grows for one frame, and is flat then


def test_a_bidirectional_one_reads_whole_files_and_refuses_to_stream(tmp_path: Path) -> None:
    task = tiny_classifier(bidirectional=True, delay=0, offsets=(-1, 0, 1))
    with pytest.raises(InputError, match="cannot stream: use label"):
        task.step(plain("red"))
    frames = clip(70)  # more than one chunk
    found = task.predict([Clip(frames, tuple(i / 25 for i in range(70)), 25.0)])[0]
    with torch.inference_mode():
        whole = task.network(frames.unsqueeze(0))[0].softmax(-1)
    torch.testing.assert_close(found.probabilities, whole, atol=1e-5, rtol=0)


def test_company_and_padding_change_nothing() -> None:
    task = tiny_classifier(bidirectional=True, delay=0, offsets=(-1, 0, 1))
    other = tiny_classifier(offsets=(-2, 0, 1), delay=3)
    lengths = [7, 1, 4]
    padded = torch.zeros(3, 7, 3, 24, 32, dtype=torch.uint8)
    for row, length in enumerate(lengths):
        padded[row, :length] = clip(length)
    for network in (task.network.double(), other.network.double()):
        with torch.inference_mode():
            together = network(padded, torch.tensor(lengths))
            for row, length in enumerate(lengths):
                alone = network(clip(length).unsqueeze(0))[0]
                torch.testing.assert_close(together[row, :length], alone, atol=1e-9, rtol=0)


def test_frames_that_are_none_are_refused() -> None:
    task = tiny_classifier()
    for frame in (np.zeros((4, 4)), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3)), "red"):
        with pytest.raises(InputError, match="a frame must be"):
            task.step(frame)


def test_a_video_in_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    task = tiny_classifier()
    good = write_video(tmp_path / "a.mp4", colours(["red"]))
    (tmp_path / "b.mp4").write_text("no", encoding="utf-8")
    assert len(task.label([good, good])) == 2
    with pytest.raises(InputError, match=r"b\.mp4") as raised:
        task.label([good, tmp_path / "b.mp4"])
    assert raised.value.number == 2


def test_segments_have_the_files_times_and_the_median_drops_single_frames(tmp_path: Path) -> None:
    task = tiny_classifier(median=3)
    times = tuple(i / 10 for i in range(6))
    numbers = torch.tensor([0, 0, 1, 0, 2, 2])
    rough = torch.nn.functional.one_hot(numbers, 3).float() * 0.8 + 0.1
    found = to_frame_labels(times, 10.0, rough, task.config)
    assert found.labels == ("blue", "blue", "blue", "blue", "red", "red")
    assert [(one.start, one.label) for one in found.segments] == [(0.0, "blue"), (0.4, "red")]
    assert found.segments[0].end == 0.4
    assert found.segments[1].end == pytest.approx(0.6)
    assert task.to_text(found) == "0.00-0.40 blue 0.40-0.60 red"
    assert json.loads(json.dumps(task.to_dict(found)))["segments"][0]["label"] == "blue"


# The network


def test_the_encoder_sees_its_offsets_and_no_more() -> None:
    torch.manual_seed(0)
    encoder = FrameEncoder(1, 24, 32, (-2, 0, 1), (8, 8), 16).eval()
    frames = clip(9, 1).unsqueeze(0)
    with torch.inference_mode():
        before = encoder(frames)
        frames[:, 4] = 255 - frames[:, 4]
        changed_at = (encoder(frames) - before).abs().amax(2)[0].nonzero().flatten().tolist()
    assert before.shape == (1, 6, 16)
    assert changed_at == [1, 2, 4]  # places of frames 3, 4 and 6: the first has place 0 for frame 2
    with pytest.raises(ValueError, match="frames must be"):
        encoder(clip(3).unsqueeze(0))


def test_truncated_training_gives_the_same_values_and_shorter_gradients() -> None:
    network = tiny_classifier(offsets=(0,), delay=1).network.double()
    video = clip(12).unsqueeze(0)
    torch.testing.assert_close(network(video, bptt=4), network(video), atol=1e-9, rtol=0)
    vectors = torch.randn(1, 13, 16, dtype=torch.float64, requires_grad=True)
    network.read(vectors, bptt=4)[0, -1].sum().backward()
    assert vectors.grad is not None
    assert vectors.grad.abs().sum(2)[0].nonzero().flatten().tolist() == [12]
    assert len(torch.autograd.grad(network.read(vectors)[0, -1].sum(), vectors)[0].abs().sum(2)[0].nonzero()) == 13


def test_any_backbone_by_name(tmp_path: Path) -> None:
    task = tiny_classifier(backbone="mobilenetv3_small_050", height=32, width=32, offsets=(0,))
    found = task.label(write_video(tmp_path / "a.mp4", colours(NAMES)))
    assert len(found.labels) == len(NAMES)
    with pytest.raises(SettingsError, match="needs square frames"):
        tiny_config(backbone="mobilenetv3_small_050")
    with pytest.raises(SettingsError, match="there is no backbone"):
        tiny_classifier(backbone="mobilenetv9", height=32, width=32, offsets=(0,))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"labels": ("a", "a")}, "labels must differ"),
        ({"background": "quiet"}, "background must be one of the labels"),
        ({"aliases": ("sp",)}, "aliases must be name=label"),
        ({"crop": (0.5, 0.0, 0.4, 1.0)}, "crop must be"),
        ({"offsets": (-1, 1)}, "offsets must be"),
        ({"widths": (8,)}, "widths must be"),
        ({"delay": -1}, "delay must be"),
        ({"bidirectional": True}, "its delay must be 0"),
        ({"median": 2}, "median must be odd"),
        ({"height": 0}, "height must be"),
        ({"dropout": 1}, "dropout must be"),
        ({"smoothing": -1}, "smoothing must be"),
    ],
)
def test_settings_that_make_no_sense(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        tiny_config(**wrong)


def test_saved_and_loaded(tmp_path: Path) -> None:
    task = tiny_classifier()
    task.save_pretrained(tmp_path / "model")
    again = load(tmp_path / "model", device="cpu")
    assert isinstance(again, FrameClassifier)
    assert again.config == task.config
    path = write_video(tmp_path / "a.mp4", colours(NAMES))
    assert torch.equal(again.label(path).probabilities, task.label(path).probabilities)
    config = tmp_path / "model" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace('"height": 24', '"height": -1'), encoding="utf-8")
    with pytest.raises(CheckpointError, match="height"):
        load(tmp_path / "model")


# Training


def test_it_learns_colours_and_fits_another_set_of_labels() -> None:
    task = tiny_classifier(delay=1)
    rows = []
    for seed in range(4):
        names = [*np.random.default_rng(seed).choice(list(COLOURS), 6)]
        frames = torch.stack([torch.from_numpy(plain(str(name), 32, 24)).permute(2, 0, 1) for name in names])
        times = tuple(i / 25 for i in range(6))
        segments = [(time, time + 0.04, str(name)) for time, name in zip(times, names, strict=True)]
        rows.append({"video": Clip(frames, times, 25.0), "segments": segments})
    torch.manual_seed(0)
    train(task, rows, steps=60, learning_rate=0.01)
    scores = task.evaluate(rows)
    assert scores["frame_accuracy"] == 100
    assert scores["f1@50"] == 100
    more, kept = FrameClassifier.adapt(task, tiny_config(labels=("blue", "green", "mauve", "red"), delay=1))
    assert kept == 3
    found = more.predict([cast(Any, row["video"]) for row in rows])[0].probabilities[:, [0, 1, 3]]
    torch.testing.assert_close(
        found / found.sum(1, keepdim=True),
        task.predict([cast(Any, row["video"]) for row in rows])[0].probabilities,
        atol=1e-5,
        rtol=0,
    )


def test_a_narrowed_one_keeps_what_is_used() -> None:
    task = tiny_classifier(widths=(8, 8, 12), motion=True)
    network = task.network
    with torch.no_grad():  # channels that nothing uses
        network.encoder.get_parameter("output.weight")[:, : 12 * 6].view(16, 12, 6)[:, 8:] = 0
        network.encoder.get_parameter("stages.1.body.0.weight")[:4] = 0
        network.encoder.get_parameter("stages.1.body.3.weight")[:, :4] = 0
    video = clip(5).unsqueeze(0)
    smaller = prune_channels(task, 8)
    assert smaller.config.widths == (8, 8, 8)
    torch.testing.assert_close(smaller.network(video), network(video), atol=1e-5, rtol=0)
    with pytest.raises(SettingsError, match="cannot be narrowed to 13 channels"):
        prune_channels(task, 13)


def test_smoothing_counts_neighbours_that_differ() -> None:
    logits = torch.zeros(1, 4, 2)
    real = torch.tensor([[True, True, True, False]])
    assert smoothing_loss(logits, real) == 0
    logits[0, 1] = torch.tensor([50.0, -50.0])
    # frame 1: 0.69 and 99.3, cut at 4; frame 2 the same
    first, second = 0.6931**2, 16.0
    assert float(smoothing_loss(logits, real)) == pytest.approx(2 * (first + second) / 2, rel=1e-3)


def test_rare_labels_count_more() -> None:
    counts = torch.tensor([900.0, 100.0, 0.0])
    weights = class_weights(counts)
    assert float(weights[1] / weights[0]) == pytest.approx(3)
    assert float((weights * counts).sum() / counts.sum()) == pytest.approx(1)


def test_training_changes_videos_whole() -> None:
    torch.manual_seed(0)
    frames = clip(10).expand(2, -1, -1, -1, -1)
    seen = augment(frames, 20, 28, flips=True, time_mask=False)
    assert seen.shape == (2, 10, 3, 20, 28)
    # every frame of a video is moved alike: differences between frames stay what they were, but for contrast
    one = (seen[0, 1] - seen[0, 0]).flatten()
    whole = (frames[0, 1].float() - frames[0, 0].float()).unfold(1, 20, 1).unfold(2, 28, 1).flatten(0, 2)
    crops = [*whole.flatten(1), *whole.flip(-1).flatten(1)]
    assert seen.shape[2] == 3
    per_channel = one.view(3, -1)[0]
    assert max(float(torch.corrcoef(torch.stack([per_channel, crop]))[0, 1]) for crop in crops) > 0.999


# Data


def test_rows_of_every_form(tmp_path: Path) -> None:
    for name in COLOURS:
        (tmp_path / "classes" / name).mkdir(parents=True)
        write_video(tmp_path / "classes" / name / "a.mp4", colours([name] * 3))
    rows = read_videos(str(tmp_path / "classes"))
    assert [row["segments"] for row in rows] == [[(0.0, None, name)] for name in sorted(COLOURS)]
    segments = [{"start": 0.0, "end": 0.08, "label": "red"}, {"start": 0.08, "end": 0.2, "label": "blue"}]
    write_video(tmp_path / "a.mp4", colours(["red"] * 5))
    line = json.dumps({"file_name": "a.mp4", "segments": segments})
    (tmp_path / "metadata.jsonl").write_text(line + "\n", encoding="utf-8")
    (row,) = read_videos(str(tmp_path))
    times = tuple(i / 25 for i in range(5))
    assert reference(row, times, 25.0, "") == ["red", "red", "blue", "blue", "blue"]
    (tmp_path / "table.csv").write_text("video,label\na.mp4,red\n", encoding="utf-8")
    (row,) = read_videos(str(tmp_path / "table.csv"))
    assert row == {"video": str(tmp_path / "a.mp4"), "segments": [(0.0, None, "red")]}
    assert reference(row, times, 25.0, "") == ["red"] * 5


def test_rows_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``sayakpaul/ucf101-subset`` is: videos in folders of classes, which are numbers then."""
    paths = [str(write_video(tmp_path / f"{name}.mp4", colours([name]))) for name in ("blue", "red")]
    features = datasets.Features(
        {"video": datasets.Video(decode=False), "label": datasets.ClassLabel(names=["blue", "green", "red"])}
    )
    asked: list[tuple[object, ...]] = []

    def stored(*arguments: object, **options: object) -> datasets.Dataset:
        asked.append((*arguments, options["split"]))
        rows = {"video": [{"path": paths[0], "bytes": None}, {"path": "b.mp4", "bytes": Path(paths[1]).read_bytes()}]}
        table = datasets.Dataset.from_dict({**rows, "label": [0, 2]}, features)
        return table.cast_column("video", datasets.Video())

    monkeypatch.setattr(datasets, "load_dataset", stored)
    monkeypatch.setattr("seqcore.data.hub.is_hub_reachable", lambda: True)
    one, other = read_videos("sayakpaul/ucf101-subset")
    assert asked == [("sayakpaul/ucf101-subset", "train")]
    assert one == {"video": paths[0], "segments": [(0.0, None, "blue")]}
    assert other == {"video": Path(paths[1]).read_bytes(), "segments": [(0.0, None, "red")]}
    assert len(read_clip(other["video"], tiny_classifier().view).frames) == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"segments": [{"start": 1, "end": 0.5, "label": "a"}]}, "row 1: a segment must have 0 ≤ start < end"),
        ({"segments": [{"start": 0, "end": 0.5}]}, "row 1: a segment must have start and end"),
        ({"segments": []}, "row 1: segments must be a list"),
        (
            {"segments": [{"start": 0, "end": 2, "label": "a"}, {"start": 1, "end": 3, "label": "b"}]},
            "'a' and 'b' overlap at 1 s",
        ),
        ({"file_name": "no.mp4", "segments": [{"start": 0, "end": 1, "label": "a"}]}, "there is no video"),
        ({"words": "a"}, "no column 'segments' and none 'label'"),
    ],
)
def test_rows_that_make_no_sense(tmp_path: Path, line: dict[str, Any], said: str) -> None:
    write_video(tmp_path / "a.mp4", colours(["red"]))
    (tmp_path / "metadata.jsonl").write_text(json.dumps({"file_name": "a.mp4", **line}) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read_videos(str(tmp_path))


def test_segments_beyond_the_end_and_frames_in_none() -> None:
    times = (0.0, 0.04, 0.08)
    assert reference({"segments": [(0.0, 9.0, "a")]}, times, 25.0, "") == ["a"] * 3  # it ends where the video ends
    row = {"segments": [(0.0, 0.05, "a")]}
    assert reference(row, times, 25.0, "sil") == ["a", "sil", "sil"]
    with pytest.raises(InputError, match=r"the frame at 0.04 s is in no segment"):
        reference(row, times, 25.0, "")
    with pytest.raises(InputError, match=r"'a' begins at 3 s, but the video ends at 0.12 s"):
        reference({"segments": [(3.0, 4.0, "a")]}, times, 25.0, "sil")


def test_unknown_labels_and_aliases() -> None:
    times = (0.0, 0.04)
    frames = Clip(clip(2), times, 25.0)
    task = tiny_classifier(aliases=("scarlet=red",))
    assert task.example({"video": frames, "segments": [(0.0, None, "scarlet")]})["numbers"].tolist() == [2, 2]
    with pytest.raises(InputError, match="the label 'mauve' is none of blue, green, red"):
        task.example({"video": frames, "segments": [(0.0, None, "mauve")]})


def test_clips_keep_their_times(tmp_path: Path) -> None:
    task = tiny_classifier()
    times = [0.0, 0.1, 0.7]
    path = write_video(tmp_path / "a.mp4", colours(["red"] * 3), times=times)
    assert read_clip(str(path), task.view).times == pytest.approx(times, abs=0.002)
    assert task.label(path).times == pytest.approx(times, abs=0.002)


def test_folders_of_videos(tmp_path: Path) -> None:
    task = tiny_classifier()
    path = write_video(tmp_path / "a.mp4", colours(["red"]))
    (tmp_path / "notes.txt").touch()
    assert task.files([str(tmp_path), str(path)]) == [str(path), str(path)]
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="holds no videos"):
        task.files([str(tmp_path / "none")])
