"""The tables of docs/zoo.md, rendered from the catalog."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vitaccel.zoo import ModelInfo, Option


def models_table(models: Iterable[ModelInfo]) -> str:
    """One row for each model."""
    rows = [(f"`{m.name}`", "x".join(map(str, m.input_shape)), m.description) for m in models]
    return table(("model", "input", "what it is"), rows)


def options_tables(models: Iterable[ModelInfo]) -> str:
    """One table for each family, with a title."""
    families: dict[str, list[ModelInfo]] = {}
    for model in models:
        families.setdefault(model.family, []).append(model)
    return "\n".join(f"### `{family}`\n\n{_options(members)}" for family, members in families.items())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _options(members: Sequence[ModelInfo]) -> str:
    names = dict.fromkeys(option.name for model in members for option in model.options)
    rows = []
    for name in names:
        owners = {m.name.split("-")[1]: o for m in members for o in m.options if o.name == name}
        text = {option.description for option in owners.values()}
        assert len(text) == 1, f"{name} must mean the same in a family"
        everywhere = "" if len(owners) == len(members) else f" ({', '.join(owners)} only)"
        rows.append((f"`{name}`{everywhere}", _by_size(owners, _default), _by_size(owners, lambda o: o.legal), *text))
    return table(("option", "default", "values", "meaning"), rows)


def _by_size(owners: dict[str, Option], what: object) -> str:
    """A value, or each with the sizes that have it."""
    assert callable(what)
    sizes: dict[str, list[str]] = {}
    for size, option in owners.items():
        sizes.setdefault(str(what(option)), []).append(size)
    if len(sizes) == 1:
        return next(iter(sizes))
    return ", ".join(f"{value} ({', '.join(where)})" for value, where in sizes.items())


def _default(option: Option) -> str:
    return str(option.default).lower() if isinstance(option.default, bool) else str(option.default)
