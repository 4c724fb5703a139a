"""One file per stem of `vitaccel_rtl`: its blocks, made from the specs of `vitaccel.reference`."""
