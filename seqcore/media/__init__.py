"""Images and videos: opened whatever they are, checked, and made tensors.

The public names are loaded on first use: videos need no Pillow, and images no PyAV.
"""

from typing import TYPE_CHECKING

from seqcore.lazy import lazy

if TYPE_CHECKING:
    from seqcore.media.cache import ArrayCache
    from seqcore.media.clips import Clip, cached_clips, read_clip
    from seqcore.media.completeness import CutShort
    from seqcore.media.containers import video_files
    from seqcore.media.images import (
        augment,
        cached_squares,
        image_files,
        load_squares,
        open_image,
        read_square,
        to_square,
    )
    from seqcore.media.video import VideoInfo, VideoReader, View, frame_at, open_video, read_frames, video_info
    from seqcore.media.video_writer import VideoWriter

__all__ = [
    "ArrayCache",
    "Clip",
    "CutShort",
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
    "read_square",
    "to_square",
    "video_files",
    "video_info",
]

__getattr__ = lazy(
    __name__,
    {
        "cache": "ArrayCache",
        "clips": "Clip cached_clips read_clip",
        "completeness": "CutShort",
        "containers": "video_files",
        "images": "augment cached_squares image_files load_squares open_image read_square to_square",
        "video": "VideoInfo VideoReader View frame_at open_video read_frames video_info",
        "video_writer": "VideoWriter",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
