"""How fast pictures become embeddings here, beside what a user would run instead, and beside the machine's limits.

    python scripts/bench_extract.py FOLDER [--rounds 5] [--backbone resnet50] [--only NAME;NAME] [--pictures N]
    python scripts/bench_extract.py FOLDER --backbone timm:vit_small_patch14_dinov2 --weights FILE --size 224

FOLDER has a folder of pictures for each class, perhaps with split folders above. Every contestant runs in a
process of its own, in turn (A B C A B C ...), on the same files; counted is the time from the first file to the
last vector (ours: committed to the cache), not the start of the process or the loading of the network. Medians
and ratios to plain torchvision, or timm, are printed, with the share of the workers' time in decoding and in the
network, of the wall time in storage, which goes on beside the workers, and what the same network does alone, on pixels
in memory.
Of a vision transformer both compute what its authors' linear heads see. Without `--weights` networks are untrained,
which takes as long.
`--pictures N` makes N distinct files of those in FOLDER: each is cut by another few columns and encoded anew.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if TYPE_CHECKING:
    from featurize.run.extract import Extraction, Settings

LIMIT_PICTURES = 200  # to measure the limits of decoding on
CONTESTANTS: dict[str, dict[str, Any]] = {
    "plain torchvision": {},
    "plain timm": {},
    "auto fp32": {},
    "torch fp32": {"engine": "torch"},
    "onnx fp32": {"engine": "onnx"},
    "openvino fp32": {"engine": "openvino"},
    "onnx fp32, fast decoding": {"engine": "onnx", "decode": "fast"},
    "openvino bf16": {"engine": "openvino", "precision": "bf16"},
    "onnx int8": {"engine": "onnx", "precision": "int8"},
    "openvino int8": {"engine": "openvino", "precision": "int8"},
    "openvino int8, fast decoding": {"engine": "openvino", "precision": "int8", "decode": "fast"},
    "torch bf16": {"engine": "torch", "precision": "bf16"},
    "torch bf16, compiled": {"engine": "torch", "precision": "bf16", "compiled": True},
    "torch fp32, decoding there": {"engine": "torch", "decode": "gpu"},
    "torch bf16, decoding there": {"engine": "torch", "precision": "bf16", "decode": "gpu"},
}
ON_CPU = ("onnx fp32", "openvino int8", "openvino int8, fast decoding")
OF_TOKENS = ("onnx fp32", "openvino fp32", "openvino bf16")
SHARES = ("decode", "network", "storage")
ON_GPU = ("torch fp32", "torch bf16", "torch fp32, decoding there", "torch bf16, decoding there")


def plain(folder: Path, backbone: str, weights: str, workers: int, size: int | None) -> dict[str, Any]:
    """What the tutorials show: DataLoader, the library's transform, the model, one batch after another."""
    import numpy as np
    import torch
    from PIL import Image

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    if backbone.startswith("timm:"):
        model, transform = plain_timm(backbone, weights, size)
    else:
        model, transform = plain_torchvision(backbone, size)
    model = model.eval().to(device)

    class Pictures(torch.utils.data.Dataset[Any]):
        def __init__(self) -> None:
            self.paths = sorted(folder.rglob("*.jpg"))

        def __len__(self) -> int:
            return len(self.paths)

        def __getitem__(self, n: int) -> Any:
            with Image.open(self.paths[n]) as picture:
                return transform(picture.convert("RGB"))

    started = time.perf_counter()
    parts = []
    with torch.no_grad():
        for x in torch.utils.data.DataLoader(Pictures(), batch_size=32, num_workers=workers):
            parts.append(model(x.to(device)).cpu().numpy())
    seconds = time.perf_counter() - started
    return {"pictures": len(np.concatenate(parts)), "seconds": seconds, **peak_memory()}


def plain_torchvision(backbone: str, size: int | None) -> tuple[Any, Any]:
    """A network of torchvision without its classifier, and torchvision's transform."""
    import torch
    from torchvision import models, transforms

    side = size or 224
    transform = transforms.Compose(
        [
            transforms.Resize(round(256 * side / 224)),
            transforms.CenterCrop(side),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )
    model = models.get_model(backbone, weights=None)
    for name in ("fc", "classifier"):
        if hasattr(model, name):
            setattr(model, name, torch.nn.Identity())
    return model, transform


def plain_timm(backbone: str, weights: str, size: int | None) -> tuple[Any, Any]:
    """A network of timm without its classifier, and timm's transform, as timm's pages show them."""
    import timm

    name = backbone.removeprefix("timm:")
    options: dict[str, Any] = {"img_size": size} if size else {}
    if weights != "random":
        options |= {"pretrained": True, "pretrained_cfg_overlay": {"file": weights}}
    model = timm.create_model(name, num_classes=0, **options)
    config = timm.data.resolve_data_config({"input_size": (3, size, size)} if size else {}, model=model)
    return model, timm.data.create_transform(**config)


def ours(
    folder: Path, backbone: str, weights: str, workers: int, options: dict[str, Any], scratch: Path
) -> dict[str, Any]:
    """One complete run into an empty cache; calibration and export, kept from an earlier round, are not counted."""
    from featurize.dataset.prepare import prepare
    from featurize.run.extract import Settings, extract

    table = prepare(folder, scratch / "dataset.csv").table
    settings = Settings(backbone=backbone, weights=weights, workers=workers, **options)
    done = extract(table, scratch / "features", settings)
    memory = peak_memory()
    for segment in Path(done.folder).glob("*.h5"):
        segment.unlink()
    return {
        "pictures": done.embedded,
        "seconds": done.seconds,
        "decode": done.decode_seconds / (done.seconds * done.workers),
        "network": done.network_seconds / (done.seconds * (done.workers if "cpu" in done.engine else 1)),
        "storage": done.storage_seconds / done.seconds,
        **memory,
        "alone": alone(done, settings, workers),
    }


def alone(done: Extraction, settings: Settings, workers: int, seconds: float = 5.0) -> float:
    """Pictures a second of a run's engine, called by as many threads as in the run, on pixels that lie in memory."""
    import numpy as np

    from cache import Artifacts
    from featurize.engines import make_engine
    from featurize.networks.network import network_from

    network = network_from(done.key, settings.weights)
    choice = settings.choice(done.key.precision)
    engine = make_engine(network, settings.formulas(network), choice, Artifacts(done.folder, done.key.digest))
    shape = (engine.batch_size, network.transform.crop, network.transform.crop, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    threads = workers if engine.parallel else 1

    def call(until: float) -> int:
        count = 0
        while time.perf_counter() < until:
            engine.embed(pixels)
            count += len(pixels)
        return count

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(call, [time.perf_counter() + 1] * threads))  # warm
        started = time.perf_counter()
        count = sum(pool.map(call, [started + seconds] * threads))
    return count / (time.perf_counter() - started)


def milliseconds(step: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Mean time of a step over its inputs."""
    started = time.perf_counter()
    for one in inputs:
        step(one)
    return (time.perf_counter() - started) / len(inputs) * 1e3


def peak_memory() -> dict[str, float]:
    """MiB so far: of this process, and of the largest that it started and that has ended."""
    own, status = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, Path("/proc/self/status")
    if status.exists():  # without what getrusage's maximum inherits from the process that started this one
        own = int(dict(line.split(":", 1) for line in status.read_text().splitlines())["VmHWM"].split()[0])
    return {"memory": own / 1024, "child": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}


def limits(folder: Path) -> dict[str, float]:
    """The machine's own: float32 matrix product, and decoding with resizing on one processor."""
    import numpy as np

    from featurize.pictures import decoding
    from featurize.pictures.transform import Transform

    a = np.random.default_rng(0).standard_normal((2048, 2048), dtype=np.float32)
    a @ a
    rates = []
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        rates.append(2 * 2048**3 / (time.perf_counter() - started) / 1e9)
    found = {"matrix product, GFLOP/s": max(rates)}
    data = [p.read_bytes() for p in sorted(folder.rglob("*.jpg"))[:LIMIT_PICTURES]]
    for name, transform in (("", Transform()), (" fast", Transform(decode="fast"))):
        decode = partial(decoding.decode, draft=transform.draft)
        found[f"decode{name}, ms a picture on one processor"] = milliseconds(decode, data)
        found[f"resize after it, ms{name and ', fast'}"] = milliseconds(transform, list(map(decode, data)))
    return found


def synthetic(backbone: str) -> dict[str, float]:
    """The GPU alone: batches that lie on it already, pictures/s by precision."""
    import torch

    from featurize.engines.torch import TorchEngine
    from featurize.networks.network import choose_network
    from featurize.run.extract import Settings

    network = choose_network(backbone, "random")
    rates = {}
    for precision, compiled in (("fp32", False), ("bf16", False), ("bf16", True)):
        engine = TorchEngine(
            network, network.load(), Settings(backbone).formulas(network),
            batch_size=256, device="cuda", precision=precision, compiled=compiled,
        )  # fmt: skip
        x = torch.randint(0, 256, (256, 224, 224, 3), dtype=torch.uint8, device="cuda")
        with torch.inference_mode():
            for _ in range(5):
                engine.vectors(x)
            torch.cuda.synchronize()
            started = time.perf_counter()
            for _ in range(30):
                engine.vectors(x)
            torch.cuda.synchronize()
        rates[precision + (", compiled" if compiled else "")] = 30 * 256 / (time.perf_counter() - started)
    return rates


def make_pictures(folder: Path, count: int, target: Path) -> None:
    """Distinct files: each time round, the pictures lose one more column and are encoded anew."""
    from PIL import Image

    sources = sorted(folder.rglob("*.jpg"))

    def make(n: int) -> None:
        path = target / f"Style-{n % 10}" / f"a-{n % 50}_p-{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(sources[n % len(sources)]) as picture:
            whole = picture.convert("RGB")
            whole.crop((n // len(sources), 0, *whole.size)).save(path, quality=90)

    with ThreadPoolExecutor() as pool:
        list(pool.map(make, range(count)))


def contest(
    folder: Path, backbone: str, names: list[str], rounds: int, workers: int, scratch: Path, more: Sequence[str] = ()
) -> dict[str, Any]:
    """Run everybody in turn; results by name."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            place = scratch / name.replace(" ", "-").replace(",", "")
            place.mkdir(exist_ok=True)
            command = [sys.executable, __file__, str(folder), "--worker", name, "--backbone", backbone]
            command += ["--workers", str(workers), "--scratch", str(place), *more]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
            results[name].append(json.loads(done.stdout.splitlines()[-1]))
            last = results[name][-1]
            print(f"  {name}: {last['pictures'] / last['seconds']:.1f}/s", file=sys.stderr, flush=True)
    return results


def show(results: dict[str, Any]) -> None:
    """The table: medians, ratios to the first contestant, shares, memory."""
    first = next(iter(results))
    base = statistics.median(r["pictures"] / r["seconds"] for r in results[first])
    titles = [
        "what",
        f"images/s (median of {len(results[first])})",
        "lowest to highest",
        f"times {first}",
        *SHARES,
        "network alone, images/s",
        "peak MiB",
        "largest child MiB",
    ]
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for name, rounds in results.items():
        rates = sorted(r["pictures"] / r["seconds"] for r in rounds)
        ratio = statistics.median(rates) / base
        shares = [f"{statistics.median(r[k] for r in rounds):.0%}" if k in rounds[0] else "" for k in SHARES]
        memory = [f"{max(r[k] for r in rounds):.0f}" for k in ("memory", "child")]
        shares.append(f"{statistics.median(r['alone'] for r in rounds):.1f}" if "alone" in rounds[0] else "")
        cells = [name, f"{statistics.median(rates):.1f}", f"{rates[0]:.1f}–{rates[-1]:.1f}", f"{ratio:.2f}", *shares]
        print(f"| {' | '.join([*cells, *memory])} |")


def usual(backbone: str, on_gpu: bool) -> list[str]:
    """Whom to run where nobody is named; the first is what the others are measured against."""
    first = "plain timm" if backbone.startswith("timm:") else "plain torchvision"
    # eight bits are for convolutions, bfloat16 for the products of tokens
    on_cpu = OF_TOKENS if backbone.startswith("timm:") else ON_CPU
    return [first, *(ON_GPU if on_gpu else on_cpu)]


def main() -> None:
    """Parse, run the contest or one contestant."""
    from featurize import processors

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backbone", default="resnet50")
    parser.add_argument("--weights", default="random", help="a file, or the name of published weights of torchvision")
    parser.add_argument("--size", type=int, help="side of the square that the network sees")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=processors.count())
    parser.add_argument("--only", help="contestants, separated by semicolons")
    parser.add_argument("--pictures", type=int, help="make so many distinct files of those in FOLDER")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--scratch", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        options = {**CONTESTANTS[given.worker], "size": given.size}
        one: Callable[[], dict[str, Any]] = (
            (lambda: plain(given.folder, given.backbone, given.weights, given.workers, given.size))
            if given.worker.startswith("plain")
            else (lambda: ours(given.folder, given.backbone, given.weights, given.workers, options, given.scratch))
        )
        print(json.dumps(one()))
        return
    import torch

    on_gpu = torch.cuda.is_available()
    names = given.only.split(";") if given.only else usual(given.backbone, on_gpu)
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder
        if given.pictures:
            folder = Path(scratch) / "pictures"
            make_pictures(given.folder, given.pictures, folder)
        for what, rate in limits(given.folder).items():
            print(f"{what}: {rate:.3g}")
        if on_gpu:
            print(
                f"{torch.cuda.get_device_name()}: "
                + ", ".join(f"{k} {v:.0f}/s" for k, v in synthetic(given.backbone).items())
            )
        more = ["--weights", given.weights, *(["--size", str(given.size)] if given.size else [])]
        show(contest(folder, given.backbone, names, given.rounds, given.workers, Path(scratch), more))


if __name__ == "__main__":
    main()
