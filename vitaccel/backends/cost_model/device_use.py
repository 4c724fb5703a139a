"""Whether a machine fits its device, as far as that can be predicted, and what limits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vitaccel.backends.cost_model.area import is_fitted, predict_area, total_area
from vitaccel.backends.cost_model.frequency import predicted_mhz
from vitaccel_rtl.accelerator.memories import MachineShape
from vitaccel_rtl.synthesis.cells import Area
from vitaccel_rtl.synthesis.devices import DEVICES, RESOURCES, Device


@dataclass(frozen=True, kw_only=True)
class DeviceUse:
    """What the accelerator of a machine takes of its device: a prediction, no synthesis.

    Parameters
    ----------
    device
        What it is held against.
    blocks
        Area by block.
    logic_rows
        Rows of each array whose products are LUTs, because there are not enough multipliers.
    frequency_mhz
        Of :func:`vitaccel.backends.cost_model.frequency.predicted_mhz`.
    """

    device: Device
    blocks: Mapping[str, Area]
    logic_rows: int = 0
    frequency_mhz: float | None = None

    @property
    def total(self) -> Area:
        """Of the whole accelerator."""
        return total_area(self.blocks)

    @property
    def shares(self) -> Mapping[str, float]:
        """What it takes of each resource of the device; LUTs that are memory are LUTs too."""
        return self.device.shares(self.total)

    @property
    def limit(self) -> str:
        """The resource of which it takes the largest share."""
        shares = self.shares
        return max(shares, key=lambda name: shares[name])

    @property
    def exceeded(self) -> tuple[str, ...]:
        """A sentence for every resource that the device has too little of."""
        shares = self.shares
        return tuple(
            f"the accelerator needs {self.used(name):,} {RESOURCES[name]} of the {getattr(self.device.total, name):,} "
            "there are"
            for name, share in shares.items()
            if share > 1
        )

    def is_slower_than(self, frequency_hz: float) -> bool:
        """Return whether a clock is predicted not to be reached; where nothing was placed, nothing is known."""
        return self.frequency_mhz is not None and self.frequency_mhz * 1e6 < frequency_hz

    def used(self, resource: str) -> int:
        """Return how much it takes of a resource."""
        total = self.total
        return int(getattr(total, resource)) + (total.ram_luts if resource == "luts" else 0)


def device_use(shape: MachineShape, macs_per_multiplier: int, device: str) -> DeviceUse | None:
    """Return what a machine takes of a device, ``None`` if a block of it was not fitted for its family.

    Parameters
    ----------
    shape, macs_per_multiplier
        Of :func:`vitaccel_rtl.accelerator.products.products`.
    device
        A key of :data:`vitaccel_rtl.synthesis.devices.DEVICES`.
    """
    chosen = DEVICES[device]
    if not is_fitted(shape, chosen.family):
        return None
    blocks = predict_area(shape, macs_per_multiplier, chosen.family)
    clock = predicted_mhz(device, shape.side) if shape.arrays == 1 else None
    of_row = shape.arrays * shape.side
    if rows := chosen.logic_rows(total_area(blocks).multipliers, of_row=of_row, rows=shape.side):
        blocks = predict_area(shape, macs_per_multiplier, chosen.family, logic_rows=rows)
        return DeviceUse(device=chosen, blocks=blocks, logic_rows=rows, frequency_mhz=clock)
    return DeviceUse(device=chosen, blocks=blocks, frequency_mhz=clock)
