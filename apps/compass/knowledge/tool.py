"""`search_knowledge`: what an agent finds in the documents that its configuration selects."""

from typing import Any

from apps.compass.knowledge.search import Findings, Found, knowledge_search
from apps.compass.registry import ToolContext, ToolFailed

NAME = "search_knowledge"
DESCRIPTION = (
    "Search the company's own documents. Use it before answering anything about the company, its products, prices, hours or "
    "rules. Answer from the passages it returns, and say so when they do not hold the answer."
)
PARAMETERS = {
    "type": "object",
    "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "What to look for, in words."}},
    "required": ["query"],
    "additionalProperties": False,
}
BEFORE = "What the company's documents say about it; use it where it answers the question, and nothing else about the company:"
QUICK = 1.5  # seconds for the embedding service, when somebody waits

Config = dict[str, Any]


def selects(config: Config) -> bool:
    """Whether an agent with this configuration knows any documents."""
    return bool((config.get("knowledge") or {}).get("documents"))


def before_each_turn(config: Config) -> bool:
    """Whether passages are put before the model, instead of leaving it to the model to look them up."""
    return selects(config) and config["knowledge"].get("mode", "always") == "always"


def tools_runnable(config: Config) -> list[Config]:
    """The tools of a configuration, and the search where it selects documents."""
    tools = [tool for tool in config.get("tools", []) if tool["name"] != NAME or not selects(config)]
    if not selects(config):
        return tools
    knowledge = config["knowledge"]
    options = {"documents": knowledge["documents"], "top_k": knowledge.get("top_k", 4)}
    return [*tools, {"kind": "builtin", "name": NAME, "options": options}]


def tools_offered(config: Config) -> list[Config]:
    """What the model is told of: not of the search where it is done before each turn."""
    tools = tools_runnable(config)
    return [tool for tool in tools if tool["name"] != NAME] if before_each_turn(config) else tools


def search_run(context: ToolContext, arguments: dict[str, Any]) -> dict[str, Any]:
    """Runs the tool. Raises ToolFailed where the agent knows no documents."""
    documents = context.options.get("documents")
    if not documents:
        raise ToolFailed("This agent has no documents to search.")
    findings = knowledge_search(
        arguments["query"],
        documents=documents,
        top_k=context.options.get("top_k", 4),
        timeout=QUICK,
        agent_id=context.agent_id,
        call_id=context.subject_id if context.subject_kind == "call" else None,
    )
    return {"passages": [{"text": found.text, "score": found.score, "source": found.source} for found in findings.found]}


def knowledge_before(config: Config, words: str) -> Findings:
    """What is put before the model for a contact's last words; nothing where the agent does not want that."""
    if not before_each_turn(config):
        return Findings([])
    knowledge = config["knowledge"]
    return knowledge_search(
        words, documents=knowledge["documents"], top_k=knowledge.get("top_k", 4), timeout=QUICK, agent_id=config.get("id")
    )


def passages_text(found: list[Found]) -> str:
    """Passages as a model reads them."""
    return "\n".join([BEFORE, *(f"[{_place(one)}] {one.text}" for one in found)])


def sources_of(found: list[Found]) -> list[dict[str, Any]]:
    """Where passages stand, each place once."""
    unique = {tuple(one.source.values()): one.source for one in found}
    return list(unique.values())


def _place(one: Found) -> str:
    return ", ".join(filter(None, (one.document, f"page {one.page}" if one.page else "", one.heading)))
