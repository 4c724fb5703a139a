"""The whole accelerator, Verilated, in this process: with its memory in C++, its driver, and what verifies it."""
