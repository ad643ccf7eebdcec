import copy
import csv
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from colorizer.color.bins import bin_centers, build_lookup_table
from colorizer.color.plainness import plainness
from colorizer.color.prior import ColorPrior
from colorizer.errors import ColorizerError
from colorizer.networks.checkpoint import load_colorizer, model_name, read_header, read_tensors
from colorizer.networks.models import PyramidColorizer
from colorizer.splits.split_file import Photograph
from colorizer.training.loop import (
    StepReport,
    build_loss,
    draw_batches,
    learning_rate,
    train,
    validate,
)
from colorizer.training.losses import classification_loss
from colorizer.training.photo_cache import PhotoCache
from colorizer.training.prior import count_target_colors, estimate_prior
from colorizer.training.state import (
    RESUME_FILE,
    TrainConfig,
    TrainingState,
    create_training_state,
    load_training_state,
)
from colorizer.training.stopping import TrainingTimer
from tests.colorizer.conftest import CPU
from tests.colorizer.little_training import LITTLE


@pytest.fixture(scope="module")
def prior(photographs: list[Photograph]) -> ColorPrior:
    counts = torch.stack([c for c in count_target_colors(photographs, CPU) if torch.is_tensor(c)])
    return estimate_prior(counts.sum(dim=0), len(photographs))


@pytest.mark.parametrize(("objective", "max_ratio"), [("l2", 0.8), ("mcl", 0.93)])
@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(3)
def test_training_reduces_the_validation_loss(
    objective: str, max_ratio: float, squares: PhotoCache, prior: ColorPrior, tmp_path: Path
) -> None:
    run_prior = prior if objective == "mcl" else None
    config = replace(LITTLE, objective=objective, crop=48, epochs=2, min_epoch_steps=32)
    run, loss = create_training_state(config, run_prior, CPU), build_loss(run_prior, CPU)
    before = validate(run, squares, loss)
    reports = list(train(run, squares, squares, loss, tmp_path))
    assert sum(isinstance(report, StepReport) for report in reports) == 64
    assert run.best_val_loss < max_ratio * before[0]  # before: the loss of gray, or of the prior

    with (tmp_path / "log.csv").open() as file:
        log = list(csv.DictReader(file))
    assert [row["epoch"] for row in log] == ["1", "2"]
    second = "mean" if objective == "l2" else "unweighted"
    assert {f"train_{second}", f"val_{second}", "train_loss", "val_loss"} < set(log[0])
    best = read_header(tmp_path / "best.safetensors")
    assert best["val_loss"] == min(float(row["val_loss"]) for row in log)
    assert best["config"]["objective"] == objective
    load_colorizer(tmp_path / "best.safetensors", CPU)


@pytest.mark.parametrize("photographs", [1, 9, 30, 47, 400])
def test_an_epoch_uses_every_photograph_equally_often(photographs: int) -> None:
    batches = draw_batches(LITTLE, 0, np.arange(photographs))
    assert max(len(rows) for rows in batches) <= LITTLE.batch_size
    times = Counter(np.concatenate(batches).tolist())
    assert times.keys() == set(range(photographs))
    assert max(times.values()) - min(times.values()) <= 1
    if photographs >= LITTLE.batch_size * LITTLE.min_epoch_steps:
        assert set(times.values()) == {1}


@pytest.mark.slow(1)
def test_plain_weights_measure_plainness_on_the_samples_of_the_targets(prior: ColorPrior) -> None:
    generator = torch.Generator().manual_seed(0)
    lightness = 50 + 1.5 * torch.randn(2, 1, 48, 48, generator=generator)
    logits = torch.randn(2, 313, 12, 12, generator=generator)
    ab = 40 * torch.randn(2, 2, 12, 12, generator=generator)
    table, plain = build_lookup_table(bin_centers()), plainness(lightness, window_px=9)
    expected = classification_loss(logits, ab, table, prior.weight, plain)
    loss = build_loss(prior, CPU, plain_weights=True)(logits, ab, lightness)
    torch.testing.assert_close(loss, expected)
    assert not torch.allclose(loss[:, 0], build_loss(prior, CPU)(logits, ab, lightness)[:, 0])


def projection(run: TrainingState) -> torch.nn.Conv2d:
    """Return the last layer."""
    assert isinstance(run.model, PyramidColorizer)
    return run.model.head.project


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(2)
def test_a_nan_loss_stops_the_run(squares: PhotoCache, tmp_path: Path) -> None:
    run = create_training_state(LITTLE, None, CPU)
    torch.nn.init.constant_(projection(run).weight, math.nan)
    with pytest.raises(ColorizerError, match=r"the loss is nan .* at step 1 of epoch 1"):
        list(train(run, squares, squares, build_loss(None, CPU), tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_little_networks")
@pytest.mark.slow(2)
def test_an_exploding_loss_stops_the_run_and_keeps_the_last_save(
    squares: PhotoCache, tmp_path: Path
) -> None:
    run = create_training_state(LITTLE, None, CPU)
    training = train(
        run, squares, squares, build_loss(None, CPU), tmp_path, TrainingTimer(math.inf, 0)
    )
    for _ in range(2):
        next(training)
    saved = read_tensors(tmp_path / RESUME_FILE, "model.")
    torch.nn.init.constant_(projection(run).weight, 1e3)
    with pytest.raises(ColorizerError, match="at step 3 of epoch 1; the last save is kept"):
        next(training)
    again = load_training_state(tmp_path, CPU)
    assert again.steps_done == 2
    assert all(tensor.isfinite().all() for tensor in again.model.state_dict().values())
    assert saved.keys() == again.model.state_dict().keys()


@pytest.mark.slow(0.6)
@pytest.mark.usefixtures("_little_networks")
def test_a_nan_gradient_changes_no_weights(squares: PhotoCache, tmp_path: Path) -> None:
    run = create_training_state(LITTLE, None, CPU)
    before = copy.deepcopy(run.ema_model.state_dict())
    weight = projection(run).weight
    weight.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(ColorizerError, match=r"gradient norm nan\) at step 1"):
        list(train(run, squares, squares, build_loss(None, CPU), tmp_path))
    assert all(torch.equal(x, before[name]) for name, x in run.ema_model.state_dict().items())


@pytest.mark.slow(6)
def test_training_reduces_the_validation_loss_of_zhang2016(
    squares: PhotoCache, prior: ColorPrior, tmp_path: Path
) -> None:
    config = TrainConfig("mcl", "zhang2016", crop=32, batch_size=4, epochs=1, min_epoch_steps=6)
    run, loss = create_training_state(config, prior, CPU), build_loss(prior, CPU)
    before = validate(run, squares, loss)
    list(train(run, squares, squares, loss, tmp_path))
    assert run.best_val_loss < 0.97 * before[0]
    assert model_name(read_header(tmp_path / "best.safetensors")) == "zhang2016"


@pytest.mark.usefixtures("_little_networks")
def test_a_validation_split_without_color_photographs_is_refused(
    squares: PhotoCache, tmp_path: Path
) -> None:
    gray = squares._replace(images=torch.full_like(squares.images, 128))
    with pytest.raises(ColorizerError, match="all validation photographs are gray"):
        list(
            train(
                create_training_state(LITTLE, None, CPU),
                squares,
                gray,
                build_loss(None, CPU),
                tmp_path,
            )
        )


@pytest.mark.usefixtures("_little_networks")
def test_gray_crops_change_no_weights(squares: PhotoCache, tmp_path: Path) -> None:
    gray = squares._replace(images=torch.full_like(squares.images, 128))
    run = create_training_state(replace(LITTLE, weight_decay=0.0), None, CPU)
    before = projection(run).weight.clone()
    next(iter(train(run, gray, squares, build_loss(None, CPU), tmp_path)))
    assert torch.equal(projection(run).weight, before)


def test_the_learning_rate_warms_up_then_falls_to_0() -> None:
    shares = np.linspace(0, 1, 101)
    rates = np.array([learning_rate(share, warmup=0.05) for share in shares])
    assert rates[0] == 0
    assert rates.argmax() == 5
    assert rates.max() == 1
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[-1] == pytest.approx(0)
    assert learning_rate(0.1, warmup=25) == 1  # a run shorter than its warm-up still trains
