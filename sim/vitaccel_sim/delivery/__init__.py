"""What a user gets with the Verilog of a block: a cocotb bench, its words, a Makefile that runs it, a README."""
