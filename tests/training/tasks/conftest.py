"""Torch is left as it was, whatever a training set."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _torch_as_it_was():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.set_flush_denormal(False)
