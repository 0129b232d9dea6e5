"""Images and videos: opened whatever they are, checked, and made tensors.

The public names are loaded on first use: videos need no Pillow, and images no PyAV.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqcore.media.cache import ArrayCache
    from seqcore.media.clips import Clip, cached_clips, read_clip
    from seqcore.media.containers import video_files
    from seqcore.media.images import augment, cached_squares, image_files, load_squares, open_image, to_square
    from seqcore.media.video import VideoInfo, VideoReader, View, frame_at, open_video, read_frames, video_info
    from seqcore.media.video_writer import VideoWriter

_HOMES = {
    "ArrayCache": "cache",
    "Clip": "clips",
    "VideoInfo": "video",
    "VideoReader": "video",
    "VideoWriter": "video_writer",
    "View": "video",
    "augment": "images",
    "cached_clips": "clips",
    "cached_squares": "images",
    "frame_at": "video",
    "image_files": "images",
    "load_squares": "images",
    "open_image": "images",
    "open_video": "video",
    "read_clip": "clips",
    "read_frames": "video",
    "to_square": "images",
    "video_files": "containers",
    "video_info": "video",
}

__all__ = [
    "ArrayCache",
    "Clip",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "View",
    "augment",
    "cached_clips",
    "cached_squares",
    "frame_at",
    "image_files",
    "load_squares",
    "open_image",
    "open_video",
    "read_clip",
    "read_frames",
    "to_square",
    "video_files",
    "video_info",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
