"""How every part of an instruction is validated: strictly, and without repeating the file."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def _one_line(text: str) -> str:
    if not text.isprintable() or text != text.strip():
        raise ValueError("not one plain line")
    return text


Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_one_line),
]
"""One line of plain text, 1 to 200 characters, no blanks around it."""


class Strict(BaseModel):
    """No key that is not known, no value that is nearly right; frozen."""

    # hide_input: pydantic's own messages must not repeat the file's content.
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        validate_default=True,
        serialize_by_alias=True,
    )
