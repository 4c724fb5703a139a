# Vitis HLS: C simulation, synthesis, co-simulation, export.
#
#   vitis_hls -f vitis_hls.tcl                        C simulation and synthesis
#   vitis_hls -f vitis_hls.tcl -tclargs cosim export  and these
#
# Another part or clock period (ns): PART=... PERIOD=... in the environment.
# Co-simulation gives each argument a copy of the memory, so it needs a network that loads nothing it has stored.

set here [file normalize [file dirname [info script]]]
set part [expr {[info exists ::env(PART)] ? $::env(PART) : "xczu9eg-ffvb1156-2-e"}]
set period [expr {[info exists ::env(PERIOD)] ? $::env(PERIOD) : 5}]

open_project -reset vitis_hls
set_top vitaccel_top
add_files [file join $here vitaccel.cpp] -cflags "-std=c++17 -I$here"
add_files -tb [file join $here test_bench.cpp] -cflags "-std=c++17 -I$here -Wno-unknown-pragmas"

open_solution -reset solution -flow_target vivado
set_part $part
create_clock -period $period
config_compile -pipeline_loops 0
config_interface -m_axi_addr64=0

csim_design -argv $here
csynth_design
if {"cosim" in $argv} { cosim_design -argv $here }
if {"export" in $argv} { export_design -format ip_catalog -display_name vitaccel }
exit
