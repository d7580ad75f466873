"""Networks: the masked autoencoder and the brain-age heads."""
