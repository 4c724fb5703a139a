"""The hardware blocks as C++ headers, with the same stems as in ``vitaccel_rtl``."""
