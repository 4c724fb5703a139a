"""What a component costs on an FPGA and how fast it runs, from Yosys and nextpnr: area, frequency, critical path."""
