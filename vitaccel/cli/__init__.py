"""The command line: each command parses, makes one call and prints; nothing is decided here.

Commands are imported when they are asked for: ``vitaccel --help`` and ``vitaccel simulate`` never import PyTorch. This
module itself imports nothing, so that Ctrl-C while anything is imported is an interrupt like any other.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""

COMMANDS = {
    "simulate": ("vitaccel.cli.simulate:simulate", "Predict cycles, traffic and energy of an ONNX model."),
    "export": ("vitaccel.cli.export:export", "Write a model of the zoo as ONNX."),
    "inspect": ("vitaccel.cli.inspect:inspect", "Show the Graph of an ONNX model, and what each node became."),
    "numerics": ("vitaccel.cli.numerics:numerics", "Measure our integer approximations beside the published ones."),
    "evaluate": ("vitaccel.cli.evaluate:evaluate", "Compare a model in integers with the same model in float."),
    "quantize": ("vitaccel.cli.quantize:quantize", "Quantize an ONNX model to integers."),
    "run": ("vitaccel.cli.run:run", "Run an ONNX model on arrays, in integers or in float."),
    "gen-rtl": ("vitaccel.cli.gen_rtl:gen_rtl", "Write a block of gateware as Verilog, with a cocotb bench."),
    "synth": ("vitaccel.cli.synth:synth", "Synthesise a generated design: area by block, frequency, slowest path."),
    "verify": ("vitaccel.cli.verify:verify", "Run a generated accelerator and compare it with the interpreter."),
    "gen-hls": ("vitaccel.cli.gen_hls:gen_hls", "Write a network with its accelerator as C++ for HLS tools."),
    "disasm": ("vitaccel.cli.disasm:disasm", "Show the instructions of a program of the accelerator."),
    "doctor": ("vitaccel.cli.doctor:doctor", "Show which tools are there, which version, and what is missing."),
}
"""Where each command is, and its line in ``vitaccel --help``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments
        What follows ``vitaccel`` on the command line; that command line itself when left out.

    Returns
    -------
    int
        0 fine, 1 the answer is no, 2 bad input, 70 a defect of vitaccel, 129 the terminal went away, 130 interrupted,
        141 the reader went away, 143 told to end.
    """
    try:
        from vitaccel.cli.group import vitaccel
        from vitaccel.cli.outcome import Session, finish

        return finish(vitaccel, arguments, Session())
    except (KeyboardInterrupt, ImportError) as error:
        if (end := interrupt_in(error)) is not None:
            return interrupted(end)
        raise


class ToldToEnd(SystemExit):
    """A signal came that ends a command; its exit code is 128 and the signal's number."""

    code: int


def interrupt_in(error: BaseException | None) -> KeyboardInterrupt | ToldToEnd | None:
    """Return the interrupt that an error is, or that it comes of: NumPy makes an ImportError of one in its import."""
    while error is not None:
        if isinstance(error, (KeyboardInterrupt, ToldToEnd)):
            return error
        error = error.__cause__ or error.__context__
    return None


def interrupted(end: BaseException) -> int:
    """Say that a command was interrupted, with what notes of the exception say of a tool; return the exit code."""
    import sys
    from contextlib import suppress

    if sys.stderr is not None:
        with suppress(OSError):  # the terminal went away, which may be why
            sys.stderr.write(": ".join(("interrupted", *getattr(end, "__notes__", ()))) + "\n")
            sys.stderr.flush()
    return end.code if isinstance(end, ToldToEnd) else EXIT_INTERRUPTED
