"""What a user can fix."""


class UserError(Exception):
    """Bad input, reported in one line that names the file, the value and the remedy. The exit code is 2."""


class Stopped(Exception):  # noqa: N818 - it is no error
    """Work was asked to stop, and what is done is saved; rerunning the command resumes it."""

    def __init__(self, text: str, interrupted: bool) -> None:
        super().__init__(text)
        self.interrupted = interrupted
        """True for a signal, False for a budget that is used up."""


class SignalledError(BaseException):
    """SIGTERM came while nothing could be saved. Like KeyboardInterrupt, it is nobody's to catch."""


class WorkersLostError(Exception):
    """Another process of the same training has gone. The last checkpoint is kept; rerunning the command resumes it."""


def nearest(name: str, known: list[str]) -> str:
    """` Did you mean 'x'?`, or the known names; for the end of an error line."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    if close:
        return f" Did you mean '{close[0]}'?"
    return f" Known: {', '.join(sorted(known)) or 'none'}."
