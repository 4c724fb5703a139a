"""vitaccel: hardware co-design simulator and FPGA/HLS generator for vision transformers."""

__version__ = "0.1.0.dev0"
