"""What can go wrong with a server that Outrider starts itself; each message is one line that a person can act on."""

from fleet.errors import OutriderError


class EmbeddedError(OutriderError):
    """A server that Outrider brings along cannot be started or kept running."""


class NothingInstalledError(EmbeddedError):
    """No usable server program was found on this machine."""


class InUseError(EmbeddedError):
    """Another Outrider runs on the same data directory."""


class ServerStoppedError(EmbeddedError):
    """A server ended although nobody asked it to."""
