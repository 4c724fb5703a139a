"""The accelerator: the blocks of `vitaccel_rtl` around one time-slotted buffer, driven by a program in memory."""
