"""What a person is told when a start comes to nothing."""

import errno
import os

FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class StackError(Exception):
    """A part could not be started or died; the text is one sentence for a person and says what to do next."""


def disk_sentence(error: OSError) -> str | None:
    """Return the sentence about a disk that is full or a file that may not be written; None for an error of another kind."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in FULL or os.strerror(errno.ENOSPC) in str(error):  # shutil's own errors have words and no number
        return f"The disk is full{where}; make room, then start again: the start goes on from here."
    if error.errno in CLOSED and error.filename:
        return (
            f"{error.filename} may not be written ({error.strerror}); it may be another user's, from a start as root: "
            "give it to yourself with chown."
        )
    return None
