"""Arms and designs: what an encoder is pretrained on, and which arms answer a question."""
