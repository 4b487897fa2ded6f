"""Sentences that the page's scripts say by themselves; each is looked up by its name in `frontend/src/desktop`."""

from django.utils.translation import gettext as _


def script_words() -> dict[str, str]:
    """Name to sentence in the reader's language; NAME stands for what the script puts in."""
    return {
        "offline": _("The server could not be reached. What you wrote is kept; send it again, it arrives only once."),
        "arrived": _("Your message had arrived after all."),
        "no_next": _("Nothing else is in this list."),
        "next_unassigned": _("Nothing else is in this list. NAME more are waiting for somebody."),
        "failed": _("That did not work. Load the page again and try once more."),
        "too_many": _("At most NAME conversations at once."),
        "too_large": _("NAME is over SIZE MB, the most for such a file. Send a smaller one, or a link."),
        "not_taken": _("NAME cannot be sent: this type of file is not taken. Send a PDF, an office document, or a link."),
        "not_uploaded": _("It did not arrive. Take it out and attach it again."),
        "files_going": _("A file is still on its way. Wait until it has arrived, or take it out."),
        "files_failed": _("A file did not arrive. Take it out, or attach it again, then send."),
        "no_canned": _("There are no canned responses yet."),
        "unknown_canned": _("No canned response is called /NAME."),
        "no_colleagues": _("Nobody else works at this desktop yet."),
        "push_unable": _("This browser cannot be pushed to."),
        "push_denied": _("This browser refuses notifications of this page; allow them in its settings."),
        "push_on": _("This browser is told."),
        "push_off": _("This browser is not told yet."),
        "push_failed": _("This browser could not be set up. Try again."),
    }
