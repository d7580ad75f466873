"""Work of one run: pretraining, fine-tuning, ridge regression, and the loop under them."""
