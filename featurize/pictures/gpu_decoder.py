"""JPEG files decoded and resized on a GPU, by NVIDIA's nvJPEG, for `--decode gpu`.

Threads hand in the bytes of one file each, and wait. What has come together meanwhile is decoded as one batch, because
a GPU decodes many files in little more time than one. Only plain JPEGs go there: what needs to be turned, has a colour
profile, or is coded in another way is decoded by a process as for "exact". So is what the GPU refuses.

The pixels differ from those of "exact" by a third of one of 255 levels on average, because colours are sampled up in
another way. That is part of the key.
"""

from __future__ import annotations

import contextlib
import io
import math
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from featurize.errors import BackboneError
from featurize.pictures import damage, decoder_processes, decoding
from featurize.pictures.jpeg import YCBCR_INSIDE, read_frame
from featurize.pictures.squares.views import CENTRE, Shown, Views
from featurize.pictures.transform import Pixels, Transform

if TYPE_CHECKING:
    import torch

THREADS = 64  # that hand in files: as many as a batch has
_BATCH = 64  # files decoded together
_LANES = 2  # batches under way: one is decoded while another is resized
_HUFFMAN = (0xC0, 0xC1)  # frames of ITU T.81 that the GPU decodes
_END = b"\xff\xd9"

_making = threading.Lock()
_made: list[GpuDecoder] = []


def check() -> None:
    """See that JPEG files can be decoded on a GPU here.

    Raises
    ------
    BackboneError
        There is none, or torchvision can't use it.
    """
    import torch

    why = "no GPU of NVIDIA's is there"
    if torch.cuda.is_available():
        try:
            _decoder().try_out()
            return
        except RuntimeError as error:
            why = f"torchvision can't: {str(error).splitlines()[0][:100]}"
    raise BackboneError(
        f"the pictures are to be decoded on a GPU (--decode gpu), but {why}: use --decode exact or fast, which make "
        "vectors of their own"
    )


def pixels_of(data: bytes, shown: Shown) -> Pixels:
    """The pixels that a network sees of a picture file, uint8; may be called from many threads.

    They are (crop, crop, 3), or (count, crop, crop, 3) where several views are shown.

    Parameters
    ----------
    data : bytes
        The whole file.
    shown : Transform or Views

    Raises
    ------
    Undecodable, DecoderMissing
        As `decoder_processes.pixels_of` raises them.
    """
    found = _decoder().ask(data, shown) if is_plain(data) else None
    return decoder_processes.pixels_of(data, shown) if found is None else found


def is_plain(data: bytes) -> bool:
    """Whether a file is a whole JPEG of three 8-bit components, upright, in sRGB, of a size that is allowed."""
    frame = read_frame(data) if data[:3] == b"\xff\xd8\xff" else None
    if frame is None or frame.code not in _HUFFMAN or frame.bits != 8 or len(frame.factors) != 3:
        return False
    in_ycbcr = frame.adobe == YCBCR_INSIDE or (frame.adobe is None and frame.jfif)
    if not in_ycbcr or damage.without_end(data) is data or _END not in data[-1024:]:
        return False
    if frame.height * frame.width > decoding.MAX_PIXELS or min(frame.height, frame.width) < decoding.MIN_SIDE:
        return False
    return decoding.as_it_lies(data)


@dataclass
class _Asked:
    data: bytes
    shown: Shown
    answer: Future[Pixels | None]


class GpuDecoder:
    """Threads that each decode what has come together since they last looked.

    Parameters
    ----------
    device : str
        "cuda"; on "cpu" the same is done by torchvision's decoder for processors, which tests use.
    """

    def __init__(self, device: str = "cuda") -> None:
        self.device = device
        self._waiting: SimpleQueue[_Asked] = SimpleQueue()
        for _ in range(_LANES):
            threading.Thread(target=self._serve, daemon=True, name="gpu-decoder").start()

    def ask(self, data: bytes, shown: Shown) -> Pixels | None:
        """The pixels of one file; None where it must be decoded elsewhere."""
        asked = _Asked(data, shown, Future())
        self._waiting.put(asked)
        return asked.answer.result()

    def try_out(self) -> None:
        """Decode a small picture.

        Raises
        ------
        RuntimeError
            It can't be done.
        """
        from PIL import Image

        small = io.BytesIO()
        Image.new("RGB", (16, 16)).save(small, "JPEG")
        self._decode([small.getvalue()])

    def _serve(self) -> None:
        import torch

        on_gpu = self.device.startswith("cuda")
        lane = torch.cuda.Stream(self.device) if on_gpu else None  # type: ignore[no-untyped-call]
        while True:
            batch = [self._waiting.get()]
            with contextlib.suppress(Empty):
                while len(batch) < _BATCH:
                    batch.append(self._waiting.get_nowait())
            try:
                with torch.cuda.stream(lane), torch.inference_mode():
                    found = self._squares(batch)
            except BaseException as error:  # whoever waits must hear of it
                for asked in batch:
                    asked.answer.set_exception(error)
                continue
            for asked, pixels in zip(batch, found, strict=True):
                asked.answer.set_result(pixels)

    def _squares(self, batch: Sequence[_Asked]) -> list[Pixels | None]:
        """What is shown of each file of a batch, copied from the device at once where shapes are the same."""
        import torch

        pictures = self._pictures([asked.data for asked in batch])
        made = [None if p is None else squares(p, asked.shown) for p, asked in zip(pictures, batch, strict=True)]
        whole = [m for m in made if m is not None]
        if len({m.shape for m in whole}) == 1:
            together = iter(torch.stack(whole).cpu().numpy())
            return [None if m is None else next(together) for m in made]
        return [None if m is None else m.cpu().numpy() for m in made]

    def _pictures(self, contents: Sequence[bytes]) -> list[torch.Tensor | None]:
        """Each file as (3, H, W) uint8 on the device; None where the decoder refuses it."""
        import torch

        try:
            return list(self._decode(contents))
        except RuntimeError as error:
            if len(contents) > 1:  # find the one that is to blame
                return [picture for data in contents for picture in self._pictures([data])]
            if isinstance(error, torch.OutOfMemoryError):
                raise
            return [None]

    def _decode(self, contents: Sequence[bytes]) -> list[torch.Tensor]:
        """By torchvision, which names TorchCodec as its successor from 0.29 on."""
        import torch
        from torchvision.io import ImageReadMode, decode_jpeg

        encoded = [torch.frombuffer(bytearray(data), dtype=torch.uint8) for data in contents]
        decoded: list[torch.Tensor] = decode_jpeg(encoded, mode=ImageReadMode.RGB, device=self.device)
        return decoded


def squares(picture: torch.Tensor, shown: Shown) -> torch.Tensor:
    """What a network sees of a picture, on its device; as Pillow resizes, but for roundings.

    Parameters
    ----------
    picture : torch.Tensor (3, H, W) uint8
    shown : Transform or Views

    Returns
    -------
    torch.Tensor (crop, crop, 3), or (count, crop, crop, 3) for views, uint8
    """
    import torch

    if isinstance(shown, Views):
        return torch.stack([_square(picture, transform, place) for transform, place in shown.parts()])
    return _square(picture, shown, CENTRE)


def _square(picture: torch.Tensor, transform: Transform, place: tuple[float, float]) -> torch.Tensor:
    """One square (crop, crop, 3): resized, and cut at a place, which is a share of the room left, across and down."""
    import torch
    from torch.nn.functional import interpolate

    side = transform.crop
    high, wide = picture.shape[1:]
    columns, rows = transform.scaled(wide, high)
    resized = interpolate(
        picture[None].float(), (rows, columns), mode=transform.interpolation, antialias=True, align_corners=False
    )[0]
    rounded = math.floor if transform.whole == "floor" else round
    left, top = (max(rounded(share * (n - side)), 0) for share, n in zip(place, (columns, rows), strict=True))
    kept = resized[:, top : top + side, left : left + side].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    if kept.shape[:2] == (side, side):
        return kept
    square = torch.tensor(transform.fill, dtype=torch.uint8, device=kept.device).expand(side, side, 3).clone()
    above, before = (side - kept.shape[0]) // 2, (side - kept.shape[1]) // 2
    square[above : above + kept.shape[0], before : before + kept.shape[1]] = kept
    return square


def _decoder() -> GpuDecoder:
    """The one decoder of this process, made when it is first needed."""
    with _making:
        if not _made:
            _made.append(GpuDecoder())
        return _made[0]
