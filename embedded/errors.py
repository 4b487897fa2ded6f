class StackError(Exception):
    """A part could not be started or died; the text is one sentence for a person and says what to do next."""
