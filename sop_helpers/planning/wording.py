"""Numbers in sentences: what is counted agrees with its number."""

from __future__ import annotations

AGREE = "agree on delivery when the plan can serve"
"""What the demand side can do against any shortage that is made up for later."""


def amount(value: float, currency: str = "") -> str:
    """Write money in whole units, with its currency where that is known.

    >>> amount(1234.5, "EUR"), amount(87.4)
    ('1,234 EUR', '87')
    """
    return f"{value:,.0f} {currency}".rstrip()


def counted(number: str | int, many: str, one: str | None = None) -> str:
    """Write a number with what it counts; one of a thing, also with a sign, takes the singular.

    Parameters
    ----------
    number : str or int
        As it is to be read; a text is already rounded, so that 1.2 written as ``1`` counts as one.
    many : str
        The plural, with the verb if one follows.
    one : str, optional
        The singular, where it is more than `many` without its ``s``.

    >>> counted(3, "hours"), counted("1", "hours"), counted("1.2 k", "units"), counted("1", "units come", "unit comes")
    ('3 hours', '1 hour', '1.2 k units', '1 unit comes')
    """
    shown = str(number)
    if shown.lstrip("+-") != "1":
        return f"{shown} {many}"
    return f"{shown} {many.removesuffix('s') if one is None else one}"
