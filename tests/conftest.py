"""Settings of every test process."""

import torch

# Tensors of tests are small, and tests run beside each other: threads of one operation would wait for those of others.
torch.set_num_threads(1)
