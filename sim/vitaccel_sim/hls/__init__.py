"""The accelerator's C++ compiled and run in this process, beside the interpreter."""
