"""The conversation in a few sentences, for a colleague who takes over and for the agent's own next turn."""

from apps.herald.answer import Chain, ModelSilent
from apps.herald.conversation import contact_says, said_before
from apps.herald.payloads import TurnRequest

LONGEST = 600  # characters
EXCERPT = 160
TRANSCRIPT = 6_000  # characters of a conversation that are summarised; the summary before stands for the rest
SHORT_ENOUGH = 2  # messages of the contact that are their own summary: a model is not paid to repeat them
ASK = (
    "You write notes for colleagues. Summarise this conversation in at most three short sentences: what the contact wants, what "
    "was answered, and what is open. Name names, dates and numbers. Write in the conversation's language and nothing else."
)
WHO = {"contact": "Contact", "agent": "Agent", "person": "Colleague"}


def summary_of(turn: TurnRequest, said: list[str], chain: Chain | None = None) -> str:
    """By the model once there is something to summarise; in the contact's own words otherwise, or when no model answers."""
    if chain is None or not _worth_it(turn):
        return summary_plain(turn, said)
    try:
        answer = chain.ask([{"role": "system", "content": ASK}, {"role": "user", "content": _transcript(turn, said)}])
    except ModelSilent:
        return summary_plain(turn, said)
    return _cut(answer.text, LONGEST) or summary_plain(turn, said)


def summary_plain(turn: TurnRequest, said: list[str]) -> str:
    """Without a model: what was known before, the contact's last words, and the answer."""
    last = f"Contact: “{_cut(contact_says(turn), EXCERPT)}”"
    answered = f" Answer: “{_cut(' '.join(said), EXCERPT)}”" if said else " Not answered."
    before = _cut(turn.summary, LONGEST - len(last) - len(answered) - 1)
    return f"{before} {last}{answered}".strip()


def _worth_it(turn: TurnRequest) -> bool:
    before = sum(item.role == "contact" for item in said_before(turn))
    return before + len(turn.messages) > SHORT_ENOUGH or len(contact_says(turn)) > LONGEST


def _transcript(turn: TurnRequest, said: list[str]) -> str:
    lines = [f"{WHO[item.role]}: {item.text}" for item in said_before(turn)]
    lines += [f"Contact: {contact_says(turn)}", *(f"Agent: {text}" for text in said)]
    known = f"Known from before: {turn.summary}\n\n" if turn.summary else ""
    return known + "\n".join(lines)[-TRANSCRIPT:]


def _cut(text: str, longest: int) -> str:
    """On one line, and cut at a word with an ellipsis when it is too long."""
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    return text[: max(0, longest - 1)].rsplit(" ", 1)[0].rstrip(",;:") + "…" if longest > 1 else ""
