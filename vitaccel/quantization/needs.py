"""What quantization needs to be installed."""

from __future__ import annotations

from vitaccel.errors import VitaccelError


def need_torch(what: str) -> None:
    """Refuse to go on without PyTorch.

    Parameters
    ----------
    what
        What needs it, the subject of the sentence.

    Raises
    ------
    VitaccelError
        If it is not installed.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise VitaccelError(f"{what} needs PyTorch: pip install 'vitaccel[torch]'") from error
