"""MiniLM behind OpenAI's address, asked with OpenAI's own client."""

from collections.abc import Iterator

import openai
import pytest

from tests.compass.knowledge_side import embeddings_serving

MODEL = "all-minilm-l6-v2"


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with embeddings_serving() as address, openai.OpenAI(api_key="local", base_url=address, max_retries=0) as client:
        yield client


def closeness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_what_means_the_same_is_closer(client: openai.OpenAI) -> None:
    texts = ["Where can I park my car?", "There is a garage behind the house.", "A haircut is 35 euro."]
    answer = client.embeddings.create(model=MODEL, input=texts, encoding_format="float")
    question, garage, haircut = (item.embedding for item in answer.data)
    assert len(question) == 384
    assert closeness(question, garage) > closeness(question, haircut) + 0.2
    assert closeness(question, question) == pytest.approx(1, abs=1e-4)
    assert answer.usage.total_tokens > 15


def test_base64_carries_the_same_numbers(client: openai.OpenAI) -> None:
    plain = client.embeddings.create(model=MODEL, input="hello", encoding_format="float").data[0].embedding
    packed = client.embeddings.create(model=MODEL, input="hello").data[0].embedding  # the client asks for base64 by itself
    assert packed == pytest.approx(plain, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"model": "another"}, "is not here"),
        ({"dimensions": 512}, "gives 384 numbers"),
        ({"input": []}, "1 to 256 texts"),
        ({"input": ["x", ""]}, "none of them empty"),
    ],
    ids=["model", "dimensions", "none", "empty"],
)
def test_what_it_cannot_do_it_says(client: openai.OpenAI, values: dict, sentence: str) -> None:
    asked = {"model": MODEL, "input": "hello", **values}
    with pytest.raises(openai.APIStatusError, match=sentence):
        client.embeddings.create(**asked)
