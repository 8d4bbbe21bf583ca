"""Settings of every test process."""

import signal

import torch

# Tensors of tests are small, and tests run beside each other: threads of one operation would wait for those of others.
torch.set_num_threads(1)
# A run that is started in the background may ignore ctrl-C, and so would all that its tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
