"""What a pretraining keeps, as weights that MONAI's plain network can take."""

from torch import Tensor
from torch.nn import functional

#: Names of what is kept beside the network's own weights.
BESIDE = ("kinds.", "expected", "usual")
#: Names of what is added to the tokens of encoder and decoder to tell their places.
_PLACES = ("patch_embedding.position_embeddings", "decoder_pos_embedding")


def weights_for(weights: dict[str, Tensor], kind: int) -> dict[str, Tensor]:
    """Return the weights of a plain ``MaskedAutoEncoderViT`` for one kind of image.

    What tells the kind is added to every token, so it can as well be added to the positions; and what the
    embedding makes of a usual patch, taken from every token, can as well be taken from them.

    Parameters
    ----------
    weights : dict of str to Tensor
        From ``model.pt`` of a pretraining; of one kind, not centred, they are returned as they are.
    kind : int
        Place among the preset's modalities.
    """
    plain = {name: value for name, value in weights.items() if not name.startswith(BESIDE)}
    for side, name in enumerate(_PLACES):
        if (table := weights.get(f"kinds.{side}.weight")) is not None:
            plain[name] = plain[name] + table[kind]
    if (usual := weights.get("usual")) is not None:
        plain = centred(plain, usual[kind])
    return plain


def centred(weights: dict[str, Tensor], usual: Tensor) -> dict[str, Tensor]:
    """Return weights of a plain network that embeds each patch as the given ones embed what it differs by.

    Parameters
    ----------
    weights : dict of str to Tensor
        Of a ``MaskedAutoEncoderViT``.
    usual : Tensor, [N, P]
        Mean patch at each place, which is subtracted from every patch there.
    """
    name, embedding = _PLACES[0], weights["patch_embedding.patch_embeddings.weight"]
    return weights | {name: weights[name] - functional.linear(usual, embedding.flatten(1))}
