"""Memory that was needed for a while."""

from __future__ import annotations


def give_back() -> None:
    """What is free goes back to the system, where the C library can be told to (glibc); takes under a millisecond.

    Large files are opened and looked through in thousands of pieces, of which it keeps some megabytes for later.
    """
    import ctypes

    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):  # another C library
        return
    trim(0)
