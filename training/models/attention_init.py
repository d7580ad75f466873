"""How attention begins: with what lies nearby, instead of with everything alike.

In a network as it is made, every token looks at all others alike, and that the nearby ones tell most has to
be found out first. On a few dozen scans it is not: training stays at the mean patch. Here queries and keys
begin as the same projection, so that a token looks most at those whose position is like its own (mimetic
initialisation, Trockman & Kolter 2023, arXiv:2305.09828). Nothing of the network itself is changed.
"""

import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

#: What the encoder says of a place begins this much quieter in the decoder, lest it drowns the positions.
_QUIETER = 0.1


@torch.no_grad()
def mimetic_init(network: MaskedAutoEncoderViT, strength: float, *, seed: int) -> None:
    """Let every block's attention begin with what lies nearby.

    Parameters
    ----------
    network : MaskedAutoEncoderViT
        With its own initial weights; changed in place.
    strength : float
        How sharply: the square of the projections' scale, 0 or more.
    seed : int
        Of the projections.
    """
    generator = torch.Generator().manual_seed(seed)
    for block in (*network.blocks, *network.decoder_blocks):
        if isinstance(attention := getattr(block, "attn", None), SABlock):
            _begin(attention, strength, generator)
    network.decoder_embed.weight.mul_(_QUIETER)
    nn.init.zeros_(network.decoder_embed.bias)


def _begin(attention: SABlock, strength: float, generator: torch.Generator) -> None:
    """Give queries and keys of each head one orthonormal projection, scaled."""
    width, size = attention.hidden_input_size, attention.dim_head
    heads = [_orthonormal(size, width, generator) for _ in range(attention.num_heads)]
    both = torch.cat(heads) * strength**0.5
    for name, values in attention.qkv.named_parameters():
        values[: 2 * len(both)] = torch.cat((both, both)) if name == "weight" else 0


def _orthonormal(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Return a random matrix [R, C] of orthonormal rows; of R not more than C."""
    basis, _ = torch.linalg.qr(torch.randn(columns, rows, generator=generator))
    return basis.T
