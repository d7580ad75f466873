"""What is filled in is learned from the patches that are shown, not only the mean of others."""

import numpy as np
import pytest
import torch
from einops.layers.torch import Rearrange
from torch import Tensor
from torch.nn import functional

from tests.helpers.workspace_trainable import TINY
from training.models import masked_autoencoder, masking
from training.models.masked_autoencoder import ReconstructionLoss
from training.models.patches import patchify, take
from training.settings.presets import PRESETS
from training.tasks.schedule import split_decay

PLAIN = PRESETS["smoke"].changed(
    TINY | {"hidden": 48, "mlp": 96, "decoder_hidden": 48, "decoder_mlp": 96}
)
NEARBY = PLAIN.changed({"centred": True, "locality": 10.0})


def test_a_token_looks_at_what_lies_nearby() -> None:
    """With positions alone as tokens, most of the attention stays within two patches."""
    axes = [torch.arange(size) for size in NEARBY.grid]
    where = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1).T.float()  # [N, 3]
    near = torch.cdist(where, where) <= 2
    kept = {}
    for preset in (NEARBY, PLAIN):
        network = masked_autoencoder.build(preset, seed=0)
        shares = _attention(network.decoder_blocks[0], network.decoder_pos_embedding)
        kept[preset.locality] = float((shares.mean(1)[0] * near).sum(1).mean())
    assert kept[0.0] < 0.3
    assert kept[10.0] > 0.9


def test_without_locality_all_is_as_monai_makes_it() -> None:
    plain = masked_autoencoder.build(PLAIN, seed=0)
    nearby = masked_autoencoder.build(NEARBY, seed=0)
    changed = {
        name
        for (name, one), other in zip(plain.named_parameters(), nearby.parameters(), strict=True)
        if not torch.equal(one, other)
    }
    parts = {name.rpartition("attn.")[2] if "attn." in name else name for name in changed}
    assert parts == {"qkv.weight", "qkv.bias", "decoder_embed.weight", "decoder_embed.bias"}


def test_heads_are_parted_as_monai_rearranges_them_and_so_are_their_gradients() -> None:
    attention = masked_autoencoder.build(PLAIN, seed=0).blocks[0].attn
    projected = torch.randn(2, 5, 3 * attention.inner_dim)
    monais = Rearrange("b h (qkv l d) -> qkv b l h d", qkv=3, l=attention.num_heads)
    seen = []
    for part in (attention.input_rearrange, monais):
        given = projected.clone().requires_grad_()
        queries, keys, values = part(given)
        functional.scaled_dot_product_attention(queries, keys, values).square().sum().backward()
        seen.append([queries, keys, values, given.grad])
    assert all(torch.equal(own, other) for own, other in zip(*seen, strict=True))


def test_the_seed_decides_the_projections() -> None:
    one, same, other = (masked_autoencoder.build(NEARBY, seed=seed) for seed in (1, 1, 2))
    weights = [network.blocks[0].attn.qkv.weight for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_held_out_people_are_filled_in_better_than_by_the_mean_of_each_place() -> None:
    """What differs between people is smooth, so that neighbours tell; the mean of all does not."""
    preset, steps = NEARBY, 300
    people, held_out = _people(24, seed=1), _people(12, seed=2)
    shares = torch.ones(int(np.prod(preset.grid)))
    loss = ReconstructionLoss(masked_autoencoder.build(preset, seed=0), preset, shares)
    loss.set_mean_patches([people])
    masks = masking.sample_masks(np.random.default_rng(0), len(held_out), shares, preset)
    true = take(patchify(held_out, preset.patch), masks.removed)
    error_of_the_mean = float((loss.mean_patch_out[0][masks.removed] - true).square().mean())
    optimizer = torch.optim.AdamW(
        split_decay([p for p in loss.parameters() if p.requires_grad], 0.05)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for step in range(steps):
        rng = np.random.default_rng(step)
        chosen = rng.choice(len(people), 4, replace=False)
        optimizer.zero_grad()
        loss(people[chosen], masking.sample_masks(rng, 4, shares, preset)).backward()
        torch.nn.utils.clip_grad_norm_(loss.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        assert float(loss(held_out, masks)) < 0.8 * error_of_the_mean


@pytest.fixture(autouse=True)
def _one_thread():
    """So little work goes slower on several, most of all where other tests run beside it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _people(count: int, *, seed: int) -> Tensor:
    """Return volumes [B, 1, X, Y, Z]: a pattern that all share, and a smooth field of one's own."""
    own = torch.Generator().manual_seed(seed)
    shared = torch.Generator().manual_seed(0)
    shape = PLAIN.shape
    pattern = 2 * torch.randn(1, 1, *shape, generator=shared)
    coarse = torch.randn(count, 1, 4, 4, 4, generator=own)
    return pattern + functional.interpolate(coarse, shape, mode="trilinear", align_corners=True)


def _attention(block: torch.nn.Module, tokens: Tensor) -> Tensor:
    attention = block.attn
    q, k, _ = attention.input_rearrange(attention.qkv(block.norm1(tokens)))
    return (q @ k.transpose(-1, -2) * attention.scale).softmax(-1).detach()
