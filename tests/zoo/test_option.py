import pytest

from vitaccel.errors import VitaccelError
from vitaccel.zoo.option import Option

GRID = Option("grid", 5, "grid", (3, 5, 7, 10))
FORM = Option("gelu", "erf", "form", ("erf", "tanh"))
FLAG = Option("cls", True, "class token")
FACTOR = Option("capacity_factor", 1.05, "slots", minimum=0.01)
TOP_K = Option("top_k", 2, "experts", minimum=1, maximum=5)


@pytest.mark.parametrize(
    ("option", "given", "value"),
    [
        (GRID, 7, 7),
        (GRID, "10", 10),
        (GRID, 3.0, 3),
        (FORM, "tanh", "tanh"),
        (FLAG, "false", False),
        (FLAG, "On", True),
        (FLAG, False, False),
        (FACTOR, 2, 2.0),
        (FACTOR, "0.5", 0.5),
        (TOP_K, 1, 1),
        (TOP_K, 5, 5),
    ],
)
def test_values_and_their_text_are_taken_in_the_options_type(option: Option, given: object, value: object) -> None:
    checked = option.check(given, model="m")
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(
    ("option", "given"),
    [
        (GRID, 4),
        (GRID, 5.5),
        (GRID, True),
        (GRID, "five"),
        (FORM, "tan"),
        (FORM, 1),
        (FLAG, "perhaps"),
        (FLAG, 2),
        (FACTOR, 0),
        (FACTOR, "nan"),
        (TOP_K, 0),
        (TOP_K, 6),
        (TOP_K, None),
        (TOP_K, float("inf")),
    ],
)
def test_other_values_are_refused_with_what_is_legal(option: Option, given: object) -> None:
    with pytest.raises(VitaccelError) as error:
        option.check(given, model="m")
    assert str(error.value).startswith(f"option {option.name} of m must be {option.legal}, not {given!r}")


def test_the_error_suggests_a_near_word() -> None:
    with pytest.raises(VitaccelError, match=r"must be erf or tanh, not 'tan' \(did you mean 'tanh'\?\)$"):
        FORM.check("tan", model="m")


def test_a_default_must_be_legal() -> None:
    with pytest.raises(VitaccelError):
        Option("grid", 4, "grid", (3, 5))
