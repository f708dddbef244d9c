"""What a driver may import of the runner: for editors, type checkers and other test runners. A sandbox has its own."""


class DriverError(Exception):
    """A failure with a code of the runner's table (`auth_failed`, `target_not_found` ...) and words for a person."""

    def __init__(self, code: str, message: str, details: "dict | None" = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}
