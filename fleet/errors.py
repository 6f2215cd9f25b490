"""The root of this product's errors. Each house has one base below it; subclasses carry fields, not sentences."""

from __future__ import annotations


class OutriderError(Exception):
    """Anything that this product raises on purpose. Its text is fit to be shown to the person at the keyboard."""


class InvalidValue(OutriderError):
    """A value breaks a rule of the domain; `field` names it in the words of the API."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem
