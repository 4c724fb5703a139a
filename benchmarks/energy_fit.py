"""Energy tables of the presets: 45 nm constants, scaled to 28 nm, and fitted to published FPGA boards.

``python benchmarks/energy_fit.py`` prints the published rows, the fit with its residuals and its spread, and the
``[energy]`` numbers that ``vitaccel/presets/*.toml`` hold. ``docs/energy.md`` explains them; a test compares the three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import ceil
from statistics import median

from vitaccel.arch import Energy, load_preset

TABLE_45NM = replace(load_preset("default").energy, source="", static_w=0.0)
"""Horowitz, ISSCC 2014: int8 MAC, lane operation, byte of a 32 KB SRAM, byte of DRAM."""

REFERENCE_SIDE = 32
"""Side of the PE array whose buffer traffic stands for all published designs: the one of the preset zcu102."""


# ------------------------------------------------------------------------------------------------- counted actions


@dataclass(frozen=True)
class Encoder:
    """Shape of a plain or mixture-of-experts ViT encoder.

    Parameters
    ----------
    tokens, width, heads
        Of the token matrix; 64 channels a head in every model here.
    experts
        Rows of each gate; 0 for a plain ViT. Every other block has experts, of which a token takes two of half the
        hidden width, so that a token's MACs in an expert block equal those in a plain one.
    """

    tokens: int
    width: int
    heads: int
    experts: int = 0

    def matmuls(self) -> Iterator[tuple[int, int, int, int]]:
        """Rows, columns, contraction and count of every product of matrices, patch embedding included."""
        n, d, h = self.tokens, self.width, self.heads
        yield n - 1, d, 768, 1  # one token is the class token
        yield n, d, d, 12 * 4
        yield n, 4 * d, d, 12
        yield n, d, 4 * d, 12
        yield n, n, d // h, 12 * h
        yield n, d // h, n, 12 * h
        if self.experts:
            yield n, self.experts, d, 6


@dataclass(frozen=True)
class Actions:
    """What is counted in one image: MACs, lane operations, bytes of on-chip buffers."""

    macs: int
    lane_ops: int
    sram_bytes: int

    def pj(self, table: Energy) -> float:
        """Energy under *table*, DRAM and static power aside."""
        return self.macs * table.mac_pj + self.lane_ops * table.lane_pj + self.sram_bytes * table.sram_pj_per_byte


def count(net: Encoder, side: int = REFERENCE_SIDE) -> Actions:
    """Count one image on output-stationary ``side`` x ``side`` arrays: each cycle reads ``side`` bytes of A and of B.

    Lane operations: one requantize an output, one exponential a logit, two passes of LayerNorm, one residual add.
    """
    macs = lane_ops = sram_bytes = 0
    for rows, columns, contraction, repeat in net.matmuls():
        tiles = ceil(rows / side) * ceil(columns / side)
        macs += repeat * rows * columns * contraction
        lane_ops += repeat * rows * columns
        sram_bytes += repeat * (tiles * contraction * 2 * side + rows * columns)
    stream = net.tokens * net.width
    lane_ops += 12 * (net.heads * net.tokens**2 + 2 * (2 * stream + stream))
    sram_bytes += (
        12 * 2 * (2 * 2 * stream + stream + 6 * stream)
    )  # int16 read twice, int8 written; add reads 2, writes 1
    return Actions(macs, lane_ops, sram_bytes)


M3VIT_TINY = Encoder(tokens=129, width=192, heads=3, experts=16)
M3VIT_SMALL = Encoder(tokens=129, width=384, heads=6, experts=16)
VIT_TINY = Encoder(tokens=197, width=192, heads=3)
VIT_SMALL = Encoder(tokens=197, width=384, heads=6)
VIT_BASE = Encoder(tokens=197, width=768, heads=12)


# ------------------------------------------------------------------------------------------------- published boards


@dataclass(frozen=True)
class Board:
    """One published measurement.

    Parameters
    ----------
    board, design, network
        What ran where.
    gmacs_per_s
        Useful multiply-accumulates a second.
    power_w
        As printed by the authors, who seldom say whether it is the chip's (a tool's estimate) or the board's.
    fitted
        8-bit matrix products, and the number of MACs is known.
    note
        Why it is left out, or how the rate was found.
    """

    board: str
    design: str
    network: str
    gmacs_per_s: float
    power_w: float
    fitted: bool = True
    note: str = ""


def rate(net: Encoder, *, latency_ms: float = 0.0, fps: float = 0.0) -> float:
    """GMAC/s from a latency or from images a second."""
    return count(net).macs / 1e9 * (fps or 1e3 / latency_ms)


PUBLISHED = (
    Board("ZCU102", "CoQMoE", "M3ViT-T", rate(M3VIT_TINY, latency_ms=6.47), 9.83),
    Board("ZCU102", "EfficientViT acc.", "EfficientViT-B", 780.2 / 2, 780.2 / 105.1, note="W = GOPS / (GOPS/W)"),
    Board("ZCU102", "Auto-ViT-Acc", "DeiT-S", rate(VIT_SMALL, fps=99.7), 9.6, note="8-bit mixed; one W for both"),
    Board("ZCU102", "Auto-ViT-Acc", "DeiT-B", rate(VIT_BASE, fps=34.0), 9.6, note="8-bit mixed; one W for both"),
    Board("ZCU102", "Huang et al.", "ViT-T", rate(VIT_TINY, fps=245.3), 29.6, note="one W for both"),
    Board("ZCU102", "Huang et al.", "ViT-S", rate(VIT_SMALL, fps=89.7), 29.6, note="one W for both"),
    Board("ZCU102", "HPTA", "Swin-T", 4.5 * 148.8, 20.0, note="Swin-T: 4.5 GMAC"),
    Board("ZCU102", "HeatViT", "DeiT-S", rate(VIT_SMALL, latency_ms=9.15), 10.697, False, "prunes: rate is a ceiling"),
    Board("ZCU102", "UbiMoE-E", "ViT-T", rate(VIT_TINY, latency_ms=8.20), 9.94, False, "INT16"),
    Board("ZCU102", "UbiMoE-E", "M3ViT-T", rate(M3VIT_TINY, latency_ms=25.76), 11.50, False, "W16A32"),
    Board("ZCU102", "Edge-MoE", "M3ViT-T", rate(M3VIT_TINY, latency_ms=34.64), 14.54, False, "W16A32"),
    Board("U280", "CoQMoE", "M3ViT-S", rate(M3VIT_SMALL, latency_ms=9.16), 33.7),
    Board("U280", "UbiMoE-C", "ViT-S", rate(VIT_SMALL, latency_ms=11.66), 31.36, False, "INT16"),
    Board("U280", "UbiMoE-C", "M3ViT-T", rate(M3VIT_TINY, latency_ms=10.33), 32.49, False, "W16A32"),
)
"""UbiMoE T.II and T.III, CoQMoE T.3, TATAA T.7, abstract of the EfficientViT accelerator; M3ViT at 129 tokens."""


# -------------------------------------------------------------------------------------------------------------- fit


@dataclass(frozen=True)
class Fit:
    """Power of a board = ``static_w`` + ``pj_per_mac`` x MAC rate; the second stands for all on-chip actions."""

    static_w: float
    pj_per_mac: float

    def power_w(self, gmacs_per_s: float) -> float:
        """Predicted power."""
        return self.static_w + self.pj_per_mac * gmacs_per_s / 1e3


def envelope(rows: Sequence[Board]) -> Fit:
    """The highest line of no negative term that lies on or under every row: what the best designs have in common."""
    candidates = [
        Fit(min(r.power_w for r in rows), 0.0),
        Fit(0.0, min(1e3 * r.power_w / r.gmacs_per_s for r in rows)),
    ]
    for a, b in combinations(rows, 2):
        if a.gmacs_per_s == b.gmacs_per_s:
            continue
        slope = (b.power_w - a.power_w) / (b.gmacs_per_s - a.gmacs_per_s)
        candidates.append(Fit(a.power_w - slope * a.gmacs_per_s, 1e3 * slope))
    under = [
        fit
        for fit in candidates
        if min(fit.static_w, fit.pj_per_mac) >= 0
        and all(fit.power_w(r.gmacs_per_s) <= r.power_w * (1 + 1e-9) for r in rows)
    ]
    return max(under, key=lambda fit: sum(fit.power_w(r.gmacs_per_s) for r in rows))


def pj_per_mac(row: Board, static_w: float) -> float:
    """Dynamic energy of one MAC, all on-chip actions included, if *static_w* of the row's power is static."""
    return 1e3 * (row.power_w - static_w) / row.gmacs_per_s


def fit_rows(rows: Sequence[Board]) -> Fit:
    """Static power from the envelope; then the median over the rows of what is left, per MAC."""
    static_w = envelope(rows).static_w
    return Fit(static_w, median(pj_per_mac(r, static_w) for r in rows))


def least_squares(rows: Sequence[Board]) -> Fit:
    """Ordinary least squares with both terms free: shown because it fails."""
    mean_x = sum(r.gmacs_per_s for r in rows) / len(rows)
    mean_y = sum(r.power_w for r in rows) / len(rows)
    covariance = sum((r.gmacs_per_s - mean_x) * (r.power_w - mean_y) for r in rows)
    slope = covariance / sum((r.gmacs_per_s - mean_x) ** 2 for r in rows)
    return Fit(mean_y - slope * mean_x, 1e3 * slope)


def r_squared(rows: Sequence[Board], fit: Fit) -> float:
    """Share of the variance of power that *fit* explains."""
    mean = sum(r.power_w for r in rows) / len(rows)
    left = sum((r.power_w - fit.power_w(r.gmacs_per_s)) ** 2 for r in rows)
    return 1 - left / sum((r.power_w - mean) ** 2 for r in rows)


# ----------------------------------------------------------------------------------------------------- node scaling

ENERGY_POLYNOMIAL = {
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.3730, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    7: (0.1776, -0.09097, 0.02447),
}
"""Stillmaker and Baas, Integration 58 (2017) 74-81: energy is a V^2 + b V + c; high-performance nodes."""


def scale(from_nm: int, from_v: float, to_nm: int, to_v: float) -> float:
    """Energy of an operation at one node and voltage, relative to another."""

    def energy(node: int, volts: float) -> float:
        a, b, c = ENERGY_POLYNOMIAL[node]
        return a * volts**2 + b * volts + c

    return energy(to_nm, to_v) / energy(from_nm, from_v)


SCALE_28NM = scale(45, 0.9, 32, 0.9)
SCALE_VERSAL = scale(16, 0.85, 7, 0.80)
SCALE_ECP5 = scale(16, 0.85, 45, 1.10)

DDR4_PJ = TABLE_45NM.dram_pj_per_byte
"""Horowitz's low end, 1.3 nJ for 64 bits; Jouppi et al., ISCA 2021, keep it at 7 nm."""

LPDDR4_PJ, HBM2_PJ = 8 * 8.0, 8 * 6.25
"""8 and 6.25 pJ/bit, from the hwcomponents-cacti tables, which cite Malladi, ISCA 2012, and Chatterjee, MICRO 2017."""

SDR_PJ = 0.130 * 3.3 / 200e6 * 1e12
"""IS42S16160A data sheet: at most 130 mA at 3.3 V, here while 16 bits move at 100 MHz. A ceiling."""

ECP5_STATIC_W = 0.212 * 1.1 + 0.026 * 2.5
"""LFE5U-85F standby: 212 mA core at 1.1 V, 26 mA auxiliary at 2.5 V (FPGA-DS-02012, from memory: check it)."""

LOGIC_CELLS = {"XCZU9EG": 600, "XCVC1902": 1968}
"""Thousands of system logic cells, product tables; static power of Versal is taken in proportion."""


def table(onchip: float, dram_pj_per_byte: float, static_w: float) -> Energy:
    """The 45 nm table with its on-chip entries times *onchip*; what is fitted or scaled is kept to three digits."""

    def three(value: float) -> float:
        return float(f"{value:.3g}")

    return Energy(
        mac_pj=three(onchip * TABLE_45NM.mac_pj),
        lane_pj=three(onchip * TABLE_45NM.lane_pj),
        sram_pj_per_byte=three(onchip * TABLE_45NM.sram_pj_per_byte),
        dram_pj_per_byte=round(dram_pj_per_byte, 1),
        static_w=three(static_w),
        source="",
    )


def rows_of(board: str) -> list[Board]:
    """The rows of *board* that are fitted."""
    return [r for r in PUBLISHED if r.board == board and r.fitted]


def fits() -> dict[str, Fit]:
    """The fit of each board; U280, the same 16 nm family but one row only, takes its dynamic energy from ZCU102."""
    zcu102 = fit_rows(rows_of("ZCU102"))
    rest = [r.power_w - zcu102.pj_per_mac * r.gmacs_per_s / 1e3 for r in rows_of("U280")]
    return {"ZCU102": zcu102, "U280": Fit(median(rest), zcu102.pj_per_mac)}


def onchip_factor() -> float:
    """How many times the 45 nm table the ZCU102's on-chip actions cost."""
    reference = count(M3VIT_TINY)
    return fits()["ZCU102"].pj_per_mac * reference.macs / reference.pj(TABLE_45NM)


def preset_tables() -> dict[str, Energy]:
    """The ``[energy]`` numbers of every preset but ``default``, whose table is the 45 nm one itself."""
    factor, fitted = onchip_factor(), fits()
    versal_static_w = fitted["ZCU102"].static_w * LOGIC_CELLS["XCVC1902"] / LOGIC_CELLS["XCZU9EG"]
    return {
        "asic-28nm": table(SCALE_28NM, LPDDR4_PJ, 0.0),
        "ecp5-85f": table(factor * SCALE_ECP5, SDR_PJ, ECP5_STATIC_W),
        "u280": table(factor, HBM2_PJ, fitted["U280"].static_w),
        "vck190": table(factor * SCALE_VERSAL, LPDDR4_PJ, versal_static_w),
        "zcu102": table(factor, DDR4_PJ, fitted["ZCU102"].static_w),
    }


# ----------------------------------------------------------------------------------------------------------- report


def report() -> str:
    """Everything as plain text."""
    return "\n".join([*published_lines(), "", *spread_lines(), "", *scaling_lines(), "", *table_lines()]) + "\n"


def published_lines() -> Iterator[str]:
    """Rows with predicted power and residual."""
    fitted = fits()
    yield "Published boards. fit: is it fitted; pJ/MAC: on-chip energy without static power; off: fit over published"
    heads = ("GMAC/s", 7), ("W", 6), ("fit", 4), ("pJ/MAC", 7), ("W fit", 6), ("off", 6)
    yield f"{'board':<7} {'design':<18} {'network':<15} " + " ".join(f"{head:>{width}}" for head, width in heads)
    for row in PUBLISHED:
        fit = fitted[row.board]
        power = fit.power_w(row.gmacs_per_s)
        line = (
            f"{row.board:<7} {row.design:<18} {row.network:<15} {row.gmacs_per_s:7.1f} {row.power_w:6.2f} "
            f"{'yes' if row.fitted else 'no':>4} {pj_per_mac(row, fit.static_w):7.1f} {power:6.1f} "
            f"{power / row.power_w - 1:+6.0%}  {row.note}"
        )
        yield line.rstrip()


def spread_lines() -> Iterator[str]:
    """How far the data determine the fit."""
    rows, zcu102, u280 = rows_of("ZCU102"), fits()["ZCU102"], fits()["U280"]
    each = sorted(pj_per_mac(r, zcu102.static_w) for r in rows)
    without = [fit_rows([r for r in rows if r is not left_out]) for left_out in rows]
    free, best = least_squares(rows), envelope(rows)
    statics, slopes = [f.static_w for f in without], [f.pj_per_mac for f in without]
    yield (
        f"Least squares, both free   : {free.static_w:.1f} W + {free.pj_per_mac:.1f} pJ/MAC, "
        f"R^2 = {r_squared(rows, free):.4f}: across designs, power does not follow the MAC rate"
    )
    yield f"Line under the best designs: {best.static_w:.2f} W + {best.pj_per_mac:.1f} pJ/MAC"
    yield (
        f"ZCU102 fit, {len(rows)} rows         : {zcu102.static_w:.2f} W + {zcu102.pj_per_mac:.1f} pJ/MAC "
        f"(the median; rows from {each[0]:.1f} to {each[-1]:.1f})"
    )
    yield (
        f"  any one row left out     : {min(statics):.1f} to {max(statics):.1f} W, "
        f"{min(slopes):.1f} to {max(slopes):.1f} pJ/MAC"
    )
    middle = zcu102.pj_per_mac
    yield (
        f"  relative to the median   : rows x{each[0] / middle:.2f} to x{each[-1] / middle:.2f}, "
        f"one row left out x{min(slopes) / middle:.2f} to x{max(slopes) / middle:.2f}"
    )
    yield f"U280 fit, {len(rows_of('U280'))} row            : {u280.static_w:.1f} W + the ZCU102's pJ/MAC"


def scaling_lines() -> Iterator[str]:
    """Factors between tables."""
    actions = count(M3VIT_TINY)
    yield (
        f"M3ViT-T on 32x32 arrays, per MAC: {actions.lane_ops / actions.macs:.4f} lane operations, "
        f"{actions.sram_bytes / actions.macs:.4f} buffer bytes, {actions.pj(TABLE_45NM) / actions.macs:.3f} pJ at 45 nm"
    )
    twenty = scale(45, 0.9, 20, 0.9)
    yield f"ZCU102 over the 45 nm table            : x{onchip_factor():.1f}"
    yield f"45 nm 0.9 V to 32 nm 0.9 V, for 28 nm  : x{SCALE_28NM:.3f} (to 20 nm it would be x{twenty:.3f})"
    yield f"16 nm 0.85 V to 7 nm 0.80 V, for Versal: x{SCALE_VERSAL:.3f}"
    yield f"16 nm 0.85 V to 45 nm 1.10 V, for ECP5 : x{SCALE_ECP5:.2f}"


def table_lines() -> Iterator[str]:
    """The numbers of the presets."""
    heads = ("mac_pj", 8), ("lane_pj", 8), ("sram_pj_per_byte", 17), ("dram_pj_per_byte", 17), ("static_w", 9)
    yield f"{'preset':<10} " + " ".join(f"{head:>{width}}" for head, width in heads)
    for name, energy in {"default": TABLE_45NM, **preset_tables()}.items():
        yield f"{name:<10} " + " ".join(f"{getattr(energy, head):{width}g}" for head, width in heads)


if __name__ == "__main__":
    print(report(), end="")
