import numpy as np
import pytest
import torch
from scipy.linalg import null_space
from scipy.stats import multivariate_normal
from sklearn.linear_model import Ridge
from torch.nn import functional

from tests.helpers.workspace_trainable import TINY
from training.models import masked_autoencoder
from training.models.age_model import AgeModel, EncoderAgeModel
from training.models.brain_age_cnn import BrainAgeCnn
from training.models.patches import unpatchify
from training.settings.presets import PRESETS
from training.tasks.gradient_accumulation import add_cached_gradients
from training.tasks.schedule import parameter_groups, split_decay

PRESET = PRESETS["smoke"].changed(TINY)


def _model(seed: int = 0, *, frozen: bool = False, pretrained: bool = False) -> EncoderAgeModel:
    network = masked_autoencoder.build(PRESET, seed=seed)
    return EncoderAgeModel(network, PRESET, head_seed=1, frozen=frozen, pretrained=pretrained)


def _cnn() -> BrainAgeCnn:
    return BrainAgeCnn(PRESET, seed=0, head_seed=1)


@pytest.mark.parametrize("make", [_model, _cnn])
def test_one_number_a_person_that_does_not_depend_on_who_else_is_asked(make) -> None:
    model = make().eval()
    volumes = torch.rand(3, 1, *PRESET.shape)
    together = model(volumes)
    assert together.shape == (3,)
    alone = torch.cat([model(volume.unsqueeze(0)) for volume in volumes])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_encoder_is_the_autoencoders_own() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    model = EncoderAgeModel(network, PRESET, head_seed=1)
    assert model.blocks is network.blocks
    assert not any("decoder" in name for name, _ in model.named_parameters())


def test_the_head_starts_alike_for_every_arm() -> None:
    assert torch.equal(_model(0).head.weight, _model(5).head.weight)


def test_an_untrained_network_learns_at_one_rate_throughout() -> None:
    groups = parameter_groups(_model(), PRESET)
    assert {group["lr_scale"] for group in groups} == {1.0}


def test_every_parameter_is_trained_once_and_the_lower_of_a_pretrained_one_the_slower() -> None:
    model = _model(pretrained=True)
    groups = parameter_groups(model, PRESET)
    listed = [id(parameter) for group in groups for parameter in group["params"]]
    trained = [id(parameter) for parameter in model.parameters() if parameter.requires_grad]
    assert sorted(listed) == sorted(trained)
    scale = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    assert scale[id(model.head.weight)] == 1
    assert scale[id(model.blocks[0].mlp.linear1.weight)] == PRESET.layer_decay ** (PRESET.layers)
    embedding = model.patch_embedding.patch_embeddings.weight
    assert scale[id(embedding)] == PRESET.layer_decay ** (PRESET.layers + 1)


def test_vectors_do_not_decay() -> None:
    model = _model()
    groups = split_decay(list(model.parameters()), 0.05)
    decayed = [p for group in groups if group["weight_decay"] for p in group["params"]]
    assert decayed
    assert all(p.squeeze().ndim > 1 for p in decayed)


def test_calibration_makes_the_pooled_features_standard() -> None:
    model = _model().eval()
    volumes = torch.rand(8, 1, *PRESET.shape)
    model.calibrate(model.pooled(volumes))
    standard = model.norm(model.pooled(volumes))
    assert torch.allclose(standard.mean(0), torch.zeros(PRESET.hidden), atol=1e-3)
    assert standard.std(0).mean() > 0.5


def test_features_are_monais_own_encoder_with_every_patch_shown() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    volumes = torch.rand(2, 1, *PRESET.shape)
    first = network.cls_token.expand(2, -1, -1)
    expected = network.blocks(torch.cat((first, network.patch_embedding(volumes)), 1))[:, 1:].mean(
        1
    )
    model = EncoderAgeModel(network, PRESET, head_seed=1)
    assert torch.allclose(model.pooled(volumes), expected, atol=1e-5)


def test_a_probe_trains_its_head_alone() -> None:
    model = _model(frozen=True)
    trained = [p for group in parameter_groups(model, PRESET) for p in group["params"]]
    assert {id(p) for p in trained} == {id(model.head.weight), id(model.head.bias)}
    model(torch.rand(3, 1, *PRESET.shape)).sum().backward()
    assert model.cls_token.grad is None
    assert model.head.weight.grad is not None


@pytest.mark.parametrize("make", [_model, _cnn, lambda: _model(frozen=True)])
def test_a_batch_in_micro_batches_has_the_gradient_of_the_whole(make) -> None:
    """Also of dropout and of the normalisation over the batch, which a micro-batch alone would change."""
    volumes, goal = torch.rand(6, 1, *PRESET.shape), torch.randn(6)
    whole, split = make().train(), make().train()
    torch.manual_seed(0)
    loss = functional.l1_loss(whole(volumes), goal)
    loss.backward()
    torch.manual_seed(0)
    found = add_cached_gradients(
        split, list(volumes.split([1, 3, 2])), lambda x: functional.l1_loss(x, goal)
    )
    assert found.item() == pytest.approx(loss.item(), rel=1e-4)
    for a, b in zip(whole.parameters(), split.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or torch.allclose(a.grad, b.grad, atol=1e-4)


def test_the_plain_network_has_the_published_ones_blocks() -> None:
    model = BrainAgeCnn(PRESETS["gpu-base"], seed=0, head_seed=0)
    convolutions = [m for m in model.blocks.modules() if isinstance(m, torch.nn.Conv3d)]
    assert [c.out_channels for c in convolutions] == [32, 64, 128, 256, 256, 64]
    assert sum(isinstance(m, torch.nn.MaxPool3d) for m in model.blocks.modules()) == 5
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert 2.8 < millions < 3.1  # "3 million parameters" (Peng et al. 2021)


@pytest.mark.parametrize("name", PRESETS)
def test_the_plain_network_fits_every_preset(name: str) -> None:
    with torch.device("meta"):
        model = BrainAgeCnn(PRESETS[name], seed=0, head_seed=0)
        assert model(torch.empty(2, 1, *PRESETS[name].shape)).shape == (2,)


def test_only_the_places_asked_for_are_looked_at() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    positions = torch.arange(0, network.patch_embedding.n_patches, 2)
    model = EncoderAgeModel(network, PRESET, head_seed=1, positions=positions)
    patches = torch.rand(2, network.patch_embedding.n_patches, PRESET.patch**3)
    before = model.pooled(unpatchify(patches, PRESET.grid, PRESET.patch))
    patches[:, 1::2] = 9.0
    after = model.pooled(unpatchify(patches, PRESET.grid, PRESET.patch))
    assert torch.equal(before, after)


def _by_places() -> EncoderAgeModel:
    preset = PRESET.changed({"pooling": "places"})
    return EncoderAgeModel(masked_autoencoder.build(preset, seed=0), preset, head_seed=1)


def test_what_cancels_in_the_mean_over_patches_does_not_cancel_by_places() -> None:
    patches = torch.rand(1, 6 * 5 * 5, 4**3)
    changed = patches.clone()
    changed[:, [3, 70]] = patches[:, [70, 3]]  # one place gains what another loses
    features = {}
    for name, model in (("mean", _model()), ("places", _by_places())):
        model.blocks = torch.nn.Identity()
        torch.nn.init.zeros_(model.patch_embedding.position_embeddings)
        with torch.no_grad():
            features[name] = [
                model.pooled(unpatchify(one, PRESET.grid, 4)) for one in (patches, changed)
            ]
    assert torch.allclose(*features["mean"], atol=1e-6)
    assert not torch.allclose(*features["places"], atol=1e-3)


def test_a_head_starts_at_the_ridge_regression_of_the_largest_restricted_likelihood() -> None:
    model = _by_places().eval()
    rng = torch.Generator().manual_seed(1)
    few, width = torch.randn(20, 5, generator=rng), model.head.in_features
    features = few @ torch.randn(5, width, generator=rng) + torch.randn(20, width, generator=rng)
    goal = few[:, 0] + torch.randn(20, generator=rng)  # what interpolates does not predict
    goal = (goal - goal.mean()) / goal.std()
    model.start_head(features, goal)
    shown = model.norm(features).double().numpy()
    contrasts = null_space(np.ones((1, 20))).T  # what says nothing of the mean
    told = contrasts @ goal.double().numpy()

    def likelihood(penalty: float) -> float:
        spread = np.eye(19) + contrasts @ shown @ shown.T @ contrasts.T / width / penalty
        noise = told @ np.linalg.solve(spread, told) / 19
        return multivariate_normal(np.zeros(19), noise * spread).logpdf(told)

    best = max((10.0 ** (half / 2) for half in range(-8, 7)), key=likelihood)
    assert 1e-3 < best < 1e3
    wanted = Ridge(alpha=best * width).fit(shown, goal).predict(shown)
    assert np.allclose(model.predict(features).detach(), wanted, atol=1e-3)


def test_no_head_begins_worse_than_the_mean_where_features_are_almost_as_many_as_people() -> None:
    width, worse = 48, []
    model = AgeModel(width, PRESET, head_seed=1).eval()
    for seed in range(60):
        rng = torch.Generator().manual_seed(seed)
        mixing = torch.randn(width, width, generator=rng) * torch.logspace(0, -2, width)
        features = torch.randn(60 + 500, width, generator=rng) @ mixing.T
        goal = features @ torch.randn(width, generator=rng)
        goal = goal / goal.std() + torch.randn(len(goal), generator=rng)
        goal -= goal[:60].mean()
        model.start_head(features[:60], goal[:60])
        wrong = (model.predict(features[60:]).detach() - goal[60:]).abs().mean()
        by_mean = goal[60:].abs().mean()
        worse += [(seed, float(wrong / by_mean))] if wrong > by_mean else []
    assert not worse
