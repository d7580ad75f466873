"""How attention begins and is computed: each token attends to nearby ones, and heads are no copies.

Under the usual initialisation every token attends to all others alike, and that the nearby ones matter most
has to be learned first. On a few dozen scans it is not: training stays at the mean patch. Here queries and
keys begin as the same projection, so that a token attends most to those whose positional embedding is like
its own (Trockman & Kolter 2023, arXiv:2305.09828). The architecture is unchanged.
"""

import torch
from monai.networks.blocks.selfattention import SABlock
from monai.networks.nets.masked_autoencoder_vit import MaskedAutoEncoderViT
from torch import Tensor, nn

#: Scale of the encoder's tokens in the decoder to begin with, lest they drown the positional embedding.
_TOKEN_SCALE = 0.1


class Heads(nn.Module):
    """Queries, keys and values of all heads as parts of what one projection gives, [B, L, 3 · heads · D].

    It stands in for MONAI's rearrangement of the same numbers. That is indexed three times, and the gradient
    of an index is as large as the whole, all else filled with 0: that took more time than attention itself.

    Parameters
    ----------
    heads : int
        As many as the attention has.
    """

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, projected: Tensor) -> tuple[Tensor, ...]:
        """Return queries, keys and values, [B, heads, L, D] each."""
        parts = projected.unflatten(-1, (3, self.heads, -1)).unbind(2)
        return tuple(part.transpose(1, 2) for part in parts)


@torch.no_grad()
def mimetic_init(network: MaskedAutoEncoderViT, strength: float, *, seed: int) -> None:
    """Initialise the attention of every block such that tokens attend to nearby ones.

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
    network.decoder_embed.weight.mul_(_TOKEN_SCALE)
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
