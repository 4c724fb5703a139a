"""The house's test fixtures: one seed for a whole run, golden text, long tests on request, no network."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from vitaccel import zoo
from vitaccel.frontend import ImportedModel, import_model

# A loaded machine is slow, not wrong: no timed assertion. Other examples in every run, so that half of them will do.
hypothesis.settings.register_profile("vitaccel", deadline=None, print_blob=True, max_examples=50)
hypothesis.settings.register_profile("full", hypothesis.settings.get_profile("vitaccel"), max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("vitaccel")
    group.addoption("--seed", type=int, help="seed of every random test (default: a new one for each run)")
    group.addoption("--update-golden", action="store_true", help="write tests/golden/* instead of comparing with it")
    group.addoption("--full", action="store_true", help="run the tests marked `full` too")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before Hypothesis reads its own; a worker of pytest-xdist takes what it was handed."""
    hypothesis.settings.load_profile("full" if config.option.full else "vitaccel")
    if config.option.seed is None:
        handed = getattr(config, "workerinput", {}).get("seed")
        config.option.seed = random.SystemRandom().randrange(2**32) if handed is None else handed
    if getattr(config.option, "hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(config.option.seed)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a worker: pytest-xdist passes on the command line, not what was set since."""
    node.workerinput["seed"] = node.config.option.seed


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (repeat with --seed {config.option.seed})"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"seed of this run: --seed {config.option.seed}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.full:
        return
    long_tests = [item for item in items if item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=long_tests)
    items[:] = [item for item in items if not item.get_closest_marker("full")]


@pytest.fixture
def seed(pytestconfig: pytest.Config) -> int:
    """Return the seed of this run; it is printed with every failure. Use it as ``numpy.random.default_rng(seed)``."""
    value: int = pytestconfig.option.seed
    print(f"seed {value}: repeat with --seed {value}")  # noqa: T201
    return value


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return ``check(name, text)``, which requires *text* to equal the file ``tests/golden/<name>``."""
    folder = Path(__file__).parent / "golden"

    def check(name: str, text: str) -> None:
        path = folder / name
        if request.config.option.update_golden:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            return
        how = f"if the new text is right: pytest '{request.node.nodeid}' --update-golden"
        if not path.exists():
            pytest.fail(f"tests/golden/{name} is not there; {how}", pytrace=False)
        expected = path.read_bytes().decode()
        if text == expected:
            return
        diff = difflib.unified_diff(
            expected.splitlines(), text.splitlines(), f"tests/golden/{name}", "this run", lineterm=""
        )
        shown = "\n".join(diff) or "only line endings differ"
        pytest.fail(f"tests/golden/{name} is not what this run gives; {how}\n{shown}", pytrace=False)

    return check


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves the machine."""
    connect = socket.socket.connect

    def connect_locally(self: socket.socket, address: tuple[object, ...] | str | bytes) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise RuntimeError(f"a test must not reach the network, not even {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_locally)
        yield


@pytest.fixture(scope="session")
def exported(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return ``exported(name, **arguments)``: the file that ``vitaccel.zoo.export`` writes, made once a session.

    Workers share files, and so do calls that name a default and calls that leave it out: one export takes seconds.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(pytestconfig, "workerinput") else base) / "zoo"
    folder.mkdir(exist_ok=True)
    defaults = {key: parameter.default for key, parameter in inspect.signature(zoo.export).parameters.items()}
    options = {model.name: {option.name: option.default for option in model.options} for model in zoo.models()}

    def export(name: str, **arguments: Any) -> Path:
        known = defaults | options.get(name, {})
        told = {key: value for key, value in arguments.items() if key not in known or known[key] != value}
        key = hashlib.sha256(repr((name, sorted(told.items()))).encode()).hexdigest()[:24]
        place = folder / key
        if not place.exists():
            making = tmp_path_factory.mktemp("making")
            zoo.export(name, making / f"{name}.onnx", **told)
            try:
                making.rename(place)
            except OSError:  # of two workers that make the same file, the first to finish is kept
                if not place.exists():
                    raise
        return place / f"{name}.onnx"

    return export


@pytest.fixture(scope="session")
def imported(exported: Callable[..., Path]) -> Callable[..., ImportedModel]:
    """Return ``imported(name, **arguments)``: the zoo model as a Graph, by the quicker exporter, once a session."""
    models: dict[tuple[object, ...], ImportedModel] = {}

    def read(name: str, **arguments: Any) -> ImportedModel:
        key = (name, *sorted(arguments.items()))
        if key not in models:
            models[key] = import_model(exported(name, **{"exporter": "legacy", **arguments}))
        return models[key]

    return read
