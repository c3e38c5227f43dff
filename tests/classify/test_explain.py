"""Heatmaps say what the head says: their sum is its score, they find the evidence, another head gives another map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageColor
from scipy.stats import spearmanr

from cache import create_cache
from classify.commands.main import cli
from classify.errors import HeadError
from classify.explain import Explainer, Explanation, explanation_figure
from classify.explain.figure import LONGEST, _percent, explanation_picture, heat_over
from classify.explain.files import explain_files, file_names
from classify.explain.heat import spread
from classify.explain.occlusion import occlusion
from classify.explain.scores import coefficients, mean_row, scores_in_torch
from classify.head_network import HeadNetwork
from classify.headfile import SavedHead, save_head
from classify.heads import HEADS, make_head
from classify.heads.base import Head
from featurize import canvas
from featurize.canvas import dots, save_jpeg
from featurize.commands.console import run
from featurize.engines.exported import BODY, export_body
from featurize.errors import BackboneError, WeightsError
from featurize.networks.network import Network, choose_network
from featurize.networks.recipes import FORMULAS
from featurize.theme import DIVERGING, SERIES
from featurize.wording import percent
from tests.conftest import save_picture
from tests.featurize import fake
from tests.featurize.test_onnx_file import save_network

SMALL = choose_network("squeezenet1_1", "random", size=64)
WIDTHS = {"avgpool": 512, "multi": 256 + 384 + 512, "avgpool-mirror": 512, "stats": 2 * (128 + 256 + 384 + 512)}
LINEAR = ("logreg", "linear-svm", "lda", "ridge", "prototype", "softmax")
CLASSES = ("Baroque", "Cubism", "Naïve_Art_(Primitivism)")


def fitted(kind: str, width: int = 512, seed: int = 0) -> Head:
    """A head on rows like those of the small network."""
    rng = np.random.default_rng(seed)
    codes = np.arange(60) % 3
    rows = np.abs(rng.normal(0.5 * codes[:, None] * (np.arange(width) % 3), 1, (60, width))).astype(np.float32)
    return make_head(kind).fit(rows, np.array(CLASSES)[codes])


def saved(head: Head, recipe: str = "avgpool", network: Network = SMALL) -> SavedHead:
    kind = next(name for name, (_, cls) in HEADS.items() if cls == type(head).__name__)
    return SavedHead(head, kind, "style", network.key(), [FORMULAS[recipe].recipe])


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def centred(scores: np.ndarray) -> np.ndarray:
    return scores - scores.mean()


# ---- the head in torch


@pytest.mark.parametrize("options", ["", "sqrt=true,l2=true", "standardize=false"])
@pytest.mark.parametrize("kind", HEADS)
def test_a_head_in_torch_gives_the_scores_of_the_head(kind: str, options: str) -> None:
    torch = pytest.importorskip("torch")
    head = fitted(f"{kind}:{options}" if options else kind, 20)
    rows = np.abs(np.random.default_rng(2).normal(1, 1, (7, 20)))
    scores = scores_in_torch(head)
    if kind == "knn":
        assert scores is None, "votes have no gradient"
    else:
        assert scores is not None
        assert np.allclose(scores(torch.from_numpy(rows)).numpy(), head.scores(rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", ["", "standardize=false"])
def test_linear_heads_and_no_others_have_coefficients_that_give_their_scores(options: str) -> None:
    rows = np.random.default_rng(3).uniform(1, 2, (2, 20))
    for kind in HEADS:
        head = fitted(f"{kind}:{options}" if options else kind, 20)
        found = coefficients(head)
        assert (found is not None) == (kind in LINEAR), kind
        ends, middle = head.scores(rows), head.scores(rows.mean(0, keepdims=True))
        assert np.allclose(ends.mean(0), middle[0], rtol=1e-5, atol=1e-6) == (kind in LINEAR), kind
        if found:
            W, b = found
            assert np.allclose(rows @ W.T + b, ends, rtol=1e-5, atol=1e-6), kind
        assert coefficients(fitted(f"{kind}:l2=true", 20)) is None, "unit length is not linear"


# ---- the sum


@pytest.mark.parametrize("recipe", ["avgpool", "multi", "avgpool-mirror"])
@pytest.mark.parametrize("kind", ["logreg", "prototype", "lda"])
def test_the_class_activation_map_sums_to_the_score(kind: str, recipe: str, pixels: np.ndarray) -> None:
    """The score by engine and head, which know of no maps, and so the mean training picture's."""
    head = saved(fitted(kind, WIDTHS[recipe]), recipe)
    explainer = Explainer(head)
    assert explainer.method == "cam"
    row = HeadNetwork(head, device="cpu").embed([pixels])
    mean = mean_row(head.head)
    for number, label in enumerate(CLASSES):
        found = explainer.explain(pixels, label)
        score = centred(head.head.scores(row.astype(np.float64))[0])[number]
        base = centred(head.head.scores(mean[None])[0])[number]
        assert found.score == pytest.approx(score, rel=1e-4, abs=1e-4)
        assert found.heat.sum() + base == pytest.approx(score, rel=1e-4, abs=1e-4)
        assert found.base == pytest.approx(base, rel=1e-4, abs=1e-4)
    assert found.probabilities == pytest.approx(head.head.predict_proba(row)[0], abs=1e-4)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A features folder that has the small network in ONNX."""
    root = tmp_path_factory.mktemp("features")
    create_cache(root, SMALL.key()).artifacts.keep(BODY, export_body(SMALL, SMALL.load()))
    return root


@pytest.mark.parametrize("recipe", ["multi", "avgpool-mirror", "stats"])
def test_a_network_that_was_exported_gives_the_same_heat_without_being_loaded(
    recipe: str, features: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = saved(fitted("logreg", WIDTHS[recipe]), recipe)
    expected = Explainer(head).explain(pixels, "Cubism")
    monkeypatch.setattr(Network, "load", None)
    found = Explainer(head, features=features).explain(pixels, "Cubism")
    assert found.heat == pytest.approx(expected.heat, rel=1e-3, abs=1e-4)
    assert found.score == pytest.approx(expected.score, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "svm", "ensemble"])
def test_the_heat_of_a_head_that_is_not_linear_sums_to_its_score(kind: str, pixels: np.ndarray) -> None:
    """With the mean training picture's score, by engine and head, which know of no maps and no gradients."""
    head = saved(fitted(kind))
    explainer = Explainer(head)
    assert explainer.method == "gradcam"
    row = HeadNetwork(head, device="cpu").embed([pixels])[0].astype(np.float64)
    rows = np.stack([row, mean_row(head.head)])
    for number, label in enumerate(CLASSES):
        found = explainer.explain(pixels, label)
        score, base = (centred(one)[number] for one in head.head.scores(rows))
        assert found.score == pytest.approx(score, rel=1e-3, abs=1e-4)
        assert found.heat.sum() == pytest.approx(score - base, rel=2e-2, abs=2e-3)


def test_gradients_go_through_statistics_of_maps(pixels: np.ndarray) -> None:
    explainer = Explainer(saved(fitted("logreg", WIDTHS["stats"]), "stats"))
    assert explainer.method == "gradcam", "a deviation is no mean over positions"
    assert np.isfinite(explainer.explain(pixels).heat).all()


def test_with_mirror_images_a_mirrored_picture_has_the_mirrored_map(pixels: np.ndarray) -> None:
    explainer = Explainer(saved(fitted("logreg"), "avgpool-mirror"))
    heat, mirrored = (explainer.explain(p, "Cubism").heat for p in (pixels, np.ascontiguousarray(pixels[:, ::-1])))
    assert np.allclose(mirrored, heat[:, ::-1], atol=1e-5)
    assert not np.allclose(heat, heat[:, ::-1], atol=1e-4)


def test_heat_keeps_its_sum_on_another_grid() -> None:
    heat = np.random.default_rng(0).normal(size=(5, 7))
    for shape in ((5, 7), (13, 13), (3, 4)):
        assert spread(heat, shape).sum() == pytest.approx(heat.sum())
    assert np.allclose(spread(heat, (10, 14))[::2, ::2] * 4, heat), "a cell cut into four gives each a quarter"


@pytest.mark.parametrize("cell", [(2, 5), (0, 0), (7, 3)], ids=str)
def test_occlusion_finds_the_place_that_the_score_looks_at(cell: tuple[int, int]) -> None:
    pixels = np.full((64, 64, 3), 200, np.uint8)
    down, across = (slice(8 * n, 8 * n + 8) for n in cell)  # one of 8 x 8 cells

    def score(several: np.ndarray) -> np.ndarray:
        return several[:, down, across].astype(float).mean((1, 2, 3))

    heat = occlusion(pixels, score, np.array([100, 100, 100], np.uint8))
    assert heat[cell] == pytest.approx(100), "each of the four squares that cover it takes all of it away"
    assert np.unravel_index(heat.argmax(), heat.shape) == cell
    near = np.abs(np.subtract.outer(np.arange(8), cell)).T  # distance along each side
    assert not heat[np.maximum(near[0][:, None], near[1][None]) > 1].any()


def test_occlusion_agrees_with_the_exact_map_where_the_head_is_linear(pixels: np.ndarray) -> None:
    """A picture of a flat half and a busy one: both methods give the halves in the same order."""
    half = pixels.copy()
    half[:, :32] = 124
    head = saved(fitted("logreg"))
    by_cam = Explainer(head).explain(half)
    by_cover = Explainer(head, method="occlusion", device="cpu").explain(half, by_cam.label)
    assert by_cover.score == pytest.approx(by_cam.score, rel=1e-4)
    assert np.isnan(by_cover.base)
    assert abs(by_cover.heat[:, 4:]).mean() > 3 * abs(by_cover.heat[:, :2]).mean(), (
        "covering flat ground changes little"
    )


# ---- real paintings


@dataclass(frozen=True)
class Studio:
    """A head on real paintings, and pictures pasted together from two styles that it tells apart."""

    head: SavedHead
    explainer: Explainer
    pasted: Mapping[tuple[str, str], list[np.ndarray]]
    rows: np.ndarray
    labels: np.ndarray


@pytest.fixture(scope="module")
def studio(shared: Path) -> Studio:
    with pytest.MonkeyPatch.context() as patch:
        fake.decode_here(patch)
        weights = shared / "weights" / "squeezenet1_1-imagenet.pth"
        network = choose_network("squeezenet1_1", str(weights))
        styles, data = ("Baroque", "Ukiyo-e"), shared / "data" / "rasta-small"
        blank = replace(saved(fitted("logreg"), network=network), training={"weights": str(weights)})
        frozen = HeadNetwork(blank, device="cpu", workers=1)

        def pictures(part: str, style: str) -> list[np.ndarray]:
            paths = sorted((data / f"wikipaintings_{part}" / style).iterdir())
            return [frozen.decode(path.read_bytes()) for path in paths]

        train = {style: pictures("train", style) for style in styles}
        rows = np.concatenate([frozen.embed([p]) for style in styles for p in train[style]])
        labels = np.repeat(styles, [len(train[style]) for style in styles])
        head = replace(blank, head=make_head("logreg").fit(rows, labels))
        first, second = (pictures("val", style) for style in styles)
        pasted = {
            styles: [np.hstack([a[:, :112], b[:, 112:]]) for a, b in zip(first, second, strict=True)],
            styles[::-1]: [np.hstack([b[:, :112], a[:, 112:]]) for a, b in zip(first, second, strict=True)],
        }
        return Studio(head, Explainer(head), pasted, rows, labels)


def test_the_heat_of_a_style_lies_in_its_half_of_a_pasted_picture(studio: Studio) -> None:
    right = []
    for (left, _), pictures in studio.pasted.items():
        for picture in pictures:
            heat = studio.explainer.explain(picture, left).heat
            right.append(heat[:, :6].mean() > heat[:, 7:].mean())  # 13 columns, the middle one sees both
    assert len(right) == 20
    assert np.mean(right) >= 0.85, "by chance it would be half of them"


def test_covering_the_hottest_places_lowers_the_score_faster_than_chance(studio: Studio) -> None:
    """The deletion curve of Petsiuk et al. (2018), here of the score, against covering in a random order."""
    rng, faster = np.random.default_rng(0), []
    for (left, _), pictures in studio.pasted.items():
        for picture in pictures[:4]:
            heat = studio.explainer.explain(picture, left).heat
            by_heat = deletion_curve(studio, picture, left, np.argsort(-heat, axis=None))
            by_chance = deletion_curve(studio, picture, left, rng.permutation(heat.size))
            faster.append(by_heat.mean() < by_chance.mean())
    assert np.mean(faster) >= 0.85


def deletion_curve(studio: Studio, picture: np.ndarray, label: str, order: np.ndarray) -> np.ndarray:
    """Scores while 1/6, 2/6, ... of the 13 x 13 places are covered by the mean colour, in this order."""
    cells = np.linspace(0, 224, 14).round().astype(int)
    scores = []
    for share in (1, 2, 3, 4):
        covered = picture.copy()
        for place in order[: len(order) * share // 6]:
            row, column = divmod(int(place), 13)
            covered[cells[row] : cells[row + 1], cells[column] : cells[column + 1]] = (124, 116, 104)
        scores.append(studio.explainer.explain(covered, label).score)
    return np.array(scores)


def test_a_head_on_shuffled_labels_gives_another_map(studio: Studio) -> None:
    """Adebayo et al. (2018): a map that stays the same for a head that learned nothing shows the picture's edges."""
    rng = np.random.default_rng(0)
    shuffled = Explainer(
        replace(studio.head, head=make_head("logreg").fit(studio.rows, rng.permutation(studio.labels)))
    )
    again = Explainer(replace(studio.head, head=make_head("logreg:C=0.02").fit(studio.rows, studio.labels)))
    (left, _), pictures = next(iter(studio.pasted.items()))
    heats = [[e.explain(p, left).heat.ravel() for p in pictures[:5]] for e in (studio.explainer, shuffled, again)]
    other, same = (np.mean([spearmanr(a, b)[0] for a, b in zip(heats[0], h, strict=True)]) for h in heats[1:])
    assert same > 0.9
    assert abs(other) < 0.5


# ---- the command and its sentences


def test_classes_are_found_as_people_write_them() -> None:
    explainer = Explainer(saved(fitted("logreg")))
    assert explainer.number_of("naïve art (primitivism)") == 2
    with pytest.raises(HeadError, match="knows no style 'Barok': near that name are Baroque"):
        explainer.number_of("Barok")
    with pytest.raises(HeadError, match=r"knows no style 'x': it knows Baroque, Cubism and Naïve_Art_\(Primitivism\)"):
        explainer.number_of("x")


def test_methods_that_do_not_fit_are_refused_with_those_that_do() -> None:
    with pytest.raises(HeadError, match="mlp on avgpool is not: use --method gradcam or occlusion"):
        Explainer(saved(fitted("mlp")), method="cam")
    with pytest.raises(HeadError, match="the head knn have no gradient: use --method occlusion"):
        Explainer(saved(fitted("knn")), method="gradcam")
    assert Explainer(saved(fitted("knn")), device="cpu").method == "occlusion"


def test_the_explained_class_is_among_the_bars() -> None:
    shares = np.array([0.1, 0.5, 0.2, 0.05, 0.05, 0.06, 0.04])
    names = [f"class_{n}" for n in range(7)]
    some = Explanation(
        np.zeros((32, 32, 3), np.uint8), "class_6", np.ones((2, 2)), 1.0, 0.0, "cam", names, shares, "logreg", "n",
        "style", False,
    )  # fmt: skip
    assert [label for label, _ in some.top()] == ["class_1", "class_2", "class_0", "class_5", "class_3", "class_6"]
    assert some.probability == 0.04
    assert explanation_figure(some).axes[0].images, "a figure of matplotlib holds the same picture"


def test_heat_covers_the_grey_picture_in_orange_and_purple_and_leaves_it_where_there_is_none() -> None:
    pixels = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0], heat[3, 3] = 1, -1
    drawn = heat_over(pixels, heat).astype(int)
    side = len(drawn)
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert side == 64
    assert (abs(drawn[side // 8 : side // 3, -side // 8 :] - grey) <= 1).all(), "no heat, so the picture in grey"
    (red, green, blue), (r, g, b) = drawn[side // 8, side // 8], drawn[-side // 8, -side // 8]
    assert red > green + 30 > blue + 60, "orange"
    assert b > r + 20 > g + 20, "purple"
    strongest = 0.75 * 255 * np.array(matplotlib.colormaps[DIVERGING](1.0)[:3]) + 0.25 * grey
    assert drawn[2, 2] == pytest.approx(strongest, abs=2)


def test_bars_are_as_long_as_the_probabilities() -> None:
    names, shares = ["a", "b", "c"], np.array([0.2, 0.5, 0.3])
    some = Explanation(
        np.full((8, 8, 3), 128, np.uint8), "a", np.ones((2, 2)), 1.0, 0.0, "cam", names, shares, "logreg", "n",
        "style", False,
    )  # fmt: skip
    drawn = np.asarray(explanation_picture(some))
    lengths = [int((drawn == ImageColor.getrgb(colour)).all(2).sum(1).max()) for colour in (SERIES[0], SERIES[7])]
    expected = [dots(0.2 * LONGEST), dots(0.5 * LONGEST)]  # the explained class, and the likeliest of the others
    assert lengths == pytest.approx(expected, abs=1)


def test_no_class_that_is_possible_is_shown_as_impossible() -> None:
    shares = [0.0, 0.0004, 0.001, 0.5, 0.9996, 1.0]
    assert [_percent(share) for share in shares] == [
        percent(0.0), f"under {percent(0.001)}", percent(0.001), percent(0.5), f"over {percent(0.999)}", percent(1.0),
    ]  # fmt: skip


def test_captions_stay_within_the_paper() -> None:
    text = "a very long title " * 30
    for size, width, bold in ((11, 200, True), (8, 90, False), (8, 3, False)):
        shown = canvas.fitting(text, size, width, bold)
        assert shown == "…" or canvas._font(size, bold).getlength(shown) <= width * canvas.SCALE
    assert canvas.fitting("short", 8, 90) == "short"
    lines = canvas.wrapped(text, 8, 100)
    assert " ".join(lines) == text.strip()
    assert all(canvas._font(8).getlength(line) <= 100 * canvas.SCALE for line in lines)


def test_no_heatmap_takes_the_name_of_another() -> None:
    names = file_names([Path(p) for p in ("a/x.jpg", "b/x.png", "x-2.jpg", "c/X.jpg", "y.jpg")])
    assert names == ["x", "x-2", "x-2-2", "X-3", "y"]
    assert file_names([Path("a:b.jpg"), Path("a?b.jpg")]) == ["a_b", "a_b-2"], "what is no part of a name becomes one"


def test_several_at_once_give_what_each_gives_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.decode_here(monkeypatch)
    explainer = Explainer(saved(fitted("logreg")))
    paths = [save_picture(tmp_path / f"{n}.jpg", n) for n in range(6)]
    said: list[float] = []
    found = list(explain_files(explainer, paths, tmp_path / "out", workers=2, before=said.append))
    assert [f.path for f in found] == paths
    assert len(said) == 1
    for path, one in zip(paths, found, strict=True):
        alone = explainer.explain(path)
        assert (one.label, one.score, one.probability) == (alone.label, alone.score, alone.probability)
        with Image.open(one.target) as drawn:
            apart = np.abs(np.asarray(drawn, np.int16) - np.asarray(explanation_picture(alone, path.name), np.int16))
            assert apart.mean() < 1, "a JPEG that shows no difference"
        save_jpeg(explanation_picture(alone, path.name), tmp_path / "alone.jpg")
        assert one.target is not None
        assert one.target.read_bytes() == (tmp_path / "alone.jpg").read_bytes()


def test_the_command_writes_a_heatmap_for_each_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake.decode_here(monkeypatch)
    save_head(saved(fitted("logreg")), tmp_path / "head.safetensors")
    save_picture(tmp_path / "a" / "x.jpg", 1)
    save_picture(tmp_path / "b" / "x.jpg", 2)
    save_picture(tmp_path / "a" / f"{'y' * 250}.jpg", 3)
    (tmp_path / "b" / "broken.jpg").write_bytes(b"nothing")
    asked = ["explain", "--head", "head.safetensors"]
    assert run(cli, [*asked, "a", "b", "--class", "cubism"]) == 1, "one of the pictures is none"
    out, err = capsys.readouterr()
    drawn = sorted(p.name for p in (tmp_path / "explain").iterdir())
    assert drawn[:2] == ["x-2-Cubism-cam.jpg", "x-Cubism-cam.jpg"]
    assert drawn[2].startswith("yyy"), "a name that is too long with the class behind it is cut"
    assert "broken.jpg: no picture format is recognised in it" in err
    assert "untrained backbone" in err
    assert "wrote 3 heatmaps" in out
    assert run(cli, [*asked, "a", "--class", "Kubism"]) == 1
    assert "near that name are Cubism" in capsys.readouterr().err


@pytest.mark.parametrize("method", ["cam", "gradcam", "occlusion"])
def test_a_device_that_is_not_there_is_an_error_for_each_method(method: str, features: Path) -> None:
    """Whether the network was exported or not: it is never another device than the one that was asked for."""
    for folder in (features, "nowhere"):
        with pytest.raises(BackboneError, match=r"'cuda:77' is not to be had here .*: use --device auto or cpu"):
            Explainer(saved(fitted("logreg")), method=method, device="cuda:77", features=folder)


def test_a_head_on_an_onnx_file_has_a_class_activation_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: np.ndarray
) -> None:
    """Its sum and the mean training picture's score are the score by engine and head; no features folder is needed."""
    monkeypatch.chdir(tmp_path)
    network = choose_network(f"onnx:{save_network(tmp_path / 'net.onnx', outputs=('map',))}")
    head = replace(saved(fitted("logreg", 6), network=network), training={"weights": [str(tmp_path / "net.onnx")]})
    explainer = Explainer(head)
    found = explainer.explain(pixels[:32, :32], "Cubism")
    rows = HeadNetwork(head).embed([pixels[:32, :32]]).astype(np.float64)
    assert (explainer.method, found.heat.shape) == ("cam", (8, 8))
    assert found.heat.sum() + found.base == pytest.approx(centred(head.head.scores(rows)[0])[1], rel=1e-4, abs=1e-4)
    assert not (tmp_path / "features").exists()
    with pytest.raises(BackboneError, match=r"runs on a CPU, not on 'cuda': leave --device out"):
        Explainer(head, device="cuda")


def test_weights_of_another_key_are_refused() -> None:
    with pytest.raises(WeightsError, match="were made with the weights"):
        Explainer(saved(fitted("logreg")), "imagenet-v1")
