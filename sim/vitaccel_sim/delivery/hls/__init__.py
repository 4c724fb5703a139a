"""Networks with the C++ of their accelerator, as directories to pick up."""
