import torch

from tests.training_workspace import TINY
from training import masked_autoencoder
from training.age_model import AgeModel, split_decay
from training.config import PRESETS

PRESET = PRESETS["smoke"].changed(TINY)


def _model(seed: int = 0) -> AgeModel:
    return AgeModel(masked_autoencoder.build(PRESET, seed=seed), PRESET, head_seed=1)


def test_one_number_a_person_that_does_not_depend_on_who_else_is_asked() -> None:
    model = _model().eval()
    volumes = torch.rand(3, 1, *PRESET.shape)
    together = model(volumes)
    assert together.shape == (3,)
    alone = torch.cat([model(volume.unsqueeze(0)) for volume in volumes])
    assert torch.allclose(together, alone, atol=1e-5)


def test_the_encoder_is_the_autoencoders_own() -> None:
    network = masked_autoencoder.build(PRESET, seed=0)
    model = AgeModel(network, PRESET, head_seed=1)
    assert model.blocks is network.blocks
    assert not any("decoder" in name for name, _ in model.named_parameters())


def test_the_head_starts_alike_for_every_arm() -> None:
    assert torch.equal(_model(0).head.weight, _model(5).head.weight)


def test_every_parameter_is_trained_once_and_the_lower_the_slower() -> None:
    model = _model()
    groups = model.parameter_groups(PRESET)
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
    model.calibrate(volumes)
    standard = model.norm(model.pooled(volumes))
    assert torch.allclose(standard.mean(0), torch.zeros(PRESET.hidden), atol=1e-3)
    assert standard.std(0).mean() > 0.5
